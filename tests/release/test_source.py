"""Building from source: what is missing is said in one line."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib

from tests.servers.process import REPOSITORY

HOOK = "import strongroom_build; print(strongroom_build.get_requires_for_build_wheel())"
WANTED = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["package"]["rust-version"]
OTHERWISE = ", or take a wheel for your platform, which needs neither\n"


def programs(folder: Path, **scripts: str) -> Path:
    """A folder with programs that print something."""
    for name, script in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return folder


def ask(path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What an installer gets from the package when it asks what the build needs."""
    environment = {"PATH": str(path), "PYTHONPATH": str(REPOSITORY / "python"), **variables}
    return subprocess.run(
        [sys.executable, "-c", HOOK], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def complaint(path: Path, **variables: str) -> str:
    """The one line that it says."""
    done = ask(path, **variables)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith(OTHERWISE)
    return done.stderr.removesuffix(OTHERWISE)


def test_without_rust(tmp_path: Path) -> None:
    assert complaint(tmp_path) == (
        f"strongroom: building from source needs Rust {WANTED} or newer and a C compiler, "
        "and there is no cargo on PATH: install it from https://rustup.rs"
    )


def test_the_page_shows_the_line(tmp_path: Path) -> None:
    said = complaint(tmp_path) + OTHERWISE
    assert f"```text\n{said}```" in (REPOSITORY / "docs" / "installing.md").read_text()


def test_with_an_old_rust(tmp_path: Path) -> None:
    said = complaint(programs(tmp_path, cargo="echo cargo 1.63.0", cc="exit 0"))
    assert said.startswith(
        f"strongroom: building from source needs Rust {WANTED} or newer, and {tmp_path}/cargo is 1.63: "
    )


def test_with_a_rust_that_does_not_run(tmp_path: Path) -> None:
    said = complaint(programs(tmp_path, cargo="echo first >&2; echo no toolchain >&2; exit 1"))
    assert "and cargo does not run: no toolchain: install it" in said


def test_without_a_c_compiler(tmp_path: Path) -> None:
    said = complaint(programs(tmp_path, cargo="echo cargo 1.999.0"))
    assert said.endswith("needs a C compiler and Rust, and there is no C compiler on PATH: install gcc or clang")


@pytest.mark.parametrize("compiler", ["cc", "gcc", "clang", "mine"])
def test_with_both_nothing_is_missing(compiler: str, tmp_path: Path) -> None:
    found = programs(tmp_path, cargo="echo cargo 1.999.0", **{compiler: "exit 0"})
    done = ask(found, CC="mine -O2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_a_cargo_of_the_callers_own(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    own = programs(tmp_path / "own", cargo="echo cargo 1.999.0")
    assert ask(programs(tmp_path, cc="exit 0"), CARGO=str(own / "cargo")).returncode == 0


HOOKS = ("build_wheel", "build_sdist", "build_editable")
SAME = f"import maturin, strongroom_build as ours; print([getattr(ours, n) is getattr(maturin, n) for n in {HOOKS}])"


def test_it_builds_with_maturin() -> None:
    build = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["build-system"]
    assert (build["build-backend"], build["backend-path"]) == ("strongroom_build", ["python"])
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "python")}
    command = [sys.executable, "-c", SAME]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[True, True, True]\n"
