"""HashiCorp Vault: OpenBao behind the gate, with a token in a file."""

from __future__ import annotations

import contextlib
import json
import urllib.error
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.gate import GATE_FAULTS, Answer, Gated, gate
from tests.conformance.harness import Kind, Options, Planting
from tests.failures.way import answered, injected, over_http
from tests.servers.counting import Call
from tests.servers.tls import Certificate, certificate
from tests.servers.vault import Vault, openbao
from tests.stores.description import FOLDERS, Calls, Reader, Secrets, Store, Writes

READS = "/v1/secret/data/"
#: The requests for lookups, lists and descriptions in an engine of version 2.
READS_ALL = {"secret/data/*": ["read"], "secret/metadata/*": ["read", "list"]}
#: Those of a writer, as ``strongroom policy vault --mode manage`` prints them.
WRITES_ALL = {
    "secret/data/*": ["create", "delete", "patch", "read", "update"],
    "secret/undelete/*": ["update"],
    "secret/metadata/*": ["create", "delete", "list", "patch", "read", "update"],
}
#: The policy: values, names and metadata.
READER = ["read", "list"]
NAMED = {Capability.LISTED, Capability.DESCRIBED}
#: The faults that the server itself can show.
OF_IDENTITIES = {Capability.DENIED, Capability.UNAUTHENTICATED, Capability.THROTTLED, Capability.SERVER_ERROR}


def vault_error(status: int, *errors: str) -> Answer:
    """An error as Vault writes it."""
    return Answer(status, (("Content-Type", "application/json"),), json.dumps({"errors": errors}).encode())


def fields(kind: Kind, value: str) -> dict[str, str]:
    """The fields of a secret with this value."""
    return {"conn_uri" if kind == "connection" else "value": value}


