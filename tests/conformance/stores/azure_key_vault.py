"""Azure Key Vault: the double that verifies tokens, behind the gate."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.gate import GATE_FAULTS, Gate, gate
from tests.conformance.harness import ODD_NAMES, Harness, Kind, Options, Planting
from tests.servers import azure

PREFIXES: dict[Kind, str] = {
    "connection": "airflow-connections",
    "variable": "airflow-variables",
    "config": "airflow-config",
}


class KeyVault(Harness):
    """One vault, one service principal."""

    store = "azure_key_vault"
    page = "azure-key-vault.md"
    ignores_case = True
    address_option = "vault_url"
    verify_option = "connection_verify"
    #: Letters, digits and dashes are all that a name has.
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
        """Not before ``running`` is there anything to talk to."""
        super().__init__(folder)
        self.azure: azure.Azure
        self.gate: Gate

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The vault stands behind the gate, the login beside it."""
        with azure.azure(self.folder) as self.azure:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self.azure.tls.certificate, self.azure.tls.key)
            with gate(self.azure.proxy, tls) as self.gate:
                yield

    def reset(self) -> None:
        """An empty vault."""
        self.gate.reset()
        self.azure.reset()

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """A new version of a secret."""
        name = f"{team}--{secret_id}" if team else secret_id
        self.azure.put(f"{PREFIXES[kind]}-{name}".replace("_", "-"), value)

    def options(self) -> Options:
        """A service principal, and the gate as the vault."""
        return {
            "vault_url": self.gate.url,
            "authority": self.azure.url,
            "verify_challenge_resource": False,
            "ca_bundle": str(self.azure.tls.authority),
            "tenant_id": azure.TENANT,
            "client_id": azure.CLIENT,
            "client_secret": azure.SECRET,
        }

    def inject(self, fault: Capability) -> Options:
        """What Azure would do to this principal, or the gate's own faults."""
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
            self.gate.inject(fault)
        return {}

    def heal(self) -> None:
        """Everything as it was, but for the counts."""
        self.gate.heal()
        self.azure.vault_fault = None
        self.azure.applications[azure.CLIENT] = azure.Application()

    def requests(self) -> int:
        """What went through the gate, without those that only asked what tokens are for."""
        return self.gate.requests - min(self.azure.count("challenge"), self.azure.count("GetSecret"))

    def plantings(self, canary: str) -> list[Planting]:
        """The environment, a token file, and key files that are broken."""
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


HARNESS = KeyVault
