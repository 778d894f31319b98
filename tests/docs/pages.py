"""The pages and their contents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import REPOSITORY

TOP = [REPOSITORY / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")]
PAGES = [*TOP, *sorted((REPOSITORY / "docs").glob("*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block: its page as a path within the repository, its line there, its language and its text."""

    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """Its name in a list of tests."""
        return f"{self.page}:{self.line}".replace("/", "|")

    @property
    def first(self) -> str:
        """Its first line."""
        return self.text.splitlines()[0]


def blocks(*languages: str) -> list[Block]:
    """Every block in one of these languages."""
    found = []
    for path in PAGES:
        page = path.read_text()
        for fence in re.finditer(r"^```(\w*)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
            line = page[: fence.start()].count("\n") + 1
            found.append(Block(str(path.relative_to(REPOSITORY)), line, fence[1], fence[2]))
    return [block for block in found if block.language in languages]


def inline(beginning: str) -> list[str]:
    """The code spans in sentences and tables that start like this."""
    found = set()
    for path in PAGES:
        prose = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        found |= set(re.findall(r"`(" + re.escape(beginning) + r"[^`\n]*)`", prose))
    return sorted(found)


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        times = found[anchor] = found.get(anchor, -1) + 1
        if times:
            found[f"{anchor}-{times}"] = 0
    return set(found)
