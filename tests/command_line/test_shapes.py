"""The JSON output of each command has exactly the members that docs/command-line.md names."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, STORE, Shell
from tests.servers import sealed

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
#: The commands that the page describes, with their text.
SECTIONS = {
    name.strip(): text
    for title, text in re.findall(r"^### (.+)\n((?:(?!^#).*\n?)*)", PAGE, re.MULTILINE)
    for name in title.split(",")
}
CANARY = "canary-5d0a17"
SECRETS = {
    "airflow/connections/db": f"postgres://u:{CANARY}@h:5432/d?a={CANARY}",
    "airflow/connections/broken": f"{{{CANARY}",
    "airflow/variables/v": CANARY,
    "airflow/variables/refers": "secret_coordinate::airflow/variables/v",
}
#: What the values may refer to.
ALLOWED = [{"name": "airflow/"}]
#: Members whose own members depend on the user's data.
FREE = {"tags", "extra_dejson", "backend_kwargs"}
FIELDS = json.dumps({"conn_type": "http", "host": "h", "extra": {"a": CANARY}})
STORAGE = json.dumps({"address": "http://h:8200", "token": CANARY, "prefix": ""})
ACCESS = {
    "time": "2026-03-01T12:00:00.000Z",
    "pid": 1,
    "kind": "variable",
    "id": "v",
    "outcome": "denied",
    "took_ms": 2,
}
#: Runs that show each member at least once: arguments, standard input and exit code.
CASES: dict[str, list[tuple[str, str, int]]] = {
    "get": [
        ("get connection db", "", DONE),
        ("get variable v", "", DONE),
        ("get variable absent", "", NO),
        ("get variable refers", "", DONE),
    ],
    "reveal": [("reveal variable v", "", DONE)],
    "list": [("list", "", DONE)],
    "describe": [("describe variable v", "", DONE)],
    "lint": [("lint", "", NO)],
    "ref": [("ref check", "", DONE)],
    "uri": [("uri parse", FIELDS, DONE), ("uri build", '{"conn_type": "http", "host": "h"}', DONE)],
    "env": [("env", "", DONE)],
    "doctor": [("doctor", "", DONE)],
    "policy": [("policy vault", "", DONE)],
    "vault approle": [("vault approle", "", DONE)],
    "key": [("key", "", DONE)],
    "seal": [("seal variable v --key-file {home}/sealing.key", CANARY, DONE)],
    "bench": [("bench variable v --count 1", "", DONE)],
    "stats": [("stats --file {home}/audit.jsonl", "", DONE)],
    "import-config": [("import-config --name a", STORAGE, DONE)],
    "stores": [("stores memory", "", DONE)],
    "completions": [("completions fish", "", DONE)],
    "manual": [("manual", "", DONE)],
}
#: Commands that share a section.
TOGETHER = {"stores", "completions", "manual"}


def documented(text: str) -> set[str]:
    """The paths of all members in the shapes in `text`."""
    paths: set[str] = set()
    for shape in re.findall(r'`([\[{]+"[^`]*)`', text):
        paths |= set(members(shape))
    return paths


def members(shape: str) -> Iterator[str]:
    """The paths in one shape, such as ``secrets[].kind``."""
    above: list[str] = []
    last = ""
    for token in re.findall(r'"\w+"|[{}\[\]]', shape):
        if token in "{[":
            above.append(last + ("[]" if token == "[" else ""))
            last = ""
        elif token in "}]":
            above.pop()
        else:
            last = token.strip('"')
            yield ".".join(part for part in (*above, last) if part).replace(".[]", "[]")


def printed(value: Any, above: str = "") -> Iterator[str]:
    """The paths of all members in the output."""
    if isinstance(value, list):
        for each in value:
            yield from printed(each, f"{above}[]")
    elif isinstance(value, dict):
        for key, each in value.items():
            path = f"{above}.{key}" if above else key
            yield path
            if key not in FREE:
                yield from printed(each, path)


def of_runs(shell: Shell, command: str) -> set[str]:
    """The paths that a command prints in all its cases."""
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets=SECRETS, references=ALLOWED)
    (shell.home / "audit.jsonl").write_text(json.dumps(ACCESS) + "\n")
    (shell.home / "sealing.key").write_text(sealed.KEY)
    found: set[str] = set()
    for line, stdin, code in CASES[command]:
        run = shell.run(*line.format(home=shell.home).split(), "--json", stdin=stdin)
        assert run.code == code, run.err
        found |= set(printed(run.json))
    return found


def test_each_described_command_is_run() -> None:
    # A schema has the shape of its options, and a test of its own.
    assert set(SECTIONS) == set(CASES) | {"explain", "agent", "schema"}


@pytest.mark.parametrize("command", sorted(set(CASES) - {"describe"} - TOGETHER))
def test_the_members_are_those_of_the_page(shell: Shell, command: str) -> None:
    assert of_runs(shell, command) == documented(SECTIONS[command])


def test_a_description_has_the_members_of_a_list_and_one_more(shell: Shell) -> None:
    listed = {path.removeprefix("secrets[].") for path in documented(SECTIONS["list"])} - {"secrets"}
    assert of_runs(shell, "describe") == listed | {"found"}


def test_commands_without_a_configuration_have_the_members_of_the_page(shell: Shell) -> None:
    together = set().union(*(of_runs(shell, command) for command in sorted(TOGETHER)))
    assert together == documented(SECTIONS["stores"])


def test_the_actions_of_an_agent_have_the_members_of_the_page(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    place = shell.home / "a.sock"
    shell.home.chmod(0o700)
    shell.backend("memory", secrets=SECRETS, agent=str(place))
    with ThreadPoolExecutor() as others:
        ended = others.submit(shell.run, "agent", "--json")
        end = time.monotonic() + 20
        while not place.exists():
            assert time.monotonic() < end, ended
            time.sleep(0.02)
        runs = [shell.run("agent", action, "--json") for action in ("status", "clear", "stop", "status")]
    assert [run.code for run in runs] == [DONE, DONE, DONE, NO]
    assert runs[0].json["store"] == "memory"
    found = set().union(*(printed(run.json) for run in [*runs, ended.result()]))
    assert found == documented(SECTIONS["agent"])


def test_a_search_has_the_members_of_the_page(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.variables |= {"AIRFLOW_CONN_DB": f"http://u:{CANARY}@h", "AIRFLOW__SENTRY__SENTRY_DSN_SECRET": "dsn"}
    shell.backend("memory", secrets=SECRETS, references=ALLOWED)
    asked = (["connection", "db"], ["variable", "refers"], ["config", "dsn"])
    runs = [shell.run("explain", *words, "--json") for words in asked]
    # A store that does not answer shows the members of an error; tests of Key Vault show those of a deleted secret.
    shell.backend("vault", url="http://127.0.0.1:9", token=CANARY, max_attempts=1)
    runs.append(shell.run("explain", "variable", "v", "--json"))
    assert [run.code for run in runs] == [DONE, DONE, NO, STORE]
    found = set().union(*(set(printed(run.json)) for run in runs))
    result = documented(SECTIONS["explain"])
    assert found <= result
    assert {path for path in result - found if "absent_because[]" not in path} == set()


@pytest.mark.parametrize("line", ["get variable v", "list", "explain variable v", "lint", "bench", "env", "policy aws"])
def test_an_error_has_the_members_of_the_page(shell: Shell, line: str) -> None:
    shell.secrets.append(CANARY)
    shell.variables["AIRFLOW__SECRETS__BACKEND"] = "strongroom.aws.SecretsManagerBackend"
    shell.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = json.dumps({"timeout": CANARY})
    run = shell.run(*line.split(), "--json")
    assert run.code == CONFIGURATION
    assert set(printed(run.json)) == documented(PAGE.partition("## Commands")[0])


def test_a_usage_error_leaves_the_output_empty(shell: Shell) -> None:
    run = shell.run("get", "--json", CANARY)
    assert (run.code, run.out) == (2, "")
