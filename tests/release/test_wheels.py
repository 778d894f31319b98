"""The comparison of two builds, and what of the machine that builds a wheel may be in it."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.tools.release import build, inspect, reproducible
from tests.tools.release.sbom import NAME
from tests.tools.release.targets import LINUX, MACOS, TARGETS

PARTS = f"strongroom-0.1.0.dist-info/sboms/{NAME}"
GOOD = {"strongroom/__init__.py": b"", PARTS: json.dumps({"components": [{"name": "a"}]}).encode()}


def wheel(folder: Path, files: dict[str, bytes], name: str = "one.whl", year: int = 2026) -> Path:
    """A wheel with these files."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for file, contents in files.items():
            archive.writestr(zipfile.ZipInfo(file, (year, 1, 1, 0, 0, 0)), contents)
    return path


def test_equal_wheels_are_equal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").mkdir()
    assert reproducible.compare(wheel(tmp_path, GOOD), wheel(tmp_path / "a", GOOD)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == said[1]
    assert said[0].split()[0] == reproducible.checksum(tmp_path / "one.whl")


def test_the_files_that_differ_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {**GOOD, "strongroom/__init__.py": b"x", "extra": b""}
    assert reproducible.compare(wheel(tmp_path, GOOD), wheel(tmp_path, other, "two.whl")) == 1
    said = capsys.readouterr().out
    assert "\n  strongroom/__init__.py\n" in said
    assert "\n  extra, which only one has\n" in said
    assert "the names one.whl and two.whl" in said
    assert PARTS not in said


def test_a_time_is_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").mkdir()
    assert reproducible.compare(wheel(tmp_path, GOOD), wheel(tmp_path / "a", GOOD, year=2025)) == 1
    assert f"the time of {PARTS}" in capsys.readouterr().out


def test_a_checkout_is_what_is_committed(tmp_path: Path) -> None:
    reproducible.checkout(tmp_path / "deep" / "er")
    assert (tmp_path / "deep" / "er" / "Cargo.lock").is_file()
    assert not (tmp_path / "deep" / "er" / "target").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/root/.cargo/registry/src/index/ring-0.17.14/src/lib.rs",
        "/home/runner/work/strongroom/src/lib.rs",
        "/Users/somebody/strongroom/src/lib.rs",
        "/work/strongroom/src/lib.rs",
        "/tmp/build-1/src/lib.rs",  # noqa: S108  # is only looked for
    ],
)
def test_a_path_of_the_machine_is_found(path: str, tmp_path: Path) -> None:
    found = list(inspect.local_paths(wheel(tmp_path, {**GOOD, "strongroom/_native.abi3.so": b"\0" + path.encode()})))
    assert found == [f"strongroom/_native.abi3.so holds the path {path}"]


def test_what_stands_for_them_is_none(tmp_path: Path) -> None:
    remapped = b"/crates/ring-0.17.14/src/lib.rs\0/strongroom/src/lib.rs\0/rustc/59807616e/library/core/src/lib.rs"
    assert list(inspect.local_paths(wheel(tmp_path, {**GOOD, "strongroom/_native.abi3.so": remapped}))) == []


def test_a_list_of_parts_with_a_time_or_without_parts_is_found(tmp_path: Path) -> None:
    timed = wheel(tmp_path, {PARTS: b'{"metadata": {"timestamp": "x"}, "components": [1]}'})
    assert list(inspect.local_paths(timed)) == [f'{PARTS} holds a "timestamp"']
    assert list(inspect.parts(timed)) == []
    assert list(inspect.parts(wheel(tmp_path, {PARTS: b'{"components": []}'}))) == ["has an empty list of parts"]
    assert list(inspect.parts(wheel(tmp_path, {}))) == ["has 0 lists of its parts, not one"]
    assert list(inspect.parts(wheel(tmp_path, GOOD))) == []


def test_the_compiler_replaces_the_folders_of_the_machine(tmp_path: Path) -> None:
    crates = tmp_path / "cargo" / "registry" / "src" / "index-1"
    crates.mkdir(parents=True)
    variables = {"CARGO_HOME": str(tmp_path / "cargo"), "CARGO_TARGET_DIR": str(tmp_path / "out")}
    found = build.paths(tmp_path / "source", variables)
    assert found[str(crates)] == "/crates"
    assert found[str(tmp_path / "source")] == "/strongroom"
    assert found[str(tmp_path / "out")] == "/target"
    # The last one that fits counts, so the longer path has to come later.
    assert list(found).index(str(crates)) > list(found).index(str(tmp_path / "cargo"))


def test_a_compiled_program_holds_what_stands_for_its_folder(tmp_path: Path) -> None:
    (tmp_path / "lib.rs").write_text(
        'pub fn fail() -> ! { panic!("reached") }\npub fn here() -> &\'static str { file!() }'
    )
    flags = [f"--remap-path-prefix={old}={new}" for old, new in build.paths(tmp_path, {}).items()]
    command = [
        "rustc",
        "--crate-type",
        "cdylib",
        "-O",
        *flags,
        "-o",
        str(tmp_path / "out.so"),
        str(tmp_path / "lib.rs"),
    ]
    subprocess.run(command, timeout=120, check=True)
    assert str(tmp_path).encode() not in (tmp_path / "out.so").read_bytes()


def test_linux_is_linked_by_zig_for_the_oldest_glibc() -> None:
    for target in LINUX:
        command = build.command(target, Path("out"), Path("parts"))
        assert command[command.index("--compatibility") + 1] in ("manylinux_2_17", "musllinux_1_2")
        assert "--zig" in command
    assert "--zig" not in build.command(MACOS[0], Path("out"), Path("parts"))


def test_each_platform_is_one_that_uv_knows() -> None:
    for target in TARGETS.values():
        command = inspect.installation(Path("x.whl"), target, "3.12")
        assert command[command.index("--python-platform") + 1].startswith(target.machine)


def test_the_time_is_that_of_the_commit(tmp_path: Path) -> None:
    assert build.commit_time(tmp_path) == build.EPOCH
    environment = build.environment(LINUX[0], tmp_path)
    assert environment["SOURCE_DATE_EPOCH"].isdigit()
    assert "RUSTFLAGS" not in environment
