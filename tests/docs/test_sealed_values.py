"""The vectors of the page on sealed values, and the code on it, beside a writer made of the page alone."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from tests.servers import sealed
from tests.servers.process import REPOSITORY

PAGE = (REPOSITORY / "docs" / "sealed-values.md").read_text()
VECTORS = [json.loads(line) for line in PAGE.splitlines() if line.startswith('{"key": ')]


def test_there_are_vectors_of_each_kind_and_of_more_than_one_key() -> None:
    assert {vector["record"]["kind"] for vector in VECTORS} == {"connection", "variable", "config"}
    assert len({vector["key"] for vector in VECTORS}) > 1
    assert len({vector["record"]["sealed"] for vector in VECTORS}) == len(VECTORS) > 5


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["record"]["name"])
def test_a_vector_is_made_and_opened_alike(vector: dict[str, Any]) -> None:
    record = vector["record"]
    place = record["kind"], record["name"]
    assert sealed.derived(vector["key"], record["key_id"]).hex() == vector["derived"]
    assert sealed.bound(*place, record["version"]).hex() == vector["bound"]
    nonce = base64.b64decode(record["sealed"])[:12]
    own = {"key": vector["key"], "key_id": record["key_id"], "version": record["version"]}
    assert sealed.seal(*place, vector["value"], nonce=nonce, **own) == record
    assert sealed.opened(record, vector["key"]) == vector["value"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["record"]["name"])
def test_a_vector_opens_in_its_own_place_alone(vector: dict[str, Any]) -> None:
    record = vector["record"]
    for other in ({"name": "x"}, {"kind": "x"}, {"version": record["version"] + 1}, {"key_id": "x"}):
        with pytest.raises(InvalidTag):
            sealed.opened({**record, **other}, vector["key"])


def test_the_code_on_the_page_seals_what_others_open() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    scope: dict[str, Any] = {}
    exec(code, scope)  # noqa: S102 - the page is ours
    record = scope["seal"](f" {sealed.KEY}\n", "k", "variable", "airflow/a", 4, "é")
    assert sealed.opened(record) == "é"
    assert record == {**sealed.seal("variable", "airflow/a", "é", version=4, key_id="k"), "sealed": record["sealed"]}
