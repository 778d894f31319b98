"""The metadata of this package for Airflow's provider manager."""

from __future__ import annotations

from typing import Any

from strongroom import _native


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, which the entry point `apache_airflow_provider` asks for."""
    return {
        "package-name": "strongroom",
        "name": "Strongroom",
        "description": "Secrets backends with a Rust core: cached, fork safe, explained.",
        "versions": [_native.__version__],
        "secrets-backends": [store["python_class"] for store in _native.stores()],
    }
