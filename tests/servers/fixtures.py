"""The servers as pytest fixtures: one start per session, emptied before each test that asks for one."""

from __future__ import annotations

import contextlib
import functools
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from tests.servers.aws import MiniStack, ministack
from tests.servers.azure import Azure, azure
from tests.servers.counting import Counter, counting_proxy
from tests.servers.databases import MariaDb, Postgres, mariadb, postgres
from tests.servers.double import Guarded
from tests.servers.faults import Faults, microburst
from tests.servers.google import GoogleServer, google
from tests.servers.tls import Certificate, certificate


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Our own authority and a certificate for the loopback names."""
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """The server that checks signatures and policies; it keeps its contents during the session."""
    with ministack(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture(scope="session")
def open_aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniStack]:
    """The server that accepts every request."""
    with ministack(tmp_path_factory.mktemp("aws-open"), auth=False) as server:
        yield server


@pytest.fixture(scope="session")
def fault_server(aws_server: MiniStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faults]:
    """The fault proxy in front of ``aws_server``."""
    with microburst(tmp_path_factory.mktemp("faults"), aws_server.url) as proxy:
        # Its first fault takes longer than an attempt may, because it loads the service's model.
        proxy.error("ResourceNotFoundException")
        headers = {"X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "application/x-amz-json-1.1"}
        request = urllib.request.Request(proxy.url, b'{"SecretId": "warm-up"}', headers)
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=60):
            pass
        yield proxy


@pytest.fixture(scope="session")
def google_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleServer]:
    """The double of Google; it keeps its contents during the session."""
    with google(tmp_path_factory.mktemp("google")) as server:
        yield server


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """The double of Azure; it keeps its contents during the session."""
    with azure(tmp_path_factory.mktemp("azure")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """PostgreSQL; it keeps its contents during the session."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDb]:
    """MariaDB; it keeps its contents during the session."""
    with mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def guarded_servers() -> Iterator[Callable[[type[Guarded]], Guarded]]:
    """Runs doubles of this kind, each once; what they hold stays over the session."""
    with contextlib.ExitStack() as running:

        def start(double: type[Guarded]) -> Guarded:
            server = double()
            running.enter_context(server.running())
            return server

        yield functools.cache(start)


@pytest.fixture
def aws(aws_server: MiniStack) -> MiniStack:
    """``aws_server``, empty."""
    aws_server.reset()
    return aws_server


@pytest.fixture
def open_aws(open_aws_server: MiniStack) -> MiniStack:
    """``open_aws_server``, empty."""
    open_aws_server.reset()
    return open_aws_server


@pytest.fixture
def faults(fault_server: Faults, aws: MiniStack) -> Faults:
    """The fault proxy without a rule, in front of an empty server."""
    fault_server.clear()
    return fault_server


@pytest.fixture
def counted(aws: MiniStack) -> Iterator[Counter]:
    """A counting proxy in front of ``aws``."""
    with counting_proxy(aws.url) as counter:
        yield counter
