"""The logins admit the right callers and no one else: shown with hvac, which the official class is built on."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hvac
import pytest

from tests.servers import vault_logins
from tests.servers.aws import Credentials, MiniStack
from tests.servers.directories import REVIEW, Cluster, Directory
from tests.servers.double import Answer, Double, serving
from tests.servers.signer import Signer
from tests.servers.tls import Certificate
from tests.servers.vault import Vault
from tests.servers.vault_front import aws, azure, gcp, github, vault_front

ENTERS = "value"
SERVER_ID = "vault.example.org"
RESOURCE = "https://vault.example.org"
GROUP = ("subscription", "group")
EMAIL = "airflow@project.iam.gserviceaccount.com"


def enter(url: str, login: str, *given: object, tls: Mapping[str, Any] | None = None, **named: Any) -> str:
    """The value read after a login of hvac, such as ``approle.login``; or the name of the error."""
    client = hvac.Client(url, **(tls or {}))
    try:
        operator.attrgetter(login)(client.auth)(*given, **named)
        answer = client.secrets.kv.v2.read_secret_version("airflow/a", raise_on_deleted_version=True)
    except hvac.exceptions.VaultError as error:
        return type(error).__name__
    return str(answer["data"]["data"]["value"])


@pytest.fixture
def policy(vault: Vault) -> str:
    """A policy that may read the one secret."""
    vault.put("airflow/a", {"value": ENTERS})
    return vault.policy({"secret/data/airflow/*": ["read"]})


def test_approle(vault: Vault, policy: str) -> None:
    login = vault_logins.approle(vault, policy)
    role_id, secret_id = login.options["role_id"], login.options["secret_id"]
    assert enter(vault.plain_url, "approle.login", role_id, secret_id) == ENTERS
    assert enter(vault.plain_url, "approle.login", role_id, "wrong") == "InvalidRequest"


def test_a_wrapped_secret_id_is_given_once(vault: Vault, policy: str) -> None:
    login = vault_logins.approle(vault, policy)
    wrapped = vault_logins.wrapped_secret_id(vault)
    client = hvac.Client(vault.plain_url, token=wrapped)
    secret_id = client.sys.unwrap()["data"]["secret_id"]
    assert enter(vault.plain_url, "approle.login", login.options["role_id"], secret_id) == ENTERS
    with pytest.raises(hvac.exceptions.InvalidRequest):
        client.sys.unwrap()


def test_a_token_of_few_uses(vault: Vault, policy: str) -> None:
    login = vault_logins.approle(vault, policy, token_num_uses=2)
    client = hvac.Client(vault.plain_url)
    client.auth.approle.login(login.options["role_id"], login.options["secret_id"])
    for _ in range(2):
        client.secrets.kv.v2.read_secret_version("airflow/a", raise_on_deleted_version=True)
    with pytest.raises(hvac.exceptions.Forbidden):
        client.secrets.kv.v2.read_secret_version("airflow/a", raise_on_deleted_version=True)


def test_userpass(vault: Vault, policy: str) -> None:
    login = vault_logins.userpass(vault, policy, "people")
    password = login.options["password"]
    for given, ending in ((password, ENTERS), ("wrong", "InvalidRequest")):
        assert enter(vault.plain_url, "userpass.login", "airflow", given, mount_point="people") == ending


@pytest.mark.parametrize("by", ["key", "key set"])
def test_jwt(vault: Vault, policy: str, signer: Signer, by: str) -> None:
    with serving(lambda request: Answer(200, signer.key_set())) as keys:
        login = vault_logins.jwt(vault, policy, signer, jwks_url=f"{keys.url}/keys" if by == "key set" else None)
        stranger = Signer(signer.name).token(sub="airflow", aud="vault")
        for token, ending in ((login.options["jwt_token"], ENTERS), (login.wrong["jwt_token"], "InvalidRequest")):
            assert enter(vault.plain_url, "jwt.jwt_login", "airflow", token) == ending
        assert enter(vault.plain_url, "jwt.jwt_login", "airflow", stranger) == "InvalidRequest"
        assert bool(keys.requests) == (by == "key set")


def test_kubernetes(vault: Vault, policy: str, kubernetes_cluster: Cluster, tls: Certificate, tmp_path: Path) -> None:
    vault_logins.kubernetes(vault, policy, kubernetes_cluster, tls.authority, tmp_path)
    tokens = {
        kubernetes_cluster.token(): ENTERS,
        kubernetes_cluster.token("other"): "Forbidden",
        kubernetes_cluster.token(lifetime=-60): "Forbidden",
        dataclasses.replace(kubernetes_cluster, signer=Signer("cluster")).token(): "Forbidden",
    }
    for token, ending in tokens.items():
        assert enter(vault.plain_url, "kubernetes.login", "airflow", token) == ending, token
    assert f"POST {REVIEW}" in kubernetes_cluster.double.paths()


def test_ldap(vault: Vault, policy: str, ldap_users: Directory) -> None:
    vault_logins.ldap(vault, policy, ldap_users)
    for given, ending in ((ldap_users.password, ENTERS), ("wrong", "InvalidRequest"), ("", "InvalidRequest")):
        assert enter(vault.plain_url, "ldap.login", "airflow", given) == ending


def test_radius(vault: Vault, policy: str, radius_users: Directory) -> None:
    vault_logins.radius(vault, policy, radius_users)
    for given, ending in ((radius_users.password, ENTERS), ("wrong", "InvalidRequest")):
        assert enter(vault.plain_url, "radius.login", "airflow", given) == ending


def test_cert(vault: Vault, policy: str, client_certificate: Certificate, untrusted_certificate: Certificate) -> None:
    login = vault_logins.cert(vault, policy, client_certificate, untrusted_certificate)
    for given, ending in ((login.options["cert"], ENTERS), (login.wrong["cert"], "InvalidRequest")):
        tls = {"verify": str(vault.authority), "cert": tuple(given)}
        assert enter(vault.url, "cert.login", tls=tls) == ending
    assert "update auth/cert/login" in vault.requests()


@pytest.fixture(scope="module")
def caller(aws_server: MiniStack) -> Credentials:
    """A user of AWS; any user may ask STS for its own identity."""
    return aws_server.user()


@pytest.fixture(scope="module")
def arn(aws_server: MiniStack, caller: Credentials) -> str:
    """The ARN by which STS knows that user."""
    return str(aws_server.client("sts", caller).get_caller_identity()["Arn"])


@pytest.fixture(scope="module")
def google() -> Signer:
    """The key of a service account."""
    return Signer("google")


@pytest.fixture(scope="module")
def entra() -> Signer:
    """The key of a tenant."""
    return Signer("entra")


@pytest.fixture
def front(
    vault: Vault, policy: str, aws_server: MiniStack, arn: str, google: Signer, entra: Signer
) -> Iterator[Double]:
    """OpenBao with the logins of clouds."""
    methods = {
        "aws": aws(aws_server, "airflow", arn, SERVER_ID),
        "gcp": gcp(google, EMAIL, "airflow"),
        "azure": azure(entra, RESOURCE, "airflow", "principal", GROUP),
        "github": github("personal"),
    }
    with vault_front(vault, policy, methods) as double:
        yield double


@pytest.mark.parametrize(
    ("changed", "ending"),
    [
        ({}, ENTERS),
        ({"region": "eu-central-1"}, ENTERS),
        ({"secret_key": "wrong"}, "InvalidRequest"),
        ({"header_value": None}, "InvalidRequest"),
        ({"header_value": "other"}, "InvalidRequest"),
        ({"role": "other"}, "InvalidRequest"),
    ],
    ids=str,
)
def test_aws(front: Double, caller: Credentials, changed: dict[str, Any], ending: str) -> None:
    given: dict[str, Any] = {"access_key": caller.access_key, "secret_key": caller.secret_key}
    given |= {"role": "airflow", "header_value": SERVER_ID, **changed}
    assert enter(front.url, "aws.iam_login", **given) == ending


@pytest.mark.parametrize(
    ("lifetime", "changed", "ending"),
    [
        (900, {}, ENTERS),
        (3600, {}, "InvalidRequest"),
        (-90, {}, "InvalidRequest"),
        (900, {"aud": "vault/other"}, "InvalidRequest"),
        (900, {"sub": "other"}, "InvalidRequest"),
    ],
)
def test_gcp(front: Double, google: Signer, lifetime: float, changed: dict[str, str], ending: str) -> None:
    claims: dict[str, Any] = {"sub": EMAIL, "aud": "vault/airflow", **changed}
    token = google.token(lifetime, **claims)
    assert enter(front.url, "gcp.login", "airflow", token) == ending


@pytest.mark.parametrize(
    ("claims", "named", "ending"),
    [
        ({}, {}, ENTERS),
        ({"aud": "other"}, {}, "InternalServerError"),
        ({"oid": "other"}, {}, "InternalServerError"),
        ({}, {"vm_name": None}, "InternalServerError"),
        ({}, {"subscription_id": None}, "InternalServerError"),
    ],
    ids=str,
)
def test_azure(front: Double, entra: Signer, claims: dict[str, str], named: dict[str, str | None], ending: str) -> None:
    content: dict[str, Any] = {"aud": RESOURCE, "oid": "principal", **claims}
    token = entra.token(**content)
    machine: dict[str, Any] = {"subscription_id": GROUP[0], "resource_group_name": GROUP[1], "vm_name": "vm", **named}
    assert enter(front.url, "azure.login", "airflow", token, **machine) == ending


def test_github(front: Double) -> None:
    assert enter(front.url, "github.login", "personal") == ENTERS
    assert enter(front.url, "github.login", "wrong") == "InvalidRequest"
