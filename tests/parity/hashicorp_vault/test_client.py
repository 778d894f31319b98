"""HashiCorp Vault: addresses, logins and errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import StrongroomError
from tests.parity.comparison import Case, Kwargs
from tests.parity.vault_comparison import LOGIN, SEAL, VaultComparison, assert_alike
from tests.servers import vault_logins
from tests.servers.counting import counting_proxy
from tests.servers.directories import Cluster, Directory
from tests.servers.double import Answer, Request, serving
from tests.servers.signer import Signer
from tests.servers.tls import Certificate
from tests.servers.vault import openbao
from tests.servers.vault_front import pass_on

NOWHERE = "http://127.0.0.1:9"
URL: Kwargs = {"url": "<url>"}
TOKEN: Kwargs = {"token": "<token>"}
#: A host that can only be reached through a proxy.
FAR: Kwargs = {"url": "http://vault.invalid:8200"}
APPROLE: Kwargs = {"url": "<url>", "auth_type": "approle", "role_id": "<role-id>", "secret_id": "<secret-id>"}
USERPASS: Kwargs = {"url": "<url>", "auth_type": "userpass", "username": "airflow", "password": "<password>"}
LDAP: Kwargs = {"url": "<url>", "auth_type": "ldap", "username": "airflow", "password": "<ldap-password>"}
JWT: Kwargs = {"url": "<url>", "auth_type": "jwt", "jwt_role": "airflow"}
PODS: Kwargs = {"url": "<url>", "auth_type": "kubernetes", "kubernetes_role": "airflow"}
RADIUS: Kwargs = {"url": "<url>", "auth_type": "radius", "radius_host": "127.0.0.1", "radius_secret": "made up"}
AZURE: Kwargs = {"url": "<url>", "auth_type": "azure", "azure_tenant_id": "tenant", "azure_resource": "resource"}


@pytest.fixture(scope="module")
def vault_comparison(
    vault_comparison: VaultComparison,
    ldap_users: Directory,
    kubernetes_cluster: Cluster,
    client_certificate: Certificate,
    tls: Certificate,
    signer: Signer,
    tmp_path_factory: pytest.TempPathFactory,
) -> VaultComparison:
    """The same server with logins; each mounted at its usual path, and approle also at another."""
    server, files = vault_comparison.server, tmp_path_factory.mktemp("tokens")
    policy, powerless = server.policy({"secret/*": ["read"]}), server.policy({"cubbyhole/*": ["read"]})
    logins = {
        "approle": vault_logins.approle(server, policy),
        "elsewhere": vault_logins.approle(server, policy, "else/where"),
        "userpass": vault_logins.userpass(server, policy),
        "jwt": vault_logins.jwt(server, policy, signer),
        "kubernetes": vault_logins.kubernetes(server, policy, kubernetes_cluster, tls.authority, files),
    }
    vault_logins.ldap(server, policy, ldap_users)
    server.write("auth/approle/role/open", {"bind_secret_id": False, "secret_id_bound_cidrs": ["127.0.0.0/8"]})
    server.write("auth/approle/role/open", {"token_policies": [policy]})
    namespace = server.create_namespace("inner")
    server.put("variables/hello", {"value": "inner world"}, namespace=namespace)
    both = files / "both.pem"
    both.write_text(client_certificate.certificate.read_text() + client_certificate.key.read_text())
    words = {
        "<powerless>": server.token(powerless),
        "<inner-token>": server.token(namespace=namespace),
        "<role-id>": logins["approle"].options["role_id"],
        "<secret-id>": logins["approle"].options["secret_id"],
        "<open-role-id>": server.read("auth/approle/role/open/role-id")["role_id"],
        "<else-role-id>": logins["elsewhere"].options["role_id"],
        "<else-secret-id>": logins["elsewhere"].options["secret_id"],
        "<password>": logins["userpass"].options["password"],
        "<ldap-password>": ldap_users.password,
        "<jwt>": logins["jwt"].options["jwt_token"],
        "<old-jwt>": logins["jwt"].wrong["jwt_token"],
        "<pod>": kubernetes_cluster.token(),
        "<another-pod>": kubernetes_cluster.token("other"),
        "<tls>": server.url,
        "<tls-by-name>": server.url.replace("127.0.0.1", "localhost"),
        "<plain-tls>": server.url.replace("https", "http"),
        "<both>": str(both),
        "<cert>": str(client_certificate.certificate),
        "<key>": str(client_certificate.key),
        "<authority>": str(server.authority),
    }
    return dataclasses.replace(vault_comparison, words={**vault_comparison.words, **words})


CLIENTS = [
    Case("token", {**URL, **TOKEN}, ends="value"),
    Case("token without rights", {**URL, "token": "<powerless>"}, ends="raises"),
    Case("token unknown", {**URL, "token": "s.unknown"}, ends="raises"),
    Case("token with a newline", {"token": "<token>\n"}, asks=False, ends="raises"),
    Case("token missing", URL, asks=False, ends="raises"),
    Case("token empty", {**URL, "token": ""}, asks=False, ends="raises"),
    Case("token of the environment", URL, environment={"VAULT_TOKEN": "<token>"}, ends="value"),
    Case("token before that of the environment", {**URL, **TOKEN}, environment={"VAULT_TOKEN": "wrong"}, ends="value"),
    Case("token file", {**URL, "token_path": "<folder>/t"}, files={"t": "<token>"}, ends="value"),
    Case("token file with space", {**URL, "token_path": "<folder>/t"}, files={"t": " <token> \n\n"}, ends="value"),
    Case("token file first", {**URL, "token": "x", "token_path": "<folder>/t"}, files={"t": "<token>"}, ends="value"),
    Case("token file missing", {**URL, "token_path": "<folder>/t"}, asks=False, ends="raises"),
    Case("token file empty", {**URL, "token_path": "<folder>/t"}, files={"t": ""}, asks=False, ends="raises"),
    Case("url of the environment", TOKEN, environment={"VAULT_ADDR": "<url>"}, ends="value"),
    Case("url before that of the environment", {**URL, **TOKEN}, environment={"VAULT_ADDR": NOWHERE}, ends="value"),
    Case("url with a slash at the end", {**TOKEN, "url": "<url>/"}, ends="value"),
    Case("namespace", {**URL, "token": "<inner-token>", "namespace": "inner"}, ends="value"),
    Case("namespace with slashes", {**URL, "token": "<inner-token>", "namespace": "/inner/"}, ends="value"),
    Case("namespace of another", {**URL, **TOKEN, "namespace": "inner"}),
    Case("namespace unknown", {**URL, **TOKEN, "namespace": "nowhere"}),
    Case("namespace of the environment", {**URL, **TOKEN}, environment={"VAULT_NAMESPACE": "inner"}, ends="value"),
    Case("unknown option", {**URL, **TOKEN, "bogus": "x"}, asks=False, ends="raises"),
    Case("timeout", {**URL, **TOKEN, "timeout": 20}, ends="value"),
    Case("no header that marks requests", {**URL, **TOKEN, "request_header": False}, ends="value"),
    Case("no redirects", {**URL, **TOKEN, "allow_redirects": False}, ends="value"),
    Case("proxy", {**FAR, **TOKEN, "proxies": {"http": "<url>"}}, ends="value"),
    Case("proxy of another scheme", {**FAR, **TOKEN, "proxies": {"https": "<url>"}}, asks=False, ends="raises"),
    Case("proxy of the environment", {**FAR, **TOKEN}, environment={"HTTP_PROXY": "<url>"}, ends="value"),
    Case("proxy of the environment, small", {**FAR, **TOKEN}, environment={"http_proxy": "<url>"}, ends="value"),
    Case(
        "proxy, but not for this host",
        {**FAR, **TOKEN},
        environment={"HTTP_PROXY": "<url>", "NO_PROXY": "vault.invalid"},
        asks=False,
        ends="raises",
    ),
    Case("auth_type unknown", {**URL, **TOKEN, "auth_type": "bogus"}, asks=False, ends="raises"),
    Case("auth_type in capitals", {**URL, **TOKEN, "auth_type": "Token"}, asks=False, ends="raises"),
    Case("approle", APPROLE, ends="value"),
    Case("approle, wrong secret", {**APPROLE, "secret_id": "wrong"}, ends="raises"),
    Case("approle, wrong role", {**APPROLE, "role_id": "wrong"}, ends="raises"),
    Case("approle without a role", {**APPROLE, "role_id": None}, asks=False, ends="raises"),
    Case("approle without a secret", {**APPROLE, "secret_id": None}, ends="raises"),
    Case("approle that asks for no secret", {**APPROLE, "role_id": "<open-role-id>", "secret_id": None}, ends="value"),
    Case("approle, mount unknown", {**APPROLE, "auth_mount_point": "nowhere"}, ends="raises"),
    Case(
        "approle elsewhere",
        {**APPROLE, "auth_mount_point": "else/where", "role_id": "<else-role-id>", "secret_id": "<else-secret-id>"},
        ends="value",
    ),
    Case("approle, absent", APPROLE, name="nothing", ends="none"),
    Case("approle, denied", {**APPROLE, "mount_point": "kv1"}, ends="raises"),
    Case("userpass", USERPASS, ends="value"),
    Case("userpass, wrong password", {**USERPASS, "password": "wrong"}, ends="raises"),
    Case("userpass, unknown user", {**USERPASS, "username": "unknown"}, ends="raises"),
    Case("userpass without a password", {**USERPASS, "password": None}, ends="raises"),
    Case("ldap", LDAP, ends="value"),
    Case("ldap, wrong password", {**LDAP, "password": "wrong"}, ends="raises"),
    Case("ldap, unknown user", {**LDAP, "username": "unknown"}, ends="raises"),
    Case("jwt", {**JWT, "jwt_token": "<jwt>"}, ends="value"),
    Case("jwt with space", {**JWT, "jwt_token": " <jwt>\n"}, ends="value"),
    Case("jwt that has ended", {**JWT, "jwt_token": "<old-jwt>"}, ends="raises"),
    Case("invalid jwt", {**JWT, "jwt_token": "x"}, ends="raises"),
    Case("jwt, role unknown", {**JWT, "jwt_token": "<jwt>", "jwt_role": "unknown"}, ends="raises"),
    Case("jwt file", {**JWT, "jwt_token_path": "<folder>/t"}, files={"t": "<jwt>\n"}, ends="value"),
    Case("jwt file second", {**JWT, "jwt_token": "<jwt>", "jwt_token_path": "<folder>/t"}, ends="value"),
    Case("jwt file missing", {**JWT, "jwt_token_path": "<folder>/t"}, asks=False, ends="raises"),
    Case("jwt without a role", {**JWT, "jwt_role": None, "jwt_token": "<jwt>"}, asks=False, ends="raises"),
    Case("jwt without a token", JWT, asks=False, ends="raises"),
    Case("kubernetes", {**PODS, "kubernetes_jwt_path": "<folder>/t"}, files={"t": "<pod>\n"}, ends="value"),
    Case(
        "kubernetes, another account",
        {**PODS, "kubernetes_jwt_path": "<folder>/t"},
        files={"t": "<another-pod>"},
        ends="raises",
    ),
    Case("kubernetes, file missing", {**PODS, "kubernetes_jwt_path": "<folder>/t"}, asks=False, ends="raises"),
    Case("kubernetes, path empty", {**PODS, "kubernetes_jwt_path": ""}, asks=False, ends="raises"),
    Case("kubernetes without a role", {**PODS, "kubernetes_role": None}, asks=False, ends="raises"),
    Case("github without a token", {**URL, "auth_type": "github"}, asks=False, ends="raises"),
    Case("github, no such mount", {**URL, "auth_type": "github", "token": "x"}, ends="raises"),
    Case("gcp without scopes", {**URL, "auth_type": "gcp", "role_id": "r"}, asks=False, ends="raises"),
    Case("gcp without a role", {**URL, "auth_type": "gcp", "gcp_scopes": "s"}, asks=False, ends="raises"),
    Case("azure without a tenant", {**AZURE, "azure_tenant_id": None}, asks=False, ends="raises"),
    Case("azure without a resource", {**AZURE, "azure_resource": None}, asks=False, ends="raises"),
    Case("radius", RADIUS, ends="raises"),
    Case("radius without a host", {**RADIUS, "radius_host": None}, asks=False, ends="raises"),
    Case("radius without a secret", {**RADIUS, "radius_secret": None}, asks=False, ends="raises"),
    Case("token of the environment beside a login", APPROLE, environment={"VAULT_TOKEN": "wrong"}),
]


@pytest.mark.parametrize("case", CLIENTS, ids=lambda case: case.id)
def test_client(vault_comparison: VaultComparison, case: Case, tmp_path: Path) -> None:
    """Address, namespace and login lead to the same answer."""
    official, ours = vault_comparison.run(
        dataclasses.replace(case, bare="url" in case.kwargs or "token" in case.kwargs), tmp_path
    )
    assert_alike(case, official, ours)
    if ours.ending == "raises":
        assert "<" not in str(ours.error)
        assert not any(secret in str(ours.error) for secret in secrets_of(vault_comparison))


def secrets_of(comparison: VaultComparison) -> list[str]:
    """The texts that no message may repeat."""
    names = ("<token>", "<powerless>", "<secret-id>", "<password>", "<ldap-password>", "<jwt>", "<pod>")
    return [comparison.words[name] for name in names]


#: How the certificate is checked, without the counting proxy, which would end the TLS connection itself.
TLS = [
    Case("tls, authority", {"verify": "<authority>"}, ends="value"),
    Case("tls, no authority", {}, ends="raises"),
    Case("tls, not verified", {"verify": False}, ends="value"),
    Case("tls, authority of requests", environment={"REQUESTS_CA_BUNDLE": "<authority>"}, ends="value"),
    Case("tls, authority of Vault", environment={"VAULT_CACERT": "<authority>"}, ends="raises"),
    Case("tls, authority missing", {"verify": "<folder>/none"}, ends="raises"),
    Case("tls, certificate of the client", {"verify": "<authority>", "cert": "<both>"}, ends="value"),
    Case("tls, certificate in two files", {"verify": "<authority>", "cert": ["<cert>", "<key>"]}, ends="raises"),
    Case("tls, certificate missing", {"verify": "<authority>", "cert": ["<folder>/c", "<folder>/k"]}, ends="raises"),
    Case("tls, another name", {"url": "<tls-by-name>", "verify": "<authority>"}, ends="value"),
    Case("tls, plain http", {"url": "<plain-tls>", "verify": "<authority>"}, ends="raises"),
]


@pytest.mark.parametrize("case", TLS, ids=lambda case: case.id)
def test_tls(vault_comparison: VaultComparison, case: Case, tmp_path: Path) -> None:
    """The same servers are trusted. The reads are in the server's own record."""
    kwargs = {"url": "<tls>", "token": "<token>", **case.kwargs}
    case = dataclasses.replace(case, kwargs=kwargs, bare=True, asks=False)
    mark = vault_comparison.server.mark()
    official, ours = vault_comparison.run(case, tmp_path)
    reads = vault_comparison.server.requests(mark).count("read secret/data/variables/hello")
    # Ours was asked twice: on its own, and as a chain of one.
    assert reads == [official.ending, ours.ending, ours.ending].count("value")
    assert_alike(case, official, ours)


