"""Backends on local files."""

from __future__ import annotations

from strongroom._base import SecretsBackend


class LocalFilesystemBackend(SecretsBackend):
    """Reads connections, variables and config values from `.env`, `.json` and `.yaml` files.

    A drop-in for `airflow.secrets.local_filesystem.LocalFilesystemBackend` that also reads the
    `airflow_settings.yaml` of an Astro project:

        [secrets]
        backend = strongroom.local.LocalFilesystemBackend
        backend_kwargs = {"settings_file_path": "airflow_settings.yaml"}

    `strongroom stores local` lists the options, `docs/local-file.md` explains them.
    """

    _store = "local"
