"""Turns every ``tests/requirements/*.in`` into the fully pinned ``*.txt`` next to it.

    python3 -m tests.tools.lock python3.11 python3.12 python3.13

The oldest interpreter comes first: the newer ones get the versions that it resolves to. A package that only some of
them need (a backport, say) is written with a marker. Nothing is installed; pip resolves and reports.

A line ``# without its dependencies: PACKAGE==VERSION`` adds only that one: Google's provider needs a hundred
packages, and its secrets backend only a few.

A list with the line ``# with hashes`` is for what makes a release: uv writes it, with the hash of each file that may be
installed, and pip takes no other.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ALONE = "# without its dependencies: "
HASHED = "# with hashes"
REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"


def resolve(python: str, wanted: Path, known: dict[str, str]) -> dict[str, str]:
    """The name and version of everything that pip would install, limited to the versions already known."""
    with tempfile.TemporaryDirectory() as scratch:
        constraints = Path(scratch, "known.txt")
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in known.items()))
        report = Path(scratch, "report.json")
        command = [python, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--report", str(report), "-r", str(wanted), "-c", str(constraints)]
        subprocess.run(command, check=True, timeout=900)
        installs = json.loads(report.read_text())["install"]
    return {item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"] for item in installs}


def minor_version(python: str) -> str:
    """``3.11`` for a Python 3.11.x."""
    command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout.strip()


def lock_with_hashes(wanted: Path, oldest: str) -> None:
    """Writes the pinned list of an environment whose packages are held to their hashes."""
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit(f"{wanted.name} is pinned with hashes, for which uv is needed: pip install uv")
    pinned = wanted.with_suffix(".txt")
    command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-annotate", "--no-header"]
    command += ["--python-version", minor_version(oldest), "--output-file", str(pinned), str(wanted)]
    subprocess.run(command, check=True, timeout=900)
    pinned.write_text(f"# Made from {wanted.name} by tests/tools/lock.py; edit that one.\n{pinned.read_text()}")


def lock(wanted: Path, pythons: list[str]) -> None:
    """Writes the pinned list of one environment."""
    versions: dict[str, str] = {}
    needed_by: dict[str, list[str]] = {}
    for python in pythons:
        found = resolve(python, wanted, versions)
        for name, version in found.items():
            if versions.setdefault(name, version) != version:
                raise SystemExit(f"{wanted.name}: {name} is {versions[name]} and {version}")
            needed_by.setdefault(name, []).append(minor_version(python))
    lines = [f"# Made from {wanted.name} by tests/tools/lock.py; edit that one."]
    for name in sorted(versions):
        some = len(needed_by[name]) < len(pythons)
        marker = f' ; python_version in "{" ".join(needed_by[name])}"' if some else ""
        lines.append(f"{name}=={versions[name]}{marker}")
    for alone in (line for line in wanted.read_text().splitlines() if line.startswith(ALONE)):
        lines += [alone, alone.removeprefix(ALONE)]
    wanted.with_suffix(".txt").write_text("\n".join(lines) + "\n")
    print(f"{wanted.stem}: {len(versions)} packages")


if __name__ == "__main__":
    given = sys.argv[1:] or [sys.executable]
    for source in sorted(REQUIREMENTS.glob("*.in")):
        if HASHED in source.read_text().splitlines():
            lock_with_hashes(source, given[0])
        else:
            lock(source, given)
