"""Builds a wheel twice, in two folders with nothing in common, and compares the bytes.

    python3 -m tests.tools.release.reproducible [PLATFORM]

The folders hold what is committed, and each build compiles all of it. Prints the checksums, and what differs.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from tests.tools.release.build import build, commit_time
from tests.tools.release.targets import LINUX, TARGETS
from tests.tools.venvs import REPOSITORY

#: Names of different length and depth, since a path's length alone can change what is compiled.
PLACES = ("a", "another/checkout of the same commit")


def checkout(place: Path) -> None:
    """What is committed, in a folder of its own."""
    place.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=REPOSITORY, capture_output=True, timeout=300, check=True)
    subprocess.run(["tar", "--extract"], cwd=place, input=archive.stdout, timeout=300, check=True)


def build_in(place: Path, triple: str) -> Path:
    """The wheel that is built in a folder, which brings its own place for what is compiled."""
    checkout(place)
    surroundings = {"SOURCE_DATE_EPOCH": commit_time(REPOSITORY), "CARGO_TARGET_DIR": str(place / "target")}
    with mock.patch.dict(os.environ, surroundings):
        build(TARGETS[triple], place / "wheels", place)
    (wheel,) = (place / "wheels").glob("*.whl")
    return wheel


def checksum(wheel: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def differences(one: Path, other: Path) -> Iterator[str]:
    """The files within two wheels that are not the same, or how else the wheels differ."""
    if one.name != other.name:
        yield f"the names {one.name} and {other.name}"
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        names = [*first.namelist(), *(name for name in second.namelist() if name not in first.namelist())]
        for name in names:
            if name not in first.namelist() or name not in second.namelist():
                yield f"{name}, which only one has"
            elif first.read(name) != second.read(name):
                yield name
            elif first.getinfo(name).date_time != second.getinfo(name).date_time:
                yield f"the time of {name}"


def compare(one: Path, other: Path) -> int:
    """Prints the checksums of two wheels; the answer is the exit code."""
    sums = [checksum(one), checksum(other)]
    for wheel, found in zip((one, other), sums, strict=True):
        print(f"{found}  {wheel.name}", flush=True)
    if sums[0] == sums[1]:
        print("1 passed: both builds have the same bytes")
        return 0
    different = list(differences(one, other)) or ["the way in which they are packed"]
    print("the two builds differ in:", *different, sep="\n  ")
    return 1


def main(triple: str = LINUX[0].triple) -> int:
    """The command line."""
    with tempfile.TemporaryDirectory() as scratch:
        return compare(*(build_in(Path(scratch, place), triple) for place in PLACES))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
