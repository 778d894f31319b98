"""The prefetch with threads, forks and signals: it happens once, and nothing hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from typing import Any

import pytest

from tests.conformance.capability import Capability
from tests.conformance.gate import gate
from tests.python.backends import READ, anywhere, aws_backend
from tests.python.scripts import environment, run, script
from tests.servers.aws import Credentials, MiniStack
from tests.servers.counting import Counter
from tests.servers.process import wait_until


def test_many_threads_and_backends_prefetch_once(counted: Counter, aws: MiniStack) -> None:
    ids = [f"v{number}" for number in range(32)]
    aws.put_secrets({f"airflow/variables/{key}": f"value of {key}" for key in ids})
    user = aws.user(READ, anywhere("BatchGetSecretValue"))
    answers: dict[str, Any] = {}
    start = threading.Barrier(32)

    def ask(key: str) -> None:
        backend = aws_backend(counted.url, user, prefetch={"variables": ids})
        start.wait(30)
        answers[key] = backend.get_variable(key)

    threads = [threading.Thread(target=ask, args=(key,)) for key in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == {key: f"value of {key}" for key in ids}
    assert counted.operations() == ["BatchGetSecretValue"] * 2


def test_a_fork_during_the_first_prefetch_does_not_hang_a_child(open_aws: MiniStack) -> None:
    open_aws.put_secrets({"airflow/variables/hello": "world", "airflow/variables/h2": "two"})
    body = """
        wanted = {"variables": ["h*", "hello", "gone"]}

        def reader(number):
            # Each number is a configuration of its own, whose first prefetch runs while we fork.
            return backend(sys.argv[1], prefetch=wanted, cache_max_entries=100 + number)

        def first(number):
            assert reader(number).get_variable("hello") == "world"

        def work(number):
            signal.alarm(60)
            assert reader(number).get_variable("h2") == "two"

        for number in range(60):
            builder = threading.Thread(target=first, args=(number,))
            builder.start()
            pids = [child(lambda: work(number)) for _ in range(5)]
            assert [ended(pid) for pid in pids] == [0] * 5
            builder.join(30)
            assert not builder.is_alive()
    """
    run(body, open_aws.url)


@pytest.mark.parametrize("name", ["SIGINT", "SIGALRM"])
def test_a_signal_cuts_a_hanging_prefetch_and_the_next_lookup_does_it_again(open_aws: MiniStack, name: str) -> None:
    open_aws.put_secrets({"airflow/variables/hello": "world", "airflow/variables/other": "too"})
    body = """
        class Mine(BaseException):
            pass

        def handler(number, frame):
            raise Mine(number)

        signal.signal(signal.SIGALRM, handler)
        reader = backend(sys.argv[1], timeout="100s", prefetch={"variables": ["hello", "other"]})
        try:
            reader.get_variable("hello")
        except (Mine, KeyboardInterrupt) as error:
            print(type(error).__name__, flush=True)
        sys.stdin.readline()
        print(reader.get_variable("hello"), reader.get_variable("other"), flush=True)
    """
    with gate(open_aws.url) as door:
        door.inject(Capability.HANG)
        command, pipe = [*script(body), door.url], subprocess.PIPE
        with subprocess.Popen(command, env=environment(), text=True, stdin=pipe, stdout=pipe) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            wait_until(lambda: door.requests == 1, "the prefetch")
            sent = time.monotonic()
            os.kill(process.pid, getattr(signal, name))
            assert process.stdout.readline() == ("KeyboardInterrupt\n" if name == "SIGINT" else "Mine\n")
            assert time.monotonic() - sent < 5
            door.heal()
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "world too\n"
            assert process.wait(30) == 0
        assert door.requests == 2


def test_a_prefetch_that_hangs_leaves_time_for_the_lookup(
    open_aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    open_aws.put_secrets({"airflow/variables/hello": "world"})
    with gate(open_aws.url) as door:
        door.inject(Capability.HANG)
        healer = threading.Timer(1.5, door.heal)
        healer.start()
        wanted = {"variables": ["hello", "other"]}
        backend = aws_backend(door.url, Credentials("a", "b"), timeout="2s", prefetch=wanted)
        assert backend.get_variable("hello") == "world"
        healer.join()
    assert "Not everything could be prefetched" in caplog.text
