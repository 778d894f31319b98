"""Secret Manager at its own host name: the unchanged official class over gRPC, compared with ours over REST.

``tests/parity/google_secret_manager/test_hosts.py`` runs this file in a separate network.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from airflow.providers.google.cloud.secrets.secret_manager import CloudSecretManagerBackend

import strongroom.google
from tests.parity.chain_of_one import ours_in_both_forms
from tests.parity.comparison import ask, environment_of
from tests.parity.namespace import HOSTS, tls_of_hosts, trust
from tests.parity.outcomes import Outcome, outcome
from tests.parity.real_hosts.cases import assert_each_policy, assert_enough, numbered, physical_names
from tests.parity.real_hosts.google_cases import CASES, Case, physical
from tests.parity.real_hosts.google_credentials import TARGET, Written, written
from tests.parity.real_hosts.policies import (
    ABSENT,
    BROKEN,
    DENIED,
    INVALID,
    UNAUTHENTICATED,
    VALUE,
    slow_last,
)
from tests.servers.google import PROJECT, READER
from tests.servers.google_cloud import Cloud, google_cloud

BOUND = f"bound@{PROJECT}.iam.gserviceaccount.com"
HELLO = Case("credentials", name="hello", secrets={"airflow-variables-hello": "world"})
#: Intended differences, each with a row in docs/differences.md: the outcome of the official class, and of ours.
DIFFERENCES = {"no payload": ("value", "raises"), "checksum": ("value", "raises")}
FATES = {
    "NOT_FOUND": ABSENT,
    "PERMISSION_DENIED": DENIED,
    "INVALID_ARGUMENT": INVALID,
    "UNAUTHENTICATED": UNAUTHENTICATED,
}


class Comparison:
    """The service, both classes on it, and the official outcomes that take a minute."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.keys = {bound: cloud.google.key(BOUND if bound else READER, PROJECT) for bound in (False, True)}
        cloud.google.state.bound[BOUND] = []
        self.numbered = {case.id: numbered(case, number) for number, case in enumerate(CASES)}
        self.pool = ThreadPoolExecutor(32)
        self.slow: dict[str, Future[Outcome]] = {}
        for case in self.numbered.values():
            self._store(case)
            if case.slow:
                self.slow[case.id] = self.pool.submit(self._official, case)
        self.credentials = written(self.keys[False], folder)
        self._store(HELLO)
        cloud.google.state.creators.add((READER, TARGET))
        # If an account may not be impersonated, Google's client retries for a minute.
        for found in self.credentials:
            if not found.environment:
                self.slow[found.id] = self.pool.submit(official_with, found)

    def official(self, case: Case) -> Outcome:
        """The outcome of the official class; one that takes a minute was started with the first test."""
        return self.slow[case.id].result(120) if case.slow else self._official(case)

    def ours(self, case: Case, policy: str) -> Outcome:
        """Ours, without a cache."""
        own = {"cache_ttl": 0, "cache_negative_ttl": 0, "max_attempts": 1, "on_error": policy}
        kwargs = {"gcp_keyfile_dict": self.keys[case.bound], **own, **case.own, **case.kwargs}

        def half(look_up: Callable[[], object]) -> Outcome:
            self.cloud.service.asked["rest"].clear()
            return outcome(look_up, lambda: self._asked("rest", case))

        plain = strongroom.google.CloudSecretManagerBackend
        return ours_in_both_forms(plain, kwargs, lambda backend: ask(backend, case), half)

    def _official(self, case: Case) -> Outcome:
        kwargs = {"gcp_keyfile_dict": dict(self.keys[case.bound]), **copy.deepcopy(dict(case.kwargs))}
        if not case.slow:
            self.cloud.service.asked["grpc"].clear()
        return outcome(lambda: ask(CloudSecretManagerBackend(**kwargs), case), lambda: self._asked("grpc", case))

    def _asked(self, way: str, case: Case) -> tuple[str, ...]:
        """The requested names, each once, without those of the lookups that run alongside the tests."""
        alongside = (*HELLO.secrets, *(name for name in self.cloud.service.asked[way] if "slow" in name))
        return tuple(dict.fromkeys(name for name in self.cloud.service.asked[way] if name not in alongside))

    def _store(self, case: Case) -> None:
        service, state = self.cloud.service, self.cloud.google.state
        for name, value in case.secrets.items():
            data = value.encode() if isinstance(value, str) else value
            version = {"data": base64.b64encode(data).decode(), "state": case.states.get(name, "ENABLED")}
            state.secrets[f"projects/{PROJECT}/secrets/{name}"] = [version]
            if case.bound:
                state.bound[BOUND].append(f"projects/{PROJECT}/secrets/{name}")
        service.faults.update(case.faults)
        service.answers.update({name: dict(answer) for name, answer in case.answers.items()})


def official_with(found: Written) -> Outcome:
    """The outcome of the official class with these credentials."""
    kwargs = {"project_id": PROJECT, **copy.deepcopy(dict(found.kwargs))}
    return outcome(lambda: ask(CloudSecretManagerBackend(**kwargs), HELLO))


def fate(case: Case, name: str) -> str:
    """The service's answer for one name."""
    if name in case.faults:
        return FATES.get(case.faults[name].status, BROKEN)
    if name not in case.secrets:
        return DENIED if case.bound else ABSENT
    return BROKEN if name in case.states else VALUE


@pytest.fixture(autouse=True, scope="module")
def _environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For the whole module, since official lookups run alongside the tests: no login at home, no metadata server."""
    home = str(tmp_path_factory.mktemp("home"))
    with environment_of({**trust(), "HOME": home, "NO_GCE_CHECK": "true", "GOOGLE_CLOUD_PROJECT": ""}):
        yield


@pytest.fixture(scope="module")
def comparison(_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    """One service for the module."""
    address = next(address for address, names in HOSTS.items() if "secretmanager.googleapis.com" in names)
    with google_cloud(address, tls_of_hosts()) as cloud:
        yield Comparison(cloud, tmp_path_factory.mktemp("google"))


def test_there_are_enough_cases() -> None:
    """Of the official class, and none twice."""
    assert_enough(CASES)


@pytest.mark.parametrize("number", slow_last(CASES))
def test_each_lookup(comparison: Comparison, number: int) -> None:
    """The same text, the same connection, None in both, or an error in both; with other policies as documented."""
    case = comparison.numbered[CASES[number].id]
    fates = [fate(case, name) for name in physical_names(case, physical)]
    assert_each_policy(comparison, case, fates, DIFFERENCES, denial_leads_on=True, invalid_is_none=True)


def test_credentials(comparison: Comparison, subtests: pytest.Subtests) -> None:
    """The same key files, logins and chains are read, and the same are refused."""
    make = strongroom.google.CloudSecretManagerBackend
    for number, found in enumerate(comparison.credentials):
        # A different configuration for each: ours would otherwise share a client.
        own = {"project_id": PROJECT, "config_prefix": f"c{number}", "cache_ttl": 0, "max_attempts": 1, "timeout": 5}
        with subtests.test(found.id), environment_of(found.environment):
            official = comparison.slow[found.id].result(120) if found.id in comparison.slow else official_with(found)
            ours = outcome(lambda: ask(make(**{**own, **found.kwargs}), HELLO))  # noqa: B023
            ended = found.differs or (official.ending, official.ending)
            assert (official.ending, ours.ending) == ended, f"{official.error!r}\n{ours.error!r}"
            assert ours.value in (None, "world")
