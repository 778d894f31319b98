"""Strongroom: an Apache Airflow secrets backend with a Rust core.

Name one of the classes in `[secrets] backend` and keep the `backend_kwargs` of the official class:

- `strongroom.aws.SecretsManagerBackend`
- `strongroom.aws.SystemsManagerParameterStoreBackend`
- `strongroom.hashicorp.VaultBackend`
- `strongroom.local.LocalFilesystemBackend`

Importing this package imports neither Airflow nor any SDK.
"""

from __future__ import annotations

from strongroom import exceptions
from strongroom._native import __version__, stats, stores

__all__ = ["__version__", "exceptions", "stats", "stores"]
