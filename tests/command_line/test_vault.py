"""list and describe on Vault: both versions of the engine, every way to name a mount, exact calls, and no value."""

from __future__ import annotations

from typing import Any

import pytest

from tests.command_line.shell import CONFIGURATION, DONE, NO, STORE, Shell
from tests.command_line.vault import CANARY, URI, asked, backend
from tests.servers.counting import Counter
from tests.servers.vault import Vault
from tests.stores.hashicorp_vault import READS_ALL

METADATA = "secret/metadata/"


def fill(vault: Vault, *paths: str, mount: str = "secret", **more: Any) -> None:
    """A connection at each path."""
    for path in paths:
        vault.put(path, {"conn_uri": URI}, mount, **more)


# describe


def test_metadata_take_one_call_and_the_value_is_not_read(vault: Vault, counted_vault: Counter, shell: Shell) -> None:
    fill(vault, "connections/db", "connections/db")
    vault.write(f"{METADATA}connections/db", {"custom_metadata": {"team": "sales", "owner": "a=b"}})
    backend(shell, vault, counted_vault.url)
    described = shell.run("describe", "connection", "db", "--json")
    assert described.code == DONE, described.err
    result = described.json
    assert (result["name"], result["version"], result["form"]) == ("secret/connections/db", "2", "KV 2")
    assert result["tags"] == {"team": "sales", "owner": "a=b"}
    stored = vault.read(f"{METADATA}connections/db")
    assert result["created"] == f"{stored['created_time'][:19]}Z"
    assert result["changed"] == f"{stored['updated_time'][:19]}Z"
    assert (result["deleted"], result["accessed"], result["key"]) == (None, None, None)
    assert asked(counted_vault) == [f"GET {METADATA}connections/db"]


def test_a_deleted_version_is_described_as_deleted(vault: Vault, shell: Shell) -> None:
    fill(vault, "connections/db")
    backend(shell, vault, vault.plain_url)

    def state() -> tuple[str, bool]:
        json = shell.run("describe", "connection", "db", "--json").json
        return json["form"], json["deleted"] is not None

    vault.delete("secret/data/connections/db")
    assert state() == ("KV 2, current version deleted", True)
    vault.write("secret/undelete/connections/db", {"versions": [1]})
    assert state() == ("KV 2", False)
    vault.write("secret/destroy/connections/db", {"versions": [1]})
    assert state()[0] == "KV 2, current version destroyed"
    vault.write(f"{METADATA}connections/bare", {"custom_metadata": {"a": "b"}})
    bare = shell.run("describe", "connection", "bare", "--json").json
    assert (bare["form"], bare["version"]) == ("KV 2, without any version", None)
    vault.write(f"{METADATA}connections/soon", {"delete_version_after": "1h"})
    fill(vault, "connections/soon")
    soon = shell.run("describe", "connection", "soon", "--json").json
    assert (soon["form"], soon["deleted"] is not None) == ("KV 2", True)


def test_an_absent_secret_takes_one_request_and_so_does_the_engine(
    vault: Vault, counted_vault: Counter, shell: Shell
) -> None:
    backend(shell, vault, counted_vault.url)
    missing = shell.run("describe", "connection", "absent", "--json")
    assert (missing.code, missing.json["found"]) == (NO, False)
    assert asked(counted_vault) == [f"GET {METADATA}connections/absent", "GET sys/internal/ui/mounts/secret"]


def test_version_1_shows_only_that_a_secret_exists(vault: Vault, counted_vault: Counter, shell: Shell) -> None:
    fill(vault, "connections/old", "connections/deep/old", mount="kv1", version=1)
    token = vault.token(vault.policy({"kv1/connections/*": ["list"]}))
    backend(shell, vault, counted_vault.url, token=token, mount_point="kv1", kv_engine_version=1)
    result = shell.run("describe", "connection", "old", "--json").json
    assert (result["form"], result["version"], result["created"], result["tags"]) == ("KV 1", None, None, {})
    assert shell.run("describe", "connection", "deep/old").code == DONE
    # A folder is not a secret.
    assert shell.run("describe", "connection", "deep").code == NO
    assert shell.run("describe", "connection", "no/body").code == NO
    folders = ["connections", "connections/deep", "connections", "connections/no"]
    lists = [f"LIST kv1/{folder}" for folder in folders]
    assert asked(counted_vault) == [*lists, "GET sys/internal/ui/mounts/kv1"]


def test_a_description_that_is_denied_names_the_line_of_the_policy(vault: Vault, shell: Shell) -> None:
    fill(vault, "connections/db")
    token = vault.token(vault.policy({"secret/data/*": ["read"]}))
    backend(shell, vault, vault.plain_url, token=token)
    denied = shell.run("describe", "connection", "db", "--json")
    assert (denied.code, denied.json["error"]["kind"]) == (STORE, "denied")
    assert 'path "secret/metadata/connections/db" { capabilities = ["read"] }' in denied.json["error"]["hint"]
    fill(vault, "connections/db", mount="kv1", version=1)
    token = vault.token(vault.policy({"kv1/connections/*": ["read"]}))
    backend(shell, vault, vault.plain_url, token=token, mount_point="kv1", kv_engine_version=1)
    denied = shell.run("describe", "connection", "db", "--json")
    assert 'path "kv1/connections/" { capabilities = ["list"] }' in denied.json["error"]["hint"]


