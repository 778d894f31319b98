"""What other processes are running."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def living(variable: str, value: str) -> int:
    """The number of living processes that were started with this variable. A dead process has no environment."""
    wanted, count = f"{variable}={value}".encode(), 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            count += wanted in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
    return count


def dead_children() -> int:
    """The number of our children that have ended and were not waited for."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        count += state == "Z" and int(parent) == os.getpid()
    return count


def none_lives(variable: str, value: str) -> bool:
    """Whether the last of them has ended. A killed process stays for a moment, until the kernel has removed it."""
    end = time.monotonic() + 30
    while living(variable, value) and time.monotonic() < end:
        time.sleep(0.01)
    return living(variable, value) == 0


@contextmanager
def ignoring_sigchld() -> Iterator[None]:
    """Ignores SIGCHLD: the kernel removes the children of this process when they end, and waiting for them fails."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def ignores_sigchld() -> bool:
    """Whether SIGCHLD is ignored according to the kernel: Python does not know a handler that a library installs."""
    lines = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return bool(int(lines["SigIgn"], 16) >> (signal.SIGCHLD - 1) & 1)
