"""The backend on BeyondTrust Secrets Safe."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import SecretsSafeOptions


class SecretsSafeBackend(SecretsBackend):
    """Reads connections, variables and config values from BeyondTrust Secrets Safe.

        [secrets]
        backend = strongroom.beyondtrust.SecretsSafeBackend
        backend_kwargs = {"address": "https://NAME.ps.beyondtrustcloud.com", "run_as": "airflow"}

    The API key stands in PASSWORD_SAFE_API_KEY, or in `api_key`.
    """

    _store = "beyondtrust"

    def __init__(self, **options: Unpack[SecretsSafeOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
