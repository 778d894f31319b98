"""The same figures for the other stores: the first value of a process, an uncached lookup; and all classes imported."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from measure import REPOSITORY, Row, medians
from speed import AFTER_AIRFLOW, FIRST_VALUE, PLACE, UNCACHED


@dataclass(frozen=True)
class Peers:
    """The two classes of one store, and how each is made to read from the stub server."""

    store: str
    official: str
    ours: str
    official_kwargs: str
    our_kwargs: str = ""
    #: What the official class needs before it can be pointed at the server.
    preparation: str = ""
    #: What both need.
    surroundings: str = ""

    def codes(self) -> tuple[str, str]:
        """A ``backend()`` of each, the official one first."""
        official = self.preparation + _backend(self.official, self.official_kwargs)
        ours = _backend(self.ours, self.our_kwargs or self.official_kwargs)
        return self.surroundings + official, self.surroundings + ours


def _backend(path: str, kwargs: str) -> str:
    module, _, name = path.rpartition(".")
    return f"""
from {module} import {name}
def backend(**options):
    return {name}({kwargs}, **options)
"""


#: Google's official class has no option for an endpoint or for no credentials: its client uses REST without any.
GOOGLE = """
from airflow.providers.google.cloud._internal_client import secret_manager_client
from airflow.providers.google.cloud.secrets import secret_manager
from google.auth.credentials import AnonymousCredentials
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport
def client(**_):
    host = os.environ["STUB"].removeprefix("http://")
    transport = SecretManagerServiceRestTransport(host=host, url_scheme="http", credentials=AnonymousCredentials())
    return SecretManagerServiceClient(transport=transport)
secret_manager_client.SecretManagerServiceClient = client
secret_manager.get_credentials_and_project_id = lambda **_: (AnonymousCredentials(), "p")
"""

STORES = (
    Peers(
        "SSM Parameter Store",
        "airflow.providers.amazon.aws.secrets.systems_manager.SystemsManagerParameterStoreBackend",
        "strongroom.aws.SystemsManagerParameterStoreBackend",
        'region_name="eu-central-1", endpoint_url=os.environ["STUB"]',
    ),
    Peers(
        "HashiCorp Vault",
        "airflow.providers.hashicorp.secrets.vault.VaultBackend",
        "strongroom.hashicorp.VaultBackend",
        'url=os.environ["STUB"], token="benchmark"',
    ),
    Peers(
        "Google Secret Manager",
        "airflow.providers.google.cloud.secrets.secret_manager.CloudSecretManagerBackend",
        "strongroom.google.CloudSecretManagerBackend",
        'project_id="p"',
        'project_id="p", anonymous=True, endpoint_url=os.environ["STUB"]',
        GOOGLE,
    ),
)

#: Azure's clients require https and a login: the double of the tests plays both, and its time counts for neither side.
AZURE_DOUBLE = """
import json, pathlib, sys, tempfile
from tests.servers import azure
with azure.azure(pathlib.Path(tempfile.mkdtemp())) as double:
    double.put("airflow-variables-hello", "world")
    kwargs = {"vault_url": azure.VAULT, "tenant_id": azure.TENANT, "client_id": azure.CLIENT}
    kwargs["client_secret"] = azure.SECRET
    settings = {"proxy": double.proxy, "ca": str(double.tls.authority), "kwargs": kwargs}
    print(json.dumps(settings), flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def azure_peers() -> Iterator[Peers]:
    """Both classes of Key Vault, while the double runs in a separate process."""
    command, pipe = [sys.executable, "-c", AZURE_DOUBLE], subprocess.PIPE
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, env=variables, stdin=pipe, stdout=pipe, text=True) as server:
        settings = json.loads(server.stdout.readline()) if server.stdout else {}
        around = {"HTTPS_PROXY": settings["proxy"], "NO_PROXY": "127.0.0.1", "REQUESTS_CA_BUNDLE": settings["ca"]}
        yield Peers(
            "Azure Key Vault",
            "airflow.providers.microsoft.azure.secrets.key_vault.AzureKeyVaultBackend",
            "strongroom.azure.AzureKeyVaultBackend",
            ", ".join(f"{key}={value!r}" for key, value in settings["kwargs"].items()),
            surroundings=f"os.environ.update({around!r})\n",
        )
        server.communicate("")


#: The classes of the five stores, with everything that their constructors and lookups import.
OFFICIAL_IMPORTS = """
from airflow.providers.amazon.aws.secrets import secrets_manager, systems_manager
from airflow.providers.google.cloud.secrets import secret_manager
from airflow.providers.hashicorp.secrets import vault
from airflow.providers.microsoft.azure.secrets import key_vault
import boto3, hvac
"""
OUR_IMPORTS = "import strongroom.aws, strongroom.azure, strongroom.google, strongroom.hashicorp"

IMPORT = """
before, memory = cpu(), resident()
{imports}
report(cpu_ms=cpu() - before, mib=resident() - memory)
"""


def rows(stub: str) -> list[Row]:
    """Three rows for each store, and two for all."""
    codes = [AFTER_AIRFLOW + IMPORT.format(imports=imports) for imports in (OFFICIAL_IMPORTS, OUR_IMPORTS)]
    peer, ours = medians(codes, stub)
    what = f"import the classes of all five stores, {PLACE}"
    with azure_peers() as azure:
        of_stores = [row for peers in (*STORES, azure) for row in _rows(peers, stub)]
    return [
        *of_stores,
        Row(what, "CPU ms", "official classes", peer["cpu_ms"], ours["cpu_ms"]),
        Row(what, "MiB added", "official classes", peer["mib"], ours["mib"]),
    ]


def _rows(peers: Peers, stub: str) -> list[Row]:
    first = [AFTER_AIRFLOW + FIRST_VALUE.format(setup=code) for code in peers.codes()]
    uncached = [
        UNCACHED.format(setup=code, options=options, core="min")
        for code, options in zip(peers.codes(), ("", "cache_ttl=0"), strict=True)
    ]
    (peer, ours), (peer_again, ours_again) = medians(first, stub), medians(uncached, stub)

    def row(what: str, unit: str, one: float, other: float) -> Row:
        return Row(f"{peers.store}: {what}", unit, "official class", one, other)

    return [
        row(f"client and first value, {PLACE}", "CPU ms", peer["cpu_ms"], ours["cpu_ms"]),
        row(f"client and first value, {PLACE}", "MiB added", peer["mib"], ours["mib"]),
        row("uncached lookup, on the server's core", "CPU us", peer_again["cpu_us"], ours_again["cpu_us"]),
    ]
