"""What other processes there are."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def living(variable: str, value: str) -> int:
    """How many processes were started with this in their environment. A dead one has none."""
    wanted, count = f"{variable}={value}".encode(), 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            count += wanted in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
    return count


def dead_children() -> int:
    """How many children of ours have ended and were not waited for."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        count += state == "Z" and int(parent) == os.getpid()
    return count


def none_lives(variable: str, value: str) -> bool:
    """Whether the last of them is gone. A killed process is, once the kernel has got round to it."""
    end = time.monotonic() + 30
    while living(variable, value) and time.monotonic() < end:
        time.sleep(0.01)
    return living(variable, value) == 0


@contextmanager
def deaf_to_children() -> Iterator[None]:
    """Nobody waits for the children of this process: the kernel does away with them when they end."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def is_deaf_to_children() -> bool:
    """Whether SIGCHLD is ignored, as the kernel sees it: a handler that a library installs is unknown to Python."""
    lines = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return bool(int(lines["SigIgn"], 16) >> (signal.SIGCHLD - 1) & 1)