#: Status of a read, the outcome, and how often the official class then sends it.
STATUSES: list[tuple[int, str, int]] = [
    (400, "raises", 1),
    (401, "raises", 1),
    (403, "raises", 2),
    (404, "none", 1),
    (405, "raises", 1),
    (412, "raises", 4),
    (429, "raises", 1),
    (472, "raises", 1),
    (473, "raises", 1),
    (500, "raises", 4),
    (501, "raises", 1),
    (502, "raises", 4),
    (503, "raises", 4),
    (504, "raises", 1),
    (418, "raises", 1),
]

GOOD = {"data": {"data": {"value": "world"}, "metadata": {"version": 1}}}
#: The answer to a read, with status 200 or another.
BODIES: dict[str, tuple[int, object]] = {
    "good": (200, GOOD),
    "203": (203, GOOD),
    "empty": (200, b""),
    "204": (204, b""),
    "no JSON": (200, b"<html>login</html>"),
    "cut": (200, json.dumps(GOOD).encode()[:-9]),
    "a list": (200, [1]),
    "null": (200, None),
    "no data": (200, {"errors": []}),
    "data null": (200, {"data": None}),
    "data of version 1": (200, {"data": {"value": "world"}}),
    "data within null": (200, {"data": {"data": None, "metadata": {}}}),
    "data within a text": (200, {"data": {"data": "x", "metadata": {}}}),
    "warnings beside": (200, {**GOOD, "warnings": ["old"], "lease_duration": 0}),
    "404 with data": (404, {"data": {"data": None, "metadata": {"deletion_time": "2026-01-01T00:00:00Z"}}}),
    "404 with good data": (404, GOOD),
    "404 without JSON": (404, b"nothing here"),
    "403 without JSON": (403, b"no"),
    "301 to nowhere": (301, b""),
}


