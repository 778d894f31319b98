"""Lookups from event loops: they block no other task, and leave no threads behind."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from strongroom.exceptions import AccessDeniedError
from tests.python.backends import aws_backend, memory_backend
from tests.python.scripts import run
from tests.servers.aws import Credentials
from tests.servers.process import LOOPBACK, wait_until
from tests.servers.silent import silent_server

KEY = Credentials("AKIDEXAMPLE", "secret-key")
#: What a busy machine may add to a wait with a deadline.
GRACE = 3.0


@dataclass
class Store:
    """Answers every name with that name, unless it is set to wait or to refuse. Counts its requests."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    refuses: bool = False

    def answer(self, name: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(name)
        self.open.wait(30)
        if self.refuses:
            return 400, {"__type": "AccessDeniedException", "Message": "no"}
        arn = f"arn:aws:secretsmanager:eu-central-1:1:secret:{name}-abcdef"
        return 200, {"Name": name, "ARN": arn, "SecretString": name.rpartition("/")[2]}


@contextmanager
def store() -> Iterator[Store]:
    """A server that implements as much of Secrets Manager as a read needs."""
    found = Store()
    found.open.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = found.answer(asked["SecretId"])
            body = json.dumps(answer).encode()
            with suppress(OSError):
                self.send_response_only(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """No output."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

    server = Server((LOOPBACK, 0), Handler)
    found.url = f"http://{LOOPBACK}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        found.open.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture(name="store")
def _store() -> Iterator[Store]:
    with store() as found:
        yield found


@pytest.fixture(name="silent")
def _silent() -> Iterator[str]:
    with silent_server() as url:
        yield url


def backend(url: str, **options: Any) -> SecretsManagerBackend:
    return aws_backend(url, KEY, **{"max_attempts": 1, **options})


@dataclass
class Delays:
    """How late other tasks on the loop and in its executor were, in seconds."""

    longest_gap: float = 0.0
    longest_wait: float = 0.0


async def measured(work: Awaitable[Any]) -> tuple[Any, Delays]:
    """Runs `work`, and measures how late the loop is and how long `asyncio.to_thread` takes in the meantime."""
    noticed = Delays()

    async def tick() -> None:
        while True:
            start = time.monotonic()
            await asyncio.sleep(0.005)
            noticed.longest_gap = max(noticed.longest_gap, time.monotonic() - start - 0.005)

    async def thread() -> None:
        while True:
            start = time.monotonic()
            await asyncio.to_thread(lambda: None)
            noticed.longest_wait = max(noticed.longest_wait, time.monotonic() - start)
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(tick()), asyncio.create_task(thread())]
    await asyncio.sleep(0)
    try:
        return await work, noticed
    finally:
        for task in tasks:
            task.cancel()


async def timed(lookup: Awaitable[Any]) -> tuple[Any, float]:
    """The outcome of a lookup, and how long it took."""
    start = time.monotonic()
    outcomes = await asyncio.gather(lookup, return_exceptions=True)
    return outcomes[0], time.monotonic() - start


@pytest.mark.parametrize("number", [24, 200])
def test_cold_lookups_on_a_server_that_hangs_all_end_with_the_timeout(silent: str, number: int) -> None:
    reader = backend(silent, timeout="2s")

    async def ask() -> tuple[list[tuple[Any, float]], Delays]:
        lookups = (timed(reader.aget_variable(f"v{index}")) for index in range(number))
        return await measured(asyncio.gather(*lookups))

    ended, noticed = asyncio.run(ask())
    print(f"{number} lookups: {max(took for _, took in ended):.2f} s, {noticed}")
    assert all(isinstance(outcome, TimeoutError) for outcome, _ in ended)
    assert max(took for _, took in ended) < 2 + GRACE
    assert noticed.longest_gap < 1
    assert noticed.longest_wait < 1


def test_cold_lookups_of_a_server_that_answers_are_made_at_the_same_time(store: Store) -> None:
    reader = backend(store.url)

    async def ask() -> tuple[list[Any], Delays]:
        return await measured(asyncio.gather(*(reader.aget_variable(f"v{index}") for index in range(200))))

    values, noticed = asyncio.run(ask())
    print(f"200 answers: {noticed}")
    assert values == [f"v{index}" for index in range(200)]
    assert len(store.asked) == 200
    assert noticed.longest_gap < 1


def test_all_of_them_are_on_their_way_before_one_is_answered(store: Store) -> None:
    store.open.clear()
    reader = backend(store.url)

    async def ask() -> list[Any]:
        lookups = asyncio.gather(*(reader.aget_variable(f"v{index}") for index in range(50)))
        while len(store.asked) < 50:
            await asyncio.sleep(0.01)
        store.open.set()
        return list(await lookups)

    assert len(asyncio.run(ask())) == 50


def test_the_deadline_counts_from_the_call(silent: str) -> None:
    reader = backend(silent, timeout="1s")

    async def ask() -> float:
        lookup = asyncio.create_task(timed(reader.aget_variable("v")))
        await asyncio.sleep(0)  # lets the lookup begin
        time.sleep(0.9)  # the loop is busy with something else
        return (await lookup)[1]

    assert asyncio.run(ask()) < 1 + GRACE


def test_a_fresh_value_that_is_due_is_answered_at_once_and_refreshed_once(store: Store) -> None:
    reader = backend(store.url, cache_ttl="5s")
    assert reader.get_variable("v") == "v"

    async def ask() -> list[tuple[Any, float]]:
        await asyncio.sleep(4.2)  # past 80 % of the time to live, when a refresh is due
        store.open.clear()
        answers = [await timed(reader.aget_variable("v")) for _ in range(20)]
        answers += await asyncio.gather(*(timed(reader.aget_variable("v")) for _ in range(20)))
        store.open.set()
        return answers

    answers = asyncio.run(ask())
    assert [value for value, _ in answers] == ["v"] * 40
    # A refresh may take 250 ms.
    assert max(took for _, took in answers) < 0.2
    wait_until(lambda: len(store.asked) > 1, "the refresh")
    assert store.asked == ["airflow/variables/v"] * 2


def test_an_old_value_is_returned_at_once_during_a_refresh(store: Store) -> None:
    reader = backend(store.url, cache_ttl="200ms", timeout="60s")
    assert reader.get_variable("v") == "v"

    async def ask() -> tuple[list[tuple[Any, float]], tuple[Any, float]]:
        await asyncio.sleep(0.3)  # past the time to live
        store.open.clear()
        first = asyncio.create_task(timed(reader.aget_variable("v")))
        for _ in range(1000):
            if len(store.asked) > 1:  # before that, one of the other lookups could start the refresh
                break
            await asyncio.sleep(0.01)
        others = [await timed(reader.aget_variable("v")) for _ in range(20)]
        store.open.set()
        return others, await first

    others, first = asyncio.run(ask())
    assert [value for value, _ in others] == ["v"] * 20
    # The lookup that refreshes would wait for 2 s.
    assert sum(took for _, took in others) < 1
    assert first[0] == "v"
    assert store.asked == ["airflow/variables/v"] * 2


def test_after_refresh_no_lookup_gets_the_old_value(store: Store) -> None:
    reader = backend(store.url)
    assert reader.get_variable("v") == "v"
    reader.refresh("v")

    async def ask() -> list[Any]:
        return list(await asyncio.gather(*(reader.aget_variable("v") for _ in range(20))))

    assert asyncio.run(ask()) == ["v"] * 20
    assert store.asked == ["airflow/variables/v"] * 2


def test_a_value_that_was_prefetched_is_answered_without_a_thread(tmp_path: Path) -> None:
    reader = memory_backend({"airflow/variables/a": "1", "airflow/variables/b": "2"}, prefetch={"variables": ["*"]})
    assert reader.get_variable("a") == "1"

    async def ask() -> tuple[Any, int]:
        coroutine = reader.aget_variable("b")
        with pytest.raises(StopIteration) as answered:
            coroutine.send(None)
        return answered.value.value, threading.active_count()

    before = threading.active_count()
    assert asyncio.run(ask()) == ("2", before)


def test_errors_are_those_of_a_lookup_that_was_waited_for(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.refuses = True
    who = contextvars.ContextVar("who", default="unset")
    heard: list[tuple[str, str]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append((record.levelname, who.get()))

    async def ask(name: str) -> Any:
        who.set(name)
        return await backend(store.url).aget_connection(name)

    async def both() -> list[Any]:
        return list(await asyncio.gather(ask("a"), ask("b"), return_exceptions=True))

    logger, handler = logging.getLogger("strongroom"), Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        outcomes = asyncio.run(both())
    finally:
        logger.removeHandler(handler)
    assert [type(outcome) for outcome in outcomes] == [AccessDeniedError] * 2
    assert sorted(heard) == [("WARNING", "a"), ("WARNING", "b")]


def test_a_connection_is_made_in_the_context_of_the_caller(store: Store) -> None:
    who = contextvars.ContextVar("who", default="unset")

    class Mine:
        def __init__(self, *, conn_id: str, **fields: Any) -> None:
            self.made_for = (conn_id, fields["uri"], who.get())

    reader = backend(store.url)
    reader._set_connection_class(Mine)

    async def ask(name: str) -> Any:
        who.set(f"task of {name}")
        connection = await reader.aget_connection(name)
        assert connection is not None
        return connection.made_for

    async def both() -> list[Any]:
        return list(await asyncio.gather(ask("a"), ask("b")))

    assert asyncio.run(both()) == [("a", "a", "task of a"), ("b", "b", "task of b")]


def test_a_cancelled_lookup_is_abandoned_and_its_thread_ends(tmp_path: Path) -> None:
    body = """
        import asyncio, json

        async def ask():
            reader = backend(sys.argv[1], timeout="100s", audit_path=sys.argv[2])
            task = asyncio.create_task(reader.aget_variable("v"))
            await asyncio.sleep(0.3)  # the request is on its way
            assert threads() == 2, threads()
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            assert threads() == 1, threads()
            try:
                await asyncio.wait_for(reader.aget_variable("w"), 0.1)
            except asyncio.TimeoutError:
                assert threads() == 1, threads()
            # It did not even begin.
            task = asyncio.create_task(reader.aget_variable("x"))
            task.cancel()

        asyncio.run(ask())
        with open(sys.argv[2]) as audit:
            lines = [json.loads(line) for line in audit]
        print([(line["id"], line["outcome"]) for line in lines])
    """
    with silent_server() as url:
        found = run(body, url, str(tmp_path / "audit.jsonl"), timeout=30)
    assert found == "[('v', 'interrupted'), ('w', 'interrupted')]\n"


def test_no_thread_is_left_when_a_lookup_is_answered(store: Store) -> None:
    body = """
        import asyncio

        async def ask():
            for url in sys.argv[1:]:
                reader = backend(url, cache_ttl=0)
                for index in range(50):
                    assert await reader.aget_variable("v") == "v"
                    assert threads() == 1, (index, threads())
                assert await asyncio.gather(*(reader.aget_variable(f"v{i}") for i in range(20)))
                assert threads() == 1
            with warnings.catch_warnings():  # from 3.12 on, Python warns at a fork of a process with threads
                warnings.simplefilter("error")
                assert ended(child(lambda: None)) == 0

        asyncio.run(ask())
    """
    run(body, store.url, store.url.replace(LOOPBACK, "localhost"))


def test_no_thread_of_the_name_look_up_is_left(store: Store) -> None:
    body = """
        for index in range(50):
            reader = backend(sys.argv[1], max_attempts=index + 1)
            assert reader.get_variable("v") == "v"
            assert threads() == 1, (index, threads())
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert ended(child(lambda: None)) == 0
    """
    run(body, store.url.replace(LOOPBACK, "localhost"))


def test_children_forked_while_lookups_are_under_way_ask_for_themselves(store: Store) -> None:
    body = """
        import asyncio
        warnings.simplefilter("ignore")
        reader = backend(sys.argv[1], cache_ttl=0)

        async def one():
            assert await reader.aget_variable("v") == "v"

        def work():
            signal.alarm(30)
            asyncio.events._set_running_loop(None)
            asyncio.run(one())
            assert reader.get_variable("w") == "w"
            assert threads() == 1

        async def load(stop):
            while not stop.is_set():
                await asyncio.gather(*(reader.aget_variable(f"v{i}") for i in range(8)))

        async def both():
            stop = asyncio.Event()
            loads = [asyncio.create_task(load(stop)) for _ in range(4)]
            for number in range(200):
                pid = child(work)
                code = await asyncio.to_thread(ended, pid)
                assert code == 0, (number, code)
            stop.set()
            await asyncio.gather(*loads)

        asyncio.run(both())
    """
    run(body, store.url)


def test_an_abandoned_loop_does_not_break_the_end_of_the_process() -> None:
    body = """
        import asyncio

        loop = asyncio.new_event_loop()
        task = loop.create_task(backend(sys.argv[1], timeout="1s").aget_variable("v"))
        loop.run_until_complete(asyncio.sleep(0.2))  # the lookup has begun when the loop is closed
        loop.close()
        print("left")
    """
    with silent_server() as url:
        assert run(body, url, timeout=60) == "left\n"


def test_loops_in_several_threads_are_served_by_one_thread(store: Store) -> None:
    body = """
        import asyncio

        most = 0

        async def ask(number):
            global most
            reader = backend(sys.argv[1], cache_ttl=0)
            for index in range(20):
                lookups = asyncio.gather(*(reader.aget_variable(f"v{number}-{index}-{i}") for i in range(5)))
                await asyncio.sleep(0)
                most = max(most, threads())
                assert len(await lookups) == 5

        workers = [threading.Thread(target=lambda n=n: asyncio.run(ask(n))) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
            assert not worker.is_alive()
        assert threads_soon(1) == 1
        print(most <= 1 + 4 + 2)
    """
    assert run(body, store.url) == "True\n"


def test_without_a_thread_the_loop_does_the_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_arguments: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("strongroom._later.Thread", refuse)
    assert asyncio.run(backend(store.url).aget_variable("v")) == "v"


@pytest.mark.parametrize("ask", ["aget_variable", "aget_connection"])
def test_an_id_that_asks_no_store_is_answered_at_once(store: Store, ask: str) -> None:
    reader = backend(store.url, variables_prefix=None, connections_prefix=None)
    lookup: Callable[[str], Any] = getattr(reader, ask)

    async def at_once() -> Any:
        with pytest.raises(StopIteration) as answered:
            lookup("v").send(None)
        return answered.value.value

    assert asyncio.run(at_once()) is None
    assert store.asked == []
