"""How often the store is called, and when it is called again, in real time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from strongroom.exceptions import UnauthenticatedError
from tests.python.backends import READ, aws_backend
from tests.servers.aws import Credentials, MiniStack
from tests.servers.counting import Counter

PREFIX = "airflow/variables/"
THREADS = 64


class World:
    """A server with secrets that change, and the calls that it receives."""

    def __init__(self, aws: MiniStack, counted: Counter) -> None:
        self.aws = aws
        self.counted = counted
        self.user = aws.user(READ)

    def put(self, **values: str) -> None:
        """Creates variables, or gives them new values."""
        client = self.aws.client("secretsmanager")
        for key, value in values.items():
            try:
                client.put_secret_value(SecretId=f"{PREFIX}{key}", SecretString=value)
            except client.exceptions.ResourceNotFoundException:
                client.create_secret(Name=f"{PREFIX}{key}", SecretString=value)

    def backend(self, **options: Any) -> SecretsManagerBackend:
        """A backend that reads them."""
        return aws_backend(self.counted.url, self.user, **options)

    def asked(self) -> list[str]:
        """The keys that were requested since this was last called."""
        names = [name.removeprefix(PREFIX) for name in self.counted.names()]
        self.counted.clear()
        return names


@pytest.fixture
def world(aws: MiniStack, counted: Counter) -> World:
    """A world without secrets."""
    return World(aws, counted)


def test_refreshing_an_id_asks_for_it_and_for_nothing_else(world: World) -> None:
    world.put(a="1", b="1")
    backend = world.backend()
    assert [backend.get_variable(key) for key in "ab"] == ["1", "1"]
    world.put(a="2", b="2")
    backend.refresh("a")
    assert world.asked() == ["a", "b"]
    assert [backend.get_variable(key) for key in "aba"] == ["2", "1", "2"]
    assert world.asked() == ["a"]


def test_refreshing_everything_asks_for_everything_once(world: World) -> None:
    world.put(a="1", b="1")
    backend = world.backend()
    assert [backend.get_variable(key) for key in ("a", "b", "gone")] == ["1", "1", None]
    world.put(a="2", b="2", gone="here")
    world.backend().refresh()
    world.asked()
    assert [backend.get_variable(key) for key in ("a", "b", "gone", "a")] == ["2", "2", "here", "2"]
    assert world.asked() == ["a", "b", "gone"]


def test_refreshing_an_absent_id_finds_it(world: World) -> None:
    backend = world.backend()
    assert backend.get_variable("late") is None
    world.put(late="here")
    assert backend.get_variable("late") is None
    backend.refresh("late")
    assert backend.get_variable("late") == "here"
    assert world.asked() == ["late", "late"]


def test_refreshing_for_a_team_asks_for_its_names(world: World) -> None:
    world.put(a="1")
    backend = world.backend()
    assert [backend.get_variable("a", team) for team in ("blue", "red")] == ["1", "1"]
    world.put(**{"blue--a": "own", "red--a": "own"})
    backend.refresh("a", "blue")
    world.asked()
    assert [backend.get_variable("a", team) for team in ("blue", "red", None)] == ["own", "1", "1"]
    # The shared name is one of the names of the team, so it was refreshed too.
    assert world.asked() == ["blue--a", "a"]


def test_refreshing_before_anything_was_read_makes_no_call(world: World) -> None:
    world.backend().refresh()
    world.backend().refresh("a")
    assert world.asked() == []


def test_without_a_time_to_live_nothing_is_kept(world: World) -> None:
    world.put(a="1")
    backend = world.backend(cache_ttl=0, cache_ttl_patterns={"airflow": "1h"})
    for number in "123":
        world.put(a=number)
        assert backend.get_variable("a") == number
        assert backend.get_variable("gone") is None
    assert world.asked() == ["a", "gone"] * 3


def test_patterns_give_other_times_to_live(world: World) -> None:
    world.put(flag="1", fast="1", slow="1")
    patterns = {"airflow/variables/flag": 0, "AIRFLOW/.*/fa": "1s", "airflow/variables/": "1h"}
    backend = world.backend(cache_ttl="1s", cache_ttl_patterns=patterns)
    keys = ["flag", "fast", "slow"]
    assert [backend.get_variable(key) for key in keys * 2] == ["1"] * 6
    assert world.asked() == ["flag", "fast", "slow", "flag"]
    world.put(flag="2", fast="2", slow="2")
    time.sleep(1.05)  # past one second, but not past one hour
    assert [backend.get_variable(key) for key in keys] == ["2", "2", "1"]
    assert world.asked() == ["flag", "fast"]


def test_the_bytes_of_all_values_are_bounded(world: World) -> None:
    big = "x" * 4000
    world.put(a=big, b=big, c=big, d="small", huge=big * 3)
    backend = world.backend(cache_max_bytes=10_000)
    for key in "abab":
        assert backend.get_variable(key) == big
    assert world.asked() == ["a", "b"]
    # The third value evicts the least recently used one; a small value still fits.
    for key in "cdbcda":
        backend.get_variable(key)
    assert world.asked() == ["c", "d", "a"]
    # A value that is too large by itself is returned but not cached, and evicts nothing.
    for key in ("huge", "huge", "a", "c"):
        backend.get_variable(key)
    assert world.asked() == ["huge", "huge"]


def test_a_hundred_lookups_of_an_absent_key_are_one_call(world: World) -> None:
    for _ in range(100):
        assert world.backend().get_variable("gone") is None
    assert world.asked() == ["gone"]


def set_key(aws: MiniStack, credentials: Credentials, status: str) -> None:
    """Deactivates a user's key, or activates it."""
    iam = aws.client("iam")
    name = iam.get_access_key_last_used(AccessKeyId=credentials.access_key)["UserName"]
    iam.update_access_key(UserName=name, AccessKeyId=credentials.access_key, Status=status)