@pytest.fixture
def counted(vault_comparison: VaultComparison) -> Iterator[tuple[VaultComparison, list[Answer]]]:
    """The same server behind a double that returns the answer in a list."""
    answers: list[Answer] = []

    def answer(request: Request) -> Answer:
        if request.path == "/v1/elsewhere":
            return Answer(200, GOOD)
        return (
            answers[0]
            if request.path == "/v1/secret/data/variables/hello"
            else pass_on(vault_comparison.server, request)
        )

    with serving(answer) as double, counting_proxy(double.url) as counter:
        yield dataclasses.replace(vault_comparison, counter=counter, url=counter.url), answers


@pytest.mark.parametrize(("status", "ends", "tries"), STATUSES, ids=lambda value: str(value))
def test_statuses(
    counted: tuple[VaultComparison, list[Answer]], tmp_path: Path, status: int, ends: str, tries: int
) -> None:
    """The same outcome; faults that may pass are retried, by ours at most as often."""
    comparison, answers = counted
    answers.append(Answer(status, {"errors": ["what it is"]}))
    case = Case(f"status {status}", ends=ends)
    official, ours = comparison.run(case, tmp_path)
    assert len(official.asked) == tries
    assert_alike(case, official, ours)
    assert ends == "none" or (isinstance(ours.error, StrongroomError) and ours.error.code == str(status))


