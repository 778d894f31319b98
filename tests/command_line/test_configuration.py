"""The configuration of the command line is the one that Airflow would read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, USAGE, Shell

CANARY = "canary-c0f19a"
MEMORY = "strongroom.memory.MemoryBackend"


def write(shell: Shell, text: str, name: str = "airflow.cfg") -> Path:
    """A configuration file in the shell's Airflow home."""
    path = shell.home / name
    path.write_text(text)
    return path


def secrets(value: str) -> str:
    """Kwargs of the memory store with one variable."""
    return json.dumps({"secrets": {"airflow/variables/v": value}})


def test_the_file_the_environment_and_single_keys_are_read_in_airflows_order(shell: Shell) -> None:
    write(shell, f"[secrets]\nbackend = {MEMORY}\nbackend_kwargs = {secrets('of the file').replace('%', '%%')}\n")
    assert shell.run("reveal", "variable", "v").out == "of the file\n"
    shell.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = secrets("of the environment")
    assert shell.run("reveal", "variable", "v").out == "of the environment\n"
    single = {"airflow/variables/v": "of the key"}
    shell.variables["AIRFLOW__SECRETS__BACKEND_KWARG__SECRETS"] = json.dumps(single)
    assert shell.run("reveal", "variable", "v").out == "of the key\n"


def test_percent_signs_commands_and_variables_are_replaced(shell: Shell) -> None:
    write(shell, f"[secrets]\nbackend = {MEMORY}\nbackend_kwargs = {secrets('5%')}\n")
    refused = shell.run("get", "variable", "v")
    assert refused.code == CONFIGURATION
    assert "[secrets] backend_kwargs in airflow.cfg holds a single percent sign" in refused.err
    write(shell, f"[secrets]\nbackend = {MEMORY}\nbackend_kwargs = {secrets('5%% of $SUM')}\n")
    assert shell.run("reveal", "variable", "v", variables={"SUM": "7"}).out == "5% of 7\n"
    file = shell.home / "kwargs.json"
    file.write_text(secrets("of a command"))
    write(shell, f"[secrets]\nbackend = {MEMORY}\nbackend_kwargs_cmd = cat '{file}'\n")
    assert shell.run("reveal", "variable", "v").out == "of a command\n"


def test_workers_may_have_their_own_backend(shell: Shell) -> None:
    shell.backend("memory", secrets={"airflow/variables/v": "server"})
    assert shell.run("reveal", "variable", "v", "--workers").out == "server\n"
    shell.variables["AIRFLOW__WORKERS__SECRETS_BACKEND"] = MEMORY
    shell.variables["AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS"] = secrets("worker")
    assert shell.run("reveal", "variable", "v", "--workers").out == "worker\n"
    assert shell.run("reveal", "variable", "v").out == "server\n"


def test_a_configuration_file_can_be_named(shell: Shell) -> None:
    path = write(shell, f"[secrets]\nbackend = {MEMORY}\nbackend_kwargs = {secrets('named')}\n", "other.cfg")
    assert shell.run("reveal", "variable", "v").code == CONFIGURATION
    assert shell.run("reveal", "variable", "v", "--config", str(path)).out == "named\n"
    missing = shell.run("get", "variable", "v", "--config", "/nonexistent.cfg")
    assert (missing.code, "`/nonexistent.cfg` could not be read" in missing.err) == (CONFIGURATION, True)


@pytest.mark.parametrize("kwargs", [f'{{"secrets": "{CANARY}"', f'["{CANARY}"]', f'{{"timeout": "{CANARY}"}}'])
def test_mistakes_are_reported_without_their_text(shell: Shell, kwargs: str) -> None:
    shell.secrets.append(CANARY)
    shell.variables["AIRFLOW__SECRETS__BACKEND"] = MEMORY
    shell.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = kwargs
    found = shell.run("doctor", "--json")
    assert found.code == NO
    problems = [each for each in found.json["findings"] if each["severity"] == "problem"]
    assert [bool(each["remedy"]) for each in problems] == [True]
    for command in (["get", "variable", "v"], ["list"], ["env"], ["explain", "variable", "v"], ["lint"]):
        shell.run(*command)


