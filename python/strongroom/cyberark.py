"""The backends on CyberArk."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import CentralCredentialProviderOptions, ConjurOptions, PrivilegedAccountsOptions


class PrivilegedAccountsBackend(SecretsBackend):
    """Reads connections, variables and config values from the accounts of a safe: on premises, or of Privilege Cloud.

        [secrets]
        backend = strongroom.cyberark.PrivilegedAccountsBackend
        backend_kwargs = {"address": "https://pvwa.example.com", "username": "airflow", "safe": "Airflow"}

    The password stands in CYBERARK_PASSWORD, or in `password`.
    """

    _store = "cyberark"

    def __init__(self, **options: Unpack[PrivilegedAccountsOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold


class CentralCredentialProviderBackend(SecretsBackend):
    """Reads connections, variables and config values that CyberArk's Central Credential Provider hands out.

        [secrets]
        backend = strongroom.cyberark.CentralCredentialProviderBackend
        backend_kwargs = {"address": "https://ccp.example.com", "app_id": "Airflow", "safe": "Airflow"}

    The provider knows the application by its machine, or by `client_certificate`.
    """

    _store = "cyberark_ccp"

    def __init__(self, **options: Unpack[CentralCredentialProviderOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold


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
