"""The output of every command on every store matches its transcript, and only ``reveal`` shows a secret.

After an intended change: ``python -m pytest tests/command_line/test_transcripts.py --write-transcripts``.
"""

from __future__ import annotations

import re

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, STORE, USAGE, Shell
from tests.command_line.store_shell import STORES, open_store
from tests.command_line.transcript import CANARY, FOLDER, SECRETS, SHOWING, commands, difference, record

CASES = [(store, command) for store in STORES for command in commands(store)]
#: Recorded once: they do not depend on a store.
WITHOUT_STORE = {
    "uri": (
        (["uri", "parse"], f"postgres://app:{CANARY}@db.example:5432/sales?sslmode={CANARY}"),
        (["uri", "parse", "--json"], f'{{"conn_type": "http", "password": "{CANARY}", "extra": {{"a": "{CANARY}"}}}}'),
        (["uri", "parse"], f"http://h:{CANARY}/"),
        (["uri", "build"], '{"conn_type": "postgres", "login": "app", "password": "p@/", "host": "h"}'),
        (["uri", "build", "--json"], f'{{"conn_typ": "{CANARY}"}}'),
    ),
    "nothing": (
        (["get", "variable", "region"], ""),
        (["list", "--json"], ""),
        (["explain", "variable", "region"], ""),
        (["explain", "config", "dsn", "--json"], ""),
        (["doctor"], ""),
        (["env"], ""),
        (["frobnicate"], ""),
    ),
}
#: Long scripts, of which only the beginning is recorded.
BEGINNINGS = {"completions": ["completions", "bash"], "manual": ["manual"]}
#: The number of lines of these.
LINES = 12


def compared(request: pytest.FixtureRequest, name: str, text: str) -> None:
    """Compares a transcript with its file, or writes it."""
    path = FOLDER / f"{name}.txt"
    if request.config.getoption("--write-transcripts", default=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path.name} was never recorded"
    expected = path.read_text()
    assert text == expected, difference(expected, text)


@pytest.mark.parametrize(("store", "command"), CASES, ids=["-".join(case) for case in CASES])
def test_a_command_prints_what_was_recorded(
    request: pytest.FixtureRequest, shell: Shell, store: str, command: str
) -> None:
    shell.secrets.append(CANARY)
    with open_store(store, shell, request) as opened:
        opened.put(SECRETS)
        text, runs = record(opened, commands(store)[command])
    compared(request, f"{store}/{command}", text)
    assert {run.code for run in runs} <= {DONE, NO, CONFIGURATION, STORE}
    if command == SHOWING:
        text = "\n".join(line for line in text.splitlines() if not line.startswith(("postgres:", CANARY, '  "value"')))
    shell.search(text, command)


@pytest.mark.parametrize("name", WITHOUT_STORE)
def test_commands_without_a_store_are_recorded_once(request: pytest.FixtureRequest, shell: Shell, name: str) -> None:
    shell.secrets.append(CANARY)
    text = ""
    for arguments, stdin in WITHOUT_STORE[name]:
        run = shell.run(*arguments, stdin=stdin)
        complaints = f"--- standard error\n{run.err}" if run.err else ""
        text += f"$ strongroom {' '.join(arguments)}\n{run.out}{complaints}[exit code {run.code}]\n\n"
        assert run.code in (DONE, NO, USAGE, CONFIGURATION, STORE)
    compared(request, f"any/{name}", text.replace(str(shell.home), "<home>"))


@pytest.mark.parametrize("name", BEGINNINGS)
def test_scripts_begin_as_recorded(request: pytest.FixtureRequest, shell: Shell, name: str) -> None:
    run = shell.run(*BEGINNINGS[name])
    assert run.code == DONE
    beginning = "\n".join(run.out.splitlines()[:LINES])
    compared(request, f"any/{name}", f"$ strongroom {' '.join(BEGINNINGS[name])}\n{version_free(beginning)}\n")


def version_free(text: str) -> str:
    """The text without the version number."""
    return re.sub(r"\b\d+\.\d+\.\d+\b", "<version>", text)


def test_every_file_is_compared() -> None:
    names = {f"{store}/{command}" for store, command in CASES} | {f"any/{name}" for name in WITHOUT_STORE | BEGINNINGS}
    files = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert files == names


def test_only_reveal_has_a_value_in_its_file() -> None:
    showing = {path.stem for path in FOLDER.rglob("*.txt") if CANARY in path.read_text()}
    assert showing == {SHOWING}
