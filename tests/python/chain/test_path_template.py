"""Names with a tenant and a namespace, as Kestra has them, and the search in the parents: calls and what is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from strongroom.chain import ChainBackend
from strongroom.exceptions import ConfigurationError
from strongroom.hashicorp import VaultBackend
from tests.command_line.shell import Shell
from tests.servers.aws import REGION, MiniStack, allow, deny
from tests.servers.counting import Counter
from tests.servers.vault import ROOT, Vault

ANY = allow("secretsmanager:GetSecretValue", "*")
KESTRA = "{tenant}/{namespace:/}/{name}"
PLACE: dict[str, Any] = {
    "path_template": KESTRA,
    "path_tenant": "internal",
    "path_namespace": "company.team.unit",
    "inherit": True,
}
EXAMPLE = Path(__file__).parents[2] / "golden" / "import" / "kestra-vault-root-engine.yaml"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def options(counted: Counter, aws: MiniStack) -> dict[str, Any]:
    return {"region_name": REGION, "endpoint_url": counted.url, **aws.user(ANY).options(), **PLACE}


def test_parents_are_asked_in_order_and_each_absence_is_kept(counted: Counter, aws: MiniStack) -> None:
    """At most as many calls as the namespace is deep; a second lookup makes none."""
    aws.put_secrets(
        {
            "internal/company/team/unit/own": "1",
            "internal/company/team/parent": "2",
            "internal/company/root": "3",
            "internal/beyond": "4",
        }
    )
    backend = SecretsManagerBackend(**options(counted, aws))
    steps = ["internal/company/team/unit/{}", "internal/company/team/{}", "internal/company/{}"]
    for key, value, calls in (("own", "1", 1), ("parent", "2", 2), ("root", "3", 3), ("beyond", None, 3)):
        counted.clear()
        assert [backend.get_variable(key) for _ in range(3)] == [value] * 3
        assert counted.names() == [step.format(key) for step in steps[:calls]]
    # A variable and a connection are one secret unless the template has {kind}.
    assert backend.get_conn_value("own") == "1"
    fixed = SecretsManagerBackend(**{**options(counted, aws), "inherit": False})
    counted.clear()
    assert fixed.get_variable("parent") is None
    assert counted.names() == ["internal/company/team/unit/parent"]


def test_a_refused_step_ends_the_search(counted: Counter, aws: MiniStack) -> None:
    """What may not be read must not be answered by a parent."""
    aws.put_secrets({"internal/company/root": "3"})
    given = {**options(counted, aws), **aws.user(deny("secretsmanager:GetSecretValue", "*")).options()}
    backend = SecretsManagerBackend(**given, on_error="raise")
    with pytest.raises(Exception, match="AccessDenied"):
        backend.get_variable("root")
    assert counted.names() == ["internal/company/team/unit/root"]


def test_a_team_is_the_last_part_of_the_namespace(
    counted: Counter, aws: MiniStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "true")
    aws.put_secrets({"internal/company/sales/own": "1", "internal/company/shared": "2"})
    given = {**options(counted, aws), "path_namespace": "company"}
    backend = SecretsManagerBackend(**given)
    assert backend.get_variable("own", team_name="sales") == "1"
    assert backend.get_variable("shared", team_name="sales") == "2"
    assert backend.get_variable("shared") == "2"
    counted.clear()
    assert backend.get_variable("own", team_name="ops") is None
    for key, team in (("sales/own", None), ("sales/own", "ops"), ("own", "sales/x"), ("own", "sales.x")):
        assert backend.get_variable(key, team_name=team) is None
    assert counted.names() == ["internal/company/ops/own", "internal/company/own"]


def test_a_member_of_a_chain_and_a_wrong_template() -> None:
    secrets = {"internal/company/db": "near"}
    near = {"name": "near", "store": "memory", "secrets": secrets, **PLACE}
    far = {"name": "far", "store": "memory", "secrets": {"airflow/variables/db": "far"}}
    assert ChainBackend(stores=[near, far]).get_variable("db") == "near"
    assert ChainBackend(stores=[{**near, "inherit": False}, far]).get_variable("db") == "far"
    with pytest.raises(ConfigurationError, match=re.escape("`path_template` in backend_kwargs has no {name}")):
        SecretsManagerBackend(**{**PLACE, "path_template": "{tenant}/{namespace:/}"})


def test_explain_shows_each_step(shell: Shell) -> None:
    shell.backend("memory", secrets={"internal/company/db": "canary-1"}, **PLACE)
    done = shell.run("explain", "variable", "db")
    steps = [
        f"internal/company/{step}db: {found}"
        for step, found in (("team/unit/", "absent"), ("team/", "absent"), ("", "value"))
    ]
    assert [done.out.index(step) for step in steps] == sorted(done.out.index(step) for step in steps)
    assert "canary" not in done.out


def test_kestras_own_secrets_in_vault(shell: Shell, vault: Vault) -> None:
    """What `import-config` makes of Kestra's configuration reads the secrets where Kestra keeps them."""
    place = ("--tenant", "internal", "--namespace", "company.team", "--reveal")
    imported = json.loads(shell.run("import-config", *place, str(EXAMPLE)).out)
    assert (imported["path_template"], imported["path_namespace"]) == (KESTRA, "company.team")
    vault.put("internal/company/team/OWN", {"value": "1"}, mount="secret")
    vault.put("internal/company/PARENT", {"value": "2"}, mount="secret")
    imported |= {"url": vault.plain_url, "token": ROOT, "mount_point": "secret"}
    backend = VaultBackend(**imported)
    assert [backend.get_variable(key) for key in ("OWN", "PARENT", "NONE")] == ["1", "2", None]
    plain = shell.run("import-config", str(EXAMPLE))
    assert "Kestra's own secrets are at TENANT/NAMESPACE/NAME in Vault" in plain.err
