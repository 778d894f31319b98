"""A chain whose stores are asked by the agent of the host: calls, classes of other packages, and an agent that dies."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import strongroom
from strongroom.chain import ChainBackend
from strongroom.exceptions import AccessDeniedError
from tests.python.backends import messages
from tests.python.chain import company
from tests.python.process.agent import Store, foreground, named, run, until
from tests.python.process.agent import strongroom as command

CHAIN = "strongroom.chain.ChainBackend"
COMPANY = "tests.python.chain.company.Backend"
ASK = """
import json, sys
from strongroom.chain import ChainBackend
from tests.python.chain import company
backend = ChainBackend(**json.loads(sys.argv[1]))
found = [backend.get_variable(key) for key in sys.argv[2:]]
print(json.dumps([found, [key for _, key, _ in company.calls]]))
"""
FORKS = """
import json, os, sys
from strongroom.chain import ChainBackend
backend = ChainBackend(**json.loads(sys.argv[1]))
failed = 0
for begin in range(0, int(sys.argv[2]), 16):
    children = []
    for number in range(min(16, int(sys.argv[2]) - begin)):
        child = os.fork()
        if child == 0:
            os._exit(0 if [backend.get_variable(key) for key in ("own", "db")] == ["far", "near"] else 1)
        children.append(child)
    failed += sum(os.waitpid(child, 0)[1] != 0 for child in children)
print(failed)
"""


@pytest.fixture
def far() -> Iterator[Store]:
    """The last store of the chain."""
    far = Store()
    far.others = {"airflow/variables/own": "far", "airflow/variables/db": "far"}
    yield far
    far.server.shutdown()
    far.server.server_close()


@pytest.fixture(autouse=True)
def _afresh() -> None:
    company.calls.clear()


def member(store: Store, name: str, **options: Any) -> dict[str, Any]:
    """A member on a store that counts its calls."""
    given = store.options("off")
    del given["agent"]
    return {"name": name, "store": "aws_secrets_manager", **given, **options}


def chained(agent: str, *members: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"stores": list(members), "agent": agent, **options}


def foreign(**options: Any) -> dict[str, Any]:
    return {"name": "company", "class": COMPANY, "kwargs": {"db": "near", "number": time.monotonic_ns()}, **options}


def ask(folder: Path, options: dict[str, Any], *keys: str) -> tuple[list[Any], list[str]]:
    """What a new process gets for the variables, and what it asks the class of another package for."""
    found, asked = run(folder, ASK, json.dumps(options), *keys)
    return found, asked


def status(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(command(folder, options, "status", "--json", backend=CHAIN).stdout))


@pytest.mark.parametrize("count", [1, 2])
def test_a_second_process_makes_no_call(folder: Path, store: Store, far: Store, count: int) -> None:
    """A chain of one, too: the first process asks the stores and starts the agent, the later ones ask the agent."""
    options = chained("auto", *[member(store, "near"), member(far, "far")][:count])
    expected = ["world", "far" if count == 2 else None]
    assert ask(folder, options, "hello", "own")[0] == expected
    until(lambda: command(folder, options, "status", backend=CHAIN).returncode == 0)
    assert ask(folder, options, "hello", "own", "none")[0] == [*expected, None]
    before = (len(store.calls), len(far.calls))
    for _ in range(3):
        assert ask(folder, options, "hello", "own", "none")[0] == [*expected, None]
    assert (len(store.calls), len(far.calls)) == before
    seen = status(folder, options)
    # Calls of the agent alone: three names in the first member, and two in the second.
    assert (seen["store"], seen["calls"]) == ("chain", 3 if count == 1 else 5)
    assert command(folder, options, "stop", backend=CHAIN).returncode == 0


def test_a_class_of_another_package_is_asked_in_each_process(folder: Path, store: Store, far: Store) -> None:
    """In its place: after the store before it, and before the one behind it."""
    options = chained(named(folder), member(store, "first"), foreign(), member(far, "last"))
    with foreground(folder, options, backend=CHAIN):
        for _ in range(2):
            assert ask(folder, options, "hello", "db", "own") == (["world", "near", "far"], ["db", "own"])
        calls = [[name.rsplit("/")[-1] for name in one.calls] for one in (store, far)]
        assert calls == [["hello", "db", "own"], ["own"]]
        assert status(folder, options)["calls"] == 4


def test_a_class_that_no_lookup_comes_to_is_not_made(folder: Path, store: Store, far: Store) -> None:
    options = chained(named(folder), member(store, "first"), foreign(kinds=["connections"]), member(far, "last"))
    with foreground(folder, options, backend=CHAIN):
        backend = ChainBackend(**options)
        before = strongroom.stats()["aws_secrets_manager"]
        assert [backend.get_variable(key) for key in ("hello", "db", "hello")] == ["world", "far", "world"]
        after = strongroom.stats()["aws_secrets_manager"]
    assert company.calls == []
    assert after["calls"] == before["calls"]
    assert after["agent_answers"] - before["agent_answers"] == 3
    assert after["hits"] - before["hits"] == 1
    assert (len(store.calls), len(far.calls)) == (2, 1)


def test_each_member_is_remembered_until_it_is_refreshed(folder: Path, store: Store, far: Store) -> None:
    """An absence in the first member and the value of the last are the process's own memory."""
    options = chained(named(folder), member(store, "first"), foreign(), member(far, "last"))
    with foreground(folder, options, backend=CHAIN):
        backend = ChainBackend(**options)
        assert [backend.get_variable("own") for _ in range(3)] == ["far"] * 3
        seen = status(folder, options)
        assert (seen["lookups"], len(company.calls)) == (2, 1)
        far.others["airflow/variables/own"] = "new"
        backend.refresh("own")
        assert backend.get_variable("own") == "new"
        assert (status(folder, options)["lookups"], len(company.calls)) == (4, 2)
        assert command(folder, options, "clear", backend=CHAIN).returncode == 0


