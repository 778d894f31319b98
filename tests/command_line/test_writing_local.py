"""Files that are written: what stays as it is, who may read it, and what a failed write leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, PROGRAM, STORE, Shell

CANARY = "canary-5be0d3"
FILES = {
    "env": ("# kept\nregion=eu\n\nother=1 # kept\n", "# kept\nregion=us\n\nother=1 # kept\nnew=x\n"),
    "json": (
        '{\n  "region": "eu",\n  "other": {"a": [1, 2.50]}\n}\n',
        '{\n  "region": "us",\n  "other": {"a": [1, 2.50]},\n  "new": "x"\n}\n',
    ),
    "yaml": (
        "# kept\nregion: eu  # kept\n\nother: {a: [1, 2]}\n# end\n",
        '# kept\nregion: "us"  # kept\n\nother: {a: [1, 2]}\n# end\nnew: "x"\n',
    ),
}


def backend(shell: Shell, name: str, content: str | None = None) -> Path:
    """A backend on one file with variables."""
    shell.secrets.append(CANARY)
    path = shell.home / name
    if content is not None:
        path.write_text(content)
    shell.backend("local", variables_file_path=str(path), connections_file_path=str(path))
    return path


@pytest.mark.parametrize("extension", FILES)
def test_comments_and_order_are_kept(shell: Shell, extension: str) -> None:
    before, after = FILES[extension]
    path = backend(shell, f"v.{extension}", before)
    path.chmod(0o644)
    for secret_id, value in (("region", "us"), ("new", "x")):
        assert shell.run("set", "variable", secret_id, "--yes", stdin=value).code == DONE
    assert path.read_text() == after
    assert path.stat().st_mode & 0o777 == 0o600
    assert shell.run("delete", "variable", "new", "--yes").code == DONE
    assert path.read_text() == after.replace('new: "x"\n', "").replace(',\n  "new": "x"', "").replace("new=x\n", "")
    assert [each.name for each in shell.home.iterdir()] == [path.name]


@pytest.mark.parametrize("extension", FILES)
def test_a_file_that_is_not_there_is_made(shell: Shell, extension: str) -> None:
    path = backend(shell, f"v.{extension}")
    assert shell.run("set", "connection", "db", stdin=f"pg://u:{CANARY}@h").code == DONE
    assert path.stat().st_mode & 0o777 == 0o600
    assert shell.run("reveal", "connection", "db").out == f"pg://u:{CANARY}@h\n"
    assert shell.run("delete", "connection", "db", "--yes").code == DONE
    assert shell.run("list").code == DONE


def test_a_link_stays_one(shell: Shell) -> None:
    path = backend(shell, "v.json", "{}")
    path.rename(shell.home / "real.json")
    path.symlink_to("real.json")
    assert shell.run("set", "variable", "a", stdin="1").code == DONE
    assert path.is_symlink()
    assert json.loads((shell.home / "real.json").read_text()) == {"a": "1"}


@pytest.mark.parametrize(
    ("name", "content", "secret_id", "value"),
    [
        ("v.env", "a=1\n", "b", f"two\n{CANARY}"),
        ("v.env", "a=1\n", "#b", CANARY),
        ("v.yaml", f"a: &x {CANARY}\nb: *x\n", "a", "1"),
        ("v.yaml", f"{{a: {CANARY}}}\n", "a", "1"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(
    shell: Shell, name: str, content: str, secret_id: str, value: str
) -> None:
    path = backend(shell, name, content)
    run = shell.run("set", "variable", secret_id, "--yes", "--json", stdin=value)
    assert (run.code, run.json["error"]["kind"]) == (CONFIGURATION, "unsupported")
    assert path.read_text() == content


@pytest.mark.parametrize("content", [f"{{{CANARY}", "[1]", "\udcff"])
def test_a_broken_file_is_left_alone(shell: Shell, content: str) -> None:
    path = backend(shell, "v.json", "")
    path.write_bytes(content.encode(errors="surrogateescape"))
    assert shell.run("set", "variable", "a", "--yes", stdin="1").code == STORE
    assert path.read_bytes() == content.encode(errors="surrogateescape")


def test_json_is_no_line_of_a_file_of_uris(shell: Shell) -> None:
    path = backend(shell, "c.env", "a=http://h\n")
    fields = json.dumps({"conn_type": "http", "password": CANARY})
    run = shell.run("set", "connection", "b", stdin=fields)
    assert run.code == CONFIGURATION
    assert "--format uri" in run.err
    assert shell.run("set", "connection", "b", "--format", "uri", stdin=fields).code == DONE
    assert path.read_text() == f"a=http://h\nb=http://:{CANARY}@\n"


def test_astros_settings_are_only_read(shell: Shell) -> None:
    path = shell.home / "airflow_settings.yaml"
    path.write_text("airflow:\n  variables:\n  - {variable_name: a, variable_value: b}\n")
    shell.backend("local", settings_file_path=str(path))
    run = shell.run("set", "variable", "a", "--yes", stdin="1")
    assert run.code == CONFIGURATION
    assert "variables_file_path" in run.err


def test_a_disk_that_is_full_leaves_the_file_as_it_was(shell: Shell) -> None:
    content = json.dumps({"a": "x" * 20_000})
    path = backend(shell, "v.json", content)
    limited = 'ulimit -f 16; exec "$@"'
    run = subprocess.run(
        ["bash", "-c", limited, "bash", *PROGRAM, "set", "variable", "b", "--json"],
        env=environment(shell),
        input=CANARY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == STORE, run.stdout + run.stderr
    assert "does not fit" in run.stdout
    assert path.read_text() == content
    assert [each.name for each in shell.home.iterdir()] == [path.name]


#: A small file system in a name space of its own, that is full or only read.
MOUNTED = """
set -e
mount -t tmpfs -o size=32k none "$FOLDER"
printf '{"a": "1"}' > "$FOLDER/v.json"
[ "$HOW" = full ] && head -c 24000 /dev/zero > "$FOLDER/filler"
[ "$HOW" = read-only ] && mount -o remount,ro "$FOLDER"
printf %s "$VALUE" | "$@" || echo "code $?"
cat "$FOLDER/v.json"
"""


@pytest.mark.parametrize(("how", "why"), [("full", "does not fit"), ("read-only", "may not be replaced")])
def test_a_file_system_that_refuses_leaves_the_file_as_it_was(shell: Shell, how: str, why: str) -> None:
    folder = shell.home / "mounted"
    folder.mkdir()
    shell.backend("local", variables_file_path=str(folder / "v.json"))
    run = subprocess.run(
        ["unshare", "-mUr", "bash", "-c", MOUNTED, "bash", *PROGRAM, "set", "variable", "b"],
        env={**environment(shell), "FOLDER": str(folder), "HOW": how, "VALUE": CANARY * 2000},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stdout == 'code 4\n{"a": "1"}', run.stdout + run.stderr
    assert why in run.stderr
    assert CANARY not in run.stderr


def environment(shell: Shell) -> dict[str, str]:
    """What a command of the shell sees."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "AIRFLOW_HOME": str(shell.home), "HOME": str(shell.home), **shell.variables}


