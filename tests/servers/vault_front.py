"""OpenBao behind a front that adds the logins that only Vault has: aws, azure, gcp and github.

The front checks a login as Vault does, according to the files named below, and answers with a token that OpenBao made,
in OpenBao's own format. It passes everything else on. Its input is also checked against ``vault_openapi.json``.

* aws: ``builtin/credential/aws`` of hashicorp/vault (``path_login.go``, ``path_config_client.go``); the signed request
  is replayed to the STS of ministack, which verifies the signature
* gcp: ``plugin/path_login.go`` of hashicorp/vault-plugin-auth-gcp
* azure: ``path_login.go`` of hashicorp/vault-plugin-auth-azure; a refusal is answered with 500, as by Vault
* github: ``builtin/credential/github`` of hashicorp/vault
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.aws import MiniStack
from tests.servers.double import Answer, Double, Request, serving
from tests.servers.signer import Signer
from tests.servers.tls import Certificate
from tests.servers.vault import Vault

CONTRACT: Mapping[str, Any] = json.loads(Path(__file__).with_name("vault_openapi.json").read_text())["logins"]
LOGIN = re.compile(r"/v1/auth/([^/]+)/login")
#: The headers beginning with ``X-Amz-`` that Vault accepts.
AMAZON_HEADERS = {"algorithm", "content-sha256", "credential", "date", "security-token", "signature", "signedheaders"}
AMAZON_HEADERS |= {"user-agent"}
SERVER_ID = "x-vault-aws-iam-server-id"
#: Seconds by which the clocks of Vault and of Google's signers may differ.
TOLERANCE = 60
LONGEST = 15 * 60

#: Fields of a login, already checked against the contract; it raises to refuse them.
Check = Callable[[dict[str, str]], None]


class Refusal(Exception):
    """The answer to a login that is refused."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Method:
    """A login method: its name in the contract, and its check of the fields."""

    name: str
    check: Check


def aws(server: MiniStack, role: str, arn: str, server_id: str | None = None) -> Method:
    """Admits the caller ``arn``; with ``server_id`` its header must be among the signed ones."""

    def check(fields: dict[str, str]) -> None:
        _expect(fields.get("role") == role, "entry for role not found")
        _expect(fields.get("iam_http_request_method") == "POST", "only POST is supported")
        url = urlsplit(_plain(fields, "iam_request_url"))
        body, headers = _plain(fields, "iam_request_body"), _headers(fields)
        _expect(parse_qs(body).get("Action") == ["GetCallerIdentity"], "iam_request_body must call GetCallerIdentity")
        for name in headers:
            known = not name.startswith("x-amz-") or name.removeprefix("x-amz-") in AMAZON_HEADERS
            _expect(known, f"invalid request header: {name}")
        if server_id:
            _expect(headers.get(SERVER_ID) == server_id, f"expected {SERVER_ID} to be the server's")
            _expect(SERVER_ID in _signed_headers(headers), f"{SERVER_ID} wasn't signed")
        host = url.hostname or ""
        _expect(
            re.fullmatch(r"sts(\.[a-z0-9-]+)?\.amazonaws\.com", host) is not None and url.path == "/",
            "not an STS address",
        )
        _expect(_caller(server, host, headers, body) == arn, "IAM principal does not belong to the role")

    return Method("aws", check)


def _plain(fields: Mapping[str, str], name: str) -> str:
    try:
        return base64.b64decode(fields.get(name, ""), validate=True).decode()
    except ValueError as error:
        raise Refusal(f"failed to base64 decode {name}") from error


def _headers(fields: Mapping[str, str]) -> dict[str, str]:
    """The signed headers: a JSON object whose values are strings or lists of one string."""
    try:
        given: dict[str, Any] = json.loads(_plain(fields, "iam_request_headers"))
    except ValueError as error:
        raise Refusal("iam_request_headers is not JSON") from error
    return {name.lower(): value if isinstance(value, str) else ",".join(value) for name, value in given.items()}


def _signed_headers(headers: Mapping[str, str]) -> list[str]:
    found = re.search(r"SignedHeaders=([^,]+)", headers.get("authorization", ""))
    return found[1].split(";") if found else []


