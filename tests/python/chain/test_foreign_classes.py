"""Backend classes of other packages as members of a chain."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    LookupTimeoutError,
    StrongroomError,
    UnreachableError,
)
from tests.python.backends import messages
from tests.python.chain import company
from tests.python.scripts import run

PAGE = Path(__file__).parents[3] / "docs" / "several-stores.md"
COMPANY = "tests.python.chain.company"
FAR = {"name": "far", "store": "memory", "secrets": {f"airflow/variables/{key}": "far" for key in ("far", "raises")}}


def foreign(cls: str = "Backend", **options: Any) -> dict[str, Any]:
    """A member of that class; its arguments tell it from those of other tests."""
    return {"class": f"{COMPANY}.{cls}", "kwargs": {"db": "near", "number": time.monotonic_ns()}, **options}


def chain(*members: dict[str, Any], **options: Any) -> ChainBackend:
    """A chain of members, then one in memory."""
    return ChainBackend(stores=[*members, FAR], **options)


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    company.calls.clear()
    company.made.clear()
    company.begun.clear()
    company.over.clear()
    yield
    company.over.set()


def test_values_and_absences_are_cached() -> None:
    backend = chain(foreign())
    for _ in range(3):
        assert [backend.get_variable(key) for key in ("db", "far", "gone")] == ["near", "far", None]
        assert backend.get_conn_value("db") == "near"
        assert backend.get_config("db") is None
    assert company.calls == [
        ("variable", "db", None),
        ("variable", "far", None),
        ("variable", "gone", None),
        ("connection", "db", None),
    ]
    assert len(company.made) == 1
    backend.refresh("db")
    assert backend.get_variable("db") == "near"
    assert len(company.calls) == 5


def test_a_value_keeps_its_type() -> None:
    member = foreign(kwargs={"object": {"a": [1, None]}, "number": 5, "empty": "", "false": False})
    backend = chain(member)
    found = [backend.get_variable(key) for key in ("object", "number", "empty", "false")]
    assert found == [{"a": [1, None]}, 5, "", False]


def test_teams_reach_a_class_that_knows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "true")
    backend = chain(foreign(), foreign("Old", name="old", kwargs={}))
    assert backend.get_variable("db", team_name="a/b@c") == "near"
    assert backend.get_variable("other", team_name="a") == "other"
    assert company.calls == [("variable", "db", "a/b@c"), ("variable", "other", "a"), ("variable", "other", None)]
    company.calls.clear()
    # A class that knows no teams might take it for the name of a secret of the team `b`.
    assert backend.get_variable("b--db", team_name="a") is None
    assert company.calls == []


@pytest.mark.parametrize(("key", "error"), [("raises", UnreachableError), ("denies", AccessDeniedError)])
def test_an_exception_is_an_error_of_the_member(
    key: str, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(error, match=rf"member `Backend`: `{COMPANY}.Backend` .*(RuntimeError|AccessDenied)") as raised:
        chain(foreign()).get_variable(key)
    assert len(company.calls) == 1
    assert "canary" not in f"{raised.value} {raised.value.__cause__} {raised.value.__context__} {caplog.text}"


def test_a_denial_ends_airflows_search_as_without_a_chain(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AccessDeniedError):
        chain(foreign()).get_variable("denies")
    assert any("Airflow is told to stop its search." in text for text in messages(caplog))


def test_an_error_may_lead_on(caplog: pytest.LogCaptureFixture) -> None:
    assert chain(foreign(on_error="next")).get_variable("raises") == "far"
    assert any("The next store is asked." in text for text in messages(caplog))


def test_an_old_value_is_served_while_the_class_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = chain(foreign(), cache_ttl=0.1)
    assert backend.get_variable("db") == "near"
    time.sleep(0.15)
    monkeypatch.setattr(company.Backend, "answer", lambda self, key: 1 / 0)
    assert backend.get_variable("db") == "near"
    assert len(company.calls) == 2


def test_what_is_no_exception_passes() -> None:
    with pytest.raises(SystemExit) as raised:
        chain(foreign()).get_variable("exits")
    assert raised.value.code == 7
    assert chain(foreign()).get_variable("db") == "near"


def test_a_class_may_ask_the_chain_that_it_is_in() -> None:
    """Within its call no class of another package is asked; stores are."""
    company.chain = chain(foreign(name="one"), foreign(name="two"), cache_ttl=0)
    assert company.chain.get_variable("asks") == "None and far"
    assert company.calls == [("variable", "asks", None)]
    # What was passed over within the call is asked outside of it.
    assert company.chain.get_variable("far") == "far"
    assert company.calls[1:] == [("variable", "far", None)] * 2


def test_a_class_may_do_so_on_an_event_loop() -> None:
    """Its call and the lookups beside it are driven by one thread, so it must not wait for theirs."""
    company.chain = chain(foreign(), cache_ttl=0)

    async def look_up() -> list[object]:
        asked = ("far", "asks", "far", "db")
        return list(await asyncio.gather(*(company.chain.aget_variable(key) for key in asked)))

    began = time.monotonic()
    assert asyncio.run(look_up()) == ["far", "None and far", "far", "near"]
    assert time.monotonic() - began < 5


def test_one_that_hangs_is_not_cut_and_others_wait_no_longer_than_their_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend = chain(foreign(), timeout=0.3)
    found: list[object] = []
    first = threading.Thread(target=lambda: found.append(backend.get_variable("hangs")))
    first.start()
    assert company.begun.wait(10)
    began = time.monotonic()
    with pytest.raises(LookupTimeoutError):
        backend.get_variable("hangs")
    assert 0.2 < time.monotonic() - began < 3
    # Lookups of other names go on meanwhile.
    assert backend.get_variable("db") == "near"
    company.over.set()
    first.join(10)
    assert found == [None]
    assert [text for text in messages(caplog) if "took longer for `variables/hangs` than the lookup may take" in text]
    assert company.calls.count(("variable", "hangs", None)) == 1


def test_an_event_loop_gets_the_same() -> None:
    backend = chain(foreign())

    async def look_up() -> list[object]:
        return await asyncio.gather(*(backend.aget_variable(key) for key in ("db", "far", "gone", "naps")))

    assert asyncio.run(look_up()) == ["near", "far", None, None]
    assert len(company.calls) == 4
    with pytest.raises(UnreachableError):
        asyncio.run(backend.aget_variable("raises"))


@pytest.mark.parametrize("forks", [2000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_forks_during_calls_neither_hang_nor_fail(forks: int) -> None:
    body = """
        from strongroom.chain import ChainBackend
        from tests.python.chain import company

        member = {"class": "tests.python.chain.company.Backend", "kwargs": {"db": "near"}}
        far = {"name": "far", "store": "memory", "secrets": {"airflow/variables/naps": "far"}}
        backend = ChainBackend(stores=[member, far], cache_ttl=0, cache_negative_ttl=0)

        def in_child(look_up):
            company.made.clear()
            look_up()
            assert company.made == [os.getpid()], "an instance of its own"

        fork_under_load([reads(backend, "db", "near"), reads(backend, "naps", "far")], int(sys.argv[1]), in_child)
    """
    run(body, str(forks), timeout=forks)


@pytest.mark.parametrize(
    ("member", "text"),
    [
        (foreign("Nothing"), "is no secrets backend class"),
        ({"class": "strongroom.memory.MemoryBackend"}, 'is a store of Strongroom .*Write "store": "memory"'),
        ({"class": "a.B", "store": "memory"}, "it has both `store` and `class`"),
    ],
)
def test_what_can_never_work_is_refused(member: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        ChainBackend(stores=[member])
    with pytest.raises(ConfigurationError, match=text):
        ChainBackend(stores=json.dumps([member]))


def test_an_argument_beside_the_class_is_not_passed_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    member = {"class": f"{COMPANY}.Backend", "password": "canary", "kind": "variables"}
    assert chain(member).get_variable("password") is None
    warnings = messages(caplog)
    assert "member `Backend`: the unknown key `password` is ignored. Write what the class takes in `kwargs`" in warnings
    assert "member `Backend`: the unknown key `kind` is ignored. Did you mean `kinds`?" in warnings
    assert "canary" not in caplog.text


def test_a_class_that_makes_connections_is_asked_for_their_fields() -> None:
    """The password has what JSON escapes; what the class leaves out is left out."""
    backend = chain(foreign("OnlyConnections", kwargs={}))
    for _ in range(2):
        assert json.loads(backend.get_conn_value("x") or "") == {
            "conn_type": "postgres",
            "host": "x",
            "password": 'pä:"s',
            "port": 5432,
            "extra": "{}",
        }
        assert backend.get_conn_value("gone") is None
    assert company.calls == [("connection", "x", None), ("connection", "gone", None)]
    assert (backend.get_variable("x"), backend.get_config("x")) == ("x", None)


def test_a_class_that_cannot_be_imported_fails_the_lookups_that_reach_it(caplog: pytest.LogCaptureFixture) -> None:
    backend = [chain({"class": "no.such.Backend"}) for _ in range(3)].pop()
    (warning,) = messages(caplog)
    assert warning.startswith("The backend class `no.such.Backend` cannot be used: it cannot be imported")
    with pytest.raises(ConfigurationError, match=r"`no.such.Backend` cannot be used: it cannot be imported"):
        backend.get_variable("db")


def test_the_set_up_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "company.airflow.secrets", company)
    text = next(block for block in re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL) if "Portal" in block)
    backend = ChainBackend(**json.loads(text), strict=True)
    for _ in range(3):
        assert backend.get_variable("db") == "https://portal.example.com/db"
    assert company.calls == [("variable", "db", None)]


def test_no_argument_is_shown(tmp_path: Path) -> None:
    member = foreign(kwargs={"password": "canary-17"})
    backend = chain(member, audit_path=str(tmp_path / "audit.jsonl"))
    with pytest.raises(StrongroomError) as raised:
        backend.get_variable("raises")
    shown = f"{backend!r} {vars(backend)} {raised.value!r} {(tmp_path / 'audit.jsonl').read_text()}"
    assert "canary" not in shown
    assert '"member":"Backend"' not in shown