def test_a_value_comes_from_a_file_descriptor(shell: Shell) -> None:
    backend(shell, "v.json", "{}")
    reading, writing = os.pipe()
    os.write(writing, f"{CANARY}\n".encode())
    os.close(writing)
    run = subprocess.run(
        [*PROGRAM, "set", "variable", "a", "--fd", str(reading), "--exact"],
        env=environment(shell),
        pass_fds=[reading],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(reading)
    assert run.returncode == DONE, run.stderr
    assert shell.run("reveal", "variable", "a").out == f"{CANARY}\n\n"


#: Types what a person types, and shows what the terminal shows.
TYPING = """
import os, pty, sys
lines, command = sys.argv[1].split("|"), sys.argv[2:]
child, terminal = pty.fork()
if not child:
    os.execvp(command[0], command)
shown = b""
for line in lines:
    while not shown.rstrip().endswith((b":", b"[y/N]")):
        shown += os.read(terminal, 1024)
    print(shown.decode(), end="")
    shown = b""
    os.write(terminal, line.encode())
try:
    while more := os.read(terminal, 1024):
        print(more.decode(), end="")
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def typed(shell: Shell, lines: str, *arguments: str) -> tuple[int, str]:
    """A command at a terminal at which these lines are typed."""
    run = subprocess.run(
        [sys.executable, "-c", TYPING, lines, *PROGRAM, *arguments],
        env=environment(shell),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


def test_what_is_typed_is_not_shown(shell: Shell) -> None:
    path = backend(shell, "v.json", "{}")
    code, shown = typed(shell, f"{CANARY}\n|{CANARY}\n", "set", "variable", "a")
    assert (code, CANARY in shown) == (DONE, False), shown
    assert json.loads(path.read_text()) == {"a": CANARY}
    code, shown = typed(shell, f"{CANARY}\n|{CANARY}x\n", "set", "variable", "b")
    assert (code, CANARY in shown) == (STORE, False), shown
    code, shown = typed(shell, f"{CANARY}\x03", "set", "variable", "b")
    assert (code, CANARY in shown) == (CONFIGURATION, False), shown
    code, shown = typed(shell, "n\n", "delete", "variable", "a")
    assert (code, "Nothing was changed" in shown) == (1, True), shown
    assert json.loads(path.read_text()) == {"a": CANARY}
    code, shown = typed(shell, "y\n", "delete", "variable", "a")
    assert code == DONE, shown
    assert json.loads(path.read_text()) == {}
