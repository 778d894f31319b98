"""Builds the wheels of a release, the same bytes wherever they are built.

    python3 -m tests.tools.release.build dist/wheels x86_64-unknown-linux-gnu

Nothing of the machine gets into a wheel: paths are replaced while compiling, times are that of the commit, and the list
of its parts is written by ``sbom.py``. On Linux zig is the linker, so that old systems can load what is built.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.tools.release import sbom
from tests.tools.release.targets import LINUX, TARGETS, Target
from tests.tools.venvs import REPOSITORY, folder

#: The time of files where there is no commit: the first that a zip can hold.
EPOCH = "315532800"


def build(target: Target, place: Path, source: Path = REPOSITORY) -> None:
    """Puts the wheel for a platform into a folder."""
    add_library(target, source)
    subprocess.run(["cargo", "fetch", "--quiet", "--locked", "--target", target.triple], cwd=source, check=True)
    with tempfile.TemporaryDirectory() as scratch:
        parts = Path(scratch, sbom.NAME)
        parts.write_text(sbom.text(source, target.triple))
        subprocess.run(command(target, place.resolve(), parts), cwd=source, env=environment(target, source), check=True)


def add_library(target: Target, source: Path) -> None:
    """Has rustup fetch Rust's standard library for the platform, if it is not there."""
    asked = ["rustc", "--print", "target-libdir", "--target", target.triple]
    found = subprocess.run(asked, cwd=source, capture_output=True, text=True, timeout=300, check=True)
    if not Path(found.stdout.strip()).is_dir():
        subprocess.run(["rustup", "target", "add", target.triple], cwd=source, timeout=600, check=True)


def command(target: Target, place: Path, parts: Path) -> list[str]:
    """The command of maturin."""
    maturin = str(folder("release") / "bin" / "maturin")
    arguments = [maturin, "build", "--release", "--locked", "--target", target.triple, "--compression-level", "9"]
    linker = ["--zig", "--compatibility", short_tag(target)] if target in LINUX else []
    return [*arguments, *linker, "--sbom-include", str(parts), "--out", str(place)]


def short_tag(target: Target) -> str:
    """What maturin is asked for: the tag without the processor."""
    return target.tag.removesuffix(f"_{target.machine}")


def environment(target: Target, source: Path) -> dict[str, str]:
    """The variables that keep the machine out of what is compiled."""
    kept = {name: value for name, value in os.environ.items() if name not in ("RUSTFLAGS", "CFLAGS")}
    tools = str(folder("release") / "bin")
    return {
        **kept,
        "PATH": f"{tools}{os.pathsep}{kept.get('PATH', '')}",
        "SOURCE_DATE_EPOCH": kept.get("SOURCE_DATE_EPOCH") or commit_time(source),
        "CARGO_INCREMENTAL": "0",
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(
            f"--remap-path-prefix={old}={new}" for old, new in paths(source).items()
        ),
        f"CFLAGS_{target.triple.replace('-', '_')}": " ".join(
            f"-ffile-prefix-map={old}={new}" for old, new in paths(source).items() if " " not in old
        ),
    }


def paths(source: Path, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The replacement of each folder of this machine in compiled code; the last match counts."""
    cargo = Path(variables.get("CARGO_HOME") or Path.home() / ".cargo")
    target = Path(variables.get("CARGO_TARGET_DIR") or source / "target")
    crates = {str(place): "/crates" for place in sorted((cargo / "registry" / "src").glob("*"))}
    return {
        str(Path.home()): "/machine",
        str(source): "/strongroom",
        str(target): "/target",
        str(cargo): "/cargo",
        **crates,
    }


def commit_time(source: Path) -> str:
    """When the last commit was made, in seconds."""
    git = ["git", "log", "-1", "--format=%ct"]
    found = subprocess.run(git, cwd=source, capture_output=True, text=True, timeout=60, check=False)
    return found.stdout.strip() or EPOCH


def main(place: str, *triples: str) -> None:
    """The command line; without platforms: all that can be built on one machine."""
    for triple in triples or [target.triple for target in LINUX]:
        if triple not in TARGETS:
            raise SystemExit(f"{triple} has no wheel; one of {', '.join(TARGETS)}")
        build(TARGETS[triple], Path(place))


if __name__ == "__main__":
    main(*sys.argv[1:])