def test_an_agent_that_dies_costs_calls_and_no_lookup(
    folder: Path, store: Store, far: Store, caplog: pytest.LogCaptureFixture
) -> None:
    options = chained(
        named(folder), member(store, "first", cache_ttl=0, cache_negative_ttl=0), foreign(), member(far, "last")
    )
    with foreground(folder, options, backend=CHAIN) as agent:
        backend = ChainBackend(**options)
        assert backend.get_variable("own") == "far"
        agent.kill()
        agent.wait()
        began = time.monotonic()
        assert [backend.get_variable(key) for key in ("own", "db", "hello")] == ["far", "near", "world"]
        assert time.monotonic() - began < 2
    assert [name.rsplit("/")[-1] for name in store.calls] == ["own", "own", "db", "hello"]
    assert len([text for text in messages(caplog) if "the store is asked directly" in text]) == 1


def test_one_that_is_away_from_the_start(folder: Path, store: Store, far: Store) -> None:
    backend = ChainBackend(**chained(named(folder), member(store, "first"), foreign(), member(far, "last")))
    assert [backend.get_variable(key) for key in ("own", "db", "hello", "none")] == ["far", "near", "world", None]
    assert (len(store.calls), len(far.calls)) == (4, 2)


def test_references_lead_from_member_to_member(folder: Path, store: Store, far: Store) -> None:
    """The agent resolves them, and the second process causes no call."""
    far.others["airflow/variables/refers"] = "secret_coordinate::first:shared/place"
    options = chained(
        named(folder),
        member(store, "first", connections_prefix=None, variables_prefix=None),
        foreign(),
        member(far, "last", references=[{"member": "first", "name": "shared/"}]),
    )
    with foreground(folder, options, backend=CHAIN):
        for _ in range(2):
            assert ask(folder, options, "refers") == (["world"], ["refers"])
        assert (store.calls, far.calls) == (["shared/place"], ["airflow/variables/refers"])


def test_an_error_of_a_member_is_settled_where_the_lookup_is_made(
    folder: Path, store: Store, far: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """As without an agent: `next` leads on with a WARNING, and by default the error ends the search."""
    store.denies = True
    for on_error in ("next", "official"):
        options = chained(named(folder), member(store, "broken", on_error=on_error), member(far, "last"))
        with foreground(folder, options, backend=CHAIN):
            backend = ChainBackend(**options)
            if on_error == "next":
                assert backend.get_variable("db") == "far"
                (warning,) = messages(caplog)
                assert warning.startswith('Variable "db" (asked for `airflow/variables/db`): member `broken`: ')
                assert warning.endswith("The next store is asked.")
            else:
                with pytest.raises(AccessDeniedError, match="member `broken`: "):
                    backend.get_variable("db")
        (folder / "agent.sock").unlink()


def test_event_loops_ask_it_too(folder: Path, store: Store, far: Store) -> None:
    options = chained(named(folder), member(store, "first"), foreign(), member(far, "last"))
    with foreground(folder, options, backend=CHAIN):
        backend = ChainBackend(**options)

        async def many() -> list[Any]:
            return await asyncio.gather(*[backend.aget_variable(key) for key in ("own", "db", "hello") * 5])

        assert asyncio.run(many()) == ["far", "near", "world"] * 5
        assert asyncio.run(many()) == ["far", "near", "world"] * 5
        assert (len(store.calls), len(far.calls)) == (3, 1)


@pytest.mark.parametrize("forks", [2_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_forks(folder: Path, store: Store, far: Store, forks: int) -> None:
    """Each child asks the agent for the stores, and makes an instance of the class of its own."""
    ages = {"cache_ttl": "1h", "cache_negative_ttl": "1h"}
    options = chained(named(folder), member(store, "first"), foreign(), member(far, "last"), **ages)
    with foreground(folder, options, backend=CHAIN):
        assert run(folder, FORKS, json.dumps(options), str(forks), timeout=600) == 0
    assert (len(store.calls), len(far.calls)) == (2, 1)


def test_a_file_of_stores_has_an_agent_as_well(folder: Path, store: Store, far: Store) -> None:
    """The agent and its clients read the same file, and a new version has an agent of its own."""
    file = folder / "stores.toml"

    def write(*members: dict[str, Any]) -> None:
        tables = [
            "[[stores]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in one.items()) for one in members
        ]
        (folder / "new.toml").write_text("\n".join(tables))
        (folder / "new.toml").rename(file)

    options = {"stores_file": str(file), "agent": "auto"}
    write(member(store, "first"), member(far, "last"))
    for _ in range(2):
        assert ask(folder, options, "own")[0] == ["far"]
        until(lambda: command(folder, options, "status", backend=CHAIN).returncode == 0)
        assert ask(folder, options, "own")[0] == ["far"]
        before = len(store.calls)
        assert ask(folder, options, "own")[0] == ["far"]
        assert len(store.calls) == before
        assert command(folder, options, "stop", backend=CHAIN).returncode == 0
        write(member(store, "one"), member(far, "two"))


def test_a_member_has_no_agent_of_its_own(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    ChainBackend(stores=[member(store, "one", agent="auto")])
    assert "member `one`: `agent` has no effect in a member: write it beside `stores`" in messages(caplog)
