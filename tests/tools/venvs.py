"""The pinned Python environments in ``.cache/venvs``.

    python3 -m tests.tools.venvs tools servers      # creates them if needed
    python3 -m tests.tools.venvs --wheel tools      # the same, with the wheel of the tests
    python3 -m tests.tools.venvs --release bench    # the same, with the release wheel, from dist/

An environment is made from ``tests/requirements/NAME.txt`` alone, and again when that list or the interpreter
changes. Its stamp is written last, so a half-built one is never used. ``empty`` has no list.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.tools.lock import ALONE

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache"
VENVS = CACHE / "venvs"
REQUIREMENTS = REPOSITORY / "tests" / "requirements"
#: The folders of the wheels: of a release, and of the tests, which is built in a fraction of the time.
DIST = REPOSITORY / "dist"
TEST_DIST = CACHE / "wheel"


def folder(name: str) -> Path:
    """Where an environment is."""
    return VENVS / name


def program(name: str, script: str = "python") -> str:
    """A program of an environment."""
    return str(folder(name) / "bin" / script)


def ensure(name: str) -> None:
    """Makes the environment if it is missing, half-built or out of date."""
    with _locked(name):
        stamp = folder(name) / ".ready"
        wanted = _fingerprint(name)
        if not (stamp.exists() and stamp.read_text() == wanted):
            started = time.monotonic()
            print(f"making the environment {name} ...", flush=True)
            _build(name)
            stamp.write_text(wanted)
            print(f"made the environment {name} in {time.monotonic() - started:.0f} s", flush=True)


def install_wheel(name: str, place: Path) -> None:
    """Installs the wheel of a folder into an environment, from the file alone, unless it is already there."""
    with _locked(name):
        wheel = built_wheel(place)
        stamp = folder(name) / ".wheel"
        wanted = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if not (stamp.exists() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            _pip(name, "--no-index", "--force-reinstall", str(wheel))  # fails if it needs another package
            stamp.write_text(wanted)


def built_wheel(place: Path) -> Path:
    """The one wheel in a folder."""
    wheels = list(place.glob("strongroom-*.whl"))
    if len(wheels) != 1:
        target = "wheel" if place == DIST else "test-wheel"
        raise SystemExit(f"{place} holds {len(wheels)} wheels of strongroom, not one: run `make {target}`")
    return wheels[0]


def _build(name: str) -> None:
    shutil.rmtree(folder(name), ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder(name))], check=True, timeout=300)
    if _list(name).exists():
        # The list is complete: with --no-deps nothing outside it is installed, and `check` proves that it is complete.
        _pip(name, "--no-deps", "--requirement", str(_list(name)))
        if ALONE in _list(name).read_text():
            return  # incomplete on purpose
        subprocess.run([program(name), "-m", "pip", "--quiet", "check"], check=True, timeout=300)


def _pip(name: str, *arguments: str) -> None:
    command = [program(name), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, timeout=1800, stdin=subprocess.DEVNULL)


def _list(name: str) -> Path:
    return REQUIREMENTS / f"{name}.txt"


def _fingerprint(name: str) -> str:
    """Changes with the list, the interpreter and the place: an environment contains its own path."""
    content = _list(name).read_bytes() if _list(name).exists() else b""
    parts = [content, sys.version.encode(), os.fsencode(os.path.realpath(sys.executable)), os.fsencode(folder(name))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Keeps two runs from building the same environment at once."""
    VENVS.mkdir(parents=True, exist_ok=True)
    with (VENVS / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


#: The wheel for each option.
WHEELS = {"--wheel": TEST_DIST, "--release": DIST}


def main(arguments: list[str]) -> None:
    """The command line."""
    places = [WHEELS[argument] for argument in arguments if argument in WHEELS]
    for name in arguments:
        if name not in WHEELS:
            ensure(name)
            for place in places:
                install_wheel(name, place)


if __name__ == "__main__":
    main(sys.argv[1:])
