"""Every test here runs for each harness that declares the capabilities it needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.cases import FAULTS
from tests.conformance.harness import Harness
from tests.conformance.session import Harnesses, harnesses
from tests.servers.aws import clear_environment


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marks of this suite."""
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


@pytest.fixture(scope="session")
def all_harnesses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harnesses]:
    """The servers run for the whole session."""
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
    """Keeps the caller's environment from configuring a store."""
    clear_environment(monkeypatch)
