"""Several stores in one backend."""

from __future__ import annotations

from strongroom import _foreign
from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import ChainOptions


class ChainBackend(SecretsBackend):
    """Asks several stores in order, until one has the secret.

    Each member is a store with its own options, and with the lookups that concern it:

        [secrets]
        backend = strongroom.chain.ChainBackend
        backend_kwargs = {"stores": [
            {"name": "laptop", "store": "local", "connections_file_path": "connections.yaml"},
            {"name": "prod", "store": "hashicorp_vault", "url": "https://vault:8200", "kinds": ["connections"]}]}

    `docs/several-stores.md` explains the order, the routing and what an error of one store means for the others.
    """

    _store = "chain"

    def __init__(self, **options: Unpack[ChainOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            _foreign.check(options.get("stores"))
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
