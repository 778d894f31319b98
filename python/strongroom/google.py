"""Backends on Google Cloud."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import CloudSecretManagerOptions


class CloudSecretManagerBackend(SecretsBackend):
    """Reads connections, variables and config values from Google Cloud Secret Manager.

    A drop-in for `airflow.providers.google.cloud.secrets.secret_manager.CloudSecretManagerBackend`:

        [secrets]
        backend = strongroom.google.CloudSecretManagerBackend
        backend_kwargs = {"connections_prefix": "airflow-connections", "project_id": "my-project"}

    It takes every keyword of the official class and more; `strongroom stores google_secret_manager` lists
    them, `docs/google-secret-manager.md` explains them.
    """

    _store = "google_secret_manager"

    def __init__(self, **options: Unpack[CloudSecretManagerOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
