"""One process that reads for all others of a host: calls, its start and end, and what happens when it is away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from tests.python.process.agent import (
    ASK,
    CANARY,
    FORKS,
    Store,
    ask,
    client_of_the_only_agent,
    command,
    configured,
    environment,
    foreground,
    is_at_work,
    named,
    strongroom,
    until,
)


def test_the_first_lookup_starts_it_and_later_processes_make_no_call(folder: Path, store: Store) -> None:
    options = store.options("auto")
    begin = time.monotonic()
    assert ask(folder, options, "hello")[0] == ["world"]
    assert time.monotonic() - begin < 10
    assert len(store.calls) == 1
    until(lambda: strongroom(folder, options, "status").returncode == 0)
    for _ in range(3):
        assert ask(folder, options, "hello", "none")[0] == ["world", None]
    assert store.calls[1:] == ["airflow/variables/hello", "airflow/variables/none"]
    status = json.loads(strongroom(folder, options, "status", "--json").stdout)
    assert (status["store"], status["lookups"], status["from_memory"]) == ("aws_secrets_manager", 6, 4)
    shows_no_secret(status["pid"], folder)
    assert strongroom(folder, options, "stop").returncode == 0
    assert strongroom(folder, options, "status").returncode == 1


def test_it_resolves_references(folder: Path, store: Store) -> None:
    options = {**store.options("auto"), "references": [{"name": "shared/"}]}
    own = ["airflow/variables/refers", "shared/place"]
    assert ask(folder, options, "refers")[0] == ["world"]
    until(lambda: strongroom(folder, options, "status").returncode == 0)
    for _ in range(3):
        assert ask(folder, options, "refers")[0] == ["world"]
    assert store.calls == [*own, *own]
    failed = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(options), "broken"],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "the reference `secret_coordinate::shared/gone`: there is no secret `shared/gone`" in failed.stderr
    status = json.loads(strongroom(folder, options, "status", "--json").stdout)
    assert (status["lookups"], status["from_memory"]) == (4, 2)
    assert strongroom(folder, options, "stop").returncode == 0


def shows_no_secret(pid: int, folder: Path) -> None:
    """No part of the configuration is in the arguments, the environment or the files of an agent."""
    process = Path("/proc") / str(pid)
    arguments = (process / "cmdline").read_bytes()
    assert b"run_agent" in arguments
    assert CANARY.encode() not in arguments
    with contextlib.suppress(PermissionError):
        assert CANARY.encode() not in (process / "environ").read_bytes()
    for file in folder.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file
    assert (process / "stat").read_text().rsplit(")", 1)[1].split()[3] == str(pid), "it has a session of its own"
    limits = (process / "limits").read_text()
    assert next(line for line in limits.splitlines() if "core file" in line).split()[4] == "0"


def test_a_process_that_starts_it_has_no_child_left(folder: Path, store: Store) -> None:
    code = (
        ASK + "\nimport os\ntry:\n    print(os.waitpid(-1, os.WNOHANG))\nexcept ChildProcessError:\n    print('none')\n"
    )
    options = store.options("auto")
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(options), "hello"],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    # The pipes of this process are at their end as well, although the agent lives on.
    assert done.stdout.splitlines()[-1] == "none"
    assert time.monotonic() - begin < 10
    until(lambda: strongroom(folder, options, "stop").returncode == 0)


@pytest.mark.parametrize("variable", ["AIRFLOW_IS_K8S_EXECUTOR_POD", "SUDO_UID"])
def test_auto_starts_none_in_a_pod_or_for_another_user(folder: Path, store: Store, variable: str) -> None:
    for mode, starts in [("auto", False), ("always", True)]:
        options = store.options(mode)
        subprocess.run(
            [sys.executable, "-c", ASK, json.dumps(options), "hello"],
            env=environment(folder, **{variable: "1"}),
            timeout=20,
            check=True,
        )
        if starts:
            until(lambda options=options: strongroom(folder, options, "stop").returncode == 0)
        else:
            assert not list(folder.rglob("*.attempt"))


def test_64_processes_and_one_cold_name_make_one_call(folder: Path, store: Store) -> None:
    options = store.options(named(folder))
    with foreground(folder, options):
        done = subprocess.run(
            [sys.executable, "-c", FORKS, json.dumps(options), "64"],
            env=environment(folder),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == "0", done.stderr
        assert store.calls == ["airflow/variables/hello"]


@pytest.mark.parametrize("forks", [2_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_forks(folder: Path, store: Store, forks: int) -> None:
    options = store.options(named(folder))
    with foreground(folder, options):
        done = subprocess.run(
            [sys.executable, "-c", FORKS, json.dumps(options), str(forks)],
            env=environment(folder),
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
    assert done.stdout.strip() == "0", done.stderr
    assert len(store.calls) == 1


@pytest.mark.parametrize("clients", [300, pytest.param(10_000, marks=pytest.mark.soak)])
def test_more_clients_than_it_serves_ask_the_store(folder: Path, store: Store, clients: int) -> None:
    """It may open 256 files, and keeps 128 of them for itself. Those that are turned away do not take it for silent."""
    options = store.options(named(folder))
    own = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert own[1] > clients + 100, "this test needs that many descriptors: ulimit -n"
    resource.setrlimit(resource.RLIMIT_NOFILE, (own[1], own[1]))
    try:
        with contextlib.ExitStack() as stack, foreground(folder, options, "prlimit", "--nofile=256:256"):
            for _ in range(clients):
                stack.enter_context(socket.socket(socket.AF_UNIX)).connect(named(folder))
            assert [ask(folder, options, "hello")[0] for _ in range(3)] == [["world"]] * 3
            assert len(store.calls) == 3
            assert not list(folder.glob("*.silent"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, own)


def test_a_killed_agent_costs_a_call_and_no_lookup(folder: Path, store: Store) -> None:
    options = store.options(named(folder))
    with foreground(folder, options) as agent:
        assert ask(folder, options, "hello")[0] == ["world"]
        agent.kill()
        agent.wait()
        values, seconds = ask(folder, options, "hello", "none")
    assert values == ["world", None]
    assert seconds < 2
    assert len(store.calls) == 3


def test_a_stopped_agent_is_waited_for_once_by_all_processes(folder: Path, store: Store) -> None:
    options = store.options(named(folder))
    with foreground(folder, options) as agent:
        assert ask(folder, options, "hello")[0] == ["world"]
        os.kill(agent.pid, signal.SIGSTOP)
        values, seconds = ask(folder, options, "hello")
        (note,) = folder.glob("*.silent")
        noted = note.stat().st_mtime
        # A process that found the silence for itself would write the note again.
        later = [ask(folder, options, "hello")[0] for _ in range(100) if time.time() < noted + 4]
        assert note.stat().st_mtime == noted
        os.kill(agent.pid, signal.SIGCONT)
    assert [values, *later] == [["world"]] * (1 + len(later))
    assert seconds >= 0.25
    assert later


def listening(stack: contextlib.ExitStack, place: Path, kind: int = socket.SOCK_STREAM) -> Path:
    """Another program's socket at ``place``."""
    listener = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
    listener.bind(str(place))
    if kind == socket.SOCK_STREAM:
        listener.listen()
    return place