def test_a_wrong_version_of_the_engine_is_reported(vault: Vault, shell: Shell) -> None:
    fill(vault, "connections/db")
    fill(vault, "connections/db", mount="kv1", version=1)
    token = vault.token(vault.policy({"secret/*": ["read", "list"], "kv1/*": ["read", "list"]}))
    backend(shell, vault, vault.plain_url, token=token, mount_point="kv1")
    wrong = shell.run("describe", "connection", "db", "--json")
    assert (wrong.code, wrong.json["error"]["kind"]) == (CONFIGURATION, "config")
    assert "version 1, and `kv_engine_version` says 2" in wrong.json["error"]["message"]
    for mount, form in (("kv1", "KV 1"), ("secret", "KV 2")):
        backend(shell, vault, vault.plain_url, token=token, mount_point=mount, kv_engine_version="auto")
        assert shell.run("describe", "connection", "db", "--json").json["form"] == form
        assert shell.run("describe", "connection", "absent").code == NO


def test_mounts_paths_and_namespaces_are_those_of_a_lookup(vault: Vault, counted_vault: Counter, shell: Shell) -> None:
    fill(vault, "second/db")
    backend(shell, vault, counted_vault.url, connections_path=["first", "second"])
    assert shell.run("describe", "connection", "db", "--json").json["name"] == "secret/second/db"
    assert [call for call in asked(counted_vault) if "metadata" in call] == [
        f"GET {METADATA}first/db",
        f"GET {METADATA}second/db",
    ]
    vault.mount("team/kv")
    fill(vault, "connections/db", mount="team/kv")
    token = vault.token(vault.policy({"team/kv/*": ["read", "list"]}))
    backend(shell, vault, counted_vault.url, token=token, mount_point="/team/kv/")
    assert shell.run("describe", "connection", "db", "--json").json["name"] == "team/kv/connections/db"
    backend(shell, vault, counted_vault.url, mount_point=None, connections_path="second")
    assert shell.run("describe", "connection", "secret/db", "--json").json["name"] == "secret/second/db"
    outer = vault.create_namespace("outer")
    fill(vault, "connections/db", namespace=outer)
    token = vault.token(vault.policy(READS_ALL, namespace=outer), namespace=outer)
    backend(shell, vault, counted_vault.url, token=token, namespace=outer)
    assert shell.run("describe", "connection", "db").code == DONE
    assert [secret["id"] for secret in shell.run("list", "--json").json["secrets"]] == ["db"]


# list


def test_a_listing_costs_one_call_for_each_folder(vault: Vault, counted_vault: Counter, shell: Shell) -> None:
    many = [f"c{number:04}" for number in range(1000)]
    nested = ["deep/a", "deep/er/b", "flat/c"]
    fill(vault, *(f"first/{each}" for each in many + nested))
    fill(vault, "second/c0000", "second/own", "third/not ours", "firstly/not ours")
    backend(
        shell, vault, counted_vault.url, connections_path=["first", "second"], variables_path=None, config_path=None
    )
    listed = shell.run("list", "--json")
    assert listed.code == DONE, listed.err
    assert [secret["id"] for secret in listed.json["secrets"]] == sorted([*many, *nested, "own"])
    # The first path takes precedence over the second.
    assert listed.json["secrets"][0]["name"] == "secret/first/c0000"
    folders = ["first", "first/flat", "first/deep", "first/deep/er", "second"]
    assert sorted(asked(counted_vault)) == sorted(f"LIST {METADATA}{folder}" for folder in folders)
    assert shell.run("list", "--limit", "1").code == DONE
    assert asked(counted_vault) == [f"LIST {METADATA}first", f"LIST {METADATA}second"]


def test_version_1_and_empty_paths_are_listed_too(vault: Vault, counted_vault: Counter, shell: Shell) -> None:
    fill(vault, "a", "b/c", mount="kv1", version=1)
    token = vault.token(vault.policy({"kv1/*": ["list"]}))
    options = {"mount_point": "kv1", "kv_engine_version": 1, "connections_path": "", "variables_path": None}
    backend(shell, vault, counted_vault.url, token=token, config_path=None, **options)
    assert [secret["id"] for secret in shell.run("list", "--json").json["secrets"]] == ["a", "b/c"]
    assert asked(counted_vault) == ["LIST kv1", "LIST kv1/b"]
    backend(shell, vault, counted_vault.url, token=token, strict_http=True, config_path=None, **options)
    assert len(shell.run("list", "--json").json["secrets"]) == 2
    assert [call.split("?")[0] for call in asked(counted_vault)] == ["GET kv1", "GET kv1/b"]


