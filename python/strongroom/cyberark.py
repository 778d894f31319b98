"""The backends on CyberArk's products."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import ConjurOptions


class ConjurBackend(SecretsBackend):
    """Reads connections, variables and config values from CyberArk Conjur.

        [secrets]
        backend = strongroom.cyberark.ConjurBackend
        backend_kwargs = {"address": "https://conjur.example.com", "account": "acct", "login": "host/airflow"}

    The API key stands in CONJUR_AUTHN_API_KEY, or in `api_key`; `service_id` logs in with a JWT instead.
    """

    _store = "conjur"

    def __init__(self, **options: Unpack[ConjurOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
