"""Backends on local files."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import LocalFilesystemOptions


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

    def __init__(self, **options: Unpack[LocalFilesystemOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