def test_what_is_no_agent_of_this_user_is_not_asked(folder: Path, store: Store) -> None:
    real, opened = folder / "real", folder / "open"
    real.mkdir(mode=0o700)
    opened.mkdir()
    opened.chmod(0o777)
    (folder / "file.sock").write_text("no socket")
    (folder / "link").symlink_to(real)
    with contextlib.ExitStack() as stack:
        listening(stack, real / "agent.sock")
        places = [
            folder / "gone" / "agent.sock",
            folder / "file.sock",
            folder / "link" / "agent.sock",
            listening(stack, opened / "agent.sock"),
            listening(stack, real / "datagrams.sock", socket.SOCK_DGRAM),
        ]
        for place in places:
            values, seconds = ask(folder, store.options(str(place)), "hello")
            assert values == ["world"], place
            assert seconds < 2, place
    assert len(store.calls) == len(places)


def test_garbage_is_no_answer(folder: Path, store: Store) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(named(folder))
    listener.listen()

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                stream, _ = listener.accept()
                stream.sendall(b"\xff" * 64)

    threading.Thread(target=serve, daemon=True).start()
    assert ask(folder, store.options(named(folder)), "hello")[0] == ["world"]
    listener.close()


def test_a_folder_that_goes_ends_it(folder: Path, store: Store) -> None:
    below = folder / "below"
    below.mkdir(mode=0o700)
    options = store.options(named(below))
    with foreground(folder, options) as agent:
        assert ask(folder, options, "hello")[0] == ["world"]
        shutil.rmtree(below)
        assert ask(folder, options, "hello")[0] == ["world"]
        assert agent.wait(timeout=20) == 0


