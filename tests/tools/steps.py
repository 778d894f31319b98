"""Runs steps one after the other: quiet, logged, timed, and with nothing left running afterwards."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.tools.venvs import CACHE, REPOSITORY

#: Lines that are shown even on success: what passed, what was left out, what needs attention, what a wheel needs.
SHOWN = re.compile(r"\b[1-9]\d* passed\b|^(left out|note): |^strongroom-\S+\.whl: |^[0-9a-f]{64}  ")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
TAIL_LINES = 200
PR_SET_CHILD_SUBREAPER = 36

#: Variables of the caller that would configure the tools or the code under test.
FOREIGN = re.compile(r"(AIRFLOW|AWS_|_AIRFLOW|PYTHONPATH$|PYTHONHOME$|VIRTUAL_ENV$|MAKE|MFLAGS$)")


@dataclass(frozen=True)
class Step:
    """A named list of commands, run one after the other, or all at once with ``together``.

    With ``leaves_nothing`` a process that outlives the step makes it fail. What the commands print goes to the
    step's log, or with ``shown`` to the caller: for commands that run steps themselves.
    """

    name: str
    commands: Sequence[Sequence[str]]
    environment: Mapping[str, str] = field(default_factory=dict)
    leaves_nothing: bool = False
    together: bool = False
    shown: bool = False
    timeout: float = 2400


class StepError(Exception):
    """A step failed."""


def run_steps(title: str, steps: Sequence[Step]) -> bool:
    """Runs the steps until one fails; prints a line for each, the log of the one that failed, and the times."""
    logs = CACHE / title
    logs.mkdir(parents=True, exist_ok=True)
    times: list[tuple[str, float]] = []
    with _signals_raise():
        _adopt_orphans()
        for number, step in enumerate(steps, 1):
            log = logs / f"{number}-{step.name.replace(' ', '-')}.log"
            print(f"{title} {number}/{len(steps)} {step.name} ...", flush=True)
            started = time.monotonic()
            problem = _run(step, log)
            times.append((step.name, time.monotonic() - started))
            if not problem:
                _show_passed(log)
            else:
                _show_failure(title, step, log, problem)
                _show_times(title, times)
                return False
    _show_times(title, times)
    return True


def _run(step: Step, log: Path) -> str | None:
    """Runs a step; returns what went wrong."""
    try:
        with log.open("wb") as output:
            place = sys.stdout.fileno() if step.shown else output.fileno()
            if step.together:
                _run_commands(step.commands, step, place)
            else:
                for command in step.commands:
                    _run_commands([command], step, place)
    except (StepError, OSError) as error:
        return str(error)
    finally:
        left = _end_descendants()
    if left and step.leaves_nothing:
        return f"left running: {', '.join(left)}"
    return None


def _run_commands(commands: Sequence[Sequence[str]], step: Step, output: int) -> None:
    """Runs commands in parallel, until all have ended or one has failed."""
    deadline = time.monotonic() + step.timeout
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            running.append(_start(command, step, output))
        while still := [process for process in running if process.poll() is None]:
            _fail_if_failed(running)
            if time.monotonic() > deadline:
                raise StepError(f"{still[0].args!r} took more than {step.timeout:.0f} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                still[0].wait(0.2)
        _fail_if_failed(running)
    finally:
        for process in running:
            _end(process)


def _start(command: Sequence[str], step: Step, output: int) -> subprocess.Popen[bytes]:
    os.write(output, f"$ {' '.join(command)}\n".encode())
    return subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**_environment(), **step.environment},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _fail_if_failed(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.returncode:
            assert isinstance(process.args, Sequence)
            raise StepError(f"{Path(str(process.args[0])).name} ended with {process.returncode}")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, [kept.get(name), "127.0.0.1,localhost"]))
    return kept


# Ending what was started


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a command that still runs. The first signal lets pytest and cargo clean up after themselves."""
    for number, grace in ((signal.SIGINT, 20), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)


def _adopt_orphans() -> None:
    """Makes orphans of our descendants our own children, so that they can be found (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_descendants() -> list[str]:
    """Gives processes that still run a moment to end, then kills them; returns their names."""
    deadline = time.monotonic() + 5
    while _descendants() and time.monotonic() < deadline:
        time.sleep(0.05)
    killed = []
    for pid, name in _descendants().items():
        killed.append(f"{name} ({pid})")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _reap()
    return killed


def _reap() -> None:
    """Collects the adopted processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _descendants() -> dict[int, str]:
    """Every living process below this one; empty where there is no ``/proc``."""
    _reap()
    children: dict[int, list[tuple[int, str]]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            before, _, after = stat.read_text(errors="replace").rpartition(") ")
            state, parent = after.split()[:2]
            number, _, name = before.partition(" (")
            if state != "Z":
                children.setdefault(int(parent), []).append((int(number), name))
    found: dict[int, str] = {}
    waiting = [os.getpid()]
    while waiting:
        for pid, name in children.get(waiting.pop(), []):
            found[pid] = name
            waiting.append(pid)
    return found


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Turns the signals that end a program into an exception, so that every ``finally`` runs."""

    def leave(number: int, _frame: FrameType | None) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)  # cleaning up is not interrupted
        raise SystemExit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# What is shown


def _show_passed(log: Path) -> None:
    """The runners' own closing lines, and what they left out."""
    for line in log.read_text(errors="replace").splitlines():
        if SHOWN.search(line) and not line.startswith("$ "):
            print(ANSI.sub("", line), flush=True)


def _show_failure(title: str, step: Step, log: Path, problem: str) -> None:
    lines = log.read_text(errors="replace").splitlines()
    print("\n".join(lines[-TAIL_LINES:]))
    print(f"\n{title}: {step.name} failed: {problem}\nthe whole log: {log.relative_to(REPOSITORY)}", flush=True)


def _show_times(title: str, times: Sequence[tuple[str, float]]) -> None:
    width = max(len(name) for name, _ in times)
    print(f"\nseconds per step of {title}")
    for name, seconds in [*times, ("total", sum(seconds for _, seconds in times))]:
        print(f"  {name:{width}}  {seconds:7.1f}")
    print(flush=True)
