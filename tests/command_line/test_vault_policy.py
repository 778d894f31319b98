"""The output of ``policy vault`` and ``vault approle`` does on a server exactly what it claims."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, STORE, USAGE, Shell
from tests.command_line.vault import CANARY, URI, allowed, backend, found
from tests.servers.process import program
from tests.servers.vault import ROOT, Vault

#: The owner of the secrets below the prefixes, and the rest of the server's contents.
OURS = ("connections/c", "variables/v", "config/o")
THEIRS = "other/x"
READING = (["get", "connection", "c"], ["get", "variable", "v"], ["get", "config", "o"], ["list"], ["lint"], ["doctor"])


def fill(vault: Vault, mount: str, version: int = 2, **more: Any) -> None:
    """Stores secrets below the usual paths, and some of another owner."""
    for path in (*OURS, THEIRS):
        key = "conn_uri" if path.startswith("connections") else "value"
        vault.put(path, {key: URI}, mount, version=version, **more)


def holder(vault: Vault, shell: Shell, *arguments: str, **more: Any) -> str:
    """A token with the printed policy, and with ``default``."""
    printed = shell.run("policy", "vault", *arguments)
    assert printed.code == DONE, printed.err
    vault.write("sys/policies/acl/printed", {"policy": printed.out}, **more)
    return vault.token("printed", **more)


def refused_elsewhere(vault: Vault, token: str, mount: str, version: int = 2, **more: Any) -> None:
    """Checks that ``token`` has no access to another folder, another engine or the server."""
    values, names = (f"{mount}/data", f"{mount}/metadata") if version == 2 else (mount, mount)
    body = {"data": {"value": "x"}} if version == 2 else {"value": "x"}
    more = {**more, "token": token}
    assert not allowed(vault.read, f"{values}/{THEIRS}", **more)
    assert not allowed(vault.write, f"{values}/{THEIRS}", body, **more)
    assert not allowed(vault.write, f"{values}/{THEIRS}-new", body, **more)
    assert not allowed(vault.delete, f"{values}/{THEIRS}", **more)
    # A folder whose name only begins like ours.
    assert not allowed(vault.write, f"{values}/connections-new/x", body, **more)
    for folder in ("", "/other"):
        assert not allowed(vault.request, "LIST", f"{names}{folder}", **more)
    if version == 2:
        assert not allowed(vault.read, f"{names}/{THEIRS}", **more)
        assert not allowed(vault.delete, f"{names}/{THEIRS}", **more)
        assert not allowed(vault.write, f"{mount}/config", {"max_versions": 1}, **more)
        assert not allowed(vault.write, f"{mount}/undelete/{THEIRS}", {"versions": [1]}, **more)
        for folder in ("connections/c", THEIRS):
            assert not allowed(vault.write, f"{mount}/destroy/{folder}", {"versions": [1]}, **more)
    for path in ("sys/mounts", "sys/auth", "sys/policies/acl/printed", "auth/token/accessors"):
        assert not allowed(vault.read, path, **more)
    assert not allowed(vault.write, "auth/token/create", {"policies": ["printed"]}, **more)


@pytest.mark.parametrize(
    ("mount", "version"), [("secret", 2), ("kv1", 1), ("team/kv", 2)], ids=["version 2", "version 1", "deep mount"]
)
def test_with_the_printed_policy_secrets_are_read_and_nothing_else(
    vault: Vault, shell: Shell, mount: str, version: int
) -> None:
    if "/" in mount:
        vault.mount(mount)
    fill(vault, mount, version)
    options = {"mount_point": mount, "kv_engine_version": version}
    backend(shell, vault, vault.plain_url, token="unused-token", **options)
    token = holder(vault, shell)
    backend(shell, vault, vault.plain_url, token=token, **options)
    for command in (*READING, ["describe", "connection", "c"]):
        run = shell.run(*command)
        assert run.code == DONE, (command, run.out, run.err)
    assert len(shell.run("list", "--json").json["secrets"]) == 3
    result = found(shell.run("doctor", "--json"))
    assert set(result["permissions"]) == {"ok"}
    values = f"{mount}/data" if version == 2 else mount
    body = {"data": {"value": "x"}} if version == 2 else {"value": "x"}
    for path in OURS:
        assert not allowed(vault.write, f"{values}/{path}", body, token=token)
        assert not allowed(vault.delete, f"{values}/{path}", token=token)
    assert not allowed(vault.write, f"{values}/connections/new", body, token=token)
    if version == 2:
        assert not allowed(vault.delete, f"{mount}/metadata/connections/c", token=token)
        assert not allowed(vault.write, f"{mount}/metadata/connections/c", {"max_versions": 1}, token=token)
        assert not allowed(vault.write, f"{mount}/delete/connections/c", {"versions": [1]}, token=token)
    refused_elsewhere(vault, token, mount, version)


@pytest.mark.parametrize(("mount", "version"), [("secret", 2), ("kv1", 1)])
def test_managing_is_allowed_below_the_paths_only(vault: Vault, shell: Shell, mount: str, version: int) -> None:
    fill(vault, mount, version)
    options = {"mount_point": mount, "kv_engine_version": version}
    backend(shell, vault, vault.plain_url, token="unused-token", **options)
    token = holder(vault, shell, "--mode", "manage")
    vault.put("connections/new", {"conn_uri": URI}, mount, version=version, token=token)
    vault.put("connections/new", {"conn_uri": URI, "more": "x"}, mount, version=version, token=token)
    if version == 2:
        vault.delete(f"{mount}/data/connections/new", token=token)
        vault.write(f"{mount}/undelete/connections/new", {"versions": [2]}, token=token)
        vault.write(f"{mount}/delete/connections/new", {"versions": [1]}, token=token)
        vault.write(f"{mount}/metadata/connections/new", {"custom_metadata": {"a": "b"}}, token=token)
        assert vault.read(f"{mount}/data/connections/new", token=token)["data"]["more"] == "x"
        vault.delete(f"{mount}/metadata/connections/new", token=token)
    else:
        vault.delete(f"{mount}/connections/new", token=token)
    assert "new" not in vault.names(f"{mount}/{'metadata/' if version == 2 else ''}connections")
    backend(shell, vault, vault.plain_url, token=token, **options)
    assert shell.run("get", "connection", "c").code == DONE
    refused_elsewhere(vault, token, mount, version)


def test_namespaces_and_ids_with_a_mount_have_policies_too(vault: Vault, shell: Shell) -> None:
    outer = vault.create_namespace("outer")
    fill(vault, "secret", namespace=outer)
    fill(vault, "secret")
    backend(shell, vault, vault.plain_url, token="unused-token", namespace=outer)
    token = holder(vault, shell, namespace=outer)
    backend(shell, vault, vault.plain_url, token=token, namespace=outer)
    for command in READING:
        assert shell.run(*command).code == DONE, command
    refused_elsewhere(vault, token, "secret", namespace=outer)
    backend(shell, vault, vault.plain_url, token=token)
    assert shell.run("get", "connection", "c").code == STORE
    backend(shell, vault, vault.plain_url, token="unused-token", mount_point=None)
    for command in (["policy", "vault"], ["vault", "approle"]):
        refused = shell.run(*command)
        assert (refused.code, "--mount" in refused.err) == (CONFIGURATION, True)
    free = shell.run("vault", "approle", "--mount", "secret", "--json").json
    assert (free["backend_kwargs"]["mount_point"], "secret/data/connections/*" in str(free["policy"])) == (None, True)
    token = holder(vault, shell, "--account", "secret")
    backend(shell, vault, vault.plain_url, token=token, mount_point=None)
    for id_ in ("connection secret/c", "variable secret/v", "config secret/o"):
        assert shell.run("get", *id_.split()).code == DONE
    assert shell.run("get", "connection", "kv1/c").code == STORE
    refused_elsewhere(vault, token, "secret")


def test_a_bundle_is_read_and_its_neighbours_are_not(vault: Vault, shell: Shell) -> None:
    vault.put("all", {"c": URI})
    vault.put("all-too", {"c": URI})
    options = {"bundle": {"connections": "secret/all"}, "variables_path": None, "config_path": None}
    backend(shell, vault, vault.plain_url, token="unused-token", **options)
    token = holder(vault, shell)
    backend(shell, vault, vault.plain_url, token=token, **options)
    assert shell.run("get", "connection", "c").code == DONE
    for path in ("all-too", "all/x", "variables/v"):
        assert not allowed(vault.read, f"secret/data/{path}", token=token)


@pytest.mark.parametrize(
    "odd", ['a" ] } path "*', "back\\slash\\", "{x}", "# /* x", "d\u00e9p\u00f4t \u540d", "a*b", "a*", "+a"]
)
def test_a_prefix_is_quoted_in_the_policy(vault: Vault, shell: Shell, odd: str) -> None:
    vault.put(f"{odd}/c", {"conn_uri": URI})
    vault.put("connections/c", {"conn_uri": URI})
    vault.put(THEIRS, {"value": "x"})
    options = {"connections_path": odd, "variables_path": None, "config_path": None}
    backend(shell, vault, vault.plain_url, token="unused-token", **options)
    token = holder(vault, shell)
    backend(shell, vault, vault.plain_url, token=token, **options)
    assert shell.run("get", "connection", "c").code == DONE
    assert [each["id"] for each in shell.run("list", "--json").json["secrets"]] == ["c"]
    assert not allowed(vault.read, "secret/data/connections/c", token=token)
    refused_elsewhere(vault, token, "secret")


@pytest.mark.parametrize("odd", ["+", "x/+/y", "x+*", "{{identity.entity.name}}", "${x}", 'x\n}\npath "*" {'])
def test_a_prefix_that_would_be_a_pattern_is_left_out_with_a_warning(vault: Vault, shell: Shell, odd: str) -> None:
    vault.put(THEIRS, {"value": "x"})
    printed = shell.run("policy", "vault", "--prefix", odd, "--prefix", "good", "--mode", "manage")
    assert printed.code == DONE
    assert "warning: 4 rules were left out" in printed.err
    lines = printed.out.splitlines()
    assert len([line for line in lines if line.startswith("# Left out, since ")]) == 4
    assert len([line for line in lines if line.startswith("path ")]) == 4
    token = holder(vault, shell, "--prefix", odd, "--prefix", "good", "--mode", "manage")
    vault.put("good/x", {"value": "x"}, token=token)
    refused_elsewhere(vault, token, "secret")


# vault approle


def run_commands(commands: list[dict[str, str]], folder: Path, **known: str) -> dict[str, str]:
    """Runs the printed commands in a shell, in order; the output of one fills the placeholders of those that follow."""
    (folder / "bin").mkdir()
    # OpenBao's program accepts Vault's commands.
    (folder / "bin" / "vault").symlink_to(program("bao"))
    environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "VAULT_TOKEN": ROOT}
    exports: list[str] = []
    for each in commands:
        command = each["command"]
        for word, value in known.items():
            command = command.replace(word, value)
        if command.startswith("export "):
            exports.append(command)
            continue
        script = "\n".join([*exports, command])
        done = subprocess.run(
            ["/bin/sh", "-ec", script], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        word = each["purpose"].split(",")[0]
        if word.isupper():
            known[word] = done.stdout.strip()
    return known


@pytest.mark.parametrize("mode", ["read", "manage"])
def test_the_printed_commands_set_up_a_login_that_reads(vault: Vault, shell: Shell, tmp_path: Path, mode: str) -> None:
    fill(vault, "secret")
    shell.secrets.append(CANARY)
    shell.backend("vault", url=vault.plain_url, token="unused-token", cache_ttl="5s")
    printed = shell.run("vault", "approle", "--mode", mode, "--json")
    assert printed.code == DONE, printed.err
    before = vault.mark()
    assert shell.run("vault", "approle").code == DONE
    assert vault.requests(before) == []
    known = run_commands(printed.json["commands"], tmp_path, WORKER_CIDRS="127.0.0.0/8")
    role = vault.read(f"auth/approle/role/{printed.json['policy']['name']}")
    assert (role["token_ttl"], role["secret_id_bound_cidrs"]) == (3600, ["127.0.0.0/8"])
    kwargs = printed.json["backend_kwargs"]
    assert kwargs == {
        "url": vault.plain_url,
        "auth_type": "approle",
        "role_id": "ROLE_ID",
        "secret_id": "SECRET_ID",
        "cache_ttl": "5s",
    }
    shell.secrets.append(known["SECRET_ID"])
    shell.backend("vault", **kwargs | {"role_id": known["ROLE_ID"], "secret_id": known["SECRET_ID"]})
    assert printed.json["backend"] == shell.variables["AIRFLOW__SECRETS__BACKEND"]
    for command in READING:
        run = shell.run(*command)
        assert run.code == DONE, (command, run.out, run.err)
    token = vault.write("auth/approle/login", {"role_id": known["ROLE_ID"], "secret_id": known["SECRET_ID"]})
    holds = token["auth"]["client_token"]
    assert allowed(vault.put, "connections/new", {"value": "x"}, token=holds) is (mode == "manage")
    refused_elsewhere(vault, holds, "secret")


def test_mount_namespace_version_and_names_are_in_the_commands(vault: Vault, shell: Shell, tmp_path: Path) -> None:
    outer = vault.create_namespace("outer")
    vault.mount("kv one", 1, namespace=outer)
    fill(vault, "kv one", 1, namespace=outer)
    options = {"namespace": outer, "mount_point": "kv one", "kv_engine_version": 1, "variables_path": "$HOME's"}
    login = {"auth_type": "approle", "auth_mount_point": "my role", "role_id": "r", "secret_id": CANARY}
    shell.secrets.append(CANARY)
    shell.backend("vault", url=vault.plain_url, **options, **login)
    # As in Airflow, `$HOME` is replaced in the options.
    printed = shell.run("vault", "approle", "--role-name", "team-1", "--json").json
    known = run_commands(printed["commands"], tmp_path, WORKER_CIDRS="127.0.0.0/8")
    kwargs = printed["backend_kwargs"]
    assert (kwargs["namespace"], kwargs["auth_mount_point"], kwargs["kv_engine_version"]) == (outer, "my role", 1)
    shell.backend("vault", **kwargs | {"role_id": known["ROLE_ID"], "secret_id": known["SECRET_ID"]})
    assert shell.run("get", "connection", "c").code == DONE
    assert shell.run("describe", "connection", "c").code == DONE


def test_the_text_holds_the_commands_and_the_options(shell: Shell) -> None:
    bare = shell.run("vault", "approle")
    assert bare.code == DONE, bare.err
    assert "export VAULT_ADDR=VAULT_ADDRESS\n" in bare.out
    line = bare.out.splitlines()[-1]
    name, _, value = shlex.split(line)[1].partition("=")
    assert name == "AIRFLOW__SECRETS__BACKEND_KWARGS"
    assert json.loads(value) == {
        "url": "VAULT_ADDRESS",
        "auth_type": "approle",
        "role_id": "ROLE_ID",
        "secret_id": "SECRET_ID",
    }
    alone = shell.run("vault", "approle", "--print-commands").out
    assert not [line for line in alone.splitlines() if line.startswith("#")]
    assert "AIRFLOW__" not in alone
    assert subprocess.run(["/bin/sh", "-n"], input=alone, text=True, check=False).returncode == 0
    moved = shell.run("vault", "approle", "--mount", "kv", "--prefix", "mine", "--json").json
    assert moved["backend_kwargs"]["mount_point"] == "kv"
    assert 'path "kv/data/mine/*"' in moved["policy"]["document"]


def test_names_that_a_shell_would_read_and_addresses_with_a_password_are_not_printed(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    wrong = shell.run("vault", "approle", "--role-name", f"$({CANARY})")
    assert (wrong.code, wrong.out) == (CONFIGURATION, "")
    assert shell.run("vault").code == USAGE
    shell.backend("vault", url=f"http://u:{CANARY}@127.0.0.1:1", token=CANARY, proxies={"http": f"http://u:{CANARY}@p"})
    hidden = shell.run("vault", "approle", "--json")
    assert (hidden.code, hidden.json["backend_kwargs"]["url"]) == (DONE, "VAULT_ADDRESS")