def test_a_refused_identity_empties_the_cache(world: World) -> None:
    world.put(a="1", b="1")
    backend = world.backend()
    assert [backend.get_variable(key) for key in ("a", "b", "gone")] == ["1", "1", None]
    set_key(world.aws, world.user, "Inactive")
    assert backend.get_variable("a") == "1"
    world.asked()
    for key in ("cold", "a", "b", "gone"):
        with pytest.raises(UnauthenticatedError):
            backend.get_variable(key)
    assert world.asked() == ["cold", "a", "b", "gone"]
    set_key(world.aws, world.user, "Active")
    assert backend.get_variable("a") == "1"


def together(work: Callable[[], Any], threads: int = THREADS) -> list[Any]:
    """What each thread gets when many begin at the same moment."""
    answers: list[Any] = []
    start = threading.Barrier(threads)

    def begin() -> None:
        start.wait(30)
        answers.append(work())

    workers = [threading.Thread(target=begin) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    return answers


@pytest.mark.parametrize("value", ["world", None])
def test_threads_and_instances_share_one_call(world: World, value: str | None) -> None:
    if value:
        world.put(cold=value)
    assert together(lambda: world.backend().get_variable("cold")) == [value] * THREADS
    assert world.asked() == ["cold"]


@pytest.mark.parametrize("value", ["world", None])
def test_event_loops_in_several_threads_share_one_call(world: World, value: str | None) -> None:
    if value:
        world.put(cold=value)

    async def ask() -> list[Any]:
        return list(await asyncio.gather(*(world.backend().aget_variable("cold") for _ in range(16))))

    assert together(lambda: asyncio.run(ask()), 8) == [[value] * 16] * 8
    assert world.asked() == ["cold"]


def test_an_expired_value_is_refreshed_by_one(world: World) -> None:
    world.put(a="1")
    backend = world.backend(cache_ttl="700ms")
    assert backend.get_variable("a") == "1"
    world.put(a="2")
    time.sleep(0.75)  # past the time to live
    world.asked()
    assert together(lambda: backend.get_variable("a"), 16) == ["2"] * 16
    assert world.asked() == ["a"]


def test_a_value_in_use_is_refreshed_before_it_expires(world: World) -> None:
    world.put(a="1")
    backend = world.backend(cache_ttl="2s")
    assert backend.get_variable("a") == "1"
    world.put(a="2")
    assert backend.get_variable("a") == "1"
    time.sleep(1.7)  # past 80 % of the time to live, when a value in use is refreshed
    assert backend.get_variable("a") == "2"
    assert world.asked() == ["a", "a"]
