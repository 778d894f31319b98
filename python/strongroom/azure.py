"""The backend on Azure."""

from __future__ import annotations

from strongroom._base import SecretsBackend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from strongroom.options import AzureKeyVaultOptions


class AzureKeyVaultBackend(SecretsBackend):
    """Reads connections, variables and config values from Azure Key Vault.

    A drop-in for `airflow.providers.microsoft.azure.secrets.key_vault.AzureKeyVaultBackend`:

        [secrets]
        backend = strongroom.azure.AzureKeyVaultBackend
        backend_kwargs = {"connections_prefix": "airflow-connections", "vault_url": "https://name.vault.azure.net"}

    It takes every keyword of the official class and more; `strongroom stores azure_key_vault` lists
    them, `docs/azure-key-vault.md` explains them.
    """

    _store = "azure_key_vault"

    def __init__(self, **options: Unpack[AzureKeyVaultOptions]) -> None:
        """Take the `backend_kwargs`; no request is made before the first lookup."""
        try:
            super().__init__(**options)
        finally:
            del options  # error reporters send what the frames of a traceback hold

    @staticmethod
    def build_path(path_prefix: str, secret_id: str, sep: str = "-") -> str:
        """Join a prefix and an id, and replace each underscore by the separator, as the official class does."""
        path = f"{path_prefix}{sep}{secret_id}" if path_prefix else secret_id
        return path.replace("_", sep)
