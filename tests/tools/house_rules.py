"""Two rules of the source tree that the compiler does not check.

``use pyo3`` stands in ``src/python`` only, ``unsafe`` in ``src/process`` only: the boundary and the dangerous part each
have one place.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"

RULES = [
    ("names pyo3", re.compile(r"\bpyo3\b"), "python"),
    ("says unsafe", re.compile(r"\bunsafe\b"), "process"),
]
NOT_CODE = re.compile(
    r"""//[^\n]*"""  # comment
    r"""|'(?:\\.[^']*|[^'\\])'"""  # character; a lifetime has no closing quote
    r"""|r(\#*)".*?"\1"""  # raw string
    r"""|"(?:\\.|[^"\\])*\"""",  # string
    re.DOTALL,
)


def code_lines(text: str) -> list[str]:
    """The lines of a Rust file without comments and string contents; line numbers stay right."""
    return NOT_CODE.sub(lambda match: "\n" * match.group().count("\n"), text).splitlines()


def violations() -> list[str]:
    """Every line that stands in the wrong folder."""
    found = []
    for file in sorted(SOURCE.rglob("*.rs")):
        place = file.relative_to(SOURCE)
        for number, line in enumerate(code_lines(file.read_text()), 1):
            for what, pattern, home in RULES:
                if pattern.search(line) and place.parts[0] != home:
                    found.append(f"src/{place}:{number}: {what}, which belongs in src/{home}")
    return found


if __name__ == "__main__":
    bad = violations()
    print("\n".join(bad) or f"{len(RULES)} rules kept")
    sys.exit(bool(bad))