def test_env_prints_variables_that_configure_the_same_and_masks_secrets(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend("memory", secrets={"airflow/variables/v": CANARY}, cache_ttl="5m", surprise=CANARY)
    printed = shell.run("env", "--json")
    assert printed.code == DONE
    kwargs = json.loads(printed.json["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    assert kwargs == {"secrets": "***", "cache_ttl": "5m", "surprise": "***"}
    assert sorted(printed.json["masked"]) == ["secrets", "surprise"]
    assert f"AIRFLOW__SECRETS__BACKEND='{MEMORY}'\n" in shell.run("env").out


def test_env_prints_what_airflow_reads_back_unchanged(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.variables |= {
        "AIRFLOW__SECRETS__BACKEND": MEMORY,
        "AIRFLOW__SECRETS__BACKEND_KWARG__SEP": "$HOME",
        "AIRFLOW__SECRETS__BACKEND_KWARG__CONFIG_PREFIX": f"https://h?token={CANARY}",
    }
    kwargs = shell.run("env", "--json").json["AIRFLOW__SECRETS__BACKEND_KWARGS"]
    assert "$" not in kwargs
    assert json.loads(kwargs) == {"config_prefix": "***", "sep": "$HOME"}


def test_misplaced_arguments_are_not_repeated(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    for typed in (
        ["uri", "parse", f"postgres://u:{CANARY}@h"],
        ["uri", "parse", "--", CANARY],
        ["uri", "parse", f"-p{CANARY}"],
        ["uri", "parse", f"--uri={CANARY}"],
        ["reveal", "variable", "v", CANARY],
        ["get", CANARY, "v"],
        ["lint", "--dialect", CANARY],
        ["bench", "--count", CANARY],
        [f"--json={CANARY}", "list"],
        [CANARY],
    ):
        refused = shell.run(*typed)
        assert (refused.code, "error: " in refused.err) == (USAGE, True), typed
    assert "a similar value exists: 'connection'" in shell.run("get", "conection", "v").err
    assert "a value is required for '--config <FILE>'" in shell.run("list", "--config").err


def test_an_error_comes_with_its_possible_cause(shell: Shell) -> None:
    shell.backend("aws")
    shell.variables["AIRFLOW__SECRETS__BACKEND_KWARGS"] = "{'region_name': 'eu-west-1'}"
    for arguments in (["get", "connection", "c"], ["list", "--json"]):
        refused = shell.run(*arguments)
        assert refused.code == CONFIGURATION
        assert "warning: AIRFLOW__SECRETS__BACKEND_KWARGS is not valid JSON" in refused.err
        assert "no AWS region" in refused.out + refused.err


def test_the_official_class_is_known(shell: Shell) -> None:
    file = shell.home / "variables.json"
    file.write_text('{"v": "1"}')
    shell.backend("airflow.secrets.local_filesystem.LocalFilesystemBackend", variables_file_path=str(file))
    assert shell.run("reveal", "variable", "v").out == "1\n"
    found = shell.run("doctor", "--offline", "--json").json["findings"]
    assert "official_class" in [each["check"] for each in found]


def test_exit_codes_of_use_and_configuration(shell: Shell) -> None:
    assert shell.run("get", "pool", "x").code == USAGE
    assert shell.run("get", "connection").code == USAGE
    nothing = shell.run("get", "connection", "x")
    assert (nothing.code, "no secrets backend is configured" in nothing.err) == (CONFIGURATION, True)
    as_json = shell.run("get", "connection", "x", "--json")
    assert (as_json.code, as_json.json["error"]["kind"]) == (CONFIGURATION, "config")


def test_each_command_has_help(shell: Shell) -> None:
    commands = shell.run("--help").out.partition("Commands:")[2].partition("Options:")[0].split("\n  ")
    names = [line.split()[0] for line in commands if line.strip() and not line.startswith(" ")]
    assert {"get", "reveal", "list", "describe", "explain", "lint", "uri", "env", "doctor", "policy"} <= set(names)
    for name in set(names) - {"help"}:
        result = shell.run(name, "--help")
        assert (result.code, "Examples:" in result.out) == (DONE, True), name


def test_completions_and_the_manual_are_made(shell: Shell) -> None:
    assert "_strongroom" in shell.run("completions", "bash").out
    assert ".TH strongroom" in shell.run("manual").out
