"""The backend on 1Password Connect."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import OnePasswordConnectOptions


class OnePasswordConnectBackend(SecretsBackend):
    """Reads connections, variables and config values from the items of one vault, by a 1Password Connect server.

        [secrets]
        backend = strongroom.onepassword.OnePasswordConnectBackend
        backend_kwargs = {"address": "https://connect.example.com", "vault": "Airflow"}

    The token stands in OP_CONNECT_TOKEN, or in `token`.
    """

    _store = "onepassword_connect"

    def __init__(self, **options: Unpack[OnePasswordConnectOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
