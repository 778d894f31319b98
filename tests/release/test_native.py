"""The check of what a compiled module needs, on modules that a C compiler makes for the test."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from strongroom import _native
from tests.tools.release import native
from tests.tools.release.native import Native, faults
from tests.tools.release.targets import LINUX, TARGETS, of_wheel

GNU = TARGETS[f"{platform.machine()}-unknown-linux-gnu"]
MUSL = TARGETS[f"{platform.machine()}-unknown-linux-musl"]
OTHER = next(target for target in LINUX if target.machine != platform.machine())
#: A function of glibc 2.34's time, and one that is as old as glibc on the machine.
NEW = "#include <pthread.h>\nvoid *start(void *); void f(pthread_t *t) { pthread_create(t, 0, start, 0); }"
OLD = "#include <stdlib.h>\nint f(const char *text) { return atoi(text) + abs(3); }"


def compiled(folder: Path, code: str, *options: str) -> Native:
    """What a shared library of this code needs."""
    source, library = folder / "code.c", folder / "code.so"
    source.write_text(code)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source, *options], timeout=60, check=True)
    return native.read(library)


def test_the_newest_symbol_decides(tmp_path: Path) -> None:
    old = compiled(tmp_path, OLD)
    assert old.newest is not None
    assert native.numbers(old.newest) <= (2, 17)
    assert faults(old, GNU) == []
    new = compiled(tmp_path, NEW)
    assert "pthread_create" in new.undefined
    assert faults(new, GNU) == [f"needs glibc {new.newest}, and the tag promises 2.17"]


def test_a_library_that_not_every_system_has_is_named(tmp_path: Path) -> None:
    linked = compiled(tmp_path, OLD, "-Wl,--no-as-needed", "-lgcc_s")
    assert faults(linked, GNU) == ["is linked with libgcc_s.so.1"]


def test_a_module_for_glibc_is_refused_for_musl(tmp_path: Path) -> None:
    found = faults(compiled(tmp_path, OLD), MUSL)
    assert "is linked with libc.so.6" in found
    assert any(fault.startswith("needs GLIBC_2.") for fault in found)


def test_another_processor_is_named(tmp_path: Path) -> None:
    (fault, *_) = faults(compiled(tmp_path, OLD), OTHER)
    assert fault == f"is compiled for {native.MACHINES[platform.machine()]}, not for {OTHER.machine}"


def test_versions_are_numbers() -> None:
    found = Native("EM_X86_64", frozenset(), frozenset({"GLIBC_2.9", "GLIBC_2.17", "GCC_3.0"}), frozenset())
    assert found.newest == "2.17"
    assert Native("EM_X86_64", frozenset(), frozenset(), frozenset()).newest is None


def test_musl_has_no_names_of_glibc_alone() -> None:
    asked = Native("EM_X86_64", frozenset({"libc.so"}), frozenset(), frozenset({"malloc", "__memcpy_chk", "open64"}))
    musl = TARGETS["x86_64-unknown-linux-musl"]
    assert faults(asked, musl) == [
        "needs __memcpy_chk, which musl does not have",
        "needs open64, which musl does not have",
    ]


def test_the_installed_module_is_linked_with_little() -> None:
    # The compiler of the tests adds libgcc_s, and cargo by itself libpython; the wheels of a release have neither.
    found = native.read(Path(_native.__file__))
    beside = {name for name in found.libraries if not native.GLIBC.fullmatch(name)}
    assert {name for name in beside if not name.startswith(("libgcc_s.", "libpython3."))} == set()
    assert found.undefined


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.triple)
def test_the_name_of_a_wheel_gives_its_platform(target: object) -> None:
    tag = getattr(target, "tag", "")
    older = "manylinux2014_x86_64." if tag.endswith("linux_2_17_x86_64") else ""
    assert of_wheel(f"strongroom-0.1.0-cp310-abi3-{older}{tag}.whl") is target


def test_a_wheel_for_an_unknown_platform_is_refused() -> None:
    with pytest.raises(SystemExit, match="win_amd64"):
        of_wheel("strongroom-0.1.0-cp310-abi3-win_amd64.whl")
