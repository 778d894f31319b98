"""The width of a terminal, letters beyond ASCII, and a full disk."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.command_line.shell import PROGRAM, Shell
from tests.command_line.test_terminal import environment, on_pipe, on_terminal

WIDTH = 60
OUTPUT = 5


@pytest.mark.parametrize("line", ["doctor --offline", "explain variable absent", "stores", "--help", "doctor --help"])
def test_lines_are_wrapped_to_the_terminal(shell: Shell, line: str) -> None:
    shown = on_terminal(shell, line, "stdout", COLUMNS=str(WIDTH), NO_COLOR="1")
    wide = on_pipe(shell, line).stdout
    too_long = [each for each in shown.splitlines() if len(each.rstrip()) > WIDTH and " " in each.strip()]
    assert [each for each in too_long if len(max(each.split(), key=len)) < WIDTH // 2] == []
    if "explain" not in line:
        assert "".join(shown.split()) == "".join(wide.split())


def test_a_dumb_terminal_has_no_colours_and_no_progress(shell: Shell) -> None:
    assert "\x1b" not in on_terminal(shell, "doctor --offline", "stdout", TERM="dumb")
    assert "\x1b" not in on_terminal(shell, "list variables", "stderr", TERM="dumb")


@pytest.mark.parametrize(
    ("locale", "is_ascii"),
    [({"LC_ALL": "C"}, True), ({"LANG": "C.UTF-8"}, False), ({"LC_ALL": "C", "LANG": "C.UTF-8"}, True)],
)
def test_without_utf_8_a_text_is_ascii(shell: Shell, locale: dict[str, str], is_ascii: bool) -> None:
    for line in ("get variable absenté", "explain variable absenté", "get variable absenté --json"):
        done = on_pipe(shell, line, **locale)
        assert (done.stdout + done.stderr).isascii() is is_ascii, done


def test_output_for_programs_is_never_changed(shell: Shell) -> None:
    shell.backend("memory", secrets={"airflow/variables/é": "é…"})
    done = subprocess.run(
        [*PROGRAM, "reveal", "variable", "é"],
        env={**environment(shell, {}), **shell.variables, "AIRFLOW__SECRETS__BACKEND_KWARGS_CMD": "", "LC_ALL": "C"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "é…\n".encode()


@pytest.mark.parametrize("line", ["stores", "list", "get variable 1", "doctor", "explain variable 1 --json", "--help"])
def test_a_full_disk_has_its_own_error(shell: Shell, line: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *line.split()],
            env=environment(shell, {}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == OUTPUT, done.stderr
    assert "standard output could not be written: the disk is full" in done.stderr
