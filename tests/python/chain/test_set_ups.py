"""The set-ups of docs/several-stores.md at work: the page's own options, with the addresses of test servers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.exceptions import StrongroomError
from tests.servers.aws import REGION, Credentials, MiniStack, allow, allow_parameters
from tests.servers.counting import Counter
from tests.servers.vault import ROOT, Vault

PAGE = Path(__file__).parents[3] / "docs" / "several-stores.md"
ANY = allow("secretsmanager:GetSecretValue", "*")
ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}


def set_up(word: str) -> dict[str, Any]:
    """The options of the page's set-up that has this word in them."""
    (text,) = [block for block in re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL) if word in block]
    options: dict[str, Any] = json.loads(text)
    return options


def at(url: str, credentials: Credentials) -> dict[str, Any]:
    """Where a store of AWS is, and as whom it is asked."""
    return {"region_name": REGION, "endpoint_url": url, **credentials.options()}


def test_a_laptops_file_before_the_teams_store(vault: Vault, tmp_path: Path) -> None:
    file = tmp_path / "connections.yaml"
    file.write_text("db: postgres://laptop\n")
    vault.put("connections/db", {"conn_uri": "postgres://team"})
    vault.put("connections/dwh", {"conn_uri": "postgres://team-dwh"})
    options = set_up("laptop")
    options["stores"][0]["connections_file_path"] = str(file)
    options["stores"][1] |= {"url": vault.plain_url, "token": ROOT}
    backend = ChainBackend(**options, strict=True)
    assert [backend.get_conn_value(key) for key in ("db", "dwh", "none")] == [
        "postgres://laptop",
        "postgres://team-dwh",
        None,
    ]
    file.write_text("{}\n")
    backend.refresh()
    assert backend.get_conn_value("db") == "postgres://team"


def test_production_before_what_all_share(vault: Vault, counted: Counter, aws: MiniStack) -> None:
    vault.put("variables/prod_db", {"value": "vault"})
    aws.put_secrets(
        {"airflow/variables/prod_db": "aws", "airflow/variables/db": "aws", "airflow/variables/prod_x": "x"}
    )
    options = set_up('"prod"')
    options["stores"][0] |= {"url": vault.plain_url, "token": ROOT}
    options["stores"][1] |= at(counted.url, aws.user(ANY))
    backend = ChainBackend(**options, strict=True)
    before = vault.mark()
    assert [backend.get_variable(key) for key in ("prod_db", "db", "prod_x")] == ["vault", "aws", "x"]
    assert counted.names() == ["airflow/variables/db", "airflow/variables/prod_x"]
    assert not [path for path in vault.requests(before) if path.endswith("variables/db")]


def test_one_teams_own_account(counted: Counter, aws: MiniStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only lookups of the team sign in with its role."""
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "true")
    role = aws.role(allow("secretsmanager:GetSecretValue", "airflow/variables/sales--*", "airflow/variables/s*"))
    everyone = aws.user(allow("secretsmanager:GetSecretValue", "airflow/variables/shared*"), ASSUME)
    aws.put_secrets({"airflow/variables/sales--own": "of sales", "airflow/variables/shared": "of all"})
    options = set_up('"sales"')
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    options["stores"][0] |= {**at(counted.url, aws.user(ASSUME)), "role_arn": role}
    options["stores"][1] |= at(counted.url, everyone)
    backend = ChainBackend(**options, strict=True)
    assert backend.get_variable("own", team_name="sales") == "of sales"
    assert backend.get_variable("shared") == "of all"
    counted.clear()
    with pytest.raises(StrongroomError):
        backend.get_variable("own", team_name="ops")
    assert counted.names() == ["airflow/variables/ops--own"]


def test_moving_from_one_store_to_the_other(counted: Counter, aws: MiniStack) -> None:
    """A secret answers from the new store as soon as it is there."""
    both = aws.user(ANY, allow_parameters("ssm:GetParameter", "*"))
    aws.put_parameters({"/airflow/variables/db": "old", "/airflow/variables/later": "old"})
    aws.put_secrets({"airflow/variables/db": "new"})
    options = set_up('"new"')
    for store in options["stores"]:
        store |= at(counted.url, both)
    backend = ChainBackend(**options, strict=True)
    assert [backend.get_variable(key) for key in ("db", "later", "none")] == ["new", "old", None]
    aws.put_secrets({"airflow/variables/later": "moved"})
    backend.refresh("later")
    assert backend.get_variable("later") == "moved"
