"""Suggestions for misspelt ids, classes, options of Airflow, keys of backend_kwargs, commands and words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command_line.clouds import OnAzure
from tests.command_line.shell import CLASSES, CONFIGURATION, DONE, NO, STORE, USAGE, Run, Shell
from tests.servers.aws import MiniStack, allow
from tests.servers.azure import CLIENT, MANAGED, TENANT, Application

CANARY = "canary-51fe20"
SECRETS = {"airflow/connections/smtp_default": f"smtp://u:{CANARY}@h", "airflow/variables/region": CANARY}


def test_near_ids_are_named(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets=SECRETS)
    run = shell.run("explain", "connection", "smtp_defalt")
    assert run.code == NO
    assert "Did you mean `smtp_default`?" in run.out
    as_json = shell.run("explain", "connection", "smtp_defalt", "--json").json
    assert as_json["backends"][0]["near"] == ["smtp_default"]
    assert "Did you mean `smtp_default`?" in as_json["remedy"]
    got = shell.run("get", "connection", "smtp-default")
    assert (got.code, "Did you mean `smtp_default`?" in got.out) == (NO, True)
    assert shell.run("get", "variable", "warehouse", "--json").json["near"] == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("strongroom.aws.SecretManagerBackend", CLASSES["aws"]),
        ("strongroom.SecretsManagerBackend", CLASSES["aws"]),
        ("strongroom.vault.VaultBackend", CLASSES["vault"]),
        (
            "airflow.providers.hashicorp.secrets.vaults.VaultBackend",
            "airflow.providers.hashicorp.secrets.vault.VaultBackend",
        ),
    ],
)
def test_near_classes_are_named(shell: Shell, written: str, meant: str) -> None:
    shell.backend(written)
    assert f"Did you mean `{meant}`?" in shell.run("explain", "connection", "x").out
    done = shell.run("list")
    assert (done.code, f"Did you mean `{meant}`?" in done.err) == (CONFIGURATION, True)


def test_an_official_class_has_no_strongroom_cache(shell: Shell, tmp_path: Path) -> None:
    shell.backend(
        "airflow.secrets.local_filesystem.LocalFilesystemBackend", variables_file_path=str(tmp_path / "v.env")
    )
    (tmp_path / "v.env").write_text("a=1\n")
    run = shell.run("explain", "variable", "a", "--json").json["backends"][0]
    assert (run["answers"], run["cache"]) == (True, None)
    assert "cache:" not in shell.run("explain", "variable", "a").out


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AIRFLOW_SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND"),
        ("AIRFLOW__SECRETS__BACKENDS", "AIRFLOW__SECRETS__BACKEND"),
        ("AIRFLOW__SECRETS__BACKEND_KWARG", "AIRFLOW__SECRETS__BACKEND_KWARGS"),
        ("AIRFLOW__WORKERS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND"),
    ],
)
def test_doctor_sees_variables_that_are_nearly_right(shell: Shell, name: str, meant: str) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory")
    found = shell.run("doctor", "--json", variables={name: CANARY}).json["findings"]
    (near,) = [each for each in found if each["check"] == "near_miss"]
    assert (near["severity"], near["remedy"]) == ("warning", f"Write {meant}")
    assert near["evidence"].startswith(name)


def test_doctor_sees_options_of_the_file_that_are_nearly_right(shell: Shell) -> None:
    (shell.home / "airflow.cfg").write_text(f"[secret]\nbackend = x.Y\n[secrets]\nbackends = {CLASSES['memory']}\n")
    done = shell.run("doctor", "--json")
    near = [each["remedy"] for each in done.json["findings"] if each["check"] == "near_miss"]
    assert (done.code, near) == (NO, ["Write `backend` in [secrets]", "Write `backend` in [secrets]"])


@pytest.mark.parametrize(
    ("store", "key", "meant"),
    [
        ("aws", "profile", "`profile_name`"),
        ("aws", "region", "`region_name`"),
        ("aws", "external_id", "`assume_role_kwargs`"),
        ("ssm", "iam_role", "`role_arn`"),
        ("aws", "aws_conn_id", "`role_arn`"),
        ("vault", "auth_path", "`auth_mount_point`"),
    ],
)
def test_hints_name_the_key_that_works(shell: Shell, store: str, key: str, meant: str) -> None:
    shell.secrets.append(CANARY)
    needed = {"token": CANARY} if store == "vault" else {}
    shell.backend(store, **needed, **{key: CANARY})
    warned = shell.run("doctor", "--offline").out
    assert f"`{key}` " in warned
    assert meant in warned


def test_every_enabled_kind_is_tried_and_the_remedy_names_prefix_and_command(aws: MiniStack, shell: Shell) -> None:
    listing = {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}
    user = aws.user(allow("secretsmanager:GetSecretValue", "airflow/connections/*"), listing)
    shell.aws_backend("aws", aws.url, user, config_prefix=None)
    done = shell.run("doctor", "--json")
    read = [each for each in done.json["findings"] if each["check"] == "read"]
    assert done.code == NO
    assert sorted(each["severity"] for each in read) == ["ok", "problem"]
    (denied,) = [each for each in read if each["severity"] == "problem"]
    assert "`airflow/variables/`" in denied["remedy"]
    assert "`strongroom policy aws`" in denied["remedy"]
    assert "strongroom_doctor_probe" not in denied["remedy"]
    (allowed,) = [each for each in read if each["severity"] == "ok"]
    assert allowed["evidence"].endswith("reading is allowed for connections")


def by_secret(azure: OnAzure, folder: Path) -> str:
    return CLIENT


def by_federated_token(azure: OnAzure, folder: Path) -> str:
    azure.server.applications[CLIENT] = Application(secrets=set(), federated={"system:serviceaccount:airflow:worker"})
    file = folder / "federated"
    file.write_text(azure.server.federated_token())
    azure.configure(tenant_id=None, client_id=None, client_secret=None)
    azure.shell.variables |= {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT}
    azure.shell.variables["AZURE_FEDERATED_TOKEN_FILE"] = str(file)
    return CLIENT


def by_the_machine(azure: OnAzure, folder: Path) -> str:
    azure.server.machine = MANAGED
    azure.configure(tenant_id=None, client_id=None, client_secret=None)
    azure.shell.variables["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = azure.server.proxy
    return MANAGED


@pytest.mark.parametrize("login", [by_secret, by_federated_token, by_the_machine])
def test_the_caller_of_azure_is_named(azure: OnAzure, tmp_path: Path, login: Callable[[OnAzure, Path], str]) -> None:
    """The application and the tenant as in the token of Entra ID, for each login, without a request."""
    application = login(azure, tmp_path)
    (run,) = callers(azure.shell.run("doctor", "--json"))
    assert run["evidence"] == f"Entra ID knows the caller as the application {application} of tenant {TENANT}"
    assert run["severity"] == "ok"
    assert run["evidence"] in " ".join(azure.shell.run("doctor").out.split())
    azure.calls()
    assert callers(azure.shell.run("doctor", "--offline", "--json")) == []
    assert azure.calls() == []


def test_a_caller_refused_by_entra_has_no_name(azure: OnAzure) -> None:
    """There is no token to read it from; the error of the login says why."""
    azure.configure(client_secret=f"{CANARY}-wrong", max_attempts=1)
    run = azure.shell.run("doctor", "--json")
    assert (run.code, callers(run)) == (NO, [])


def callers(run: Run) -> list[dict[str, Any]]:
    """The findings about the caller."""
    return [each for each in run.json["findings"] if each["check"] == "caller"]


@pytest.mark.parametrize(
    ("value", "check"),
    [
        (f"mongo://u:{CANARY}@h1:1,h2:2/db", "several_hosts"),
        (f"my_type://u:{CANARY}@h", "no_conn_type"),
        (f"postgres://u:{CANARY}%CAx@h", "percent"),
        (f"postgres://u:{CANARY}@h\n", "line_break"),
        (json.dumps({"engine": "postgres", "host": "h", "dbname": CANARY}), "dropped"),
    ],
)
def test_lint_finds_values_that_become_another_type(aws: MiniStack, shell: Shell, value: str, check: str) -> None:
    shell.secrets.append(CANARY)
    aws.put_secrets({"airflow/connections/c": value})
    listing = {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}
    shell.aws_backend("aws", aws.url, aws.user(allow("secretsmanager:GetSecretValue", "airflow/*"), listing))
    found = shell.run("lint", "--json")
    assert (found.code, check in [each["check"] for each in found.json["findings"]]) == (NO, True), found.out


@pytest.mark.parametrize("nonsense", [CANARY, f"my_type://{CANARY}", f"://{CANARY}", "?"])
def test_uri_parse_of_nonsense_fails(shell: Shell, nonsense: str) -> None:
    assert shell.run("uri", "parse", stdin=nonsense).code == STORE


@pytest.mark.parametrize(
    "fields",
    [
        {"conn_type": "x", "host": "h", "description": "d"},
        {"conn_type": "my type", "host": "h"},
        {"conn_type": "x", "host": "Upper"},
    ],
)
def test_uri_build_refuses_fields_that_it_would_not_read_back(shell: Shell, fields: dict[str, str]) -> None:
    done = shell.run("uri", "build", stdin=json.dumps(fields))
    assert (done.code, done.out, "would be read as another value" in done.err) == (STORE, "", True)


@pytest.mark.parametrize(("words", "code"), [(("vault",), DONE), (("hashicorp_vault",), DONE), (("openbao",), DONE)])
def test_stores_and_policy_take_the_same_words(shell: Shell, words: tuple[str, ...], code: int) -> None:
    assert shell.run("policy", *words, "--account", "secret").code == code
    listed = shell.run("stores", *words, "--json")
    assert (listed.code, [each["name"] for each in listed.json]) == (code, ["hashicorp_vault"])


def test_the_configuration_option_may_come_before_the_command(shell: Shell) -> None:
    config = shell.home / "other.cfg"
    config.write_text(f"[secrets]\nbackend = {CLASSES['memory']}\n")
    for line in (
        ["--config", str(config), "env"],
        [f"--config={config}", "--json", "env"],
        ["env", "--config", str(config)],
    ):
        done = shell.run(*line)
        assert (done.code, CLASSES["memory"] in done.out) == (DONE, True), done


@pytest.mark.parametrize(("typed", "meant"), [("docter", "doctor"), ("explian", "explain"), ("lst", "list")])
def test_a_mistyped_command_is_shown_with_the_nearest_one(shell: Shell, typed: str, meant: str) -> None:
    done = shell.run(typed)
    assert done.code == USAGE
    assert f"'{typed}'" in done.err
    assert f"'{meant}'" in done.err


def test_a_mistyped_kind_is_shown_with_the_nearest_one_and_other_words_are_not(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    done = shell.run("get", "conection", "x")
    assert (done.code, "'conection'" in done.err, "'connection'" in done.err) == (USAGE, True, True)
    assert "(not shown)" in shell.run(CANARY).err
