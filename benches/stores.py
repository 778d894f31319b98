"""The same figures for each of the other stores: the first value of a process, and an uncached lookup."""

from __future__ import annotations

from dataclasses import dataclass

from measure import Row, medians
from speed import AFTER_AIRFLOW, FIRST_VALUE, UNCACHED


@dataclass(frozen=True)
class Peers:
    """The two classes of one store, and how each is made to read from the stub server."""

    store: str
    official: str
    ours: str
    kwargs: str

    def codes(self) -> tuple[str, str]:
        """A ``backend()`` of each, the official one first."""
        return self._code(self.official), self._code(self.ours)

    def _code(self, path: str) -> str:
        module, _, name = path.rpartition(".")
        return f"""
from {module} import {name}
def backend(**options):
    return {name}({self.kwargs}, **options)
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
)


def rows(stub: str) -> list[Row]:
    """Three rows for each store."""
    return [row for peers in STORES for row in _rows(peers, stub)]


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
        row("client and first value, after `import airflow.configuration`", "CPU ms", peer["cpu_ms"], ours["cpu_ms"]),
        row("client and first value, after `import airflow.configuration`", "MiB added", peer["mib"], ours["mib"]),
        row("uncached lookup, on the server's core", "CPU us", peer_again["cpu_us"], ours_again["cpu_us"]),
    ]
