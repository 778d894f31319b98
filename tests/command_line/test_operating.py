"""Every command on docs/operating.md works as written."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

from tests.command_line.shell import PROGRAM, Shell
from tests.servers.aws import clean_environment
from tests.servers.process import REPOSITORY

PAGE = REPOSITORY / "docs" / "operating.md"
CANARY = "canary-b25e07"
OFFICIAL = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]
#: Words in code spans that begin with the name of the program.
INLINE = sorted(set(re.findall(r"`(strongroom [^`]*)`", PAGE.read_text())))


@pytest.fixture
def place(shell: Shell) -> Path:
    """An Airflow home with the official class on local files, and `strongroom` on the path."""
    shell.secrets.append(CANARY)
    home = shell.home
    uri = f"smtp://u:{CANARY}@mail.example:25"
    (home / "connections.json").write_text(
        json.dumps({"smtp_default": uri, "warehouse": f"postgres://u:{CANARY}@h/db"})
    )
    (home / "variables.json").write_text(json.dumps({"region": CANARY}))
    (home / "configs.json").write_text(json.dumps({"sentry_dsn": CANARY}))
    kwargs = {f"{kind}_file_path": f"{home}/{kind}.json" for kind in ("connections", "variables", "configs")}
    (home / "airflow.cfg").write_text(f"[secrets]\nbackend = {OFFICIAL}\nbackend_kwargs = {json.dumps(kwargs)}\n")
    (home / "connection.txt").write_text(uri)
    program = home / "bin" / "strongroom"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return home


def run(shell: Shell, script: str) -> subprocess.CompletedProcess[str]:
    """Runs a block in a shell, and stops at the first command with an exit code other than 0."""
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("AIRFLOW__")}
    environment |= {"AIRFLOW_HOME": str(shell.home), "HOME": str(shell.home)}
    environment |= {"PATH": f"{shell.home / 'bin'}:{os.environ['PATH']}"}
    environment["PYTHONPATH"] = os.pathsep.join(
        str(Path(part).resolve()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part
    )
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", script],
        cwd=shell.home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    shell.search(done.stdout + done.stderr, script)
    for written in (*shell.home.glob("doctor.json"), *shell.home.glob("lint.json"), *shell.home.glob("policy.*")):
        shell.search(written.read_text(), script)
    return done


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0].replace("/", "|"))
def test_a_block_runs_as_written(shell: Shell, place: Path, block: str) -> None:
    done = run(shell, block)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout or any(place.glob("*.json"))
    assert "Traceback" not in done.stderr


def test_only_strongroom_is_called() -> None:
    command = re.compile(r"export AIRFLOW__\w+=\S+$|(AIRFLOW__\w+=\S+ )?strongroom ")
    assert not [line for line in LINES if not command.match(line)]
    assert len(BLOCKS) > 10


@pytest.mark.parametrize("command", INLINE)
def test_a_command_in_a_sentence_exists(shell: Shell, place: Path, command: str) -> None:
    assert run(shell, f"{command} --help").returncode == 0


def test_each_command_for_operators_is_on_the_page() -> None:
    words = ("env", "doctor", "explain", "lint", "list", "get", "describe", "bench", "stats", "policy", "uri")
    assert not [word for word in words if f"strongroom {word}" not in PAGE.read_text()]


def test_the_links_of_the_page_have_a_target() -> None:
    for target in re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", PAGE.read_text()):
        name, anchor = target
        path = (PAGE.parent / name) if name else PAGE
        assert path.exists(), target
        headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
        anchors = {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, target
