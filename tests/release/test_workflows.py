"""What the workflows use, and what they may do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tools.release.workflows import WORKFLOWS, unpinned

FILES = sorted(WORKFLOWS.glob("*.yml"))
HASH = "9c091bb21b7c1c1d1991bb908d89e4e9dddfe3e0"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_action_is_pinned_by_a_commit(file: Path) -> None:
    assert list(unpinned(file.read_text())) == []
    assert re.search(r"^permissions: \{\}$", file.read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "line",
    [
        "uses: actions/checkout@v7",
        "uses: actions/checkout@main # v7.0.0",
        f"uses: actions/checkout@{HASH}",
        f"uses: actions/checkout@{HASH[:12]} # v7.0.0",
        "uses: ./.github/actions/own",
    ],
)
def test_other_ways_are_found(line: str) -> None:
    assert list(unpinned(f"    steps:\n      - {line}\n")) == [f"- {line}"]
    assert list(unpinned(f"      - uses: actions/checkout@{HASH} # v7.0.0\n")) == []


def test_an_action_has_one_version() -> None:
    uses = {match for file in FILES for match in re.findall(r"uses: (\S+)@(\w+ # \S+)", file.read_text())}
    assert len({action for action, _ in uses}) == len(uses)
