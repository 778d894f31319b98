"""explain: the whole search, its order, and the calls of exactly one lookup."""

from __future__ import annotations

import json

import pytest

from tests.command_line.shell import CLASSES, CONFIGURATION, DONE, NO, STORE, Shell
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
    result = shell.run("explain", "variable", "v", "--team", "t", "--json")
    assert result.code == DONE
    names = [(each["name"].lstrip("/"), each["outcome"]) for each in result.json["backends"][0]["names"]]
    assert names == [("airflow/variables/t--v", "absent"), ("airflow/variables/v", "value")]
    assert counted.operations() == [READ[store]] * 2
    assert result.json["answered_by"] == "the backend of [secrets]"
    assert result.json["backends"][0]["identity"].startswith(
        "the access key of backend_kwargs in eu-central-1 at http://"
    )


def test_the_order_is_backend_environment_metastore(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.variables["AIRFLOW_VAR_V"] = CANARY
    shell.backend("memory", secrets={"airflow/variables/v": CANARY})
    result = shell.run("explain", "variable", "v", "--json").json
    assert result["answered_by"] == "the backend of [secrets]"
    assert result["variables"] == [{"name": "AIRFLOW_VAR_V", "set": True, "answers": False}]
    assert "AIRFLOW_VAR_V" in result["remedy"]
    shell.backend("memory")
    result = shell.run("explain", "variable", "v", "--json").json
    assert result["answered_by"] == "AIRFLOW_VAR_V"
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
    result = shell.run("explain", "variable", "w", "--json").json
    assert result["answered_by"] == "the backend of [workers]"
    assert [each["not_asked"] for each in result["backends"]] == [None, "the search was over before"]
    assert shell.run("explain", "variable", "v", "--json").json["answered_by"] == "the backend of [secrets]"


@pytest.mark.parametrize(("policy", "fate"), [("official", "goes on"), ("stop", "stop"), ("miss", "goes on")])
def test_an_error_is_shown_with_its_effect_in_airflow(aws: MiniStack, shell: Shell, policy: str, fate: str) -> None:
    shell.variables["AIRFLOW_VAR_V"] = "plain"
    shell.aws_backend("aws", aws.url, aws.user(), on_error=policy)
    result = shell.run("explain", "variable", "v", "--json")
    assert (result.code, result.json["backends"][0]["error"]["kind"]) == (STORE, "denied")
    assert result.json["backends"][0]["stops_airflow"] == (policy == "stop")
    assert result.json["answered_by"] == (None if policy == "stop" else "AIRFLOW_VAR_V")
    assert "secretsmanager:GetSecretValue" in result.json["remedy"]
    assert fate in shell.run("explain", "variable", "v").out


def test_a_connection_that_airflow_cannot_use_is_skipped(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/connections/c": f'{{"host": ["{CANARY}"]}}', "airflow/connections/e": ""})
    for conn_id in ("c", "e"):
        result = shell.run("explain", "connection", conn_id, "--json")
        assert (result.code, result.json["answered_by"]) == (NO, None)
        assert result.json["backends"][0]["unusable"]
        assert "the backend has it in a form that Airflow cannot use" in shell.run("explain", "connection", conn_id).out


def test_patterns_and_switches_are_reasons(shell: Shell) -> None:
    shell.backend("memory", connections_lookup_pattern="prod_", config_prefix=None)
    result = shell.run("explain", "connection", "dev", "--json").json["backends"][0]
    assert "lookup pattern" in result["not_asked"]
    assert "switched off" in shell.run("explain", "config", "c").out


def test_config_values_end_with_the_default(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/config/dsn": CANARY})
    assert shell.run("explain", "config", "dsn", "--json").json["answered_by"] == "the backend of [secrets]"
    assert "default" in shell.run("explain", "config", "no").out


def test_without_a_backend_the_rest_of_the_search_is_shown(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    missing = shell.run("explain", "variable", "v", "--json")
    assert (missing.code, missing.json["backends"], missing.json["answered_by"]) == (NO, [], None)
    assert "AIRFLOW__SECRETS__BACKEND" in missing.json["remedy"]
    found = shell.run("explain", "variable", "v", "--json", variables={"AIRFLOW_VAR_V": CANARY})
    assert (found.code, found.json["answered_by"]) == (DONE, "AIRFLOW_VAR_V")
    assert "Metastore" in shell.run("explain", "connection", "c").out


@pytest.mark.parametrize("section", ["SECRETS__BACKEND", "WORKERS__SECRETS_BACKEND"])
def test_an_unknown_class_may_answer_first(shell: Shell, section: str) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/variables/v": CANARY})
    shell.variables[f"AIRFLOW__{section}"] = "mine.secrets.Backend"
    shell.variables[f"AIRFLOW__{section}_KWARGS"] = json.dumps({"password": CANARY})
    result = shell.run("explain", "variable", "v", "--json")
    place = section.partition("__")[0].lower()
    assert result.json["may_answer_first"] == [f"the backend of [{place}]"]
    assert result.json["backends"][0]["not_asked"] == "this is not a class that Strongroom knows"
    assert result.json["backends"][0]["cache"] is None
    assert (result.code, result.json["answered_by"]) == (
        (NO, None) if place == "secrets" else (DONE, "the backend of [secrets]")
    )
    text = shell.run("explain", "variable", "v").out
    assert f"the backend of [{place}] may answer first" in text
    assert "not asked: this is not a class that Strongroom knows" in text


@pytest.mark.parametrize("written", [CANARY, f"postgres://u:{CANARY}@h/x.y", f"a.b\n{CANARY}", f"a.{CANARY}/+="])
def test_an_invalid_class_path_is_not_shown(shell: Shell, written: str) -> None:
    shell.secrets.append(CANARY)
    shell.variables["AIRFLOW__SECRETS__BACKEND"] = written
    assert "(not shown: no class path)" in shell.run("explain", "variable", "v").out
    for command in (["explain", "variable", "v"], ["doctor"], ["get", "variable", "v"], ["env"], ["policy", "aws"]):
        for form in ([], ["--json"]):
            shell.run(*command, *form)


def test_a_config_value_names_the_options_that_ask_for_it(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/config/dsn": CANARY})
    assert "AIRFLOW__SECTION__OPTION_SECRET" in shell.run("explain", "config", "dsn", "--json").json["remedy"]
    (shell.home / "airflow.cfg").write_text("[sentry]\nsentry_dsn_secret = dsn\n")
    file = f"[sentry] sentry_dsn_secret of {shell.home}/airflow.cfg"
    result = shell.run("explain", "config", "dsn", "--json").json
    assert result["options"] == [{"place": file, "hidden_by": None}]
    assert (result["answered_by"], result["remedy"]) == ("the backend of [secrets]", None)
    shell.variables["AIRFLOW__SENTRY__SENTRY_DSN"] = CANARY
    result = shell.run("explain", "config", "dsn", "--json")
    assert result.json["options"] == [{"place": file, "hidden_by": "AIRFLOW__SENTRY__SENTRY_DSN"}]
    assert (result.code, result.json["answered_by"]) == (DONE, "AIRFLOW__SENTRY__SENTRY_DSN")


def test_code_of_tasks_asks_only_the_backend_of_workers_for_config_values(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/config/dsn": CANARY})
    shell.variables["AIRFLOW__WORKERS__SECRETS_BACKEND"] = CLASSES["memory"]
    server = shell.run("explain", "config", "dsn", "--json")
    assert (server.code, [each["component"] for each in server.json["backends"]]) == (DONE, ["server"])
    worker = shell.run("explain", "config", "dsn", "--workers", "--json")
    assert (worker.code, [each["component"] for each in worker.json["backends"]]) == (NO, ["worker"])
    assert "--workers" in shell.run("explain", "config", "dsn").out


def test_a_store_that_cannot_be_opened_is_an_error_within_the_search(shell: Shell) -> None:
    shell.backend("aws")
    shell.variables["AIRFLOW_VAR_V"] = "plain"
    result = shell.run("explain", "variable", "v", "--json")
    assert (result.code, result.json["backends"][0]["error"]["kind"]) == (CONFIGURATION, "config")
    assert result.json["answered_by"] == "AIRFLOW_VAR_V"
    assert "region_name" in result.json["remedy"]


def test_an_error_for_a_config_value_reaches_what_reads_it(aws: MiniStack, shell: Shell) -> None:
    shell.aws_backend("aws", aws.url, aws.user())
    assert "AirflowConfigException" in shell.run("explain", "config", "dsn").out
    shell.aws_backend("aws", aws.url, aws.user(), on_error="miss")
    assert "Airflow uses the option's default" in shell.run("explain", "config", "dsn").out
