"""Key Vault at its own host name: the unchanged official class, with its login at Entra ID, compared with ours.

``tests/parity/azure_key_vault/test_hosts.py`` runs this file in a separate network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from airflow.providers.microsoft.azure.secrets.key_vault import AzureKeyVaultBackend

import strongroom.azure
from tests.parity.azure_comparison import PRINCIPAL
from tests.parity.chain_of_one import ours_in_both_forms
from tests.parity.comparison import ask, environment_of
from tests.parity.namespace import HOSTS, tls_of_hosts, trust
from tests.parity.outcomes import Outcome, outcome
from tests.parity.real_hosts.azure_cases import CASES, Case, physical
from tests.parity.real_hosts.cases import assert_each_policy, assert_enough, numbered, physical_names
from tests.parity.real_hosts.policies import (
    ABSENT,
    VALUE,
    slow_last,
)
from tests.servers.azure import VAULT, Azure, azure

#: Intended differences, each with a row in docs/differences.md: the outcome of the official class, and of ours.
DIFFERENCES = {
    "404 on a team's name": ("value", "none"),
    "no value on a team's name": ("value", "none"),
    "lone surrogate": ("value", "raises"),
    "an id that begins as the separator does": ("value", "none"),
}


class Comparison:
    """The vault, both classes on it, and the official outcomes that take seconds."""

    def __init__(self, cloud: Azure) -> None:
        self.cloud = cloud
        self.numbered = {case.id: numbered(case, number) for number, case in enumerate(CASES)}
        self.pool = ThreadPoolExecutor(16)
        self.slow: dict[str, Future[Outcome]] = {}
        for case in self.numbered.values():
            for name, value in case.secrets.items():
                cloud.put(name, value)
            self._break(case)
        for case in self.numbered.values():
            if case.slow:
                self.slow[case.id] = self.pool.submit(self._official, case)

    def official(self, case: Case) -> Outcome:
        """The outcome of the official class; a slow one was started with the first test."""
        if case.slow:
            return self.slow[case.id].result(120)
        self._break(case)
        return self._official(case)

    def ours(self, case: Case, policy: str) -> Outcome:
        """Ours, without a cache."""
        own = {"cache_ttl": 0, "cache_negative_ttl": 0, "max_attempts": 1, "on_error": policy}
        kwargs = {"vault_url": VAULT, **PRINCIPAL, **own, **case.own, **case.kwargs}

        def half(look_up: Callable[[], object]) -> Outcome:
            self._break(case)
            begin = len(self.cloud.asked)
            return outcome(look_up, lambda: self._asked(begin, case))

        plain = strongroom.azure.AzureKeyVaultBackend
        return ours_in_both_forms(plain, kwargs, lambda backend: ask(backend, case), half)

    def _official(self, case: Case) -> Outcome:
        kwargs = {"vault_url": VAULT, **PRINCIPAL, **copy.deepcopy(dict(case.kwargs))}
        begin = len(self.cloud.asked)
        return outcome(lambda: ask(AzureKeyVaultBackend(**kwargs), case), lambda: self._asked(begin, case))

    def _asked(self, begin: int, case: Case) -> tuple[str, ...]:
        """The secrets that were requested with a token, each name once; requests of slow cases may come at any time."""
        paths = [asked.path for asked in list(self.cloud.asked[begin:]) if asked.what == "GetSecret"]
        found = [path.split("?")[0].removeprefix("/secrets/").rstrip("/") for path in paths]
        return tuple(dict.fromkeys(name for name in found if "slow" not in name))

    def _break(self, case: Case) -> None:
        for name, fault in case.faults.items():
            self.cloud.faults[name.lower()] = list(fault.replies)


def fate(case: Case, name: str) -> str:
    """The vault's answer for one name."""
    if name in case.faults:
        return case.faults[name].fate
    return VALUE if name in case.secrets else ABSENT


@pytest.fixture(autouse=True, scope="module")
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For the whole module, since some official lookups run alongside the tests."""
    with environment_of({**trust(), "HOME": str(tmp_path_factory.mktemp("home"))}):
        yield


@pytest.fixture(scope="module")
def comparison(_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    """One vault for the module."""
    address = next(address for address, names in HOSTS.items() if "login.microsoftonline.com" in names)
    folder: Path = tmp_path_factory.mktemp("azure")
    with azure(folder, tls_of_hosts(), (address, 443)) as cloud:
        yield Comparison(cloud)


def test_there_are_enough_cases() -> None:
    """Of the official class, and none twice."""
    assert_enough(CASES)


@pytest.mark.parametrize("number", slow_last(CASES))
def test_each_lookup(comparison: Comparison, number: int) -> None:
    """The same text, the same connection, None in both, or an error in both; with other policies as documented."""
    case = comparison.numbered[CASES[number].id]
    fates = [fate(case, name) for name in physical_names(case, physical)]
    assert_each_policy(comparison, case, fates, DIFFERENCES, denial_leads_on=False, invalid_is_none=False)
