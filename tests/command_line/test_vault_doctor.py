"""doctor on Vault: its requests, and its findings about servers, tokens, engines and policies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line.shell import DONE, NO, Shell
from tests.command_line.vault import CANARY, URI, asked, backend, finding, found
from tests.servers import vault_logins
from tests.servers.counting import Counter
from tests.servers.silent import silent_server
from tests.servers.tls import Certificate
from tests.servers.vault import Vault, openbao
from tests.stores.hashicorp_vault import READS_ALL

PROBE = "strongroom_doctor_probe"


def test_a_correct_set_up_has_no_problem_and_takes_these_calls(
    vault: Vault, counted_vault: Counter, shell: Shell
) -> None:
    vault.put("connections/db", {"conn_uri": URI})
    login = vault_logins.approle(vault, vault.policy(READS_ALL))
    shell.secrets += [CANARY, *login.canaries]
    shell.backend("vault", url=counted_vault.url, **login.options)
    sound = shell.run("doctor", "--json")
    result = found(sound)
    assert sound.code == DONE, sound.out
    fine = ("backend", "identity", "read", "list", "describe", "server", "clock", "token", "engine")
    assert {check: result[check] for check in fine} == {check: ["ok"] for check in fine}
    assert result["permissions"] == ["ok"] * 3
    assert result["static_keys"] == ["warning"]
    assert sound.json["warnings"] == 1
    assert asked(counted_vault) == [
        f"POST {login.path}",
        f"GET secret/data/connections/{PROBE}",
        f"GET secret/data/variables/{PROBE}",
        f"GET secret/data/config/{PROBE}",
        # Nothing was found three times, so it checks whether the engine is the right one.
        "GET sys/internal/ui/mounts/secret",
        "LIST secret/metadata/connections",
        "LIST secret/metadata/variables",
        "GET sys/internal/ui/mounts/secret",
        "LIST secret/metadata/config",
        f"GET secret/metadata/connections/{PROBE}",
        "GET sys/health",
        "GET auth/token/lookup-self",
        "GET sys/internal/ui/mounts/secret",
        "POST sys/capabilities-self",
    ]
    identity = finding(sound, "identity", "ok")["evidence"]
    assert identity == f"the store is asked as approle at `auth/approle`, on {counted_vault.url}"
    assert login.options["role_id"] not in sound.out
    shell.run("doctor", "--offline")
    assert asked(counted_vault) == []


def test_an_engine_of_another_version_is_a_problem_in_airflows_words(vault: Vault, shell: Shell) -> None:
    vault.put("connections/db", {"conn_uri": URI}, "kv1", version=1)
    token = vault.token(vault.policy({"kv1/*": ["read", "list"]}))
    backend(shell, vault, vault.plain_url, token=token, mount_point="kv1")
    wrong = shell.run("doctor", "--json")
    assert wrong.code == NO
    result = finding(wrong, "engine", "problem")
    assert "by default Airflow uses `kv_engine_version` 2" in result["evidence"]
    assert "written using version 1" in result["evidence"]
    assert result["remedy"] == "Write 1, or auto, as `kv_engine_version` in backend_kwargs"
    for version in (1, "auto"):
        backend(shell, vault, vault.plain_url, token=token, mount_point="kv1", kv_engine_version=version)
        right = shell.run("doctor", "--json")
        assert (right.code, found(right)["engine"]) == (DONE, ["ok"]), right.out
    backend(shell, vault, vault.plain_url, kv_engine_version=1)
    other = finding(shell.run("doctor", "--json"), "engine", "problem")
    assert "`kv_engine_version` is 1, but" in other["evidence"]
    backend(shell, vault, vault.plain_url, mount_point="sys")
    assert "another engine than KV" in shell.run("doctor").out


def test_each_permission_is_reported_separately(vault: Vault, shell: Shell) -> None:
    vault.put("connections/db", {"conn_uri": URI})
    rules = {"secret/data/connections/*": ["read", "update"], "secret/metadata/variables/*": ["list"]}
    backend(shell, vault, vault.plain_url, token=vault.token(vault.policy(rules)))
    result = shell.run("doctor", "--json")
    assert result.code == NO
    lines = {each["evidence"]: each for each in result.json["findings"] if each["check"] == "permissions"}
    lacking = lines[f"variables: reading in `secret/data/variables/{PROBE}` is not allowed"]
    assert lacking["severity"] == "problem"
    assert 'path "secret/data/variables/*" { capabilities = ["read"] }' in lacking["remedy"]
    more = lines["connections: more than reading is allowed: update"]
    assert (more["severity"], "strongroom policy vault" in more["remedy"]) == ("note", True)
    unlisted = "connections: listing in `secret/metadata/connections/` is not allowed; lookups do not need it"
    assert lines[unlisted]["severity"] == "note"
    assert lines["variables in `secret/metadata/variables/`: listing allowed"]["severity"] == "ok"


def test_refused_requests_are_notes(vault: Vault, shell: Shell) -> None:
    vault.put("connections/db", {"conn_uri": URI})
    body = {"policies": [vault.policy(READS_ALL)], "ttl": "1h", "no_default_policy": True}
    token = vault.write("auth/token/create-orphan", body)["auth"]["client_token"]
    backend(shell, vault, vault.plain_url, token=token)
    refused = shell.run("doctor", "--json")
    result = found(refused)
    assert refused.code == DONE, refused.out
    assert (result["token"], result["permissions"], result["engine"]) == (["note"], ["note"], ["ok"])


def test_root_tokens_and_tokens_that_expire_soon_are_warnings(vault: Vault, shell: Shell) -> None:
    vault.put("connections/db", {"conn_uri": URI})
    root = vault.write("auth/token/create", {"policies": ["root"]})["auth"]["client_token"]
    backend(shell, vault, vault.plain_url, token=root)
    mighty = shell.run("doctor", "--json")
    assert (mighty.code, found(mighty)["token"]) == (DONE, ["ok", "warning", "warning"])
    assert "it may do everything" in mighty.out
    backend(shell, vault, vault.plain_url)
    assert "it is not renewed, and it ends in" in finding(shell.run("doctor", "--json"), "token", "warning")["evidence"]
    assert shell.run("doctor", "--strict").code == NO
    # A file is renewed by the process that writes it.
    file = shell.home / "token"
    file.write_text(vault.token(vault.policy(READS_ALL)))
    shell.backend("vault", url=vault.plain_url, token_path=str(file))
    kept = shell.run("doctor", "--json")
    assert (kept.code, kept.json["warnings"]) == (DONE, 0), kept.out
    counted = vault_logins.approle(vault, vault.policy(READS_ALL), token_num_uses=3)
    shell.backend("vault", url=vault.plain_url, **counted.options)
    few = shell.run("doctor", "--json")
    assert (few.code, found(few)["token"]) == (DONE, ["ok", "note"]), few.out


def test_problems_of_server_login_and_mount_are_distinguished(vault: Vault, shell: Shell) -> None:
    token = backend(shell, vault, vault.plain_url)
    vault.write("auth/token/revoke", {"token": token})
    gone = shell.run("doctor", "--json")
    assert (gone.code, found(gone)["identity"], found(gone)["token"]) == (NO, ["ok", "problem"], ["note"])
    backend(shell, vault, vault.plain_url, mount_point="nowhere")
    missing = shell.run("doctor", "--json")
    assert (missing.code, found(missing)["read"], found(missing)["engine"]) == (NO, ["problem"], ["note"])
    backend(shell, vault, vault.plain_url, namespace="nowhere")
    missing = shell.run("doctor", "--json")
    assert (missing.code, set(found(missing)["read"])) == (NO, {"problem"})
    backend(shell, vault, "http://127.0.0.1:9", max_attempts=1)
    away = shell.run("doctor", "--json")
    assert (away.code, found(away)["reach"]) == (NO, ["problem"])
    login = vault_logins.approle(vault, vault.policy(READS_ALL))
    shell.secrets += login.canaries
    for mount in ("secret", None):
        shell.backend("vault", url=vault.plain_url, mount_point=mount, **{**login.options, **login.wrong})
        wrong = shell.run("doctor", "--json")
        assert (wrong.code, found(wrong)["identity"]) == (NO, ["ok", "problem"]), wrong.out


@pytest.fixture
def own_vault(tls: Certificate, tmp_path: Path) -> Iterator[Vault]:
    """A separate server that the test may seal."""
    folder = tmp_path / "server"
    folder.mkdir()
    with openbao(folder, tls) as server:
        yield server


def test_a_sealed_server_is_a_problem(own_vault: Vault, shell: Shell) -> None:
    backend(shell, own_vault, own_vault.plain_url, max_attempts=1)
    own_vault.seal()
    sealed = shell.run("doctor", "--json")
    result = found(sealed)
    assert (sealed.code, result["reach"], result["server"]) == (NO, ["problem"], ["problem"])
    assert "vault operator unseal" in finding(sealed, "server", "problem")["remedy"]
    assert {"token", "engine", "permissions"}.isdisjoint(result)


def test_without_a_mount_the_server_and_the_token_are_checked(
    vault: Vault, counted_vault: Counter, shell: Shell
) -> None:
    vault.put("connections/db", {"conn_uri": URI})
    backend(shell, vault, counted_vault.url, mount_point=None)
    result = shell.run("doctor", "--json")
    assert result.code == DONE, result.out
    severities = found(result)
    assert (severities["read"], severities["engine"], severities["server"]) == (["note"], ["note"], ["ok"])
    assert asked(counted_vault) == ["GET sys/health", "GET auth/token/lookup-self"]
    away = shell.run("doctor", "--json", variables=_kwargs(shell, url="http://127.0.0.1:9"))
    assert (away.code, found(away)["reach"]) == (NO, ["problem"])
    with silent_server() as url:
        hangs = shell.run("doctor", "--json", variables=_kwargs(shell, url=url, timeout=1))
    assert (hangs.code, found(hangs)["reach"]) == (NO, ["problem"])
    strange = shell.run("doctor", "--json", variables=_kwargs(shell, token="strange-token"))
    assert (strange.code, found(strange)["token"]) == (DONE, ["warning"])
    off = _kwargs(shell, connections_path=None, variables_path=None, config_path=None)
    assert found(shell.run("doctor", "--json", variables=off))["kinds"] == ["problem"]


def _kwargs(shell: Shell, **changed: object) -> dict[str, str]:
    name = "AIRFLOW__SECRETS__BACKEND_KWARGS"
    return {name: json.dumps(json.loads(shell.variables[name]) | changed)}


def test_keys_in_two_places_are_reported(vault: Vault, shell: Shell) -> None:
    vault.put("connections/db", {"conn_uri": URI})
    backend(shell, vault, vault.plain_url)
    shell.variables["AIRFLOW_CONN_DB"] = URI
    result = finding(shell.run("doctor", "--json"), "two_places", "warning")
    assert "`db`: in the store and in the environment" in result["evidence"]


def test_findings_about_the_options_need_no_call(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    shell.backend(
        "vault",
        url="http://vault.example:8200",
        verify=False,
        auth_type="approle",
        role_id="r",
        secret_id=CANARY,
        token=CANARY,
        global_secrets_path="shared",
        mount_point="secret/data",
    )
    result = shell.run("doctor", "--offline", "--json")
    expected = {"static_keys": ["warning"], "plain_http": ["warning"], "tls": ["warning"]}
    severities = found(result)
    assert {check: severities[check] for check in expected} == expected
    assert severities["options"] == ["note", "warning", "warning"]
    assert all(each["remedy"] for each in result.json["findings"] if each["severity"] not in ("ok", "note"))