def test_names_of_every_kind_are_listed_and_described_unchanged(vault: Vault, shell: Shell) -> None:
    names = [
        'an "odd" name',
        "it's",
        "d\u00e9p\u00f4t/\u540d\u524d",
        "a#b?c&d",
        "100%2F",
        "{{x}}",
        "back\\slash",
        "+",
        "*",
    ]
    fill(vault, *(f"connections/{name}" for name in names))
    backend(shell, vault, vault.plain_url)
    assert sorted(secret["id"] for secret in shell.run("list", "--json").json["secrets"]) == sorted(names)
    for name in names:
        described = shell.run("describe", "connection", name, "--json")
        assert (described.code, described.json.get("id")) == (DONE, name), described.err
        assert shell.run("explain", "connection", name).code == DONE


def test_a_name_that_would_change_on_the_way_is_not_sent(vault: Vault, counted_vault: Counter, shell: Shell) -> None:
    fill(vault, "other")
    backend(shell, vault, counted_vault.url)
    refused = shell.run("describe", "connection", "../other", "--json")
    assert (refused.code, refused.json["error"]["kind"]) == (STORE, "invalid_name")
    assert "`../other`" in refused.json["error"]["message"] or '"../other"' in refused.json["error"]["hint"]
    assert asked(counted_vault) == []


def test_a_list_of_the_wrong_mount_is_an_error_and_not_empty(
    vault: Vault, counted_vault: Counter, shell: Shell
) -> None:
    fill(vault, "connections/db", mount="kv1", version=1)
    token = vault.token(vault.policy({"secret/*": ["read", "list"], "kv1/*": ["read", "list"], "nowhere/*": ["list"]}))
    for options, reason in (
        ({"mount_point": "kv1"}, "at `kv1` is a KV engine of version 1, and `kv_engine_version` says 2"),
        ({"kv_engine_version": 1}, "at `secret` is a KV engine of version 2, and `kv_engine_version` says 1"),
        ({"mount_point": "nowhere"}, "nothing is mounted at `nowhere`"),
    ):
        backend(shell, vault, vault.plain_url, token=token, **options)
        wrong = shell.run("list")
        assert (wrong.code, wrong.out) == (CONFIGURATION, ""), wrong.err
        assert reason in wrong.err
    backend(shell, vault, counted_vault.url, token=token)
    assert shell.run("list", "--json").json == {"secrets": []}
    folders = [f"LIST {METADATA}{folder}" for folder in ("connections", "variables", "config")]
    assert asked(counted_vault) == [folders[0], "GET sys/internal/ui/mounts/secret", *folders[1:]]
    backend(shell, vault, counted_vault.url, token=token, kv_engine_version="auto")
    assert shell.run("list", "--json").json == {"secrets": []}
    assert asked(counted_vault) == ["GET sys/internal/ui/mounts/secret", *folders]


@pytest.mark.parametrize("command", [["list"], ["lint"]])
def test_without_a_mount_a_listing_says_what_it_needs(vault: Vault, shell: Shell, command: list[str]) -> None:
    fill(vault, "connections/db")
    backend(shell, vault, vault.plain_url, mount_point=None)
    refused = shell.run(*command)
    assert (refused.code, refused.out) == (CONFIGURATION, "")
    assert "each id names the mount that it is in" in refused.err
    named = shell.run(*command, variables={"AIRFLOW__SECRETS__BACKEND_KWARG__MOUNT_POINT": "secret"})
    assert named.code == DONE, named.err
    result = shell.run("explain", "connection", "db").out
    assert "the id names no mount (`mount_point` is null)" in result
    pattern = {"AIRFLOW__SECRETS__BACKEND_KWARG__CONNECTIONS_LOOKUP_PATTERN": "^mine"}
    result = shell.run("explain", "connection", "secret/db", variables=pattern).out
    assert 'the id does not match the lookup pattern "^mine"' in result
    assert shell.run("get", "connection", "secret/db").code == DONE


def test_no_secret_is_shown_by_any_command(vault: Vault, shell: Shell) -> None:
    """The shell itself searches: it fails if any output contains a value or a token."""
    fill(vault, "connections/db")
    vault.put("variables/v", {"value": CANARY})
    backend(shell, vault, vault.plain_url)
    for command in (
        ["get", "connection", "db"],
        ["explain", "connection", "db"],
        ["describe", "connection", "db"],
        ["list"],
        ["lint"],
        ["env"],
        ["policy", "vault"],
        ["vault", "approle"],
        ["bench", "connection", "db", "--count", "1"],
        ["doctor"],
    ):
        for more in ([], ["--json"]):
            run = shell.run(*command, *more)
            assert run.code == DONE, (command, run.out, run.err)
