"""HashiCorp Vault over TLS, by an AppRole that may read the three paths and nothing else."""

from __future__ import annotations

from tests.airflow.session import backend_environment
from tests.airflow.stores import Secrets
from tests.servers.vault import Vault

SERVER = "vault_server"
BACKEND = "strongroom.hashicorp.VaultBackend"


def environment(server: Vault, secrets: Secrets) -> dict[str, str]:
    """Secrets as `vault kv put secret/connections/<id> conn_uri=...` writes them."""
    server.reset()
    for name, value in secrets.connections.items():
        server.put(f"connections/{name}", {"conn_uri": value})
    for kind, values in (("variables", secrets.variables), ("config", secrets.configs)):
        for name, value in values.items():
            server.put(f"{kind}/{name}", {"value": value})
    policy = server.policy({f"secret/data/{kind}/*": ["read"] for kind in ("connections", "variables", "config")})
    server.enable("approle")
    server.write("auth/approle/role/airflow", {"token_policies": [policy]})
    kwargs = {
        "url": server.url,
        "auth_type": "approle",
        "role_id": server.read("auth/approle/role/airflow/role-id")["role_id"],
        "secret_id": server.write("auth/approle/role/airflow/secret-id")["data"]["secret_id"],
    }
    return {**backend_environment(BACKEND, kwargs), "VAULT_CACERT": str(server.authority)}
