"""Azure Key Vault under its real name, by a service principal in the environment."""

from __future__ import annotations

from tests.airflow.session import backend_environment
from tests.airflow.stores import Secrets
from tests.servers.azure import CLIENT, SECRET, TENANT, VAULT, Azure

SERVER = "azure_server"
BACKEND = "strongroom.azure.AzureKeyVaultBackend"


def environment(server: Azure, secrets: Secrets) -> dict[str, str]:
    """Secrets under the prefixes that the class has by default; a proxy leads to the double."""
    server.reset()
    kinds = {"connections": secrets.connections, "variables": secrets.variables, "config": secrets.configs}
    for kind, values in kinds.items():
        for name, value in values.items():
            server.put(f"airflow-{kind}-{name}".replace("_", "-"), value)
    return {
        **backend_environment(BACKEND, {"vault_url": VAULT}),
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": SECRET,
        "HTTPS_PROXY": server.proxy,
        "REQUESTS_CA_BUNDLE": str(server.tls.authority),
    }
