"""Every test here runs for each harness that declares what it needs."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator

import pytest

from tests.conformance.capability import FAULTS
from tests.conformance.harness import Harness
from tests.conformance.stores import harnesses
from tests.servers.aws import clean_environment

#: Numbers that make the configurations of one test different from those of all others.
GENERATIONS = itertools.count(10_000)
#: Variables that steer clients, beside those that begin with ``AWS_``.
STEERING = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def pytest_configure(config: pytest.Config) -> None:
    """The marks of this suite."""
    config.addinivalue_line("markers", "shows(*capabilities): runs for each harness that declares all of them")
    config.addinivalue_line("markers", "shows_faults: runs for each fault of each harness")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per harness, or per harness and fault."""
    if "harness" not in metafunc.fixturenames:
        return
    needed = {capability for mark in metafunc.definition.iter_markers("shows") for capability in mark.args}
    able = [harness for harness in harnesses() if needed <= harness.capabilities]
    if metafunc.definition.get_closest_marker("shows_faults"):
        pairs = [(harness, fault) for harness in able for fault in FAULTS if fault in harness.capabilities]
        ids = [f"{harness.label()}-{fault.name.lower()}" for harness, fault in pairs]
        metafunc.parametrize(("harness", "fault"), pairs, indirect=["harness"], ids=ids)
    else:
        labels = [harness.label() for harness in able]
        metafunc.parametrize("harness", able, indirect=True, ids=labels)


class Harnesses(contextlib.ExitStack):
    """The harnesses whose servers run; each is opened once."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self.folders = folders
        self.opened: dict[type[Harness], Harness] = {}

    def get(self, kind: type[Harness]) -> Harness:
        """The harness of a class, empty."""
        if kind not in self.opened:
            harness = kind(self.folders.mktemp(kind.label()))
            self.enter_context(harness.running())
            self.opened[kind] = harness
        found = self.opened[kind]
        found.generation = next(GENERATIONS)
        found.reset()
        return found


@pytest.fixture(scope="session")
def all_harnesses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harnesses]:
    """Servers live as long as the session."""
    with Harnesses(tmp_path_factory) as opened:
        yield opened


@pytest.fixture
def harness(request: pytest.FixtureRequest, all_harnesses: Harnesses) -> Iterator[Harness]:
    """An empty store without a fault."""
    found = all_harnesses.get(request.param)
    yield found
    found.heal()


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's steers a store."""
    clean = clean_environment()
    for name in set(os.environ) - set(clean):
        monkeypatch.delenv(name)
    for name in STEERING:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in clean.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
