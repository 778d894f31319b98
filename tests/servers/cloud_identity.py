"""Where a machine gets its identity in Azure and in Google Cloud: a double of what a login to Vault asks there.

It checks secrets, headers and tokens, and signs the tokens that it issues, so that their receivers can
verify them. Sources of paths and fields:

* Microsoft's documentation: "OAuth 2.0 client credentials flow" (both versions of the token endpoint), "How to use
  managed identities for Azure resources on an Azure VM to acquire an access token", "Azure Instance Metadata Service",
  "REST endpoint reference" of managed identities in App Service
* Google's documentation: "About VM metadata", ``signJwt`` and ``generateAccessToken`` of the IAM Credentials API,
  ``token`` of the Security Token Service
"""

from __future__ import annotations

import contextlib
import json
import secrets
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.servers.double import Answer, Double, Request, serving
from tests.servers.process import LOOPBACK
from tests.servers.signer import Signer, audience_is
from tests.servers.tls import Certificate

IAM_HOST = "iamcredentials.googleapis.com"
ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default"
MACHINE = {"subscriptionId": "subscription", "resourceGroupName": "group", "location": "westeurope"}


@dataclass(frozen=True)
class Entra:
    """A tenant with one application, on a machine with an identity. ``signer`` signs the tokens of both."""

    signer: Signer = field(default_factory=lambda: Signer("entra"))
    outside: Signer = field(default_factory=lambda: Signer("outside"))
    tenant: str = "tenant"
    client_id: str = "application"
    principal: str = "principal"
    client_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    header: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    #: What the metadata service reports about the machine, in addition to ``MACHINE``.
    machine: dict[str, str] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        """Token endpoints of both versions, managed identity of a machine and of an App Service, metadata."""
        routes = {
            f"POST /{self.tenant}/oauth2/token": self._by_secret,
            f"POST /{self.tenant}/oauth2/v2.0/token": self._by_scope,
            f"GET /{self.tenant}/v2.0/.well-known/openid-configuration": self._document,
            "GET /metadata/identity/oauth2/token": self._of_machine,
            "GET /metadata/instance/compute": self._metadata,
            "GET /msi/token": self._of_service,
        }
        route = routes.get(f"{request.method} {request.path}")
        return route(request) if route else Answer(404)

    def federated_token(self) -> str:
        """The token in a pod, which the application trusts."""
        return self.outside.token(sub="system:serviceaccount:jobs:airflow", aud="api://AzureADTokenExchange")

    def _by_secret(self, request: Request) -> Answer:
        form = request.form
        if form.get("client_id") != self.client_id or form.get("client_secret") != self.client_secret:
            return _refused("invalid_client", 401)
        if form.get("grant_type") != "client_credentials" or not form.get("resource"):
            return _refused("invalid_request")
        return self._granted(form["resource"])

    def _by_scope(self, request: Request) -> Answer:
        form = request.form
        known = form.get("client_id") == self.client_id
        if not known or not (form.get("client_secret") == self.client_secret or self._trusts(form)):
            return _refused("invalid_client", 401)
        # Other clients also ask for the scopes of OpenID.
        scopes = [scope for scope in form.get("scope", "").split() if scope.endswith("/.default")]
        if not scopes:
            return _refused("invalid_scope")
        token = self._token(scopes[0].removesuffix("/.default"))
        # The newer endpoint returns numbers.
        return Answer(200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})

    def _trusts(self, form: Mapping[str, str]) -> bool:
        try:
            claims = self.outside.claims(form.get("client_assertion", ""))
        except ValueError:
            return False
        kind = form.get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return kind and audience_is(claims, "api://AzureADTokenExchange")

    def _document(self, request: Request) -> Answer:
        place = f"https://{request.headers['host']}/{self.tenant}"
        ends = {
            "token_endpoint": f"{place}/oauth2/v2.0/token",
            "authorization_endpoint": f"{place}/oauth2/v2.0/authorize",
        }
        return Answer(200, {**ends, "issuer": f"{place}/v2.0"})

    def _of_machine(self, request: Request) -> Answer:
        if request.headers.get("metadata") != "true" or request.query.get("api-version") != "2018-02-01":
            return _refused("invalid_request")
        return self._granted(request.query["resource"])

    def _of_service(self, request: Request) -> Answer:
        if request.headers.get("x-identity-header") != self.header or request.query.get("api-version") != "2019-08-01":
            return _refused("invalid_request", 401)
        return self._granted(request.query["resource"])

    def _metadata(self, request: Request) -> Answer:
        if request.headers.get("metadata") != "true":
            return Answer(400, {"error": "Bad request. Required metadata header not specified"})
        return Answer(200, {**MACHINE, "vmScaleSetName": "", "name": "machine", **self.machine})

    def _granted(self, resource: str) -> Answer:
        ends = {"expires_in": "3599", "expires_on": str(int(time.time()) + 3599)}
        token = self._token(resource)
        return Answer(200, {"token_type": "Bearer", **ends, "resource": resource, "access_token": token})

    def _token(self, resource: str) -> str:
        return self.signer.token(3600, aud=resource, oid=self.principal, appid=self.client_id, tid=self.tenant)