@pytest.mark.parametrize("label", BODIES)
def test_bodies(counted: tuple[VaultComparison, list[Answer]], tmp_path: Path, label: str) -> None:
    """An answer that is not Vault's is an error; an unusual one is not."""
    comparison, answers = counted
    status, body = BODIES[label]
    answers.append(Answer(status, body))
    case = Case(f"body {label}")
    official, ours = comparison.run(case, tmp_path)
    assert_alike(case, official, ours)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects(counted: tuple[VaultComparison, list[Answer]], tmp_path: Path, status: int) -> None:
    """Redirects within the same host are followed: a standby node sends them."""
    comparison, answers = counted
    answers.append(Answer(status, b"", {"Location": "/v1/elsewhere"}))
    official, ours = comparison.run(Case(f"redirect {status}", ends="value"), tmp_path)
    assert official.asked[-1] == "GET /v1/elsewhere"
    assert_alike(Case(f"redirect {status}"), official, ours)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 503])
def test_a_login_that_fails(vault_comparison: VaultComparison, tmp_path: Path, status: int) -> None:
    """Nothing is read, and only the login is tried; after a 503 one request asks whether the server is sealed."""
    with serving(lambda request: Answer(status, {"errors": ["no"]})) as double, counting_proxy(double.url) as counter:
        comparison = dataclasses.replace(vault_comparison, counter=counter, url=counter.url)
        case = Case(f"login {status}", APPROLE, bare=True, ends="none" if status == 404 else "raises")
        official, ours = comparison.run(case, tmp_path)
        tries = [request for request in ours.asked if request != SEAL or status != 503]
        assert all(request.startswith(LOGIN) for request in (*official.asked, *tries))
        assert_alike(case, official, ours)


