"""key and seal: what they print is opened by a writer that is not ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, STORE, USAGE, Shell
from tests.servers import sealed

VALUE = "canary-44c1e0 é"


@pytest.fixture
def key_file(shell: Shell) -> Path:
    """A file with the key; neither key nor value may be shown."""
    path = shell.home / "sealing.key"
    path.write_text(f"{sealed.KEY}\n")
    shell.secrets += [sealed.KEY, VALUE]
    return path


def test_each_key_is_a_new_one(shell: Shell) -> None:
    keys = [shell.run("key").out for _ in range(2)] + [shell.run("key", "--json").json["key"]]
    assert len({key.strip() for key in keys}) == 3
    assert {len(key.strip()) for key in keys} == {43}


def test_a_record_is_opened_by_others(shell: Shell, key_file: Path) -> None:
    run = shell.run("seal", "connection", "my-db", "--key-file", str(key_file), stdin=f"{VALUE}\n")
    record = json.loads(run.out)
    assert (run.code, run.err) == (DONE, "")
    place = {name: record[name] for name in ("format", "kind", "name", "version", "key_id")}
    assert place == {"format": 1, "kind": "connection", "name": "airflow/my-db", "version": 1, "key_id": "1"}
    assert sealed.opened(record) == VALUE


def test_team_version_key_id_and_the_whole_input(shell: Shell, key_file: Path) -> None:
    asked = ["seal", "variable", "a", "--team", "ops", "--record-version", "7", "--key-id", "k2", "--exact", "--json"]
    printed = shell.run(*asked, "--key-file", str(key_file), stdin=f"{VALUE}\n").json
    record = printed["record"]
    assert (printed["id"], record["version"], record["key_id"]) == ("variable/airflow/ops--a", 7, "k2")
    assert sealed.opened(record) == f"{VALUE}\n"


def test_the_key_may_be_a_variable(shell: Shell) -> None:
    shell.secrets += [sealed.KEY, VALUE]
    run = shell.run("seal", "config", "a", stdin=VALUE, variables={"STRONGROOM_SEALING_KEY": sealed.KEY})
    assert sealed.opened(json.loads(run.out)) == VALUE


def test_sql_has_columns_and_values(shell: Shell, key_file: Path) -> None:
    run = shell.run("seal", "variable", "it's", "--format", "sql", "--key-file", str(key_file), stdin=VALUE)
    columns, values = run.out.splitlines()
    assert columns == "(kind, name, version, format, key_id, sealed) VALUES"
    assert values.startswith("('variable', 'airflow/it''s', 1, 1, '1', '")
    text = values.rpartition(", '")[2].removesuffix("')")
    record = {"format": 1, "kind": "variable", "name": "airflow/it's", "version": 1, "key_id": "1", "sealed": text}
    assert sealed.opened(record) == VALUE


def test_what_is_wrong_is_named(shell: Shell, key_file: Path) -> None:
    missing = shell.run("seal", "variable", "a", stdin=VALUE)
    assert (missing.code, "there is no key to open sealed values with" in missing.err) == (CONFIGURATION, True)
    key_file.write_text("canary-short")
    short = shell.run("seal", "variable", "a", "--key-file", str(key_file), stdin=VALUE)
    assert (short.code, "has fewer than 32 characters" in short.err) == (CONFIGURATION, True)
    key_file.write_text(sealed.KEY)
    for version in ("0", "-1"):
        asked = ["seal", "variable", "a", f"--record-version={version}", "--key-file", str(key_file)]
        assert shell.run(*asked, stdin=VALUE).code == CONFIGURATION
    assert shell.run("seal", "variable", "a", "--record-version", "x").code == USAGE
    long = shell.run("seal", "variable", "a", "--key-file", str(key_file), stdin="x" * (2**20 + 1))
    assert (long.code, "longer than one MiB" in long.err) == (STORE, True)