@contextlib.contextmanager
def activated(options: dict[str, Any], place: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """systemd's own tool, which listens at ``place`` and starts the agent at the first connection."""
    variables = configured(folder, options)
    program = ["systemd-socket-activate", f"--listen={place}", *(f"--setenv={name}" for name in variables), *command()]
    with subprocess.Popen(program, env=variables, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(place.exists)
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
def test_a_socket_of_systemd_starts_it_and_outlives_it(folder: Path, store: Store) -> None:
    place = Path(named(folder))
    options = store.options(str(place))
    with activated(options, place, folder) as process:
        # It is started by the first connection, and looks up what it is asked then or later.
        until(lambda: strongroom(folder, options, "status").returncode == 0)
        status = json.loads(strongroom(folder, options, "status", "--json").stdout)
        assert status["pid"] == process.pid
        assert ask(folder, options, "hello")[0] == ["world"]
        assert ask(folder, options, "hello")[0] == ["world"]
        assert len(store.calls) == 1
        assert strongroom(folder, options, "stop").returncode == 0
        assert process.wait(timeout=20) == 0
        assert place.is_socket()


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
def test_a_socket_of_systemd_elsewhere_is_an_error_that_names_both(folder: Path, store: Store) -> None:
    other = folder / "other.sock"
    options = store.options(named(folder))
    with activated(options, other, folder) as process, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(other))
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(timeout=20) == 3
    assert str(other) in said
    assert named(folder) in said


def test_an_idle_agent_ends(folder: Path, store: Store) -> None:
    options = {**store.options("auto"), "agent_idle": "3s"}
    ask(folder, options, "hello")
    # While this client is there, it is not idle, however long the command below takes to start.
    with client_of_the_only_agent(folder):
        pid = json.loads(strongroom(folder, options, "status", "--json").stdout)["pid"]
    until(lambda: not is_at_work(pid))
    assert strongroom(folder, options, "status").returncode == 1


def test_refresh_and_clear_make_the_next_lookup_ask_the_store(folder: Path, store: Store) -> None:
    options = store.options(named(folder))
    with foreground(folder, options):
        backend = SecretsManagerBackend(**options)
        assert backend.get_variable("hello") == "world"
        assert backend.get_variable("hello") == "world"
        assert len(store.calls) == 1
        backend.refresh("hello")
        assert backend.get_variable("hello") == "world"
        assert len(store.calls) == 2
        assert strongroom(folder, options, "clear", "variable", "hello").returncode == 0
        assert ask(folder, options, "hello")[0] == ["world"]
        assert len(store.calls) == 3


def test_event_loops_ask_it_too(folder: Path, store: Store) -> None:
    options = store.options(named(folder))
    with foreground(folder, options):
        backend = SecretsManagerBackend(**options)

        async def many() -> list[str | None]:
            return await asyncio.gather(*[backend.aget_variable("hello") for _ in range(20)])

        assert asyncio.run(many()) == ["world"] * 20
        assert len(store.calls) == 1
        assert asyncio.run(many()) == ["world"] * 20
        status = json.loads(strongroom(folder, options, "status", "--json").stdout)
    assert status["lookups"] == 20


def test_an_agent_that_is_away_is_reported(folder: Path, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    backend = SecretsManagerBackend(**store.options(named(folder)))
    assert [backend.get_variable(key) for key in ["hello", "a", "b"]] == ["world", None, None]
    reported = [record.getMessage() for record in caplog.records if "agent" in record.getMessage()]
    assert len([text for text in reported if "the store is asked directly" in text]) >= 1


def test_a_wrong_word_is_refused() -> None:
    with pytest.raises(ValueError, match="neither off, auto nor always"):
        SecretsManagerBackend(agent="sometimes")
