"""The logins that OpenBao has itself: each set up as an operator would, with the options for the login.

For approle, userpass, jwt, kubernetes, ldap, radius and cert; the cloud logins are in ``vault_front``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.directories import BASE, Cluster, Directory
from tests.servers.signer import Signer
from tests.servers.tls import Certificate
from tests.servers.vault import Vault


@dataclass(frozen=True)
class Login:
    """A login. ``wrong`` replaces options so that the server refuses; ``canaries`` must not appear anywhere."""

    #: The path of the login request, without ``/v1/``.
    path: str
    options: Mapping[str, Any] = field(repr=False)
    wrong: Mapping[str, Any] = field(repr=False)
    canaries: tuple[str, ...] = field(default=(), repr=False)


def new_secret(length: int = 12) -> str:
    """A password that occurs nowhere else."""
    return f"canary-{secrets.token_hex(length)}"


def approle(vault: Vault, policy: str, mount: str | None = None, **role: Any) -> Login:
    """A role with a secret id; ``role`` holds settings of it, such as ``token_num_uses``."""
    path = vault.enable("approle", mount)
    vault.write(f"auth/{path}/role/airflow", {"token_policies": [policy], **role})
    role_id = vault.read(f"auth/{path}/role/airflow/role-id")["role_id"]
    secret_id = vault.write(f"auth/{path}/role/airflow/secret-id")["data"]["secret_id"]
    options = {"auth_type": "approle", "role_id": role_id, "secret_id": secret_id}
    return Login(f"auth/{path}/login", options, {"secret_id": new_secret()}, (secret_id,))


def wrapped_secret_id(vault: Vault, mount: str = "approle", ttl: str = "60s") -> str:
    """A token that gives a secret id of ``approle`` to the first caller who unwraps it."""
    answer = vault.write(f"auth/{mount}/role/airflow/secret-id", X_Vault_Wrap_TTL=ttl)
    token: str = answer["wrap_info"]["token"]
    return token


def userpass(vault: Vault, policy: str, mount: str | None = None, **user: Any) -> Login:
    """A user with a password."""
    path, password = vault.enable("userpass", mount), new_secret()
    vault.write(f"auth/{path}/users/airflow", {"password": password, "token_policies": [policy], **user})
    options = {"auth_type": "userpass", "username": "airflow", "password": password}
    return Login(f"auth/{path}/login/airflow", options, {"password": new_secret()}, (password,))


def jwt(vault: Vault, policy: str, signer: Signer, mount: str | None = None, jwks_url: str | None = None) -> Login:
    """A role for tokens of ``signer``; with ``jwks_url`` the server fetches the key from there."""
    path = vault.enable("jwt", mount)
    keys: dict[str, Any] = {"jwks_url": jwks_url} if jwks_url else {"jwt_validation_pubkeys": [signer.public_pem()]}
    vault.write(f"auth/{path}/config", keys)
    role = {"role_type": "jwt", "bound_audiences": ["vault"], "user_claim": "sub", "token_policies": [policy]}
    vault.write(f"auth/{path}/role/airflow", role)
    token = signer.token(sub="airflow", aud="vault")
    options = {"auth_type": "jwt", "jwt_role": "airflow", "jwt_token": token}
    wrong = {"jwt_token": signer.token(-60, sub="airflow", aud="vault")}
    return Login(f"auth/{path}/login", options, wrong, (token,))


def kubernetes(vault: Vault, policy: str, cluster: Cluster, authority: Path, folder: Path) -> Login:
    """A role for the service account ``airflow`` in ``jobs``, whose token is in a file."""
    path = vault.enable("kubernetes")
    settings = {"kubernetes_host": cluster.double.url, "kubernetes_ca_cert": authority.read_text()}
    settings |= {"token_reviewer_jwt": cluster.reviewer}
    vault.write(f"auth/{path}/config", {**settings, "disable_local_ca_jwt": True})
    bound = {"bound_service_account_names": ["airflow"], "bound_service_account_namespaces": ["jobs"]}
    vault.write(f"auth/{path}/role/airflow", {**bound, "audience": "vault", "token_policies": [policy]})
    token, other = cluster.token(), cluster.token("other")
    (folder / "token").write_text(f"{token}\n")
    (folder / "another").write_text(other)
    options = {"auth_type": "kubernetes", "kubernetes_role": "airflow", "kubernetes_jwt_path": str(folder / "token")}
    wrong = {"kubernetes_jwt_path": str(folder / "another")}
    return Login(f"auth/{path}/login", options, wrong, (token,))


def ldap(vault: Vault, policy: str, directory: Directory, mount: str | None = None) -> Login:
    """Users of a directory, found by their common name."""
    path = vault.enable("ldap", mount)
    settings = {"url": directory.url, "userdn": f"ou=people,{BASE}", "userattr": "cn", "token_policies": [policy]}
    vault.write(f"auth/{path}/config", settings)
    options = {"auth_type": "ldap", "username": directory.username, "password": directory.password}
    wrong = {"password": new_secret()}
    return Login(f"auth/{path}/login/{directory.username}", options, wrong, (directory.password,))


def radius(vault: Vault, policy: str, server: Directory) -> Login:
    """Users of a RADIUS server. The official class requires its host and secret too, and sends them."""
    path = vault.enable("radius")
    settings: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "secret": server.secret,
        "token_policies": [policy],
    }
    vault.write(f"auth/{path}/config", {**settings, "unregistered_user_policies": policy})
    options: dict[str, Any] = {"auth_type": "radius", "username": server.username, "password": server.password}
    options |= {"radius_host": "127.0.0.1", "radius_secret": server.secret, "radius_port": server.port}
    canaries = (server.password, server.secret)
    return Login(f"auth/{path}/login/{server.username}", options, {"password": new_secret()}, canaries)


def cert(vault: Vault, policy: str, client: Certificate, untrusted: Certificate) -> Login:
    """Holders of certificates of one authority; the server must be addressed over https."""
    path = vault.enable("cert")
    rule = {"certificate": client.authority.read_text(), "token_policies": [policy]}
    vault.write(f"auth/{path}/certs/airflow", rule)
    options = {"auth_type": "cert", "cert": [str(client.certificate), str(client.key)]}
    wrong = {"cert": [str(untrusted.certificate), str(untrusted.key)]}
    return Login(f"auth/{path}/login", options, wrong, tuple(client.key.read_text().split("\n")[1:3]))
