"""What the command line shows of references, and `strongroom ref check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.python.chain.test_command_line import strongroom

CONNECTION = {
    "conn_type": "postgres",
    "host": "h",
    "login": "secret_coordinate::user",
    "password": "secret_coordinate::db/prod#pw",
    "extra": {"nested": {"token": "secret_coordinate::user"}, "mode": "canary-0"},
}
SECRETS = {
    "airflow/connections/db": json.dumps(CONNECTION),
    "airflow/variables/whole": "secret_coordinate::user",
    "airflow/variables/plain": "canary-1",
    "user": "canary-2",
    "db/prod": '{"pw": "canary-3"}',
}
ALLOWED: list[dict[str, Any]] = [{"member": "near"}]


def stores(references: object = ALLOWED, **more: str) -> list[dict[str, Any]]:
    """A chain of one store."""
    return [{"name": "near", "store": "memory", "secrets": {**SECRETS, **more}, "references": references}]


def test_get_masks_references_unless_they_are_asked_for() -> None:
    code, text = strongroom("get", "connection", "db", stores=stores())
    assert code == 0
    assert "secret_coordinate" not in text
    code, text = strongroom("get", "connection", "db", "--include-coordinates", "--json", stores=stores())
    assert code == 0
    fields = json.loads(text)["fields"]
    assert (fields["login"], fields["password"]) == (CONNECTION["login"], CONNECTION["password"])
    assert fields["extra_dejson"] == {"nested": {"token": "secret_coordinate::user"}, "mode": "***"}
    assert (fields["host"], json.loads(text)["references"][0]["place"]) == ("h", "login")
    code, text = strongroom("get", "variable", "whole", "--include-coordinates", stores=stores())
    assert (code, "secret_coordinate::user" in text) == (0, True)


def test_explain_shows_what_each_reference_led_to() -> None:
    code, text = strongroom("explain", "connection", "db", stores=stores())
    assert code == 0
    assert "reference in `password` to `near`, ***: value" in text
    assert "secret_coordinate" not in text
    code, text = strongroom("explain", "connection", "db", "--include-coordinates", stores=stores())
    assert "reference in `extra.nested.token` to `near`, secret_coordinate::user: value" in text
    code, text = strongroom("explain", "connection", "db", "--json", stores=stores())
    names = json.loads(text)["backends"][0]["names"]
    assert [name.get("reference", {}).get("place") for name in names] == [
        None,
        "login",
        "password",
        "extra.nested.token",
    ]
    assert names[1]["reference"]["coordinate"] == names[1]["name"] == "***"


def test_without_leave_the_error_names_the_reference() -> None:
    code, text = strongroom("explain", "connection", "db", stores=stores([]))
    assert code == 3
    assert "the reference `secret_coordinate::user` in `login`" in text


def test_the_store_is_checked_as_a_whole() -> None:
    code, text = strongroom("ref", "check", stores=stores())
    assert code == 0
    assert "4 references, 0 missing, 0 wrong" in text
    missing = {"airflow/variables/gone": "secret_coordinate::gone"}
    code, text = strongroom("ref", "check", stores=stores(**missing))
    assert code == 0
    assert "missing" in text
    assert "`gone`" in text
    assert strongroom("ref", "check", "--strict", stores=stores(**missing))[0] == 1
    code, text = strongroom("ref", "check", "--json", stores=stores([{"name": "db/"}], **missing))
    assert (code, json.loads(text)["wrong"]) == (1, 3)


@pytest.mark.parametrize("name", ["c.json", "c.yaml", "c.env"])
def test_a_file_is_checked_before_it_is_stored(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    text = {
        "c.json": json.dumps({"db": CONNECTION, "x": "secret_coordinate::gone"}),
        "c.yaml": "a: secret_coordinate::user\nb: secret_coordinate::gone\n",
        "c.env": "AIRFLOW_CONN_A=postgres://u:secret_coordinate::db/prod#pw@h\nB=secret_coordinate::near:gone\n",
    }[name]
    file.write_text(text)
    code, text = strongroom("ref", "check", str(file), stores=stores())
    assert code == 0
    assert "1 missing, 0 wrong" in text
    assert strongroom("ref", "check", "--strict", str(file), stores=stores())[0] == 1
    file.write_text("a: secret_coordinate::db/prod#no\nb: secret_coordinate::\n")
    code, text = strongroom("ref", "check", str(file), stores=stores())
    assert (code, "2 wrong" in text) == (1, True)


def findings(stores: list[dict[str, Any]], *arguments: str, **options: Any) -> list[tuple[str, str]]:
    """The severity and the evidence of what doctor says about references."""
    _, text = strongroom("doctor", "--json", *arguments, stores=stores, **options)
    found = json.loads(text[text.index("{") : text.rindex("}") + 1])["findings"]
    return [(one["severity"], one["evidence"]) for one in found if one["check"] == "references"]


def test_doctor_reads_the_rules_without_a_call() -> None:
    near = {"name": "near", "store": "memory", "secrets": {}}
    foreign = {"name": "company", "class": "tests.python.chain.company.Backend"}
    other = {"name": "other", "store": "memory", "secrets": {}, "teams": ["ops"]}
    rows: list[tuple[dict[str, Any], str]] = [
        ({"references": []}, "`near`: `references` is an empty list, which allows nothing"),
        ({"references_only": True}, "`near`: `references_only` refuses secrets that are written out"),
        ({"references": [["company", "*"]]}, "references to `company`, since it is a class of another package"),
        ({"references": [["other", "*"]], "teams": ["sales"]}, "the `teams` of both have none in common"),
        ({"references": [["near", "("]]}, "("),
    ]
    for member, expected in rows:
        found = findings([{**near, **member}, foreign, other], "--offline")
        assert [text for _, text in found if expected in text], (expected, found)
    assert findings([{**near, "references": [["near", "*"]]}, foreign, other], "--offline") == []


def test_doctor_follows_the_references_of_the_first_values() -> None:
    assert findings(stores()) == [("ok", "4 references lead to secrets")]
    (missing,) = findings(stores(**{"airflow/variables/gone": "secret_coordinate::gone"}))
    assert missing[0] == "warning"
    assert "there is no secret `gone`" in missing[1]
    refused = findings(stores([{"name": "db/"}]))
    assert ("problem", True) in [(severity, "does not allow" in text) for severity, text in refused]
    plain = stores(**{"airflow/connections/plain": "http://u:canary@h"})
    plain[0]["references_only"] = True
    refused = findings(plain)
    assert [text for severity, text in refused if severity == "problem" and "holds a secret itself" in text]
