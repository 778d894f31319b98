"""One server process: started on a free port, waited for, and ended together with its children."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"
REPOSITORY = Path(__file__).resolve().parents[2]

#: A start takes 1-2 s on an idle machine; the rest is for a busy one.
START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0


def program(name: str) -> str:
    """The path of a server program in the servers' environment."""
    default = REPOSITORY / ".cache" / "venvs" / "servers"
    path = Path(os.environ.get("STRONGROOM_SERVERS", default)) / "bin" / name
    if not path.exists():
        raise RuntimeError(f"{path} is missing: run `make servers`, or point STRONGROOM_SERVERS at that environment")
    return str(path)


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], what: str, timeout: float = START_TIMEOUT) -> None:
    """Calls ``ready`` every 50 ms; after the timeout the error says what was awaited."""
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout:.0f} s")
        time.sleep(0.05)


def ask(
    url: str,
    method: str = "GET",
    body: object = None,
    authority: Path | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """One request straight to one of our servers, past any proxy of the environment; an error status raises."""
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if authority:
        trust = ssl.create_default_context(cafile=str(authority))
        handlers.append(urllib.request.HTTPSHandler(context=trust))
    data = None if body is None else json.dumps(body).encode()
    given = {**(headers or {}), **({} if body is None else {"Content-Type": "application/json"})}
    request = urllib.request.Request(url, data, given, method=method)
    with urllib.request.build_opener(*handlers).open(request, timeout=30) as response:
        answer: bytes = response.read()
        return answer


def answers(url: str, authority: Path | None = None) -> bool:
    """Whether a GET of ``url`` succeeds."""
    try:
        ask(url, authority=authority)
    except OSError:  # refused, reset, or an error status
        return False
    return True


@contextlib.contextmanager
def running(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    ready: Callable[[], bool],
    timeout: float = START_TIMEOUT,
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server in its own session, and ends the whole session on the way out, whatever happened.

    The server gets ``environment`` and, unless that sets it, our ``PATH``; nothing else of ours.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ.get("PATH", os.defpath), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: _alive(process, log) and ready(), f"start of {Path(command[0]).name} (log: {log})", timeout)
        yield process
    finally:
        end_session(process)


def end_session(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that leads its own session, with all its children: first by SIGTERM, then by SIGKILL."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        process.send_signal(signal_number)
        for pid in _session(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        deadline = time.monotonic() + STOP_TIMEOUT
        while (process.poll() is None or _session(process.pid)) and time.monotonic() < deadline:
            time.sleep(0.02)


def _session(leader: int) -> list[int]:
    """The living processes of a session, whatever their group; empty where there is no ``/proc``."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, _group, session = stat.read_text(errors="replace").rpartition(") ")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(stat.parent.name))
    return found


def _alive(process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        tail = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{tail}")
    return True
