"""A host whose tasks leave their lookups to Airflow's server: what a command can say there, and who is to be asked."""

from __future__ import annotations

import json

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, Shell

CANARY = "canary-8a31f0"
SERVER = "strongroom.server.ServerBackend"
OPTIONS = ["AIRFLOW__SENTRY__SENTRY_DSN_SECRET", "AIRFLOW__CELERY__BROKER_URL_SECRET"]


@pytest.fixture
def tasks(shell: Shell) -> Shell:
    """A host of tasks alone."""
    shell.variables["AIRFLOW__WORKERS__SECRETS_BACKEND"] = SERVER
    return shell


def found(shell: Shell, *arguments: str) -> dict[str, list[str]]:
    """The findings of the doctor: what was found, by severity and check."""
    checks: dict[str, list[str]] = {}
    for finding in shell.run("doctor", "--json", *arguments).json["findings"]:
        checks.setdefault(f"{finding['severity']} {finding['check']}", []).append(finding["evidence"])
    return checks


def test_the_doctor_has_no_problem_with_such_a_host(tasks: Shell) -> None:
    for arguments in ((), ("--workers",)):
        assert list(found(tasks, *arguments)) == ["note airflow_cfg", "ok backend", "note on_the_server"]
    assert tasks.run("doctor", "--strict").code == DONE


def test_the_doctor_names_each_option_that_nothing_answers(tasks: Shell) -> None:
    for name in OPTIONS:
        tasks.variables[name] = "some/name"
    tasks.variables["AIRFLOW__CELERY__RESULT_BACKEND_SECRET"] = "hidden"
    tasks.variables["AIRFLOW__CELERY__RESULT_BACKEND"] = "written"
    tasks.variables["AIRFLOW__API_AUTH__JWT_SECRET"] = CANARY
    tasks.variables["AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET"] = CANARY
    tasks.secrets.append(CANARY)
    (tasks.home / "airflow.cfg").write_text("[smtp]\nsmtp_password_secret = some/name\n")
    unanswered = found(tasks)["warning unanswered"]
    assert [line.split(" asks")[0] for line in unanswered] == [
        *sorted(OPTIONS),
        f"[smtp] smtp_password_secret of {tasks.home}/airflow.cfg",
    ]
    assert tasks.run("doctor", "--strict").code == NO


def test_options_of_the_class_and_a_store_on_the_same_host_are_told(tasks: Shell) -> None:
    tasks.secrets.append(CANARY)
    tasks.variables["AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS"] = json.dumps({"token": CANARY})
    assert "`token`" in found(tasks, "--workers")["warning options"][0]
    tasks.backend("memory", secrets={"airflow/variables/v": CANARY})
    notes = found(tasks, "--workers")["note on_the_server"]
    assert any("[secrets] of this host names strongroom.memory.MemoryBackend" in note for note in notes)
    assert found(tasks)["note workers"] == [
        "tasks hold no store ([workers] secrets_backend): Airflow's server asks this backend for them"
    ]


def test_the_class_in_the_place_of_the_servers_own_is_a_warning(shell: Shell) -> None:
    shell.backend(SERVER)
    assert "warning on_the_server" in found(shell)
    assert shell.run("doctor", "--strict").code == NO


def test_explain_names_the_server_or_goes_on_there(tasks: Shell) -> None:
    tasks.secrets.append(CANARY)
    alone = tasks.run("explain", "variable", "v", "--json")
    assert (alone.code, alone.json["answered_by"]) == (NO, None)
    assert "holds no store" in alone.json["backends"][0]["not_asked"]
    assert alone.json["remedy"].startswith("Run `strongroom explain variable v` where the API server runs")
    tasks.backend("memory", secrets={"airflow/variables/v": CANARY})
    together = tasks.run("explain", "variable", "v", "--json")
    assert (together.code, together.json["answered_by"]) == (DONE, "the backend of [secrets]")
    assert together.json["may_answer_first"] == []


def test_other_commands_say_where_to_ask(tasks: Shell) -> None:
    for command in (["get", "variable", "v"], ["list"], ["lint"], ["bench"], ["describe", "variable", "v"]):
        refused = tasks.run(*command, "--workers")
        assert refused.code == CONFIGURATION, command
        assert "holds no store" in refused.err
        assert "without --workers" in refused.err
    printed = tasks.run("env", "--workers")
    assert (printed.code, printed.out) == (DONE, f"AIRFLOW__WORKERS__SECRETS_BACKEND='{SERVER}'\n")


def test_stores_do_not_list_what_is_none(tasks: Shell) -> None:
    printed = tasks.run("stores", "--json").out
    assert "strongroom.memory.MemoryBackend" in printed
    assert SERVER not in printed
