"""set, delete and restore on every store that can be written to, each on its own server."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, STORE, USAGE, Shell
from tests.command_line.store_shell import STORES, StoreShell
from tests.stores.description import Writes

CANARY = "canary-9c2e51"
URI = f"postgres://app:{CANARY}@db.example:5432/sales?sslmode=require"
FIELDS = {"conn_type": "postgres", "host": "db.example", "login": "app", "password": CANARY, "port": 5432}
WRITERS = [word for word, store in STORES.items() if store.writes]


@contextlib.contextmanager
def opened(word: str, shell: Shell, request: pytest.FixtureRequest) -> Iterator[StoreShell]:
    """An empty store, and a backend that may change it."""
    store = STORES[word]
    server = store.opened(request, shell.home)
    if store.server:
        server.reset()
    with store.counted(server) as counter:
        writer = store.writer(server, counter.url if counter else "")
        shell.secrets += [*writer.secrets, CANARY]
        # What one command has written the next one reads at once: each is a process of its own.
        yield StoreShell(word, shell, lambda secrets: store.fill(server, secrets), writer.options, counter=counter)


@pytest.fixture(params=WRITERS)
def store(request: pytest.FixtureRequest, shell: Shell) -> Iterator[StoreShell]:
    """Each store that can be written to, empty."""
    with opened(request.param, shell, request) as store:
        yield store


def writes(store: StoreShell) -> Writes:
    """What the store takes."""
    found = STORES[store.store].writes
    assert found
    return found


def value(store: StoreShell, kind: str, secret_id: str) -> str | None:
    """What Airflow gets."""
    run = store.run("reveal", kind, secret_id, "--json")
    assert run.code in (DONE, NO), run.err
    return run.json["value"] if run.code == DONE else None


def change(store: StoreShell, *arguments: str, stdin: str = "", code: int = DONE) -> str:
    """The change that a command reports."""
    run = store.run(*arguments, "--json", stdin=stdin)
    assert run.code == code, run.out + run.err
    return str(run.json.get("change") or run.json["error"]["kind"])


def secret_exists(store: StoreShell, kind: str, secret_id: str) -> bool:
    """Whether a listing has it."""
    run = store.run("list", "--json")
    return any((each["kind"], each["id"]) == (kind, secret_id) for each in run.json["secrets"])


@pytest.mark.parametrize("kind", ["variable", "config"])
def test_a_value_is_created_updated_deleted_and_restored(store: StoreShell, kind: str) -> None:
    first, second = f"{CANARY} é\nline\n", f'{{"a": "{CANARY}"}}'
    assert change(store, "set", kind, "region", stdin=f"{first}\n") == "created"
    assert value(store, kind, "region") == first
    assert secret_exists(store, kind, "region")
    assert change(store, "set", kind, "region", "--yes", stdin=f"{first}\n") == "unchanged"
    assert change(store, "set", kind, "region", "--yes", stdin=second) == "updated"
    assert value(store, kind, "region") == second
    deleted = "deleted" if writes(store).restores else "purged"
    assert change(store, "delete", kind, "region", "--yes") == deleted
    assert store.run("reveal", kind, "region").code in (NO, STORE)
    if writes(store).restores:
        assert change(store, "restore", kind, "region") == "restored"
        assert value(store, kind, "region") == second
        assert change(store, "restore", kind, "region") == "unchanged"
        assert change(store, "delete", kind, "region", "--yes") == "deleted"
        assert change(store, "delete", kind, "region", "--yes", code=NO) == "nothing"
        assert change(store, "delete", kind, "region", "--purge", "--yes") == "purged"
    else:
        assert change(store, "restore", kind, "region", code=CONFIGURATION) == "unsupported"
    assert change(store, "delete", kind, "region", "--purge", "--yes", code=NO) == "nothing"


@pytest.mark.parametrize("form", ["uri", "json", "fields", ""])
@pytest.mark.parametrize("given", [URI, json.dumps(FIELDS)], ids=["from a URI", "from JSON"])
def test_a_connection_is_read_as_it_was_given(store: StoreShell, given: str, form: str) -> None:
    arguments = ["--format", form] if form else []
    assert change(store, "set", "connection", "db", *arguments, stdin=given) == "created"
    assert change(store, "set", "connection", "db", *arguments, "--yes", stdin=given) == "unchanged"
    expected = store.shell.run("uri", "parse", "--json", stdin=given).json["fields"]
    found = store.run("get", "connection", "db", "--json").json["fields"]
    kept = {key: found[key] for key in ("conn_type", "host", "login", "password", "port", "extra_dejson")}
    assert kept == {key: expected[key] for key in kept}
    assert store.run("lint").code == DONE


def test_fields_are_words_and_the_password_is_not(store: StoreShell) -> None:
    words = ["--conn-type", "postgres", "--host", "db.example", "--login", "app", "--port", "5432"]
    assert change(store, "set", "connection", "db", *words, stdin=f"{CANARY}\n") == "created"
    found = value(store, "connection", "db")
    assert found is not None
    assert json.loads(found)["password"] == CANARY
    assert change(store, "set", "connection", "open", *words, "--no-password") == "created"


def test_what_is_there_is_replaced_only_with_yes(store: StoreShell) -> None:
    assert change(store, "set", "variable", "a", stdin="1") == "created"
    for command in (["set", "variable", "a"], ["delete", "variable", "a"]):
        run = store.run(*command, stdin="2")
        assert (run.code, run.out) == (USAGE, "")
        assert "Add --yes" in run.err
    assert value(store, "variable", "a") == "1"


def test_a_dry_run_changes_nothing(store: StoreShell) -> None:
    run = store.run("set", "variable", "a", "--dry-run", "--json", stdin="1")
    assert (run.code, run.json["change"], run.json["dry_run"]) == (DONE, "created", True)
    assert value(store, "variable", "a") is None
    change(store, "set", "variable", "a", stdin="1")
    assert change(store, "set", "variable", "a", "--dry-run", stdin="2") == "updated"
    assert change(store, "delete", "variable", "a", "--dry-run") in ("deleted", "purged")
    assert value(store, "variable", "a") == "1"


def test_what_is_expected_is_found_or_nothing_is_written(store: StoreShell) -> None:
    assert change(store, "set", "variable", "a", "--update-only", stdin="1", code=STORE) == "conflict"
    assert change(store, "set", "variable", "a", "--create-only", stdin="1") == "created"
    assert change(store, "set", "variable", "a", "--create-only", "--yes", stdin="2", code=STORE) == "conflict"
    assert change(store, "set", "variable", "a", "--update-only", "--yes", stdin="2") == "updated"
    if not writes(store).versions:
        refused = change(store, "set", "variable", "a", "--if-version", "1", "--yes", stdin="3", code=CONFIGURATION)
        assert refused == "unsupported"
        return
    version = store.run("describe", "variable", "a", "--json").json["version"]
    arguments = ("set", "variable", "a", "--yes", "--if-version")
    assert change(store, *arguments, "no such version", stdin="3", code=STORE) == "conflict"
    assert change(store, *arguments, version, stdin="3") == "updated"
    assert value(store, "variable", "a") == "3"


def test_tags_are_added_and_others_kept(store: StoreShell) -> None:
    if not writes(store).tags:
        run = store.run("set", "variable", "a", "--tag", "team=data", stdin="1")
        assert run.code == CONFIGURATION
        assert "cannot hold tags" in run.err
        return
    arguments = ("set", "variable", "a", "--yes", "--json")
    for value_, tag, expected in (("1", "x=1", "created"), ("1", "y=2", "updated"), ("2", "x=1", "updated")):
        run = store.run(*arguments, "--tag", tag, stdin=value_, tags={"team": "data"})
        assert (run.code, run.json["change"]) == (DONE, expected), run.err
    shown = store.run("list", "--json").json["secrets"][0]["tags"]
    described = store.run("describe", "variable", "a", "--json").json["tags"]
    assert {"x": "1", "y": "2", "team": "data"} in (shown, described) or store.store == "ssm"
    run = store.run(*arguments, "--tag", "x=1", stdin="2", tags={"team": "data"})
    assert run.json["change"] == "unchanged"


def test_a_read_only_backend_makes_no_request(store: StoreShell) -> None:
    for command in (["set", "variable", "a"], ["delete", "variable", "a"], ["restore", "variable", "a"]):
        if store.counter:
            store.counter.clear()
        run = store.run(*command, "--yes", stdin="1", read_only=True)
        assert run.code == CONFIGURATION
        assert "read_only" in run.err
        assert not store.counter or not store.counter.calls


def test_references_only_refuses_plain_values(store: StoreShell) -> None:
    run = store.run("set", "connection", "db", stdin=URI, references_only=True)
    assert run.code == CONFIGURATION
    assert "references_only" in run.err
    reference = "postgres://app:secret_coordinate::db/prod#password@db.example/sales"
    assert store.run("set", "connection", "db", stdin=reference, references_only=True).code in (DONE, STORE)
    assert secret_exists(store, "connection", "db")


@pytest.mark.parametrize(
    "given", ["", f"{CANARY}", f"{{{CANARY}", f"my_type://u:{CANARY}@h", f'{{"host": "{CANARY}"}}']
)
def test_what_airflow_cannot_use_is_not_written(store: StoreShell, given: str) -> None:
    run = store.run("set", "connection", "db", "--yes", stdin=given)
    assert run.code == STORE, run.out
    assert not secret_exists(store, "connection", "db")


def test_two_writers_at_once_lose_nothing(store: StoreShell) -> None:
    store.shell.backend(store.store, **store.options)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda n: store.shell.run("set", "variable", f"v{n}", stdin=f"{n}"), range(4)))
    assert [run.code for run in runs] == [DONE] * 4, [run.err for run in runs]
    assert [value(store, "variable", f"v{n}") for n in range(4)] == ["0", "1", "2", "3"]
    with ThreadPoolExecutor(4) as pool:
        arguments = ("set", "variable", "same", "--create-only", "--json")
        runs = list(pool.map(lambda n: store.shell.run(*arguments, stdin=f"{n}"), range(4)))
    won = [number for number, run in enumerate(runs) if run.code == DONE]
    lost = {run.json["error"]["kind"] for run in runs if run.code != DONE}
    assert (len(won), lost) == (1, {"conflict"}), [run.out + run.err for run in runs]
    assert value(store, "variable", "same") == str(won[0])


def test_a_value_is_in_no_file_but_that_of_the_store(store: StoreShell, tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    more = {"audit_path": str(audit)}
    assert store.run("set", "variable", "a", stdin=CANARY, **more).code == DONE
    assert store.run("set", "variable", "a", "--yes", stdin=f"{CANARY} again", **more).code == DONE
    assert store.run("delete", "variable", "a", "--yes", **more).code == DONE
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and CANARY in path.read_text(errors="replace")]
    assert not holding


def test_a_chain_names_the_store_that_is_changed(store: StoreShell) -> None:
    member = {"name": "mine", "store": store.store, **store.options}
    other = {"name": "other", "store": "memory"}
    store.shell.backend("strongroom.chain.ChainBackend", stores=[other, member])
    run = store.shell.run("set", "variable", "a", stdin="1")
    assert run.code == CONFIGURATION
    assert "--store other or --store mine" in run.err
    assert store.shell.run("set", "variable", "a", "--store", "other", stdin="1").code == CONFIGURATION
    done = store.shell.run("set", "variable", "a", "--store", "mine", "--json", stdin="1")
    assert (done.json["member"], done.json["change"]) == ("mine", "created"), done.err
    store.shell.backend("strongroom.chain.ChainBackend", stores=[other, {**member, "default": True}])
    assert store.shell.run("set", "variable", "a", "--yes", "--json", stdin="2").json["change"] == "updated"
    assert store.shell.run("reveal", "variable", "a").out == "2\n"
