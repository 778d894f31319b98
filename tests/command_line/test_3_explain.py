"""explain: the whole search, its order, and the calls of exactly one lookup."""

from __future__ import annotations

import json

import pytest

from tests.command_line.shell import CLASSES, DONE, NO, STORE, Shell
from tests.servers.aws import MiniStack, allow, allow_parameters
from tests.servers.counting import Counter

CANARY = "canary-e81d40"
READER = (allow("secretsmanager:GetSecretValue", "airflow/*"), allow_parameters("ssm:GetParameter", "airflow/*"))
READ = {"aws": "GetSecretValue", "ssm": "GetParameter"}


@pytest.mark.parametrize("store", ["aws", "ssm"])
def test_a_search_makes_the_calls_of_one_lookup(aws: MiniStack, counted: Counter, shell: Shell, store: str) -> None:
    shell.secrets.append(CANARY)
    aws.put_secrets({"airflow/variables/v": CANARY})
    aws.put_parameters({"/airflow/variables/v": CANARY})
    shell.aws_backend(store, counted.url, aws.user(*READER))
    told = shell.run("explain", "variable", "v", "--team", "t", "--json")
    assert told.code == DONE
    names = [(each["name"].lstrip("/"), each["outcome"]) for each in told.json["backends"][0]["names"]]
    assert names == [("airflow/variables/t--v", "absent"), ("airflow/variables/v", "value")]
    assert counted.operations() == [READ[store]] * 2
    assert told.json["answered_by"] == "the backend of [secrets]"
    assert told.json["backends"][0]["identity"].startswith(
        "the access key of backend_kwargs in eu-central-1 at http://"
    )


def test_the_order_is_backend_environment_metastore(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.variables["AIRFLOW_VAR_V"] = CANARY
    shell.backend("memory", secrets={"airflow/variables/v": CANARY})
    told = shell.run("explain", "variable", "v", "--json").json
    assert told["answered_by"] == "the backend of [secrets]"
    assert told["variables"] == [{"name": "AIRFLOW_VAR_V", "set": True, "answers": False}]
    assert "AIRFLOW_VAR_V" in told["remedy"]
    shell.backend("memory")
    told = shell.run("explain", "variable", "v", "--json").json
    assert told["answered_by"] == "AIRFLOW_VAR_V"
    del shell.variables["AIRFLOW_VAR_V"]
    missing = shell.run("explain", "variable", "v", "--json")
    assert (missing.code, missing.json["answered_by"]) == (NO, None)
    assert "`airflow/variables/v`" in missing.json["remedy"]
    assert "Metastore" in shell.run("explain", "variable", "v").out


def test_workers_ask_their_own_backend_first(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/variables/v": CANARY})
    shell.variables["AIRFLOW__WORKERS__SECRETS_BACKEND"] = CLASSES["memory"]
    kwargs = {"secrets": {"airflow/variables/w": CANARY}}
    shell.variables["AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS"] = json.dumps(kwargs)
    told = shell.run("explain", "variable", "w", "--json").json
    assert told["answered_by"] == "the backend of [workers]"
    assert [each["not_asked"] for each in told["backends"]] == [None, "the search was over before"]
    assert shell.run("explain", "variable", "v", "--json").json["answered_by"] == "the backend of [secrets]"


@pytest.mark.parametrize(("policy", "fate"), [("official", "goes on"), ("stop", "stop"), ("miss", "goes on")])
def test_an_error_is_told_with_what_airflow_makes_of_it(aws: MiniStack, shell: Shell, policy: str, fate: str) -> None:
    shell.variables["AIRFLOW_VAR_V"] = "plain"
    shell.aws_backend("aws", aws.url, aws.user(), on_error=policy)
    told = shell.run("explain", "variable", "v", "--json")
    assert (told.code, told.json["backends"][0]["error"]["kind"]) == (STORE, "denied")
    assert told.json["backends"][0]["stops_airflow"] == (policy == "stop")
    assert told.json["answered_by"] == (None if policy == "stop" else "AIRFLOW_VAR_V")
    assert "secretsmanager:GetSecretValue" in told.json["remedy"]
    assert fate in shell.run("explain", "variable", "v").out


def test_a_connection_that_airflow_cannot_use_is_passed_over(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/connections/c": f'{{"host": ["{CANARY}"]}}', "airflow/connections/e": ""})
    for conn_id in ("c", "e"):
        told = shell.run("explain", "connection", conn_id, "--json")
        assert (told.code, told.json["answered_by"]) == (NO, None)
        assert told.json["backends"][0]["unusable"]


def test_patterns_and_switches_are_reasons(shell: Shell) -> None:
    shell.backend("memory", connections_lookup_pattern="prod_", config_prefix=None)
    told = shell.run("explain", "connection", "dev", "--json").json["backends"][0]
    assert "lookup pattern" in told["not_asked"]
    assert "switched off" in shell.run("explain", "config", "c").out


def test_config_values_end_with_the_default(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/config/dsn": CANARY})
    assert shell.run("explain", "config", "dsn", "--json").json["answered_by"] == "the backend of [secrets]"
    assert "default" in shell.run("explain", "config", "no").out
