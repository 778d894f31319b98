"""The backend on mounted files."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import MountedFilesOptions


class MountedFilesBackend(SecretsBackend):
    """Reads connections, variables and config values from files that something else mounts, each with one value.

        [secrets]
        backend = strongroom.files.MountedFilesBackend
        backend_kwargs = {"path": "/etc/airflow/secrets"}

    `strongroom stores mounted` lists the options, `docs/mounted-files.md` explains them.
    """

    _store = "mounted_files"

    def __init__(self, **options: Unpack[MountedFilesOptions]) -> None:
        """Take the `backend_kwargs`; no file is read before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