def test_a_quota(vault_comparison: VaultComparison, tmp_path: Path) -> None:
    """The server's own 429 is throttling."""
    server = vault_comparison.server
    server.quota(1, "secret/data/variables/busy")
    official, ours = vault_comparison.run(Case("quota, first", name="busy"), tmp_path)
    assert "raises" in (official.ending, ours.ending)
    case = Case("quota", name="busy", ends="raises")
    try:
        official, ours = vault_comparison.run(case, tmp_path)
    finally:
        for name in server.names("sys/quotas/rate-limit"):
            server.delete(f"sys/quotas/rate-limit/{name}")
    assert_alike(case, official, ours)
    assert isinstance(ours.error, StrongroomError)
    assert ours.error.code == "429"


def test_a_sealed_server(tls: Certificate, tmp_path: Path, vault_comparison: VaultComparison) -> None:
    """It raises, and is distinguished from other outages."""
    with openbao(tmp_path, tls) as server, counting_proxy(server.plain_url) as counter:
        server.seal()
        comparison = dataclasses.replace(vault_comparison, counter=counter, url=counter.url)
        case = Case("sealed", ends="raises")
        official, ours = comparison.run(case, tmp_path)
        assert_alike(case, official, ours)
        assert "sealed" in str(ours.error)


def test_an_unreachable_server(vault_comparison: VaultComparison, tmp_path: Path) -> None:
    """Both raise."""
    case = Case("refused", {"url": NOWHERE, **TOKEN}, bare=True, asks=False, ends="raises")
    official, ours = vault_comparison.run(case, tmp_path)
    assert_alike(case, official, ours)


def test_a_login_that_may_not_read(vault_comparison: VaultComparison, tmp_path: Path) -> None:
    """The official class logs in again after 403, and reads again; ours first asks what the token may do."""
    wrong: Mapping[str, Any] = {**APPROLE, "mount_point": "kv1"}
    case = Case("login without rights", wrong, bare=True, ends="raises")
    official, ours = vault_comparison.run(case, tmp_path)
    assert [request.startswith(LOGIN) for request in official.asked] == [True, False, True, False]
    assert_alike(case, official, ours)
