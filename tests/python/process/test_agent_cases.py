"""What may go wrong around an agent: disks, users, versions, signals, and processes that want to end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import strongroom as package
from tests.python.process.agent import (
    ASK,
    CANARY,
    Store,
    ask,
    configured,
    environment,
    foreground,
    named,
    run,
    strongroom,
    until,
)

#: Whom a system knows as "nobody", and a Python that this user may run.
NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/usr/bin/python3", "-c"]

IS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")

#: Looks up some keys, and prints what came, how long it took and what was logged.
TELL = """
import json, logging, sys, time
records = []
handler = logging.Handler()
handler.emit = lambda record: records.append(record.getMessage())
logging.getLogger().addHandler(handler)
from strongroom.aws import SecretsManagerBackend
backend = SecretsManagerBackend(**json.loads(sys.argv[1]))
begin = time.monotonic()
values = [backend.get_variable(key) for key in sys.argv[2:]]
print(json.dumps([values, time.monotonic() - begin, records]))
"""

#: A small disk, full of files or of bytes, with a mount namespace of its own.
FULL = """
import os, subprocess, sys
def fill(folder, what):
    number = 0
    try:
        while True:
            with open(f"{folder}/filling{number}", "wb", buffering=0) as file:
                while what == "bytes":
                    file.write(bytes(4096))
            number += 1
    except OSError:
        pass
folder, before, what = sys.argv[1:4]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=40,mode=700", "none", folder], check=True)
if before:
    subprocess.run([sys.executable, "-c", before, *sys.argv[5:]], check=True, stdout=subprocess.DEVNULL)
fill(folder, what)
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[4:]])
"""

#: Makes the folder and the key of the user, and starts no agent.
MAKE_KEY = "import os\nos.environ['SUDO_UID'] = '1'\n" + ASK


def on_full_disk(folder: Path, what: str, options: dict[str, Any], *keys: str, before: str = "") -> Any:
    """What ``TELL`` prints where the disk of the agent's folder is full of ``what``."""
    through = ("unshare", "--user", "--map-root-user", "--mount")
    return run(folder, FULL, str(folder), before, what, TELL, json.dumps(options), *keys, through=through)


@pytest.mark.parametrize(
    ("what", "before", "why"),
    [
        ("files", "", "strongroom-0 cannot be used for the agent"),
        ("bytes", "", "key cannot be used for the agent"),
        ("files", MAKE_KEY, "sock.attempt cannot be written"),
    ],
    ids=["folder", "key", "attempt"],
)
def test_a_full_disk_starts_no_agent_and_costs_no_lookup(
    folder: Path, store: Store, what: str, before: str, why: str
) -> None:
    values, seconds, said = on_full_disk(folder, what, store.options("auto"), "hello", "none", before=before)
    assert values == ["world", None]
    assert seconds < 5
    assert len([text for text in said if why in text and "No space left on device" in text]) == 1, said


SILENT = """
import os, socket, sys
folder = sys.argv[1]
listener = socket.socket(socket.AF_UNIX)
listener.bind(folder + "/agent.sock")
listener.listen()
if os.fork() == 0:
    os.close(1), os.close(2)
    import signal
    signal.alarm(30)
    signal.pause()
"""


def test_a_silent_agent_costs_its_quarter_of_a_second_once_where_no_note_can_be_left(
    folder: Path, store: Store
) -> None:
    before = SILENT.replace("sys.argv[1]", repr(str(folder)))
    keys = [f"name{number}" for number in range(8)]
    values, seconds, said = on_full_disk(folder, "files", store.options(named(folder)), *keys, before=before)
    assert values == [None] * 8
    assert 0.25 <= seconds < 0.25 * 6
    assert [text for text in said if "the store is asked directly" in text]