def _caller(server: MiniStack, host: str, headers: Mapping[str, str], body: str) -> str:
    """The ARN of the signer according to STS; with the host that was signed, whatever the server's is."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", "/", body, {**headers, "host": host})
        answer = connection.getresponse()
        content = answer.read().decode()
    if answer.status != 200:
        raise Refusal(f"error making upstream request: received error code {answer.status} from STS")
    found = re.search(r"<Arn>([^<]+)</Arn>", content)
    return found[1] if found else ""


def gcp(account: Signer, email: str, role: str) -> Method:
    """Admits a service account, by a token that its key signed for ``vault/<role>``, valid for 15 minutes at most."""

    def check(fields: dict[str, str]) -> None:
        extraneous = set(fields) - set(CONTRACT["gcp"]["fields"])
        _expect(not extraneous, f"unknown fields {extraneous}", 422)
        _expect(fields.get("role") == role, f"role {fields.get('role')!r} not found")
        claims = _claims(account, fields.get("jwt", ""))
        _expect(claims["exp"] - time.time() <= LONGEST + TOLERANCE, "JWT must expire in 15 minutes")
        _expect(claims.get("sub") == email, "service account is not authorized for role")
        _expect(str(claims.get("aud")).endswith(f"vault/{role}"), f"'aud' must end in vault/{role}")

    return Method("gcp", check)


def azure(entra: Signer, resource: str, role: str, principal: str, group: tuple[str, str] | None = None) -> Method:
    """Admits a principal, by a token for ``resource``; ``group`` is a subscription and resource group to be named."""

    def check(fields: dict[str, str]) -> None:
        _expect(bool(fields.get("jwt")), "jwt is required")
        _expect(fields.get("role") == role, f"invalid role name {fields.get('role')!r}")
        claims = _claims(entra, fields["jwt"], 500)
        _expect(claims.get("aud") == resource, "oidc: expected another audience", 500)
        _expect(claims.get("oid") == principal, f"service principal not authorized: {claims.get('oid')}", 500)
        if group:
            named = (fields.get("subscription_id"), fields.get("resource_group_name"))
            _expect(all(named), "subscription_id and resource_group_name are required", 500)
            machine = any(fields.get(name) for name in ("vm_name", "vmss_name", "resource_id"))
            _expect(machine, "resource_id is required", 500)
            _expect(named == group, "subscription or resource group not authorized", 500)

    return Method("azure", check)


def github(token: str) -> Method:
    """Admits the owner of a personal token."""

    def check(fields: dict[str, str]) -> None:
        _expect(fields.get("token") == token, "error making upstream request: 401 Bad credentials")

    return Method("github", check)


def _claims(signer: Signer, token: str, status: int = 400) -> dict[str, Any]:
    try:
        return signer.claims(token)
    except ValueError as error:
        raise Refusal(str(error), status) from error


def _expect(holds: bool, otherwise: str, status: int = 400) -> None:
    if not holds:
        raise Refusal(otherwise, status)


@contextlib.contextmanager
def vault_front(
    vault: Vault, policy: str, methods: Mapping[str, Method], tls: Certificate | None = None
) -> Iterator[Double]:
    """Serves ``vault`` with further logins, by mount; an admitted caller gets ``policy``."""

    def answer(request: Request) -> Answer:
        found = LOGIN.fullmatch(request.path)
        method = methods.get(found[1]) if found else None
        if not method:
            return pass_on(vault, request)
        try:
            method.check(_fields(method, request))
        except Refusal as refusal:
            return Answer(refusal.status, {"errors": [str(refusal)]})
        return Answer(200, vault.write("auth/token/create-orphan", {"policies": [policy], "ttl": "1h"}))

    with serving(answer, tls) as double:
        yield double


def _fields(method: Method, request: Request) -> dict[str, str]:
    """The fields of a login; one that Vault's OpenAPI document does not define is a mistake of ours."""
    contract = CONTRACT[method.name]
    if request.method not in (contract["method"], "PUT"):
        raise Refusal("unsupported operation", 405)
    fields = request.json
    unknown = {name for name, value in fields.items() if name not in contract["fields"] or not isinstance(value, str)}
    _expect(not unknown, f"not in the contract, or not a string: {sorted(unknown)}", 422)
    return dict(fields)


def pass_on(vault: Vault, request: Request) -> Answer:
    """The server's own answer to a request."""
    left_out = {"host", "connection", "content-length"}
    headers = {name: value for name, value in request.headers.items() if name not in left_out}
    connection = http.client.HTTPConnection(urlsplit(vault.plain_url).netloc, timeout=30)
    with contextlib.closing(connection):
        connection.request(request.method, request.target, request.body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
    kept = {name: value for name, value in answer.getheaders() if name.lower() in {"content-type", "retry-after"}}
    return Answer(answer.status, content, kept)
