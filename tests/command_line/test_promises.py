"""The promises in README.md of this folder name existing tests."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("README.md")
ROWS = re.findall(r"^\| (.+) \| `([^`]+\.py)::(\w+)` \|$", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize(("promise", "file", "name"), ROWS, ids=[name for _, _, name in ROWS])
def test_a_promise_has_its_test(promise: str, file: str, name: str) -> None:
    tree = ast.parse((TESTS / file).read_text())
    found = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == name]
    assert found, promise
    assert any(isinstance(each, ast.Assert) for each in ast.walk(found[0])), promise


def test_each_row_is_read_and_no_promise_is_repeated() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "::" in line]
    assert len(rows) == len(ROWS) > 30
    assert max(Counter(promise for promise, _, _ in ROWS).values()) == 1