def test_an_agent_on_a_full_disk_ends_and_says_where(folder: Path, store: Store) -> None:
    options = store.options(named(folder))
    script = "import os, sys\nos.execv(sys.executable, [sys.executable, '-m', 'strongroom', 'agent'])"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", FULL, folder, "", "files", script],
        env={**configured(folder, options), "AIRFLOW_HOME": "/"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert f"cannot listen at {named(folder)}" in done.stderr
    assert "No space left on device" in done.stderr


@pytest.fixture
def common() -> Iterator[Path]:
    """A folder for temporary files that all users share."""
    folder = Path(tempfile.mkdtemp(prefix="c"))
    folder.chmod(0o1777)
    yield folder
    shutil.rmtree(folder)


def frame(message: bytes) -> bytes:
    return len(message).to_bytes(4, "little") + message


def text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


#: What a client of this version says first, and the lookup of the variable `hello`.
HELLO = frame(text(f"1 {package.__version__}"))
LOOKUP = frame(b"\0\1" + text("hello") + b"\0\0")

#: Connects to sockets and reads what a user may read of folders and a process.
SPY = f"""
import os, pathlib, socket, sys
found = [b""]
def look(path):
    try:
        found.append(os.fsencode(str(path)))
        found.append(os.fsencode(os.readlink(path)))
    except OSError:
        pass
    try:
        if path.is_socket():
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(str(path))
                found.append(b"connected")
                client.sendall({HELLO!r} + {LOOKUP!r})
                found.append(client.recv(65536))
        else:
            found.append(path.read_bytes())
    except OSError:
        pass
folder, pid = map(pathlib.Path, sys.argv[1:])
for path in [*folder.rglob("*"), *(pathlib.Path("/proc") / pid).rglob("*")]:
    look(path)
sys.stdout.buffer.write(b"\\n".join(found))
"""


def spied(common: Path, pid: int) -> bytes:
    """Everything that nobody gets of an agent and its folders."""
    command = [*AS_NOBODY, SPY, str(common), str(pid)]
    return subprocess.run(command, capture_output=True, timeout=120, check=True).stdout


@IS_ROOT
def test_another_user_reads_and_asks_nothing(common: Path, store: Store) -> None:
    store.value = f"{CANARY}-value"
    options = store.options("auto")
    assert ask(common, options, "hello")[0] == [store.value]
    until(lambda: strongroom(common, options, "status").returncode == 0)
    pid = json.loads(strongroom(common, options, "status", "--json").stdout)["pid"]
    assert ask(common, options, "hello")[0] == [store.value]
    found = spied(common, pid)
    assert b"run_agent" in found, "it has read what everybody may read of a process"
    assert f"strongroom-{os.geteuid()}".encode() in found
    assert b"connected" not in found
    # The kernel lists the paths of all sockets; that of an agent says nothing.
    assert (common / f"strongroom-{os.geteuid()}" / "key").read_bytes() not in found
    assert CANARY.encode() not in found
    assert strongroom(common, options, "stop").returncode == 0


@IS_ROOT
def test_another_user_gets_no_word_of_a_socket_that_was_opened_to_all(common: Path, store: Store) -> None:
    store.value = f"{CANARY}-value"
    opened = common / "opened"
    opened.mkdir()
    options = store.options(named(opened))
    with foreground(common, options) as agent:
        Path(named(opened)).chmod(0o666)
        assert ask(common, options, "hello")[0] == [store.value]
        found = spied(common, agent.pid)
        assert b"connected" in found
        assert CANARY.encode() not in found
        assert ask(common, options, "hello")[0] == [store.value]
    assert len(store.calls) == 1


PLANT = {
    "folder": "import os, sys\nos.mkdir(sys.argv[1])\nos.chmod(sys.argv[1], 0o777)",
    "private folder": "import os, sys\nos.mkdir(sys.argv[1], 0o700)",
    "symbolic link": "import os, sys\nos.mkdir(sys.argv[1] + '.own')\nos.symlink(sys.argv[1] + '.own', sys.argv[1])",
    "file": "import sys\nopen(sys.argv[1], 'w')",
    "socket": "import socket, sys\nsocket.socket(socket.AF_UNIX).bind(sys.argv[1])",
}


@IS_ROOT
@pytest.mark.parametrize("what", PLANT)
def test_what_another_user_has_planted_is_not_used(common: Path, store: Store, what: str) -> None:
    place = common / f"strongroom-{os.geteuid()}"
    subprocess.run([*AS_NOBODY, PLANT[what], place], timeout=60, check=True)
    values, seconds, said = run(common, TELL, json.dumps(store.options("auto")), "hello", "hello")
    assert values == ["world", "world"]
    assert seconds < 2
    why = f"{place} is not a folder of this user (uid {os.geteuid()}) that is closed to all others"
    assert len([entry for entry in said if why in entry]) == 1
    mine = [path for path in common.rglob("*") if path.lstat().st_uid == os.geteuid()]
    assert mine == []


@IS_ROOT
def test_a_named_socket_of_another_user_is_not_asked(common: Path, store: Store) -> None:
    listens = (
        "import os, socket, sys, time\nos.mkdir(sys.argv[1], 0o755)\nsocket_ = socket.socket(socket.AF_UNIX)\n"
        "socket_.bind(sys.argv[1] + '/agent.sock')\nsocket_.listen()\nos.chmod(sys.argv[1] + '/agent.sock', 0o666)\n"
        "print(flush=True)\nsocket_.accept()[0].sendall(b'ghost')"
    )
    own = common / "own"
    with subprocess.Popen([*AS_NOBODY, listens, own], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            values, seconds, _ = run(common, TELL, json.dumps(store.options(named(own))), "hello")
            assert process.poll() is None, "a client has come"
        finally:
            process.kill()
    assert values == ["world"]
    assert seconds < 2


def test_a_symbolic_link_to_a_socket_is_not_asked(folder: Path, store: Store) -> None:
    link = folder / "link.sock"
    link.symlink_to(named(folder))
    with foreground(folder, store.options(named(folder))):
        assert ask(folder, store.options(str(link)), "hello")[0] == ["world"]
        assert ask(folder, store.options(str(link)), "hello")[0] == ["world"]
    assert len(store.calls) == 2


def test_an_agent_does_not_listen_where_no_client_would_ask_it(folder: Path, store: Store) -> None:
    """A folder that others may write to, and one behind a link."""
    opened, link = folder / "opened", folder / "link"
    opened.mkdir()
    opened.chmod(0o1777)
    real = folder / "real"
    real.mkdir(mode=0o700)
    link.symlink_to(real)
    for place in (opened, link):
        done = strongroom(folder, store.options(named(place)))
        assert done.returncode == 3
        assert f"{place} is not a folder that only this user or root can write to" in done.stderr
        assert not list(place.iterdir())


def test_a_client_of_another_version_is_told_so_and_the_others_do_not_notice(folder: Path, store: Store) -> None:
    options = store.options(named(folder))
    with foreground(folder, options), socket.socket(socket.AF_UNIX) as client:
        client.connect(named(folder))
        client.sendall(frame(text("1 0.0.9")) + LOOKUP)
        client.settimeout(5)
        said = client.recv(4096)
        assert b"this agent is of another version" in said
        assert client.recv(4096) == b""
        assert store.calls == []
        assert ask(folder, options, "hello")[0] == ["world"]


def test_an_agent_of_another_version_is_not_taken_for_silent(folder: Path, store: Store) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(named(folder))
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-c", TELL, json.dumps(store.options(named(folder))), "hello"],
            env=environment(folder),
            stdout=subprocess.PIPE,
        )
        listener.settimeout(30)
        with listener.accept()[0] as client:
            assert client.recv(4096).startswith(HELLO)
            client.sendall(frame(b"\4" + text("this agent is of another version")))
            told = process.communicate(timeout=60)[0]
    values, _, said = json.loads(told)
    assert values == ["world"]
    assert [entry for entry in said if "the store is asked directly" in entry]
    assert not list(folder.glob("*.silent"))


#: 64 processes that look up every 20 ms, each time through the agent; prints those that failed and the longest lookup.
CLIENTS = """
import json, os, signal, sys, time
from strongroom.aws import SecretsManagerBackend
backend = SecretsManagerBackend(**json.loads(sys.argv[1]))
agent, lasts, before = int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
read, write = os.pipe()
end = time.monotonic() + lasts
for number in range(64):
    if os.fork() == 0:
        lost, longest, count = 0, 0.0, 0
        while time.monotonic() < end:
            begin = time.monotonic()
            try:
                lost += backend.get_variable("hello") != "world"
            except BaseException:
                lost += 1
            longest = max(longest, time.monotonic() - begin)
            count += 1
            time.sleep(0.02)
        os.write(write, json.dumps([lost, longest, count]).encode() + b"\\n")
        os._exit(0)
os.close(write)
time.sleep(before)
os.kill(agent, signal.SIGKILL)
results = [json.loads(line) for line in open(read)]
print(json.dumps([len(results), sum(result[0] for result in results), max(result[1] for result in results)]))
"""


def test_64_clients_at_the_kill_lose_no_lookup(folder: Path, store: Store) -> None:
    options = {**store.options(named(folder)), "cache_ttl": "100ms"}
    with foreground(folder, options) as agent:
        ended, lost, longest = run(folder, CLIENTS, json.dumps(options), str(agent.pid), "4", "1.5")
    assert (ended, lost) == (64, 0)
    # A lookup at that moment waits for the silence, and then for the store, which 64 processes ask at once.
    assert longest < 5


#: Each looks up in a process of its own, as Airflow does it; prints the value, and how long that process needed to end.
STARTERS = {
    "task": """
import json, os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[2] + "\\nprint(time.monotonic())", sys.argv[1], "hello"],
    stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, start_new_session=True, text=True)
told = child.communicate()[0].split()
ended = time.monotonic()
try:
    os.killpg(child.pid, 0)
    group = "the group lives"
except ProcessLookupError:
    group = "the group is gone"
value, done = json.loads(" ".join(told[:-1]))[0][0], float(told[-1])
""",
    "parse child": """
import json, os, sys, time
from strongroom.aws import SecretsManagerBackend
backend = SecretsManagerBackend(**json.loads(sys.argv[1]))
read, write = os.pipe()
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    value = backend.get_variable("hello")
    os.write(write, json.dumps([value, time.monotonic()]).encode())
    os._exit(0)
os.close(write)
value, done = json.loads(open(read).read())
os.waitpid(child, 0)
ended = time.monotonic()
try:
    os.killpg(child, 0)
    group = "the group lives"
except ProcessLookupError:
    group = "the group is gone"
""",
    "pool child": """
import json, multiprocessing, os, sys, time
from strongroom.aws import SecretsManagerBackend
def work(options):
    return SecretsManagerBackend(**json.loads(options)).get_variable("hello")
pool = multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1)
value = pool.apply(work, [sys.argv[1]])
done = time.monotonic()
pool.close()
pool.join()
ended = time.monotonic()
group = "the group is gone"
""",
}

REPORT = """
try:
    left = str(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    left = "none"
print(json.dumps([value, ended - done, left, group]))
"""


@pytest.mark.parametrize("starter", STARTERS)
def test_a_process_that_has_started_it_ends_soon_and_leaves_no_zombie(folder: Path, store: Store, starter: str) -> None:
    options = store.options("auto")
    value, seconds, left, group = run(folder, STARTERS[starter] + REPORT, json.dumps(options), ASK)
    assert (value, left, group) == ("world", "none", "the group is gone")
    assert seconds < 2
    until(lambda: strongroom(folder, options, "status").returncode == 0)
    pid = json.loads(strongroom(folder, options, "status", "--json").stdout)["pid"]
    assert Path(f"/proc/{pid}").exists(), "it lives on"
    assert strongroom(folder, options, "stop").returncode == 0


def test_the_files_of_an_agent_are_closed_to_others(folder: Path, store: Store) -> None:
    options = store.options("auto")
    ask(folder, options, "hello")
    until(lambda: strongroom(folder, options, "status").returncode == 0)
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}
    assert {path.suffix for path in modes} >= {".sock", ".lock", ".attempt"}
    assert [path for path, mode in modes.items() if mode & 0o077] == []
    with contextlib.suppress(AssertionError):
        strongroom(folder, options, "stop")
