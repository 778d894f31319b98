"""The rules of the Rust source tree that the compiler does not check.

python3 -m tests.tools.house_rules

* ``pyo3`` is used in ``src/python`` only, ``unsafe`` in ``src/process`` only: the boundary and the dangerous part each
  have one place.
* A module imports only from modules below it in the list of ``src/lib.rs``.
* The text of a secret is read (``expose()``) only at the boundary and in parsers of values.
* The folder of each store has the same files.
* No line is longer than 110 characters, which rustfmt does not check in comments and strings. Raw strings, which cannot
  be broken, and tables do not count.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "src"
#: Rust outside of ``src``, checked only for the length of its lines.
OUTSIDE_SRC = ("benches", "fuzz/targets")
WIDTH = 110

#: What may be used in one folder only.
CONFINED = [
    ("names pyo3", re.compile(r"\bpyo3\b"), "python"),
    ("says unsafe", re.compile(r"\bunsafe\b"), "process"),
]

#: Where the text of a secret may be read, and why. A folder means all its files.
EXPOSES = {
    "python": "hands values to Airflow",
    "value": "is the secret itself, and the parsers of connections and JSON",
    "masking": "has to know what it hides",
    "backend/bundle.rs": "parses bundles",
    "backend/write": "compares what was read back with what was meant",
    "layers/write_tests.rs": "compares values",
    "cli/write": "takes values in, and checks them",
    "store/write.rs": "compares what a store has with what it should have",
    "store/aws/secrets_manager/write.rs": "puts a value into a request",
    "store/aws/systems_manager/write.rs": "puts a value into a request",
    "store/vault/write.rs": "puts the contents of a secret into a request",
    "store/local/write": "puts values into files",
    "backend/references": "finds references in values, and puts values in their places",
    "cli/get.rs": "prints a value with `--reveal`, and masks it otherwise",
    "cli/explain": "parses the connection that it explains",
    "cli/lint": "parses what it checks",
    "store/kit/from_json.rs": "parses the contents of the memory, Vault and local stores",
    "store/aws/aliases.rs": "parses secrets with a key per field",
    "store/azure/answer.rs": "parses answers",
    "store/google/payload.rs": "parses answers",
    "store/local": "parses files",
    "store/vault/convention.rs": "parses the fields of a secret",
    "store/onepassword/convention.rs": "parses the fields of an item",
    "store/memory/convention.rs": "parses the text of an option",
}

#: The files of each store's folder.
STORE_FILES = ("mod.rs", "config.rs", "convention.rs", "error.rs")
#: Folders of stores without one of these files, and why.
WITHOUT = {
    ("memory", "config.rs"): "it has one option",
    ("memory", "error.rs"): "it cannot fail",
}

NOT_CODE = re.compile(
    r"""//[^\n]*"""  # comment
    r"""|'(?:\\.[^']*|[^'\\])'"""  # character; a lifetime has no closing quote
    r"""|r(\#*)".*?"\1"""  # raw string
    r"""|"(?:\\.|[^"\\])*\"""",  # string
    re.DOTALL,
)
#: The start of the tests in a file; they are at its end.
TESTS = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*mod \w+ \{", re.MULTILINE)
#: Files that only tests use.
TEST_FILE = re.compile(r"(^|_)(tests|testing)$")
TABLE = re.compile(r"\s*//[/!] \|")
USES = re.compile(r"\bcrate::(?:(\w+)|\{([^;]*?)\};)")


@dataclass(frozen=True)
class File:
    """A Rust file of ``src``."""

    path: Path

    @cached_property
    def place(self) -> Path:
        """Its path below ``src``."""
        return self.path.relative_to(SOURCE)

    @cached_property
    def text(self) -> str:
        """Its contents."""
        return self.path.read_text()

    @cached_property
    def module(self) -> str:
        """The module of the crate that it belongs to."""
        return self.place.parts[0].removesuffix(".rs")

    @cached_property
    def code(self) -> list[str]:
        """Its lines without comments and string contents."""
        return code_lines(self.text)

    @cached_property
    def product(self) -> list[str]:
        """The lines of code that are not tests."""
        if TEST_FILE.search(self.path.stem):
            return []
        tests = TESTS.search(self.text)
        return self.code[: self.text[: tests.start()].count("\n")] if tests else self.code

    def at(self, number: int, what: str) -> str:
        """A fault, with its line."""
        return f"src/{self.place}:{number}: {what}"


def code_lines(text: str) -> list[str]:
    """The lines of a Rust file without comments and string contents; line numbers stay correct."""
    return NOT_CODE.sub(lambda match: "\n" * match.group().count("\n"), text).splitlines()


def confined(file: File) -> Iterator[str]:
    """Names that belong in another folder."""
    for number, line in enumerate(file.code, 1):
        for what, pattern, home in CONFINED:
            if pattern.search(line) and file.module != home:
                yield file.at(number, f"{what}, which belongs in src/{home}")


def order() -> list[str]:
    """The modules of the crate, from the top, as ``src/lib.rs`` lists them."""
    return re.findall(r"^//! \| \[?`(\w+)`\]? \|", (SOURCE / "lib.rs").read_text(), re.MULTILINE)


def upward(file: File, modules: list[str]) -> Iterator[str]:
    """Imports from a module above."""
    if file.module not in modules:
        return
    code = "\n".join(file.product)
    for match in USES.finditer(code):
        names = [match[1]] if match[1] else re.findall(r"(?:^|,)\s*(\w+)", match[2])
        for name in names:
            if name in modules and modules.index(name) < modules.index(file.module):
                number = code[: match.start()].count("\n") + 1
                yield file.at(number, f"imports from `{name}`, which is above `{file.module}` in src/lib.rs")


def unlisted(modules: list[str]) -> Iterator[str]:
    """Modules that are missing in the list of ``src/lib.rs``."""
    for name in re.findall(r"^(?:pub )?mod (\w+);", (SOURCE / "lib.rs").read_text(), re.MULTILINE):
        if name not in modules:
            yield f"src/lib.rs: `{name}` is missing in the list of modules"


def exposed(file: File) -> Iterator[str]:
    """Places that read the text of a secret although they are not in the list."""
    place = file.place.as_posix()
    if any(place == allowed or place.startswith(f"{allowed}/") for allowed in EXPOSES):
        return
    for number, line in enumerate(file.product, 1):
        if ".expose()" in line:
            yield file.at(number, "reads the text of a secret; see EXPOSES in tests/tools/house_rules.py")


def store_folders() -> list[Path]:
    """The folders of stores: those that declare an entry of the registry."""
    return sorted(file.parent for file in SOURCE.glob("store/**/mod.rs") if "ENTRY: StoreEntry" in file.read_text())


def unlike(folder: Path) -> Iterator[str]:
    """Files that every store has and this one lacks."""
    for name in STORE_FILES:
        if not (folder / name).exists() and (folder.name, name) not in WITHOUT:
            yield f"{folder.relative_to(REPOSITORY)}: has no {name}, which every store has"


def _short(match: re.Match[str]) -> str:
    """A raw string without its contents, on as many lines."""
    return '""' + "\n" * match.group().count("\n") if match.group().startswith("r") else match.group()


def too_long(path: Path) -> Iterator[str]:
    """Lines that are longer than rustfmt allows."""
    for number, line in enumerate(NOT_CODE.sub(_short, path.read_text()).splitlines(), 1):
        if len(line) > WIDTH and not TABLE.match(line):
            yield f"{path.relative_to(REPOSITORY)}:{number}: has {len(line)} characters, more than {WIDTH}"


def violations() -> list[str]:
    """Every breach of a rule."""
    files = [File(path) for path in sorted(SOURCE.rglob("*.rs"))]
    outside = [path for folder in OUTSIDE_SRC for path in sorted((REPOSITORY / folder).rglob("*.rs"))]
    modules = order()
    found = list(unlisted(modules))
    for file in files:
        found += [*confined(file), *upward(file, modules), *exposed(file)]
    for folder in store_folders():
        found += unlike(folder)
    for path in [file.path for file in files] + outside:
        found += too_long(path)
    return found


if __name__ == "__main__":
    bad = violations()
    print("\n".join(bad) or "the rules of the source tree are followed")
    sys.exit(bool(bad))
