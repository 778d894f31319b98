"""The backend on HashiCorp Vault."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import VaultOptions


class VaultBackend(SecretsBackend):
    """Reads connections, variables and config values from HashiCorp Vault or OpenBao.

    A drop-in for `airflow.providers.hashicorp.secrets.vault.VaultBackend`:

        [secrets]
        backend = strongroom.hashicorp.VaultBackend
        backend_kwargs = {"url": "https://vault:8200", "auth_type": "approle", "role_id": "...", "secret_id": "..."}

    It takes every keyword of the official class and more; `strongroom stores hashicorp_vault` lists them,
    `docs/hashicorp-vault.md` explains them.
    """

    _store = "hashicorp_vault"

    def __init__(self, **options: Unpack[VaultOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold
