"""Azure Key Vault: the double that verifies tokens, behind the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.gate import GATE_FAULTS, Gated, gate
from tests.conformance.harness import ODD_NAMES, Kind, Options, Planting
from tests.failures.way import Way, injected, over_http, way
from tests.servers import azure
from tests.servers.counting import Call
from tests.servers.tls import Certificate
from tests.stores.description import CLOUDS, Calls, Reader, Secrets, Store, below_prefix


def principal(server: azure.Azure, url: str) -> Options:
    """A service principal's options, for a vault that is not under its real name."""
    return {
        "vault_url": url,
        "authority": server.url,
        "verify_challenge_resource": False,
        "ca_bundle": str(server.tls.authority),
        "tenant_id": azure.TENANT,
        "client_id": azure.CLIENT,
        "client_secret": azure.SECRET,
    }


class KeyVault(Gated):
    """One vault, one service principal."""

    store = "azure_key_vault"
    ignores_case = True
    address_option = "vault_url"
    verify_option = "connection_verify"
    #: A name may only contain letters, digits and dashes.
    impossible_names = frozenset(ODD_NAMES)
    capabilities = (
        EVERY_STORE
        | GATE_FAULTS
        | {
            Capability.TEAMS,
            Capability.CHANGES,
            Capability.COUNTED,
            Capability.LISTED,
            Capability.DESCRIBED,
            Capability.DENIED,
            Capability.UNAUTHENTICATED,
            Capability.THROTTLED,
            Capability.SERVER_ERROR,
        }
    )

    def __init__(self, folder: Path) -> None:
        """There is no server to talk to before ``running``."""
        super().__init__(folder)
        self.azure: azure.Azure

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The vault is behind the gate, the login is not."""
        with (
            azure.azure(self.folder) as self.azure,
            gate(self.azure.proxy, self.azure.tls) as self.gate,
        ):
            yield

    def reset(self) -> None:
        """An empty vault."""
        super().reset()
        self.azure.reset()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """A new version of a secret."""
        self.azure.put(STORE.place(kind, secret_id, team), value)

    def options(self) -> Options:
        """A service principal, and the gate as the vault."""
        return principal(self.azure, self.gate.url)

    def inject(self, fault: Capability) -> Options:
        """Makes Azure do what it would do to this principal, or injects one of the gate's faults."""
        if fault is Capability.DENIED:
            self.azure.applications[azure.CLIENT].permissions = set()
        elif fault is Capability.UNAUTHENTICATED:
            self.azure.applications[azure.CLIENT].secrets = set()
            self.azure.revoke_tokens()
        elif fault is Capability.THROTTLED:
            self.azure.vault_fault = azure.vault_error(429, "Throttled")
        elif fault is Capability.SERVER_ERROR:
            self.azure.vault_fault = azure.vault_error(500, "InternalServerError")
        else:
            return super().inject(fault)
        return {}

    def heal(self) -> None:
        """Everything as it was, except for the counts."""
        super().heal()
        self.azure.vault_fault = None
        self.azure.applications[azure.CLIENT] = azure.Application()

    def requests(self) -> int:
        """The requests that went through the gate, without those that only asked for the resource of tokens."""
        return self.gate.requests - min(self.azure.count("challenge"), self.azure.count("GetSecret"))

    def plantings(self, canary: str) -> list[Planting]:
        """The environment, a token file, and broken key files."""
        usual: Options = {"tenant_id": None, "client_id": None, "client_secret": None}
        known = {"AZURE_TENANT_ID": azure.TENANT, "AZURE_CLIENT_ID": azure.CLIENT}
        files = {name: self.folder / name for name in ("token", "broken.pem", "broken.pfx")}
        files["token"].write_text(canary)
        files["broken.pem"].write_text(f"-----BEGIN PRIVATE KEY-----\n{canary}\n-----END PRIVATE KEY-----\n")
        files["broken.pfx"].write_text(canary)
        identity = {"IDENTITY_ENDPOINT": f"{self.azure.proxy}/msi/token", "IDENTITY_HEADER": canary}
        variables = {
            "secret": {**known, "AZURE_CLIENT_SECRET": canary},
            "workload": {**known, "AZURE_FEDERATED_TOKEN_FILE": str(files["token"])},
            "pem": {**known, "AZURE_CLIENT_CERTIFICATE_PATH": str(files["broken.pem"])},
            "pfx": {
                **known,
                "AZURE_CLIENT_CERTIFICATE_PATH": str(files["broken.pfx"]),
                "AZURE_CLIENT_CERTIFICATE_PASSWORD": canary,
            },
            "app service": identity,
        }
        return [Planting(label, usual, environment) for label, environment in variables.items()]


class WithOwnRate(KeyVault):
    """A rate for each row: after one `Retry-After`, all backends of the process with the same rate pause."""

    def options(self) -> Options:
        """A rate that no other backend uses, and that is never reached."""
        return {**super().options(), "rate_limit": f"{self.generation}/s"}


