"""Threads, forks and signals, each in its own process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.scripts import environment, run, script
from tests.servers.aws import MiniStack
from tests.servers.counting import Counter, counting_proxy
from tests.servers.silent import silent_server
from tests.servers.tls import Certificate


@pytest.fixture
def http(open_aws: MiniStack) -> Iterator[Counter]:
    """A server with one secret behind a counting proxy, over http."""
    open_aws.put_secrets({"airflow/variables/hello": "world"})
    with counting_proxy(open_aws.url) as counter:
        yield counter


@pytest.fixture
def https(open_aws: MiniStack, tls: Certificate) -> Iterator[Counter]:
    """The same over https."""
    open_aws.put_secrets({"airflow/variables/other": "world"})
    with counting_proxy(open_aws.url, tls) as counter:
        yield counter


def by_name(counter: Counter) -> str:
    """The address with a host name, so that a name is resolved."""
    return counter.url.replace("127.0.0.1", "localhost")


def test_one_thread_is_left_after_a_lookup(http: Counter, https: Counter, tls: Certificate) -> None:
    body = """
        assert threads() == 1
        assert backend(sys.argv[1]).get_variable("hello") == "world"
        assert threads() == 1, "an IP address leaves no thread"
        assert backend(sys.argv[2]).get_variable("hello") == "world"
        assert threads() == 1, "a host name leaves no thread"
        assert backend(sys.argv[3], verify=sys.argv[4]).get_variable("other") == "world"
        assert threads() == 1, "a host name leaves no thread"
        print("one")
    """
    assert run(body, http.url, by_name(http), by_name(https), str(tls.authority)) == "one\n"


def test_ten_thousand_instances_make_one_client_and_one_call(http: Counter) -> None:
    body = """
        for _ in range(10_000):
            reader = backend(sys.argv[1])
        assert reader.get_variable("hello") == "world"
        for _ in range(100):
            assert backend(sys.argv[1]).get_variable("hello") == "world"
        assert threads() == 1
    """
    run(body, http.url)
    assert http.names() == ["airflow/variables/hello"]
    assert http.connections == 1


def test_children_and_grandchildren_build_their_own(http: Counter) -> None:
    body = """
        reader = backend(sys.argv[1], cache_ttl=0)
        assert reader.get_variable("hello") == "world"

        def ask(key):
            return reader.get_variable(key)

        def grandchild():
            assert reader.get_variable("hello") == "world"

        def work():
            assert reader.get_variable("hello") == "world"
            assert ended(child(grandchild)) == 0

        for _ in range(20):
            assert ended(child(work)) == 0
            assert reader.get_variable("hello") == "world"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with multiprocessing.get_context("fork").Pool(4) as pool:
                assert pool.map(ask, ["hello"] * 40) == ["world"] * 40
    """
    run(body, http.url)
    assert len(http.names()) == 1 + 20 * 3 + 40


@pytest.mark.parametrize("forks", [2000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_forks_under_load_neither_hang_nor_fail(
    http: Counter, https: Counter, tls: Certificate, tmp_path: Path, forks: int
) -> None:
    body = """
        # One asks each time, the other runs through every layer there is.
        plain = backend(sys.argv[1], cache_ttl=0, rate_limit="100000/s")
        layers = {"cache_ttl": "10ms", "cache_ttl_patterns": {"airflow/config": 0}, "rate_limit": "100000/s"}
        layers |= {"prefetch": {"variables": ["hello", "other"]}, "bundle": {"connections": "all"}}
        layers |= {"audit_path": sys.argv[5], "audit_max_bytes": 100_000, "audit_required": True}
        secure = backend(sys.argv[2], verify=sys.argv[3], **layers)
        fork_under_load([reads(plain, "hello", "world"), reads(secure, "other", "world")], int(sys.argv[4]))
    """
    audit = tmp_path / "audit.jsonl"
    run(body, by_name(http), by_name(https), str(tls.authority), str(forks), str(audit), timeout=forks)
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert {line["outcome"] for line in lines} <= {"value", "stale"}
    assert Path(f"{audit}.1").exists()


def test_a_fork_during_the_first_build_does_not_hang(http: Counter) -> None:
    body = """
        def first(number):
            backend(sys.argv[1], cache_ttl=0, max_attempts=number).get_variable("hello")

        def work():
            signal.alarm(60)
            assert backend(sys.argv[1], cache_ttl=0).get_variable("hello") == "world"

        for number in range(1, 60):
            # Each number is a configuration of its own, built while we fork.
            builder = threading.Thread(target=first, args=(number,))
            builder.start()
            pids = [child(work) for _ in range(2)]
            assert [ended(pid) for pid in pids] == [0, 0]
            builder.join(30)
    """
    run(body, http.url)


@pytest.mark.parametrize("processes", [10, pytest.param(300, marks=pytest.mark.soak)])
def test_forks_during_the_first_lookup_of_a_process_do_not_hang(
    http: Counter, https: Counter, tls: Certificate, processes: int
) -> None:
    body = """
        from strongroom.aws import SystemsManagerParameterStoreBackend

        secure = {"verify": sys.argv[3], "prefetch": {"variables": ["o*"]}}

        def parameters():
            given = {"region_name": "eu-central-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
            reader = SystemsManagerParameterStoreBackend(**given, endpoint_url=sys.argv[1])
            assert reader.get_variable("absent") is None

        def secrets():
            assert backend(sys.argv[2], **secure).get_variable("other") == "world"

        def work():
            signal.alarm(60)
            parameters()
            secrets()

        builders = [threading.Thread(target=first) for first in (parameters, secrets)]
        for builder in builders:
            builder.start()
        pids = [child(work) for _ in range(8)]
        assert [ended(pid) for pid in pids] == [0] * 8
        for builder in builders:
            builder.join(30)
            assert not builder.is_alive()
    """
    # Libraries build their tables once per process, so each attempt uses a new process.
    for _ in range(processes):
        run(body, http.url, https.url, str(tls.authority))


def test_a_fork_during_the_first_constructor_does_not_hang() -> None:
    body = """
        from strongroom.memory import MemoryBackend

        def first():
            # The unknown key is warned of, so that the first constructor logs, too.
            return MemoryBackend(secrets={"airflow/variables/v": ["a", ["b"]]}, unknown=1).get_variable("v")

        def work():
            signal.alarm(30)
            assert first() == ["a", ["b"]]

        builder = threading.Thread(target=first)
        builder.start()
        pids = [child(work) for _ in range(8)]
        assert [ended(pid) for pid in pids] == [0] * 8
        builder.join(30)
    """
    # What is built once per process must be built during the fork, so each attempt uses a new process.
    for _ in range(20):
        run(body)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGALRM"])
def test_a_signal_handler_cuts_a_hanging_lookup_with_its_own_exception(name: str) -> None:
    body = """
        class Mine(BaseException):
            pass

        def handler(number, frame):
            raise Mine(number)

        if sys.argv[2] != "SIGINT":
            signal.signal(getattr(signal, sys.argv[2]), handler)
        print("ready", flush=True)
        try:
            backend(sys.argv[1], timeout="100s").get_variable("hello")
        except (Mine, KeyboardInterrupt) as error:
            print(type(error).__name__, flush=True)
        # The backend is as good as before.
        try:
            backend(sys.argv[1], timeout="100ms").get_variable("hello")
        except TimeoutError:
            print("timeout", flush=True)
    """
    with silent_server() as url:
        command = [*script(body), url, name]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(0.3)  # the lookup has begun, and waits for the server
            sent = time.monotonic()
            os.kill(process.pid, getattr(signal, name))
            expected = "KeyboardInterrupt" if name == "SIGINT" else "Mine"
            assert process.stdout.readline() == f"{expected}\n"
            assert time.monotonic() - sent < 3
            assert process.stdout.readline() == "timeout\n"
            assert process.wait(30) == 0


def test_an_inherited_backend_can_be_dropped_in_a_child(http: Counter) -> None:
    body = """
        reader = backend(sys.argv[1])
        assert reader.get_variable("hello") == "world"

        def work():
            global reader
            del reader
            fresh = backend(sys.argv[1])
            assert fresh.get_variable("hello") == "world"

        assert ended(child(work)) == 0
        assert reader.get_variable("hello") == "world"
    """
    run(body, http.url)
    assert len(http.names()) == 2
