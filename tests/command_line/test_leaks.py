"""Secrets are not shown, wherever they are in the configuration by mistake."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from typing import Any

import pytest

import strongroom
from strongroom import _cli
from strongroom.exceptions import InternalError
from tests.command_line.shell import CLASSES, CONFIGURATION, NO, PROGRAM, STORE, USAGE, Shell
from tests.command_line.store_shell import SERVERS, STORES

CANARY = "canary-f17a6d"
KNOWN = {store["python_class"]: store for store in strongroom.stores()}
#: Nothing listens there; the addresses in ``nowhere`` lead to it.
UNUSED = "127.0.0.1:9"
COMMANDS = (["doctor"], ["env"], ["explain", "variable", "v", "--json"], ["list"])
#: Forms that a secret may have by mistake.
FORMS: dict[str, Any] = {
    "text": CANARY,
    "two lines": f"a\n{CANARY}\n",
    "a list": [CANARY],
    "an object": {"a": {"b": CANARY}},
    "JSON cut short": f'{{"private_key": "{CANARY}',
}
#: The option may also be a path, and a text that looks like one is named if the file does not exist.
PATHS = {"gcp_credential_config_file"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("store", STORES)
def test_options_that_are_secret_are_not_shown_in_any_form(shell: Shell, store: str, form: str) -> None:
    shell.secrets.append(CANARY)
    secret = [option["key"] for option in KNOWN[CLASSES[store]]["options"] if option["secret"]]
    options = dict.fromkeys(secret, FORMS[form])
    if form == "text":
        options = {key: value for key, value in options.items() if key not in PATHS}
    # All together, then each separately: the first error may hide the others.
    for chosen in (options, *({key: value} for key, value in options.items())):
        shell.backend(store, max_attempts=1, **{**STORES[store].nowhere, **chosen})
        for command in COMMANDS if chosen is options else COMMANDS[2:3]:
            run = shell.run(*command)
            assert run.code in (0, NO, CONFIGURATION, STORE), run.err
            assert "Traceback" not in run.err


@pytest.mark.parametrize("store", SERVERS)
def test_an_address_with_a_password_or_a_token_is_not_shown(shell: Shell, store: str) -> None:
    shell.secrets.append(CANARY)
    for address in (f"http://u:{CANARY}@{UNUSED}", f"http://{UNUSED}?token={CANARY}", f"http://{UNUSED}#{CANARY}"):
        shell.backend(store, max_attempts=1, **{**STORES[store].nowhere, STORES[store].address: address})
        for command in COMMANDS:
            shell.run(*command)


@pytest.mark.parametrize("key", ["aws_access_key_id", "aws_session_token"])
def test_a_key_with_a_line_break_is_an_error_with_a_remedy(shell: Shell, key: str) -> None:
    shell.secrets.append(CANARY)
    keys = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": CANARY, key: f"{CANARY}\n"}
    shell.backend("aws", **STORES["aws"].nowhere, **keys)
    refused = shell.run("get", "variable", "v")
    assert (refused.code, "without a line break" in refused.err) == (STORE, True)


def test_arguments_that_are_not_unicode_cause_no_traceback(shell: Shell) -> None:
    shell.backend("memory")
    for arguments in (["get", "variable", "\udcff\udcfe"], ["\udcff"], ["policy", "vault", "--prefix", "\udcff"]):
        run = shell.run(*arguments)
        assert run.code in (0, NO, USAGE)
        assert "Traceback" not in run.err


@pytest.mark.parametrize(
    "written", [f"hvs.{CANARY.replace('-', '')}", f"s.{CANARY.replace('-', '')}", f"%({CANARY})s", f"~{CANARY}"]
)
def test_a_secret_in_the_place_of_the_class_is_not_shown(shell: Shell, written: str) -> None:
    shell.secrets += [CANARY, CANARY.replace("-", "")]
    (shell.home / "airflow.cfg").write_text(f"[secrets]\nbackend = {written}\n")
    for command in (*COMMANDS, ["explain", "connection", "c"], ["lint"], ["bench"], ["policy", "vault"]):
        assert "Traceback" not in shell.run(*command).err


def test_output_for_a_shell_does_not_control_the_terminal(shell: Shell) -> None:
    shell.variables |= {"VAULT_ADDR": f"http://{UNUSED}", "VAULT_NAMESPACE": "a\x1b[31m\u202e"}
    shell.backend("vault", token=CANARY)
    shell.secrets.append(CANARY)
    for end in ([], ["--json"], ["--print-commands"]):
        run = shell.run("vault", "approle", *end)
        assert run.code == 0
        assert not {"\x1b", "\u202e"} & set(run.out)
    line = next(line for line in run.out.splitlines() if "VAULT_NAMESPACE" in line)
    script = f'{line}; printf %s "$VAULT_NAMESPACE"'
    unicode = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    result = subprocess.run(["/bin/bash", "-c", script], env=unicode, capture_output=True, check=True)
    assert result.stdout.decode() == "a\x1b[31m\u202e"


@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\x7f", "\u202e"])
def test_no_name_controls_the_terminal(shell: Shell, character: str) -> None:
    name = f"a{character}b"
    shell.backend("memory", secrets={f"airflow/variables/{name}": CANARY, f"airflow/connections/{name}": f"{{{CANARY}"})
    shell.secrets.append(CANARY)
    for command in (
        ["list"],
        ["get", "variable", name],
        ["explain", "connection", name],
        ["lint"],
        ["describe", "variable", name],
    ):
        for end in ([], ["--json"]):
            run = shell.run(*command, *end)
            assert character not in run.out + run.err, command
            if end:
                assert name in json.dumps(run.json, ensure_ascii=False).replace(json.dumps(character)[1:-1], character)


def test_a_file_that_cannot_be_read_is_named_and_not_shown(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    file = shell.home / "airflow.cfg"
    file.write_bytes(b"[secrets]\nbackend = \xff\xfe" + CANARY.encode())
    assert str(file) in shell.run("get", "variable", "v").err
    file.unlink()
    file.mkdir()
    refused = shell.run("doctor")
    assert (refused.code, str(file) in refused.out) == (NO, True)


def test_without_home_the_folder_of_the_user_is_read(shell: Shell) -> None:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": shell_path()}
    done = subprocess.run(
        [*PROGRAM, "get", "variable", "v"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == CONFIGURATION
    assert "~" not in done.stderr
    assert "/airflow/airflow.cfg" in done.stderr


def shell_path() -> str:
    """The path on which Python finds the package under test."""
    return os.environ.get("PYTHONPATH", "")


@pytest.mark.parametrize("command", [["get", "variable", "v"], ["lint"], ["doctor"]])
def test_ctrl_c_ends_a_command_that_waits(shell: Shell, command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        shell.secrets.append(CANARY)
        kwargs = {"url": f"http://127.0.0.1:{silent.getsockname()[1]}", "token": CANARY, "timeout": 60}
        environment = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": shell_path(),
            "AIRFLOW_HOME": str(shell.home),
            "AIRFLOW__SECRETS__BACKEND": CLASSES["vault"],
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
        }
        waiting = subprocess.Popen(
            [*PROGRAM, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        connection, _ = silent.accept()
        with connection:
            time.sleep(0.1)  # the command waits for the answer by then
            waiting.send_signal(signal.SIGINT)
            out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, out) == (-signal.SIGINT, "")
    shell.search(err, command)


@pytest.mark.parametrize("command", [["stores"], ["manual"], ["list", "--json"]])
def test_a_closed_pipe_is_not_a_failure(shell: Shell, command: list[str]) -> None:
    shell.backend("memory", secrets={f"airflow/variables/v{number}": "x" for number in range(5000)})
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": shell_path(), **shell.variables, "HOME": str(shell.home)}
    # Too long for an argument, so it is in a file.
    kwargs = environment.pop("AIRFLOW__SECRETS__BACKEND_KWARGS")
    (shell.home / "kwargs.json").write_text(kwargs)
    environment["AIRFLOW__SECRETS__BACKEND_KWARGS_CMD"] = f"cat {shell.home}/kwargs.json"
    with subprocess.Popen(
        [*PROGRAM, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as writing:
        assert writing.stdout
        assert writing.stderr
        writing.stdout.readline()
        writing.stdout.close()
        assert writing.wait(60) == 0, writing.stderr.read()


def test_a_defect_ends_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_arguments: list[str]) -> int:
        raise InternalError("a defect of Strongroom at src/x.rs:1")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("strongroom._native.run_command_line", broken)
    try:
        assert _cli.main() == STORE
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "strongroom: a defect of Strongroom at src/x.rs:1\n"