def vault(what: str, reply: azure.Reply, **more: Any) -> Way:
    """The vault gives this answer."""
    return way(what, lambda harness: setattr(harness.azure, "vault_fault", reply), **more)


def login(what: str, reply: azure.Reply, **more: Any) -> Way:
    """The vault accepts no token any more, and the login gives this answer."""

    def begin(harness: Any) -> None:
        harness.azure.login_fault = reply
        harness.azure.revoke_tokens()

    return way(what, begin, **more)


def moved(harness: Any) -> None:
    """The vault belongs to another tenant."""
    harness.azure.vault_tenant = azure.OTHER_TENANT


def forbidden(inner: str) -> azure.Reply:
    """A 403 with its inner code."""
    return azure.vault_error(403, "Forbidden", inner)


class AzureStore(Store):
    """Secrets of one vault."""

    name = "azure_key_vault"
    word = policy = feature = "azure"
    backend = "strongroom.azure.AzureKeyVaultBackend"
    official = "airflow.providers.microsoft.azure.secrets.key_vault.AzureKeyVaultBackend"
    environment = CLOUDS
    page = "azure-key-vault.md"
    harnesses = (KeyVault,)
    failing = WithOwnRate
    nowhere: ClassVar[Mapping[str, Any]] = {
        "vault_url": "https://127.0.0.1:9",
        "authority": "https://127.0.0.1:9",
        "tenant_id": "t",
        "client_id": "c",
    }
    server = "azure_server"
    address = "vault_url"
    calls = Calls("read", "list", 25, why=("deleted",))
    ways = (
        injected("429 Throttled", Capability.THROTTLED, waits=True),
        injected("500 InternalServerError", Capability.SERVER_ERROR),
        vault("503 of the vault", azure.vault_error(503, "ServiceUnavailable")),
        injected("403: ForbiddenByRbac", Capability.DENIED),
        vault("403: AccessDenied", forbidden("AccessDenied")),
        vault("403: ForbiddenByFirewall", forbidden("ForbiddenByFirewall")),
        vault(
            "403: SecretDisabled",
            forbidden("SecretDisabled"),
            note="A disabled secret is an error, not absent. An expired one is returned, as Key Vault does.",
        ),
        vault("400: BadParameter", azure.vault_error(400, "BadParameter")),
        vault("404: SecretNotFound", azure.vault_error(404, "SecretNotFound")),
        vault("409: ObjectIsBeingDeleted", azure.vault_error(409, "Conflict", "ObjectIsBeingDeleted")),
        vault(
            "409: ObjectIsDeletedButRecoverable", azure.vault_error(409, "Conflict", "ObjectIsDeletedButRecoverable")
        ),
        way(
            "401: AKV10032",
            moved,
            note="A token that was in use and is no longer accepted is replaced once, and the read is made again "
            "with the new one.",
        ),
        login("login: AADSTS7000215", azure.login_error(401, "invalid_client", 7000215)),
        login("login: AADSTS7000222", azure.login_error(401, "invalid_client", 7000222)),
        login("login: AADSTS90002", azure.login_error(400, "invalid_request", 90002)),
        login("login: 503", azure.login_error(503, "temporarily_unavailable", 90033)),
        login("login: 429", (429, {}, {}), waits=True),
        *over_http(),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """Prefix and id, with dashes for underscores."""
        return below_prefix("-", kind, secret_id, team).replace("_", "-")

    def fill(self, server: azure.Azure, secrets: Secrets) -> None:
        """Secrets, or new versions of them."""
        for (kind, secret_id), value in secrets.items():
            server.put(self.place(kind, secret_id), value)

    def front(self, server: azure.Azure) -> tuple[str, Certificate | None]:
        """The listener without TLS; the proxy shows the certificate."""
        return server.proxy, server.tls

    def reader(self, server: azure.Azure, url: str) -> Reader:
        """The service principal."""

        def shut() -> Mapping[str, Any]:
            server.applications[azure.CLIENT].permissions = set()
            return {}

        return Reader(principal(server, url), shut, [azure.SECRET])

    def operation(self, call: Call) -> str:
        """The operation of a request, by its path."""
        # A request without a token only finds out where to get one.
        if call.status == 401:
            return ""
        path = call.path.partition("?")[0].rstrip("/")
        if path == "/secrets":
            return "list"
        if path.startswith("/deletedsecrets/"):
            return "deleted"
        return "versions" if path.endswith("/versions") else "read"

    def deployed(self, server: azure.Azure) -> tuple[dict[str, Any], dict[str, str]]:
        """Under the vault's real name, with a service principal in the environment; a proxy leads to the double."""
        return {"vault_url": azure.VAULT}, {
            "AZURE_TENANT_ID": azure.TENANT,
            "AZURE_CLIENT_ID": azure.CLIENT,
            "AZURE_CLIENT_SECRET": azure.SECRET,
            "HTTPS_PROXY": server.proxy,
            "REQUESTS_CA_BUNDLE": str(server.tls.authority),
        }


STORE = AzureStore()
