"""What only a terminal shows: colours, and the progress of long work."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
from collections.abc import Mapping

import pytest

from tests.command_line.shell import CLASSES, PROGRAM, Shell

COLOUR = "\x1b[3"
CANARY = "canary-77b1c0"
#: Long work, and what its progress counts.
LONG = {
    "list": ("list", "variables"),
    "lint": ("lint", "connections"),
    "doctor": ("doctor", "variables"),
    "bench": ("bench --count 100", "/100 lookups"),
}


def environment(shell: Shell, more: Mapping[str, str]) -> dict[str, str]:
    """A memory store with hundreds of names; the options come from a file, since they are too long for an argument."""
    secrets = {f"airflow/{kind}/{number}": f"http://u:{CANARY}@h" for kind in KINDS for number in range(400)}
    (shell.home / "kwargs.json").write_text(json.dumps({"secrets": secrets}))
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "AIRFLOW_HOME": str(shell.home),
        "AIRFLOW__SECRETS__BACKEND": CLASSES["memory"],
        "AIRFLOW__SECRETS__BACKEND_KWARGS_CMD": f"cat {shell.home}/kwargs.json",
        "TERM": "xterm",
        **more,
    }


KINDS = ("connections", "variables")


def on_terminal(shell: Shell, line: str, stream: str, **more: str) -> str:
    """The output of a command on `stream`, which is a terminal; the other one is a pipe."""
    ours, theirs = pty.openpty()
    out, err = (theirs, subprocess.DEVNULL) if stream == "stdout" else (subprocess.DEVNULL, theirs)
    with subprocess.Popen([*PROGRAM, *line.split()], env=environment(shell, more), stdout=out, stderr=err) as running:
        os.close(theirs)
        output = b""
        # Reading the terminal of a process that has ended raises an error instead of returning an end of file.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 65536):
                output += part
        os.close(ours)
        assert running.wait(60) in (0, 1)
    text = output.decode()
    shell.search(text, line)
    return text


def on_pipe(shell: Shell, line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The output of a command on pipes."""
    return subprocess.run(
        [*PROGRAM, *line.split()], env=environment(shell, more), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", LONG)
def test_progress_is_shown_on_a_terminal_only(shell: Shell, name: str) -> None:
    shell.secrets.append(CANARY)
    line, counted = LONG[name]
    shown = on_terminal(shell, line, "stderr")
    assert counted in shown
    # It is erased at the end.
    assert shown.rstrip("\r").endswith("\x1b[2K"), repr(shown[-40:])
    assert on_pipe(shell, line).stderr == ""


def test_colours_are_for_a_terminal_only(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    assert COLOUR in on_terminal(shell, "doctor --offline", "stdout")
    assert COLOUR not in on_terminal(shell, "doctor --offline", "stdout", NO_COLOR="1")
    assert COLOUR not in on_pipe(shell, "doctor --offline").stdout


@pytest.mark.parametrize(
    "line", ["list", "get variable 1", "explain variable 1", "lint", "bench --count 1", "env", "stores"]
)
def test_no_other_command_has_colours(shell: Shell, line: str) -> None:
    shell.secrets.append(CANARY)
    assert "\x1b" not in on_terminal(shell, line, "stdout")


@pytest.mark.parametrize(
    "line", ["list", "get variable absent", "doctor", "explain variable 1", "get --frob", "list --help"]
)
def test_a_narrow_terminal_without_a_language_is_not_a_failure(shell: Shell, line: str) -> None:
    shell.secrets.append(CANARY)
    narrow = on_pipe(shell, line, COLUMNS="20", LC_ALL="C")
    wide = on_pipe(shell, line)
    assert narrow.returncode == wide.returncode
    assert "Traceback" not in narrow.stderr
    if line == "list":
        assert narrow.stdout == wide.stdout
