"""Values that refer to other secrets: names as written, one read of each, across stores, teams, loops and the agent."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from strongroom.chain import ChainBackend
from strongroom.exceptions import AccessDeniedError, ConfigurationError, StrongroomError
from strongroom.hashicorp import VaultBackend
from strongroom.local import LocalFilesystemBackend
from tests.python.backends import aws_backend, memory_backend, messages
from tests.python.scripts import run
from tests.servers.aws import REGION, MiniStack, allow, deny
from tests.servers.counting import Counter
from tests.servers.vault import ROOT, Vault

ALL = [{"name": ".*"}]
ANY = allow("secretsmanager:GetSecretValue", "*")


def connection(**fields: Any) -> str:
    """A connection as JSON."""
    return json.dumps({"conn_type": "http", "host": "h", **fields})


def test_secrets_manager_is_asked_for_each_reference_once_and_as_it_is_written(
    counted: Counter, aws: MiniStack
) -> None:
    aws.put_secrets({"db/prod": json.dumps({"user": "u", "password": "p@/"}), "plain_name": "x"})
    arn = aws.client("secretsmanager").describe_secret(SecretId="db/prod")["ARN"]
    at = f"secret_coordinate::{arn}"
    extra = {"nested": {"token": "secret_coordinate::plain_name", "again": [f"{at}#password"]}}
    aws.put_secrets(
        {
            "airflow/connections/db": connection(login=f"{at}#user", password=f"{at}#password", extra=extra),
            "airflow/connections/uri": "postgres://u:secret_coordinate::db/prod#password@h:5/d",
            "airflow/variables/v": "secret_coordinate::plain_name\n",
        }
    )
    backend = aws_backend(counted.url, aws.user(ANY), references=ALL)
    for _ in range(3):
        found = json.loads(backend.get_conn_value("db") or "")
        assert (found["login"], found["password"]) == ("u", "p@/")
        assert found["extra"] == {"nested": {"token": "x", "again": ["p@/"]}}
        assert backend.get_conn_value("uri") == "postgres://u:p%40%2F@h:5/d"
        assert backend.get_variable("v") == "x"
    assert counted.names() == [
        "airflow/connections/db",
        arn,
        "plain_name",
        "airflow/connections/uri",
        "db/prod",
        "airflow/variables/v",
    ]
    assert arn[-7] == "-"
    assert {call.operation for call in counted.calls} == {"GetSecretValue"}


def test_vault_is_asked_for_the_path_as_it_is_written(vault: Vault, counted_vault: Counter) -> None:
    vault.put("db/prod", {"password": "p", "port": 5432, "value": "all"})
    vault.put("connections/db", {"conn_uri": "postgres://u:secret_coordinate::db/prod#password@h/d"})
    vault.put("variables/port", {"value": "secret_coordinate::vault:secret/db/prod#port"})
    vault.put("variables/all", {"value": "secret_coordinate::hashicorp_vault:secret/db/prod"})
    vault.put("variables/none", {"value": "secret_coordinate::secret/connections/db"})
    backend = VaultBackend(
        url=counted_vault.url, token=ROOT, references=[{"member": "vault", "name": "(secret/)?(db|connections)/"}]
    )
    assert backend.get_conn_value("db") == "postgres://u:p@h/d"
    port: Any = backend.get_variable("port")
    assert (port, backend.get_variable("all")) == (5432, "all")
    paths = [call.path for call in counted_vault.calls if "/data/" in call.path]
    assert [path.partition("/data/")[2] for path in paths] == [
        "connections/db",
        "db/prod",
        "variables/port",
        "variables/all",
    ]
    with pytest.raises(StrongroomError, match="Name one of its keys"):
        backend.get_variable("none")


def test_local_files_refer_to_each_other(tmp_path: Path) -> None:
    files = {
        "connections": {"db": {"conn_type": "x", "password": "secret_coordinate::variables/pw"}},
        "variables": {
            "pw": "p",
            "whole": "secret_coordinate::connections/db",
            "list": ["secret_coordinate::variables/pw"],
        },
    }
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    paths = {f"{name}_file_path": str(tmp_path / f"{name}.json") for name in files}
    backend = LocalFilesystemBackend(**paths, references=[["local", "*"]])
    assert json.loads(backend.get_conn_value("db") or "") == {"conn_type": "x", "password": "p"}
    found: Any = backend.get_variable("list")
    assert found == ["p"]
    with pytest.raises(ConfigurationError, match="`references` in backend_kwargs allows none") as caught:
        LocalFilesystemBackend(**paths).get_conn_value("db")
    assert "`secret_coordinate::variables/pw` in `password`" in str(caught.value)


def test_members_of_every_kind_refer_to_each_other(
    counted: Counter, counted_vault: Counter, aws: MiniStack, vault: Vault
) -> None:
    vault.put("db/prod", {"password": "of vault"})
    aws.put_secrets(
        {
            "shared/token": "of aws",
            "airflow/connections/db": connection(
                password="secret_coordinate::prod:secret/db/prod#password", login="secret_coordinate::shared/token"
            ),
        }
    )
    user = aws.user(ANY).options()
    stores = [
        {"name": "prod", "store": "vault", "url": counted_vault.url, "token": ROOT},
        {
            "name": "shared",
            "store": "aws_secrets_manager",
            "default": True,
            "region_name": REGION,
            "endpoint_url": counted.url,
            **user,
        },
    ]
    allowed = [{"member": "prod", "name": "secret/db/"}, {"member": "shared", "name": "shared/"}]
    backend = ChainBackend(stores=stores, references=allowed)
    for _ in range(2):
        found = json.loads(backend.get_conn_value("db") or "")
        assert (found["password"], found["login"]) == ("of vault", "of aws")
    assert counted.names() == ["airflow/connections/db", "shared/token"]
    vault.put("db/prod", {"password": "rotated"})
    backend.refresh("db")
    assert json.loads(backend.get_conn_value("db") or "")["password"] == "rotated"
    aws.put_secrets({"airflow/variables/v": "secret_coordinate::prod:secret/db/prod#password"})
    for _ in range(2):
        assert asyncio.run(backend.aget_variable("v")) == "rotated"
    assert counted.names().count("airflow/variables/v") == 1


def test_what_a_member_holds_is_under_the_list_of_that_member() -> None:
    stores: list[dict[str, Any]] = [
        {"name": "a", "store": "memory", "secrets": {"airflow/variables/v": "secret_coordinate::b:x"}},
        {"name": "b", "store": "memory", "secrets": {"x": "secret_coordinate::a:y"}, "references": []},
    ]
    backend = ChainBackend(stores=stores, references=[{"member": "b"}])
    with pytest.raises(ConfigurationError, match=r"secret_coordinate::a:y.*allows none"):
        backend.get_variable("v")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"references": [{"member": "prdo"}]}, "names the member `prdo`.*Did you mean `prod`"),
        ({"references": "all"}, "is no list"),
        ({"references": [{"names": "x"}]}, "unknown key `names`"),
    ],
)
def test_a_list_that_cannot_work_is_an_error_at_the_start(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ChainBackend(stores=[{"name": "prod", "store": "memory"}], **options)


def test_two_defaults_are_an_error_at_the_start() -> None:
    stores = [{"name": name, "store": "memory", "default": True} for name in ("a", "b")]
    with pytest.raises(ConfigurationError, match="both `a` and `b` have `default`"):
        ChainBackend(stores=stores)


def test_a_class_of_another_package_holds_references_and_is_never_referred_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL", "secret_coordinate::b:x")
    stores: list[dict[str, Any]] = [
        {"name": "a", "class": "tests.python.chain.test_references.Portal"},
        {"name": "b", "store": "memory", "secrets": {"x": "y", "airflow/variables/w": "secret_coordinate::a:z"}},
    ]
    backend = ChainBackend(stores=stores, references=[{"member": "a"}, {"member": "b"}])
    assert backend.get_variable("v") == "y"
    with pytest.raises(ConfigurationError, match="`a` is a class of another package"):
        backend.get_variable("w")


class Portal:
    """A backend class that holds one variable."""

    def get_variable(self, key: str) -> str | None:
        """What Airflow asks."""
        return os.environ["PORTAL"] if key == "v" else None

    def get_conn_value(self, conn_id: str) -> str | None:
        """None: it has no connections."""
        return None


def test_a_denied_reference_is_denied_and_named(
    counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put_secrets(
        {"airflow/connections/db": connection(password="secret_coordinate::locked", login="canary-1"), "locked": "x"}
    )
    user = aws.user(ANY, deny("secretsmanager:GetSecretValue", "locked*"))
    backend = aws_backend(counted.url, user, references=ALL)
    with pytest.raises(AccessDeniedError, match="the reference `secret_coordinate::locked` in `password`: "):
        backend.get_conn_value("db")
    assert "canary-1" not in "".join(messages(caplog))
    assert aws_backend(counted.url, user, references=ALL, on_error="miss").get_conn_value("db") is None


def test_no_team_reaches_a_secret_of_another(counted: Counter, aws: MiniStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "true")
    aws.put_secrets({"airflow/connections/b--db": "x", "shared/db": "y"})
    arn = aws.client("secretsmanager").describe_secret(SecretId="airflow/connections/b--db")["ARN"]
    names = {"b": "airflow/connections/b--db", "arn": arn, "shared": "shared/db"}
    aws.put_secrets({f"airflow/variables/{key}": f"secret_coordinate::{name}" for key, name in names.items()})
    backend = aws_backend(counted.url, aws.user(ANY), references=ALL)
    for team in ("a", None):
        for key in ("b", "arn"):
            with pytest.raises(ConfigurationError, match="is not for the team that asks"):
                backend.get_variable(key, team_name=team)
    assert backend.get_variable("shared", team_name="a") == "y"
    assert backend.get_variable("b", team_name="b") == "x"
    assert counted.names().count(arn) == 0
    assert counted.names().count("airflow/connections/b--db") == 1


def test_a_rotated_secret_shows_after_its_ttl(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/v": "secret_coordinate::s", "s": "old"})
    backend = aws_backend(counted.url, aws.user(ANY), references=ALL, cache_ttl="1s")
    assert backend.get_variable("v") == "old"
    aws.client("secretsmanager").put_secret_value(SecretId="s", SecretString="new")
    assert backend.get_variable("v") == "old"
    time.sleep(1.1)
    assert backend.get_variable("v") == "new"


def test_event_loops_and_children_resolve_too(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/v": "secret_coordinate::s", "s": "x"})
    user = aws.user(ANY)
    assert asyncio.run(aws_backend(counted.url, user, references=ALL).aget_variable("v")) == "x"
    assert counted.names() == ["airflow/variables/v", "s"]
    credentials = json.dumps(user.options())
    printed = run(
        """
        import json
        reader = backend(sys.argv[1], references=[{"name": ".*"}], **json.loads(sys.argv[2]))
        for _ in range(20):
            assert ended(child(reads(reader, "v", "x"))) == 0
            assert reader.get_variable("v") == "x"
        print("done")
        """,
        counted.url,
        credentials,
    )
    assert printed == "done\n"


def test_references_only_refuses_what_is_written_out() -> None:
    secrets = {
        "airflow/connections/plain": connection(password="canary-2"),
        "airflow/connections/fine": connection(password="secret_coordinate::pw"),
        "pw": "x",
    }
    backend = memory_backend(secrets, references=ALL, references_only=True)
    with pytest.raises(
        ConfigurationError, match="`password` in `airflow/connections/plain` holds a secret itself"
    ) as caught:
        backend.get_conn_value("plain")
    assert "canary" not in str(caught.value)
    assert json.loads(backend.get_conn_value("fine") or "")["password"] == "x"


@pytest.mark.parametrize(
    "value",
    [
        "secret_coordinate::",
        "secret_coordinate::#",
        "secret_coordinate::a#",
        "secret_coordinate::#b",
        "postgres://secret_coordinate::a:b@h",
        "http://secret_coordinate::h/x",
        '{"a": "secret_coordinate::"}',
        "secret_coordinate::" + "x" * 100_000,
        "secret_coordinate::a\nb",
        "secret_coordinate::\u202e",
        '["secret_coordinate::a"]',
    ],
)
def test_odd_references_are_errors_and_never_passed_on(value: str) -> None:
    for options in ({}, {"references": ALL}):
        backend = memory_backend({"airflow/variables/v": value}, **options)
        with pytest.raises(StrongroomError) as caught:
            backend.get_variable("v")
        assert len(str(caught.value)) < 3000


def test_nested_json_does_not_exhaust_the_stack() -> None:
    deep = "[" * 900 + '"secret_coordinate::a"' + "]" * 900
    backend = memory_backend({"airflow/connections/v": deep, "a": "x"}, references=ALL)
    assert '"x"' in (backend.get_conn_value("v") or "")


def test_no_other_lookup_changes() -> None:
    text = "a text about secret_coordinate::x, and { no JSON"
    assert memory_backend({"airflow/variables/v": text}).get_variable("v") == text
    assert SecretsManagerBackend(region_name="eu-west-1", references=[]) is not None