@dataclass(frozen=True)
class Google:
    """A service account, and a machine that has it. ``signer`` is its key."""

    signer: Signer = field(default_factory=lambda: Signer("google"))
    email: str = "airflow@project.iam.gserviceaccount.com"
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    #: The token by which an outside provider identifies a workload, and the token that it is exchanged for.
    subject: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    federated: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def key_file(self) -> dict[str, str]:
        """A key as ``gcloud iam service-accounts keys create`` writes it."""
        place = {"type": "service_account", "project_id": "project", "token_uri": "https://oauth2.googleapis.com/token"}
        key = {"private_key_id": self.signer.name, "private_key": self.signer.private_pem()}
        return {**place, **key, "client_email": self.email, "client_id": "1"}

    def metadata(self, request: Request) -> Answer:
        """The metadata server of the machine, which requires its header and sends one of its own."""
        if request.headers.get("metadata-flavor") != "Google":
            return Answer(403)
        answers: dict[str, object] = {
            f"{ACCOUNT}/": {"aliases": ["default"], "email": self.email, "scopes": []},
            "/computeMetadata/v1/universe/universe-domain": b"googleapis.com",
            f"{ACCOUNT}/token": {"access_token": self.token, "expires_in": 3599, "token_type": "Bearer"},
        }
        body = answers.get(request.path)
        kind = "application/text" if isinstance(body, bytes) else "application/json"
        return Answer(200 if body else 404, body or b"", {"Metadata-Flavor": "Google", "Content-Type": kind})

    def federation(self, request: Request) -> Answer:
        """The Security Token Service, for the bearer of the outside token."""
        form = request.form
        is_exchange = form.get("grant_type") == "urn:ietf:params:oauth:grant-type:token-exchange"
        if request.method != "POST" or not is_exchange or form.get("subject_token") != self.subject:
            return Answer(400, {"error": "invalid_grant"})
        kinds = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer"}
        return Answer(200, {"access_token": self.federated, "expires_in": 3599, **kinds})

    def credentials_file(self, token_url: str, subject_file: str) -> dict[str, object]:
        """Workload identity federation as ``gcloud iam workload-identity-pools create-cred-config`` writes it."""
        return {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": token_url,
            "credential_source": {"file": subject_file},
            "service_account_impersonation_url": f"https://{IAM_HOST}{self._place}:generateAccessToken",
        }

    @property
    def _place(self) -> str:
        return f"/v1/projects/-/serviceAccounts/{self.email}"

    def iam(self, request: Request) -> Answer:
        """The IAM Credentials API: a token for a federated workload, and ``signJwt`` for the account itself."""
        called = unquote(request.path)
        if request.method == "POST" and called == f"{self._place}:generateAccessToken":
            if request.bearer != self.federated:
                return Answer(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
            return Answer(200, {"accessToken": self.token, "expireTime": end})
        if request.method != "POST" or called != f"{self._place}:signJwt":
            return Answer(404, {"error": {"code": 404, "status": "NOT_FOUND"}})
        if request.bearer != self.token:
            return Answer(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        claims = json.loads(request.json["payload"])
        lifetime = claims.pop("exp") - claims.pop("iat")
        return Answer(200, {"keyId": self.signer.name, "signedJwt": self.signer.token(lifetime, **claims)})


def _refused(error: str, status: int = 400) -> Answer:
    return Answer(status, {"error": error, "error_description": "as the tests want it", "error_codes": [7000215]})


@contextlib.contextmanager
def tunnel(target: Double) -> Iterator[str]:
    """The address of an HTTP proxy that leads every CONNECT to ``target``, whatever host it names."""
    port = int(target.url.rpartition(":")[2])
    listener = socket.create_server((LOOPBACK, 0))
    ended = threading.Event()

    def accept() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                client, _ = listener.accept()
                threading.Thread(target=_carry, args=(client, port), daemon=True).start()

    thread = threading.Thread(target=accept, name="tunnel", daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def _carry(client: socket.socket, port: int) -> None:
    with client, socket.create_connection((LOOPBACK, port)) as server, contextlib.suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096) or b"\r\n\r\n"
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        while True:
            ready, _, _ = select.select([client, server], [], [], 30)
            for source in ready:
                content = source.recv(65536)
                if not content:
                    return
                (server if source is client else client).sendall(content)
            if not ready:
                return


@contextlib.contextmanager
def entra_double(entra: Entra, tls: Certificate | None = None) -> Iterator[Double]:
    """Serves all services of Azure; over http unless there is a certificate."""
    with serving(entra.answer, tls) as double:
        yield double


@contextlib.contextmanager
def google_doubles(google: Google, tls: Certificate) -> Iterator[tuple[Double, Double]]:
    """Serves the metadata server over http and the IAM Credentials API over https."""
    with serving(google.metadata) as metadata, serving(google.iam, tls) as iam:
        yield metadata, iam
