"""What Airflow's provider manager is told of this package."""

from __future__ import annotations

from typing import Any

from strongroom import _native


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, as the entry point `apache_airflow_provider` asks for it."""
    return {
        "package-name": "strongroom",
        "name": "Strongroom",
        "description": "Secrets backends with a Rust core: cached, fork safe, explained.",
        "versions": [_native.__version__],
        "secrets-backends": [store["python_class"] for store in _native.stores()],
    }
