"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line.clouds import Cloud, OnAzure, OnGoogle
from tests.command_line.shell import Shell
from tests.command_line.store_shell import STORES, StoreShell, open_store
from tests.servers.azure import Azure
from tests.servers.google import GoogleServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that records the transcripts."""
    parser.addoption("--write-transcripts", action="store_true", help="record the transcripts instead of comparing")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An environment without any configuration."""
    return Shell(tmp_path)


@pytest.fixture
def google(shell: Shell, google_server: GoogleServer) -> OnGoogle:
    """An empty project."""
    return OnGoogle(shell, google_server)


@pytest.fixture
def azure(shell: Shell, azure_server: Azure) -> OnAzure:
    """An empty vault."""
    return OnAzure(shell, azure_server)


@pytest.fixture(params=["google", "azure"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Each in turn."""
    found: Cloud = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=STORES)
def each_store(request: pytest.FixtureRequest, shell: Shell) -> Iterator[StoreShell]:
    """Each store in turn, empty."""
    with open_store(request.param, shell, request) as opened:
        yield opened
