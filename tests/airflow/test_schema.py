"""The JSON schemas accept what the pages show and backends accept, and refuse what is wrong with it.

They are checked here, since the validator is a dependency of Airflow.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import tomllib

from tests.docs.pages import Block, blocks
from tests.stores import described

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
FILES = sorted(SCHEMAS.glob("*.json"))
STORES = described()
#: Blocks of JSON that are not options, by a key that they have.
NO_OPTIONS = {"Statement", "dbname", "conn_type", "warehouse", "outcome"}
CHAIN = {"stores": [{"store": "local", "variables_file_path": "v.json"}]}
jsonschema: Any = importlib.import_module("jsonschema")


def validator(name: str) -> Any:
    """The validator with a schema."""
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text()))


def wrong(name: str, instance: Any) -> list[str]:
    """What a schema finds."""
    return [error.message for error in validator(name).iter_errors(instance)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_schema_is_one(path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_there_is_one_for_each_store() -> None:
    assert {path.stem for path in FILES} == {*STORES, "chain", "stores_file"}


JSON = [block for block in blocks("json") if not NO_OPTIONS & json.loads(block.text).keys()]


@pytest.mark.parametrize("block", JSON, ids=lambda block: block.name)
def test_options_on_the_pages_are_accepted(block: Block) -> None:
    content = json.loads(block.text)
    names = {store.page: name for name, store in STORES.items()}
    name = "chain" if "stores" in content else names.get(Path(block.page).name, "aws_secrets_manager")
    assert wrong(name, content) == []


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.name)
def test_files_on_the_pages_are_accepted(block: Block) -> None:
    assert wrong("stores_file", tomllib.loads(block.text)) == []


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("cache_ttl", [60, 0.5, "60", "500ms", "10m", "1h", "PT1H30M", None], [-1, "soon", True, [], "5 years"]),
        ("cache_max_entries", [5, "5", None], [-1, 1.5, "five", []]),
        ("rate_limit", [40, "40/s", "5/10s", "100 / m", None], [0, "often", {}]),
        ("strict", [True, "yes", "FALSE", 1, None], ["maybe", 2, []]),
        ("on_error", ["raise", "Deny", None], ["next", 5]),
        ("verify", [True, "/ca.pem"], [5, []]),
        ("connections_prefix", ["a", "", None], [[], {}]),
        ("assume_role_kwargs", [{"ExternalId": "e"}, "{}"], [5, []]),
    ],
)
def test_each_form_of_a_value_is_known(key: str, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if wrong("aws_secrets_manager", {key: value})] == []
    assert [value for value in bad if not wrong("aws_secrets_manager", {key: value})] == []


@pytest.mark.parametrize(
    "instance",
    [
        CHAIN,
        {"stores_file": "/etc/stores.toml", "cache_ttl": "5m"},
        {"stores": json.dumps(CHAIN["stores"])},
        {
            "stores": [
                {
                    "name": "a",
                    "store": "vault",
                    "kinds": ["connections"],
                    "teams": ["x", None],
                    "ids": "a",
                    "url": "http://v",
                }
            ]
        },
        {"stores": [{"class": "company.Backend", "kwargs": {"a": 1}, "on_error": "next", "cache_ttl": 5}]},
        {"stores": [{"config": {"awsRegion": "r", "auth_type": "IAM_ROLE", "roleArn": "a"}, "name": "b"}]},
        {"stores": [{"store": "doppler", "config": "prd", "project": "p"}]},
    ],
)
def test_chains_that_work_are_accepted(instance: dict[str, Any]) -> None:
    assert wrong("chain", instance) == []
    if isinstance(instance.get("stores"), list):
        assert wrong("stores_file", {"stores": instance["stores"]}) == []


@pytest.mark.parametrize(
    "instance",
    [
        {},
        {"stores": []},
        {"stores": CHAIN["stores"], "stores_file": "a"},
        {"stores": [{"name": "a"}]},
        {"stores": [{"store": "valt"}]},
        {"stores": [{"store": "local", "class": "a.B"}]},
        {"stores": [{"store": "local", "region_name": "an option of another store"}]},
        {"stores": [{"store": "local", "kinds": ["pools"]}]},
        {"stores": [{"store": "local", "name": "arn"}]},
        {"stores": [{"store": "local", "on_error": "ignore"}]},
        {"stores": CHAIN["stores"], "cache_tll": 5},
    ],
)
def test_chains_that_do_not_work_are_refused(instance: dict[str, Any]) -> None:
    assert wrong("chain", instance)
