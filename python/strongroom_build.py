"""Builds the package from source with maturin, or says in one line what is missing for that.

By itself maturin would download Rust, which fails behind most firewalls, after a page of other messages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import maturin

build_sdist = maturin.build_sdist
build_wheel = maturin.build_wheel
build_editable = maturin.build_editable
prepare_metadata_for_build_wheel = maturin.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = maturin.prepare_metadata_for_build_editable

RUST = "install it from https://rustup.rs"


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    """Called by installers before they build: nothing more is needed from them, and what is needed must be here."""
    if problem := missing():
        raise SystemExit(f"strongroom: {problem}, or take a wheel for your platform, which needs neither")
    return []


get_requires_for_build_sdist = get_requires_for_build_wheel
get_requires_for_build_editable = get_requires_for_build_wheel


def missing() -> str | None:
    """What is missing for compiling, if anything."""
    wanted = _wanted()
    cargo = shutil.which(os.environ.get("CARGO", "cargo"))
    if cargo is None:
        return (
            f"building from source needs Rust {wanted} or newer and a C compiler, and there is no cargo on PATH: {RUST}"
        )
    said = subprocess.run([cargo, "--version"], capture_output=True, text=True, check=False)  # noqa: S603  # the caller's cargo
    found = re.search(r"(\d+)\.(\d+)", said.stdout)
    if said.returncode or not found:
        return (
            f"building from source needs Rust {wanted} or newer, and cargo does not run: {_last(said.stderr)}: {RUST}"
        )
    if (int(found[1]), int(found[2])) < tuple(int(part) for part in wanted.split(".")[:2]):
        return f"building from source needs Rust {wanted} or newer, and {cargo} is {found[0]}: {RUST}"
    if not any(shutil.which(name) for name in _compilers()):
        return (
            "building from source needs a C compiler and Rust, and there is no C compiler on PATH: install gcc or clang"
        )
    return None


def _wanted() -> str:
    """The oldest Rust that compiles it."""
    manifest = (Path(__file__).resolve().parents[1] / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'^rust-version = "([\d.]+)"', manifest, re.MULTILINE)
    return found[1] if found else "1.95"


def _compilers() -> list[str]:
    """The programs that compile C, the one that is asked for before the usual ones."""
    return [*os.environ.get("CC", "").split()[:1], "cc", "gcc", "clang"]


def _last(text: str) -> str:
    """The last line of a program's complaint."""
    return (text.strip().splitlines() or ["it says nothing"])[-1]
