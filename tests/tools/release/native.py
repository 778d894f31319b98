"""What a compiled module asks of the system that loads it, read from its ELF file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.sections import SymbolTableSection

from tests.tools.release.targets import Target

#: What a wheel may be linked with: the C library in its parts. musl is one library with another name.
GLIBC = re.compile(r"(libc|libm|libdl|libpthread|librt)\.so\.\d|ld-linux-[\w-]+\.so\.\d")
MUSL = re.compile(r"libc\.(so|musl-\w+\.so\.1)")
#: What musl 1.2 has not, and a program that was compiled for glibc asks for: its large-file names and checks.
NOT_IN_MUSL = re.compile(r"(__\w+_chk|(stat|fstat|lstat|open|lseek)64|__(x|fx|lx)stat\w*|gnu_get_libc_version)")
MACHINES = {"x86_64": "EM_X86_64", "aarch64": "EM_AARCH64"}


@dataclass(frozen=True)
class Native:
    """The libraries that it is linked with, the versions of symbols that it needs, the symbols that others provide."""

    machine: str
    libraries: frozenset[str]
    versions: frozenset[str]
    undefined: frozenset[str]

    @property
    def newest(self) -> str | None:
        """The newest version of glibc that it needs a symbol of, such as ``2.17``."""
        found = [version.removeprefix("GLIBC_") for version in self.versions if version.startswith("GLIBC_")]
        return max(found, key=numbers, default=None)


def numbers(version: str) -> tuple[int, ...]:
    """A version as it is compared."""
    return tuple(int(part) for part in version.split("."))


def read(path: Path) -> Native:
    """What an ELF file says."""
    with path.open("rb") as stream:
        elf = ELFFile(stream)
        sections = list(elf.iter_sections())
        return Native(
            machine=elf.header["e_machine"],
            libraries=frozenset(tag.needed for tag in _tags(sections) if tag.entry.d_tag == "DT_NEEDED"),
            versions=frozenset(_versions(sections)),
            undefined=frozenset(_undefined(sections)),
        )


def _tags(sections: Iterable[Any]) -> Iterable[Any]:
    for section in sections:
        if isinstance(section, DynamicSection):
            yield from section.iter_tags()


def _versions(sections: Iterable[Any]) -> Iterable[str]:
    for section in sections:
        if isinstance(section, GNUVerNeedSection):
            for _, needed in section.iter_versions():
                yield from (version.name for version in needed)


def _undefined(sections: Iterable[Any]) -> Iterable[str]:
    for section in sections:
        if isinstance(section, SymbolTableSection) and section.name == ".dynsym":
            yield from (symbol.name for symbol in section.iter_symbols() if symbol["st_shndx"] == "SHN_UNDEF")


def faults(native: Native, target: Target) -> list[str]:
    """What keeps it from being loaded on the oldest system of the platform."""
    found = []
    if native.machine != MACHINES[target.machine]:
        found.append(f"is compiled for {native.machine}, not for {target.machine}")
    allowed = MUSL if target.is_musl else GLIBC
    found += [f"is linked with {name}" for name in sorted(native.libraries) if not allowed.fullmatch(name)]
    found += _musl_faults(native) if target.is_musl else _glibc_faults(native, target.newest or "0")
    return found


def _glibc_faults(native: Native, oldest: str) -> list[str]:
    if native.newest and numbers(native.newest) > numbers(oldest):
        return [f"needs glibc {native.newest}, and the tag promises {oldest}"]
    return []


def _musl_faults(native: Native) -> list[str]:
    foreign = sorted(name for name in native.undefined if NOT_IN_MUSL.fullmatch(name))
    versions = sorted(name for name in native.versions if name.startswith("GLIBC_"))
    return [f"needs {name}, which musl does not have" for name in [*foreign, *versions]]
