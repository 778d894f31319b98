"""A stored value comes back, under any name, and an absent one is None."""

from __future__ import annotations

import json

import pytest

from tests.conformance.capability import Capability
from tests.conformance.cases import shows
from tests.conformance.harness import KINDS, ODD_NAMES, Harness, Kind, look_up

EACH_KIND = pytest.mark.parametrize("kind", KINDS)
URI = "postgres://user:p%40ss%2F@host.example.com:5432/db?sslmode=require"

TEXTS = {
    "accents": "Grüße, dépôt, e\u0301",
    "scripts": "名前 שלום \u202eabc \U0001f600\U0001f469\u200d\U0001f680",
    "white space": "  \tindented\r\nand\nended \u00a0\u2028\n",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85",
    "byte order mark": "\ufefftext",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "quotes": "\"double\" 'single' `back` \\ \\n \\u0041 %41 &amp; ${x} {{ x }}",
    "json": json.dumps({"a": [1, 2.5, None, True, "ü"]}),
    "json alike": '{"a": ',
    "number": "0123",
    "null": "null",
    "yes": "yes",
    "key": "-----BEGIN KEY-----\nAAAA\nBBBB\n-----END KEY-----\n",
}
LARGE = {
    "ascii": "0123456789abcdef" * 4096,
    "two bytes": "é" * (32 * 1024),
    "four bytes": "\U0001f600" * (16 * 1024),
    "lines": "line\n" * 13107 + "\n",
}


@shows(Capability.FOUND)
@EACH_KIND
def test_a_value_of_each_kind_comes_back(harness: Harness, kind: Kind) -> None:
    harness.put(kind, "hello", URI)
    backend = harness.backend()
    assert look_up(backend, kind, "hello") == URI
    assert [look_up(backend, other, "hello") for other in KINDS if other != kind] == [None, None]


@shows(Capability.ABSENT)
@EACH_KIND
def test_an_absent_secret_is_none(harness: Harness, kind: Kind) -> None:
    harness.put(kind, "hello", URI)
    backend = harness.backend(on_error="raise")
    other_case = set() if harness.ignores_case else {"Hello"}
    names = {"nothing", "hell", "helloo", "hello ", "hello/", "", *other_case, *ODD_NAMES.values()}
    for absent in sorted(names - harness.same_as_hello):
        assert look_up(backend, kind, absent) is None, absent


@shows(Capability.EMPTY)
@pytest.mark.parametrize("kind", ["variable", "config"])
def test_an_empty_value_is_a_value(harness: Harness, kind: Kind) -> None:
    harness.put(kind, "hello", "")
    backend = harness.backend(on_error="raise")
    assert [look_up(backend, kind, "hello") for _ in range(2)] == ["", ""]


@shows(Capability.UNICODE)
@pytest.mark.parametrize("label", TEXTS)
def test_a_value_may_be_any_text(harness: Harness, label: str) -> None:
    harness.put("variable", "hello", TEXTS[label])
    assert harness.backend().get_variable("hello") == TEXTS[label]


@shows(Capability.LARGE)
@pytest.mark.parametrize("label", LARGE)
def test_a_large_value_is_returned_completely(harness: Harness, label: str) -> None:
    assert len(LARGE[label].encode()) == 64 * 1024
    harness.put("variable", "hello", LARGE[label])
    assert harness.backend().get_variable("hello") == LARGE[label]


@shows(Capability.ODD_NAMES)
@EACH_KIND
def test_odd_names_work_like_others(harness: Harness, kind: Kind) -> None:
    """All of them at once, so that no two of them can be the same secret to the store."""
    names = {label: name for label, name in ODD_NAMES.items() if label not in harness.impossible_names}
    for number, name in enumerate(names.values()):
        harness.put(kind, name, f"x://{number}")
    backend = harness.backend()
    found = {label: look_up(backend, kind, name) for label, name in names.items()}
    assert found == {label: f"x://{number}" for number, label in enumerate(names)}


@shows(Capability.TEAMS)
@pytest.mark.parametrize("kind", ["connection", "variable"])
def test_a_teams_own_value_comes_first(harness: Harness, kind: Kind) -> None:
    harness.put(kind, "hello", "x://shared")
    harness.put(kind, "hello", "x://blue", team="blue")
    harness.put(kind, "only", "x://blue-only", team="blue")
    backend = harness.backend()
    teams = ("blue", "red", "", None)
    assert [look_up(backend, kind, "hello", team) for team in teams] == ["x://blue", *["x://shared"] * 3]
    assert [look_up(backend, kind, "only", team) for team in teams] == ["x://blue-only", None, None, None]
