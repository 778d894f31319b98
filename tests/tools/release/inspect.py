"""Checks every wheel in a folder, and the sdist if it is there: a line for each with what it needs.

    .cache/venvs/release/bin/python -m tests.tools.release.inspect dist/wheels

The symbols that the module asks for, `auditwheel` (for glibc), `abi3audit`, `twine check --strict`, whether an
installer for the platform takes it (`uv pip install --dry-run`), and that no path of the machine and no time is in it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.tools.release import native
from tests.tools.release.sbom import NAME
from tests.tools.release.targets import LINUX, Target, of_wheel

BIN = Path(sys.executable).parent
#: How paths begin that are of the machine that built it: homes, and the folders of checkouts and builders.
LOCAL = re.compile(rb"/(?:root|home|Users|work|workspace|builds|tmp|github)/[\w.-]+/[\w./-]*|[A-Z]:\\\\Users")
#: Paths that the operating systems themselves have, or that are part of what the product says or looks for.
KNOWN = re.compile(rb"/home/linuxbrew/|/tmp/[a-z]+\.sock")
TIMES = re.compile(rb'"timestamp"')
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def local_paths(wheel: Path) -> Iterator[str]:
    """Places with a path of the building machine, and parts of the list that change from build to build."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            contents = archive.read(name)
            for match in LOCAL.finditer(contents):
                if not KNOWN.match(match[0]):
                    yield f"{name} holds the path {match[0].decode()}"
            if name.endswith(f"/{NAME}"):
                yield from (f"{name} holds a {found.decode()}" for found in TIMES.findall(contents))


def parts(wheel: Path) -> Iterator[str]:
    """Whether the wheel has the list of its parts, and which it has."""
    with zipfile.ZipFile(wheel) as archive:
        found = [name for name in archive.namelist() if name.endswith(f"/sboms/{NAME}")]
        if len(found) != 1:
            yield f"has {len(found)} lists of its parts, not one"
        elif not json.loads(archive.read(found[0]))["components"]:
            yield "has an empty list of parts"


def module(wheel: Path, target: Target) -> tuple[str, list[str]]:
    """What the compiled module needs, and what is wrong with that."""
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".so")]
        found = native.read(Path(archive.extract(name, scratch)))
    floor = f"glibc {found.newest}" if found.newest else "no symbol of glibc"
    return f"{floor}; {', '.join(sorted(found.libraries))}", native.faults(found, target)


def tools(wheel: Path, target: Target) -> Iterator[str]:
    """What the tools of others have against it."""
    yield from failed([str(BIN / "twine"), "check", "--strict", str(wheel)])
    yield from failed([str(BIN / "abi3audit"), "--strict", str(wheel)])
    # A wheel for musl names `libc.so`, which musl's loader takes for itself. On a system with glibc auditwheel takes it
    # for glibc's file of that name, or for a library to be bundled, so `native` alone judges such wheels.
    if target in LINUX and not target.is_musl:
        shown = subprocess.run(
            [str(BIN / "auditwheel"), "show", str(wheel)], capture_output=True, text=True, timeout=300
        )
        # It names the tag within a sentence whose lines it breaks.
        if f'"{target.tag}"' not in " ".join(shown.stdout.split()):
            yield f"auditwheel does not find it to be {target.tag}: {shown.stdout}{shown.stderr}"
    for python in PYTHONS:
        yield from failed(installation(wheel, target, python))


def installation(wheel: Path, target: Target, python: str) -> list[str]:
    """The command that installs it on a platform, as far as choosing."""
    uv = [str(BIN / "uv"), "pip", "install", "--dry-run", "--quiet", "--no-deps", "--offline", "--only-binary", ":all:"]
    return [*uv, "--python-platform", target.uv, "--python-version", python, "--target", "/nowhere", str(wheel)]


def failed(command: list[str]) -> Iterator[str]:
    """What a command said, if it did not end well."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        yield f"{Path(command[0]).name} {command[1]}: {done.stdout}{done.stderr}".strip()


def inspect(wheel: Path) -> list[str]:
    """Prints what a wheel needs; the answer is what is wrong with it."""
    target = of_wheel(wheel.name)
    found = [*local_paths(wheel), *parts(wheel), *tools(wheel, target)]
    needs = "a Mac"
    if target in LINUX:
        needs, faults = module(wheel, target)
        found += faults
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB, needs {needs}: {'; '.join(found) or 'good'}", flush=True)
    return found


def main(folder: str) -> int:
    """The command line."""
    wheels = sorted(Path(folder).glob("*.whl"))
    if not wheels:
        raise SystemExit(f"{folder} holds no wheel: run `make wheels`")
    problems = [fault for wheel in wheels for fault in inspect(wheel)]
    for source in Path(folder).glob("*.tar.gz"):
        problems += failed([str(BIN / "twine"), "check", "--strict", str(source)])
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
