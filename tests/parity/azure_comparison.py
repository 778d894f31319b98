"""Both classes on one vault: the fields of a case, and how each half of it is run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow.providers.microsoft.azure.secrets.key_vault import AzureKeyVaultBackend

import strongroom.azure
from tests.parity.chain_of_one import ours_in_both_forms
from tests.parity.comparison import ask, environment_of, fill
from tests.parity.outcomes import Outcome, outcome
from tests.parity.question import Question
from tests.servers.azure import CLIENT, MANAGED, OTHER_TENANT, SECRET, TENANT, VAULT, Azure, Reply

PRINCIPAL = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET}
#: A single read, so that a refusal is not retried for seconds.
ONCE = {"retry_total": 0}


@dataclass(frozen=True)
class Case(Question):
    """One lookup. Texts in ``kwargs``, ``environment`` and ``files`` may contain the words of ``Comparison.words``."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    #: Without the service principal that every other case has.
    bare: bool = False
    #: The fault of the vault, and whether the machine has an identity.
    fault: Reply | None = None
    machine: bool = False
    #: Changes of the double: the names of its attributes.
    changes: Mapping[str, Any] = field(default_factory=dict)
    #: The outcome of the official half, where the case would otherwise prove nothing.
    ends: str | None = None


class Comparison:
    """The double, and both classes under the real names of Azure."""

    def __init__(self, cloud: Azure) -> None:
        self.cloud = cloud

    def run(self, case: Case, folder: Path) -> tuple[Outcome, Outcome]:
        """Both halves of a case: the official one, then ours."""
        cloud = self.cloud
        words = {"<folder>": str(folder), "<url>": cloud.url, "<proxy>": cloud.proxy, "<ca>": str(cloud.tls.authority)}
        for name, content in case.files.items():
            (folder / name).write_bytes(content)
        given = {} if case.bare else PRINCIPAL
        kwargs = fill({"vault_url": VAULT, **ONCE, **given, **case.kwargs}, words)
        environment = {
            "HTTPS_PROXY": cloud.proxy,
            "NO_PROXY": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": str(cloud.tls.authority),
            "AZURE_TOKEN_CREDENTIALS": "prod",
            # Different for each case: ours would otherwise share a client.
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": cloud.proxy,
            "AIRFLOW__CORE__MULTI_TEAM": str(case.multi_team),
            **{name: fill(value, words) for name, value in case.environment.items()},
        }
        plain, own = strongroom.azure.AzureKeyVaultBackend, {"cache_ttl": 0, **kwargs}

        def half(look_up: Callable[[], object]) -> Outcome:
            self._set(case)
            return outcome(look_up, self.asked)

        with environment_of(environment):
            official = half(lambda: ask(AzureKeyVaultBackend(**copy.deepcopy(kwargs)), case))
            return official, ours_in_both_forms(plain, own, lambda backend: ask(backend, case), half)

    def asked(self) -> tuple[str, ...]:
        """The secrets that were requested so far."""
        paths = [asked.path for asked in self.cloud.asked if asked.what == "GetSecret"]
        return tuple(path.split("?")[0].removeprefix("/secrets/").rstrip("/") for path in paths)

    def _set(self, case: Case) -> None:
        self.cloud.reset()
        self.cloud.vault_fault = case.fault
        self.cloud.machine = MANAGED if case.machine else ""
        for name, value in case.changes.items():
            setattr(self.cloud, name, value)
        for name, value in {"airflow-variables-hello": "world", **case.secrets}.items():
            self.cloud.put(name, value)


__all__ = ["CLIENT", "MANAGED", "ONCE", "OTHER_TENANT", "SECRET", "TENANT", "VAULT", "Case", "Comparison"]