class HashicorpVault(Gated):
    """A versioned KV engine, and a token that may read it."""

    store = "hashicorp_vault"
    address_option = "url"
    capabilities = EVERY_STORE | GATE_FAULTS | OF_IDENTITIES | NAMED | {Capability.CHANGES, Capability.COUNTED}
    #: A URL drops dots, and control characters can forge log lines, so these are never sent; slashes collapse.
    impossible_names = frozenset({"dots", "only dots", "tab", "newline", "control", "separator", "zero", "slashes"})
    same_as_hello = frozenset({"hello/"})

    def __init__(self, folder: Path) -> None:
        """There is no server to talk to before ``running``."""
        super().__init__(folder)
        self.vault: Vault
        self.policy = ""
        self.token = ""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Gate, OpenBao."""
        with openbao(self.folder, certificate(self.folder)) as self.vault, gate(self.vault.plain_url) as self.gate:
            # Requests of a login, and those after a refusal, are not reads.
            self.gate.counts = lambda path: path.startswith(READS)
            yield

    def reset(self) -> None:
        """An empty server with one policy and one token."""
        super().reset()
        self.vault.reset()
        self.policy = self.vault.policy({"secret/*": READER})
        self._give_token()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """A secret, or a new version of it."""
        self.vault.put(STORE.place(kind, secret_id, team), fields(kind, value))

    def options(self) -> Options:
        """The file with the token, and the gate as the address."""
        return {"url": self.gate.url, "token_path": str(self._file)}

    def inject(self, fault: Capability) -> Options:
        """Makes the server do what it would do to this reader."""
        if fault is Capability.DENIED:
            self._allow(["deny"])
        elif fault is Capability.UNAUTHENTICATED:
            self.vault.write("auth/token/revoke", {"token": self.token})
        elif fault is Capability.THROTTLED:
            self.vault.quota(1, "secret")
            self.vault.names("secret/metadata")
        elif fault is Capability.SERVER_ERROR:
            self.gate.inject(vault_error(500, "internal error"))
        else:
            return super().inject(fault)
        return {}

    def heal(self) -> None:
        """Everything as it was; a revoked token is replaced in its file."""
        super().heal()
        for name in self.vault.names("sys/quotas/rate-limit"):
            self.vault.delete(f"sys/quotas/rate-limit/{name}")
        self._allow(READER)
        if not self._is_known():
            self._give_token()

    def plantings(self, canary: str) -> list[Planting]:
        """Files, the environment, logins of every kind, and addresses with a password in them."""
        token = self.folder / "planted"
        token.write_text(canary)
        no_file = {"token_path": None}
        with_password = self.proxies(canary)["HTTP_PROXY"]
        approle = {"auth_type": "approle", "role_id": canary}
        user = {"username": "airflow", "password": canary}
        google = {"client_email": "a@b", "private_key": canary}
        return [
            Planting("token file", {"token_path": str(token)}),
            Planting("token", {**no_file, "token": canary}),
            Planting("token with a line break", {**no_file, "token": f"{canary}\n{canary}"}),
            Planting("environment", no_file, {"VAULT_TOKEN": canary}),
            Planting("approle", {**no_file, **approle, "secret_id": canary}),
            Planting("wrapped", {**no_file, **approle, "wrapped_secret_id": canary}),
            Planting("userpass", {**no_file, **user, "auth_type": "userpass"}),
            Planting("ldap", {**no_file, **user, "auth_type": "ldap"}),
            Planting("radius", {**no_file, **user, "auth_type": "radius", "radius_secret": canary}),
            Planting("github", {**no_file, "auth_type": "github", "token": canary}),
            Planting("jwt", {**no_file, "auth_type": "jwt", "jwt_role": "r", "jwt_token": canary}),
            Planting(
                "kubernetes",
                {**no_file, "auth_type": "kubernetes", "kubernetes_role": "r", "kubernetes_jwt_path": str(token)},
            ),
            Planting(
                "gcp",
                {**no_file, "auth_type": "gcp", "role_id": "r", "gcp_scopes": "s", "gcp_keyfile_dict": google},
            ),
            Planting(
                "aws_iam", {**no_file, "auth_type": "aws_iam", "role_id": "r", "key_id": "AKIA", "secret_id": canary}
            ),
            *self.addresses(canary),
            Planting("address of the environment", {"url": None}, {"VAULT_ADDR": with_password}),
            Planting("proxy", {"proxies": {"http": with_password, "https": with_password}}),
            Planting("certificate", {"url": "https://127.0.0.1:1", "cert": [str(token), str(token)]}),
        ]

    @property
    def _file(self) -> Path:
        return self.folder / "vault-token"

    def _give_token(self) -> None:
        self.token = self.vault.token(self.policy)
        self._file.write_text(self.token)

    def _is_known(self) -> bool:
        """Whether the token has not been revoked."""
        try:
            self.vault.read("auth/token/lookup-self", token=self.token)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        return True

    def _allow(self, capabilities: list[str]) -> None:
        rule = json.dumps({"path": {"secret/*": {"capabilities": capabilities}}})
        self.vault.write(f"sys/policies/acl/{self.policy}", {"policy": rule})


class VaultStore(Store):
    """A versioned KV engine, as `vault kv put secret/connections/<id> conn_uri=...` fills it."""

    name = "hashicorp_vault"
    word = policy = feature = "vault"
    backend = "strongroom.hashicorp.VaultBackend"
    official = "airflow.providers.hashicorp.secrets.vault.VaultBackend"
    page = "hashicorp-vault.md"
    harnesses = (HashicorpVault,)
    needed: ClassVar[Mapping[str, Any]] = {"token": "made-up"}
    nowhere: ClassVar[Mapping[str, Any]] = {"url": "http://127.0.0.1:9"}
    server = "vault_server"
    address = "url"
    calls = Calls("read", "list", 1000)
    writes = Writes(restores=True, versions=True, tags=True)
    ways = (
        injected(
            "429 of a quota",
            Capability.THROTTLED,
            waits=True,
            note="OpenBao does not say how long to wait.",
        ),
        injected("500", Capability.SERVER_ERROR),
        answered("412: not caught up", vault_error(412)),
        answered("473: a standby", vault_error(473)),
        answered("501: not initialised", vault_error(501)),
        answered("400", vault_error(400, "made up")),
        injected(
            "403: no policy",
            Capability.DENIED,
            note="Reads are counted here. After a refusal there are one or two more requests, to find its cause.",
        ),
        injected("403: the token was revoked", Capability.UNAUTHENTICATED),
        answered("404: absent", vault_error(404)),
        *over_http(),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """A path in the engine."""
        return f"{FOLDERS[kind]}/{f'{team}/' if team else ''}{secret_id}"

    def fill(self, server: Vault, secrets: Secrets) -> None:
        """Secrets, or new versions of them."""
        for (kind, secret_id), value in secrets.items():
            server.put(self.place(kind, secret_id), fields(kind, value))

    def front(self, server: Vault) -> tuple[str, Certificate | None]:
        """The listener without TLS."""
        return server.plain_url, None

    def reader(self, server: Vault, url: str) -> Reader:
        """A token, and another without permissions."""
        token, powerless = server.token(server.policy(READS_ALL)), server.token(server.policy({}))
        options = {"url": url, "token": token, "config_path": "config"}
        return Reader(options, lambda: {"token": powerless}, [token, powerless])

    def writer(self, server: Vault, url: str) -> Reader:
        """A token with the policy for changes."""
        token = server.token(server.policy(WRITES_ALL))
        return Reader({"url": url, "token": token, "config_path": "config"}, secrets=[token])

    def operation(self, call: Call) -> str:
        """The operation of a request, by its path."""
        words = {"/v1/secret/data/": "read", "/v1/secret/metadata/": "metadata"}
        found = next((word for path, word in words.items() if call.path.startswith(path)), "")
        return "list" if found == "metadata" and call.method == "LIST" else found

    def deployed(self, server: Vault) -> tuple[dict[str, Any], dict[str, str]]:
        """Over TLS, with an AppRole that may read the three paths and nothing else."""
        policy = server.policy({f"secret/data/{folder}/*": ["read"] for folder in FOLDERS.values()})
        server.enable("approle")
        server.write("auth/approle/role/airflow", {"token_policies": [policy]})
        kwargs = {
            "url": server.url,
            "auth_type": "approle",
            "role_id": server.read("auth/approle/role/airflow/role-id")["role_id"],
            "secret_id": server.write("auth/approle/role/airflow/secret-id")["data"]["secret_id"],
        }
        return kwargs, {"VAULT_CACERT": str(server.authority)}


STORE = VaultStore()
