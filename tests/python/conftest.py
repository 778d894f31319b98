"""What the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.process.agent import Store
from tests.servers.aws import clear_environment


@pytest.fixture(autouse=True)
def _no_aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the environment of the tests from configuring an AWS client."""
    clear_environment(monkeypatch)


@pytest.fixture
def store() -> Iterator[Store]:
    """A store of its own for each test, for an agent to ask."""
    store = Store()
    yield store
    store.server.shutdown()
    store.server.server_close()


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short path, closed to others: the path of a socket has 103 bytes at most."""
    folder = Path(tmp_path_factory.mktemp("a"))
    folder.chmod(0o700)
    return folder
