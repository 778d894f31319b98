"""The backend on Delinea Secret Server."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import SecretServerOptions


class SecretServerBackend(SecretsBackend):
    """Reads connections, variables and config values from Delinea Secret Server, or from the vault of the Platform.

        [secrets]
        backend = strongroom.delinea.SecretServerBackend
        backend_kwargs = {"address": "https://NAME.secretservercloud.com", "username": "airflow"}

    The password stands in TSS_PASSWORD, or in `password`.
    """

    _store = "delinea"

    def __init__(self, **options: Unpack[SecretServerOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
