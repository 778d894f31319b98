"""A double of Azure: Key Vault, Entra ID, and the metadata services of machines and of App Service.

No emulator that can be installed from a package registry checks tokens, so this one does: it verifies the signature,
issuer, audience and lifetime of every token, and client assertions by the certificate of the application. Requests and
answers of the vault are checked against ``azure_contract.py``, and ``test_azure_double.py`` shows that the vendor's own
clients accept them.

``url`` is https on the loopback interface and plays vault, login and App Service. ``proxy`` is plain http: it plays
the metadata services, and is an HTTP proxy that leads ``*.vault.azure.net`` and ``login.microsoftonline.com`` here,
"""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.azure_contract import API_VERSIONS, LARGEST_PAGE, ContractError, check_answer, operation
from tests.servers.azure_tokens import BadTokenError, Identity, claims, header, new_key, sign
from tests.servers.process import LOOPBACK
from tests.servers.tls import Certificate, Server, certificate

TENANT = "7f3c0a52-1111-4222-8333-0123456789ab"
OTHER_TENANT = "7f3c0a52-2222-4222-8333-0123456789ab"
CLIENT = "11111111-aaaa-4bbb-8ccc-0123456789ab"
SECRET = "made-up-client-secret"
MANAGED = "22222222-aaaa-4bbb-8ccc-0123456789ab"
VAULT = "https://reader.vault.azure.net"
RESOURCE = "https://vault.azure.net"
LOGIN = "login.microsoftonline.com"
NAMES = ("localhost", LOOPBACK, "*.vault.azure.net", LOGIN)
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FEDERATED_AUDIENCE = "api://AzureADTokenExchange"
APP_SERVICE_HEADER = "made-up-identity-header"
LIFETIME = 3600

Reply = tuple[int, dict[str, str], Any]


@dataclass(frozen=True)
class Asked:
    """A request: its operation (one of the vault, ``challenge``, ``token``, ``imds``, ``app-service``,
    ``discovery``), and how it ended."""

    what: str
    path: str
    status: int
    host: str
    identity: str = ""


@dataclass
class Application:
    """An application that may log in, and how."""

    tenant: str = TENANT
    secrets: set[str] = field(default_factory=lambda: {SECRET})
    expired: set[str] = field(default_factory=set)
    certificates: list[Identity] = field(default_factory=list)
    #: Subjects of other platforms that it trusts.
    federated: set[str] = field(default_factory=set)
    permissions: set[str] = field(default_factory=lambda: {"get", "list", "set", "delete", "recover"})


class Azure:
    """The double. All of its state may be changed while it runs."""

    def __init__(self, tls: Certificate) -> None:
        self.tls = tls
        self.key = new_key()
        self.platform = new_key()
        self.port = self.plain_port = 0
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """A vault without secrets, with one reader, and no record of requests."""
        with self._lock:
            self.secrets: dict[str, dict[str, Any]] = {}
            self.deleted: dict[str, dict[str, Any]] = {}
            #: The versions before the current ones, by name.
            self.older: dict[str, list[dict[str, Any]]] = {}
            #: How far the clock of the double is ahead, in seconds.
            self.ahead = 0
            self.applications = {CLIENT: Application(), MANAGED: Application(secrets=set())}
            self.asked: list[Asked] = []
            #: Answers that replace those of the vault, or of the login.
            self.vault_fault: Reply | None = None
            #: The same for single secrets, by name in lower case: in turn, and the last one from then on.
            self.faults: dict[str, list[Reply]] = {}
            self.login_fault: Reply | None = None
            self.denial = "ForbiddenByRbac"
            self.firewall = False
            self.rejected: set[str] = set()
            self.lifetime = LIFETIME
            self.vault_tenant = TENANT
            self.machine = MANAGED
            self.seen: set[str] = set()
            self.link_elsewhere = False

    @property
    def url(self) -> str:
        """The address of the vault and the login on the loopback interface."""
        return f"https://{LOOPBACK}:{self.port}"

    @property
    def proxy(self) -> str:
        """The proxy that leads here, and the metadata services."""
        return f"http://{LOOPBACK}:{self.plain_port}"

    def put(self, name: str, value: str, more: dict[str, Any] | None = None, **attributes: Any) -> None:
        """A new version of a secret; ``more`` holds members next to its attributes."""
        now = int(time.time())
        with self._lock:
            before = self.secrets.get(name.lower())
            if before:
                self.older.setdefault(name.lower(), []).append(before)
                # Two versions of the same second would have no order.
                now = max(now, before["attributes"]["created"] + 1)
            self.secrets[name.lower()] = {
                "name": name,
                "value": value,
                "version": uuid.uuid4().hex,
                "more": more or {},
                "attributes": {"enabled": True, "created": now, "updated": now, **attributes},
            }

    def delete(self, name: str) -> None:
        """Deletes a secret in a way that can be undone."""
        with self._lock:
            self.deleted[name.lower()] = self.secrets.pop(name.lower())

    def count(self, *what: str) -> int:
        """The number of requests for these operations."""
        with self._lock:
            return sum(1 for asked in self.asked if asked.what in what)

    def log(self) -> list[str]:
        """The operations that were requested, in order."""
        with self._lock:
            return [asked.what for asked in self.asked]

    def federated_token(self, subject: str = "system:serviceaccount:airflow:worker", **changes: Any) -> str:
        """The token that a platform gives to one of its workloads."""
        now = int(time.time())
        own = {"aud": FEDERATED_AUDIENCE, "sub": subject, "iss": "https://platform", "nbf": now, "exp": now + 600}
        return sign(self.platform, {**own, **changes})

    def token(self, client: str, tenant: str, resource: str) -> str:
        """An access token, as the login service issues it."""
        now = int(time.time())
        issuer = f"https://sts.windows.net/{tenant}/"
        own = {"aud": resource, "iss": issuer, "appid": client, "tid": tenant, "jti": uuid.uuid4().hex}
        return sign(self.key, {**own, "nbf": now, "exp": now + self.lifetime})

    def revoke_tokens(self) -> None:
        """From now on the vault rejects every token issued so far."""
        with self._lock:
            self.rejected |= self.seen

    # -- one request ------------------------------------------------------------------------------------------

    def answer(self, method: str, target: str, headers: Any, body: bytes, *, encrypted: bool) -> Reply:
        """The answer to a request."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        host = (headers.get("Host") or "").split(":")[0]
        if parts.path.startswith(("/secrets", "/deletedsecrets")):
            what, identity, reply = self._vault(method, parts.path, query, headers, body)
        elif not encrypted or parts.path == "/msi/token":
            identity, (what, reply) = "", self._metadata(parts.path, query, headers)
        else:
            identity, (what, reply) = "", self._login(method, parts.path, headers, body)
        with self._lock:
            self.asked.append(Asked(what, target, reply[0], host, identity))
        return reply

    def _vault(
        self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: bytes
    ) -> tuple[str, str, Reply]:
        authorization = headers.get("Authorization")
        challenge = {
            "WWW-Authenticate": f'Bearer authorization="https://{LOGIN}/{self.vault_tenant}", resource="{RESOURCE}"'
        }
        if not authorization:
            message = "AKV10000: Request is missing a Bearer or PoP token."
            return "challenge", "", (401, challenge, _error("Unauthorized", message))
        try:
            name, secret = operation(method, path, query)
        except ContractError as error:
            return "unknown", "", (400, {}, _error("BadParameter", str(error)))
        token = authorization.removeprefix("Bearer ")
        try:
            claimed = claims(token, self.key.public_key(), audience=RESOURCE)
            if claimed["iss"] != f"https://sts.windows.net/{self.vault_tenant}/":
                raise BadTokenError("issuer")
        except BadTokenError as error:
            number = {"audience": "AKV10022: Invalid audience.", "issuer": "AKV10032: Invalid issuer."}
            refusal = _error("Unauthorized", number.get(str(error), f"the token's {error} is wrong"))
            return name, "", (401, challenge, refusal)
        with self._lock:
            self.seen.add(token)
            rejected = token in self.rejected
        if rejected:
            return name, "", (401, challenge, _error("Unauthorized", "the token was revoked"))
        fault = self.vault_fault or self._fault_of(secret)
        reply = fault or self._permitted(name, secret, claimed["appid"], headers["Host"], query, body)
        if not fault:
            check_answer(name, reply[0], reply[2])
        return name, claimed["appid"], reply

    def _fault_of(self, secret: str) -> Reply | None:
        with self._lock:
            faults = self.faults.get(secret.lower(), [])
            return faults.pop(0) if len(faults) > 1 else next(iter(faults), None)

    def _permitted(
        self, name: str, secret: str, client: str, host: str, query: dict[str, list[str]], body: bytes
    ) -> Reply:
        if query.get("api-version", [""])[0] not in API_VERSIONS:
            return 400, {}, _error("BadParameter", "The specified version isn't supported.")
        if self.firewall:
            return 403, {}, _error("Forbidden", "Client address is not authorized.", "ForbiddenByFirewall")
        needed = {
            "DeleteSecret": "delete",
            "GetSecret": "get",
            "GetDeletedSecret": "get",
            "RecoverDeletedSecret": "recover",
        }
        needed |= dict.fromkeys(("GetSecrets", "GetSecretVersions", "GetDeletedSecrets"), "list")
        application = self.applications.get(client)
        if not application or needed.get(name, "set") not in application.permissions:
            return 403, {}, _error("Forbidden", "Caller is not authorized to perform action.", self.denial)
        perform = getattr(self, f"_{name}")
        reply: Reply = perform(secret, {**query, "host": [host]}, json.loads(body or b"{}"))
        return reply

    def _GetSecret(self, name: str, query: Any, body: Any) -> Reply:
        found = self.secrets.get(name.lower())
        if found is None:
            return 404, {}, _error("SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")
        if not found["attributes"]["enabled"]:
            return 403, {}, _error("Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return 200, {}, {**self._item(found, versioned=True), "value": found["value"]}

    def _SetSecret(self, name: str, query: Any, body: Any) -> Reply:
        if name.lower() in self.deleted:
            return 409, {}, _error("Conflict", "The secret is deleted.", "ObjectIsDeletedButRecoverable")
        more = {key: body[key] for key in ("tags", "contentType") if key in body}
        self.put(name, body["value"], more, **body.get("attributes", {}))
        return self._GetSecret(name, query, body)

    def _UpdateSecret(self, name: str, query: Any, body: Any) -> Reply:
        found = self.secrets[name.lower()]
        found["attributes"] |= body.get("attributes", {})
        found["more"] |= {key: body[key] for key in ("tags", "contentType") if key in body}
        return 200, {}, self._item(found, versioned=True)

    def _DeleteSecret(self, name: str, query: Any, body: Any) -> Reply:
        self.delete(name)
        return self._GetDeletedSecret(name, query, body)

    def _GetDeletedSecret(self, name: str, query: Any, body: Any) -> Reply:
        found = self.deleted.get(name.lower())
        if found is None:
            return 404, {}, _error("SecretNotFound", f"Deleted Secret not found: {name}")
        return 200, {}, self._deleted_item(found, versioned=True)

    def _RecoverDeletedSecret(self, name: str, query: Any, body: Any) -> Reply:
        with self._lock:
            found = self.secrets[name.lower()] = self.deleted.pop(name.lower())
        return 200, {}, self._item(found, versioned=True)

    def _GetSecrets(self, name: str, query: dict[str, list[str]], body: Any) -> Reply:
        with self._lock:
            found = [self._item(self.secrets[key], versioned=False) for key in sorted(self.secrets)]
        return self._page("/secrets", found, query)

    def _GetDeletedSecrets(self, name: str, query: dict[str, list[str]], body: Any) -> Reply:
        with self._lock:
            found = [self._deleted_item(self.deleted[key], versioned=False) for key in sorted(self.deleted)]
        return self._page("/deletedsecrets", found, query)

    def _GetSecretVersions(self, name: str, query: dict[str, list[str]], body: Any) -> Reply:
        """A secret that does not exist has no versions, which is not an error. The order is not by time."""
        key = name.lower()
        with self._lock:
            all_of_it = [self.secrets[key], *self.older.get(key, [])] if key in self.secrets else []
            versions = sorted(all_of_it, key=lambda found: str(found["version"]))
        return self._page(f"/secrets/{name}/versions", [self._item(each, versioned=True) for each in versions], query)

    def _page(self, path: str, found: list[dict[str, Any]], query: dict[str, list[str]]) -> Reply:
        size = int(query.get("maxresults", [str(LARGEST_PAGE)])[0])
        if not 1 <= size <= LARGEST_PAGE:
            return 400, {}, _error("BadParameter", "maxresults")
        start = int(query.get("$skiptoken", ["0"])[0])
        page: dict[str, Any] = {"value": found[start : start + size]}
        if start + size < len(found):
            host = "https://elsewhere.vault.azure.net" if self.link_elsewhere else f"https://{query['host'][0]}"
            version = query["api-version"][0]
            page["nextLink"] = f"{host}{path}?api-version={version}&$skiptoken={start + size}&maxresults={size}"
        return 200, {}, page

    def _deleted_item(self, found: dict[str, Any], *, versioned: bool) -> dict[str, Any]:
        now = int(time.time())
        recovery = f"{VAULT}/deletedsecrets/{found['name']}"
        dates = {"recoveryId": recovery, "deletedDate": now, "scheduledPurgeDate": now + 7 * 86400}
        return {**self._item(found, versioned=versioned), **dates}

    def _item(self, found: dict[str, Any], *, versioned: bool) -> dict[str, Any]:
        version = f"/{found['version']}" if versioned else ""
        attributes = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 7, **found["attributes"]}
        return {"id": f"{VAULT}/secrets/{found['name']}{version}", "attributes": attributes, **found.get("more", {})}

    # -- identities -------------------------------------------------------------------------------------------

    def _metadata(self, path: str, query: dict[str, list[str]], headers: Any) -> tuple[str, Reply]:
        first = {key: values[0] for key, values in query.items()}
        if path == "/metadata/identity/oauth2/token":
            wanted = first.get("client_id", self.machine)
            if headers.get("Metadata") != "true" or not first.get("api-version"):
                return "imds", (400, {}, {"error": "invalid_request", "error_description": "Metadata header"})
            if self.machine == "" or wanted != self.machine:
                return "imds", (400, {}, {"error": "invalid_request", "error_description": "Identity not found"})
            return "imds", self._identity_token(wanted, first)
        if path == "/msi/token":
            if headers.get("X-IDENTITY-HEADER") != APP_SERVICE_HEADER or first.get("api-version") != "2019-08-01":
                return "app-service", (401, {}, {"statusCode": 401, "message": "no"})
            return "app-service", self._identity_token(first.get("client_id", self.machine), first)
        return "unknown", (404, {}, {})

    def _identity_token(self, client: str, query: dict[str, str]) -> Reply:
        if self.login_fault:
            return self.login_fault
        token = self.token(client, self.vault_tenant, query["resource"])
        expiry = str(int(time.time()) + self.lifetime)
        content = {"access_token": token, "expires_on": expiry, "resource": query["resource"], "token_type": "Bearer"}
        return 200, {}, {**content, "client_id": client, "expires_in": str(self.lifetime)}

    def _login(self, method: str, path: str, headers: Any, body: bytes) -> tuple[str, Reply]:
        tenant, _, rest = path.lstrip("/").partition("/")
        authority = f"https://{headers.get('Host')}/{tenant}"
        if rest == "v2.0/.well-known/openid-configuration":
            token = f"{authority}/oauth2/v2.0/token"
            content = {"token_endpoint": token, "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize"}
            return "discovery", (200, {}, {**content, "issuer": f"https://{LOGIN}/{tenant}/v2.0"})
        if rest.startswith("discovery/instance"):
            known = {"preferred_network": LOGIN, "preferred_cache": LOGIN, "aliases": [LOGIN]}
            endpoint = f"{authority}/v2.0/.well-known/openid-configuration"
            return "discovery", (200, {}, {"tenant_discovery_endpoint": endpoint, "metadata": [known]})
        if method != "POST" or rest != "oauth2/v2.0/token":
            return "unknown", (404, {}, {})
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        return "token", self.login_fault or self._issue(tenant, f"{authority}/oauth2/v2.0/token", form)

    def _issue(self, tenant: str, endpoint: str, form: dict[str, str]) -> Reply:
        if tenant not in (TENANT, OTHER_TENANT):
            return _refused(400, "invalid_request", 90002)
        client = form.get("client_id", "")
        application = self.applications.get(client)
        if application is None or application.tenant != tenant:
            return _refused(400, "unauthorized_client", 700016)
        resource, found, default = form.get("scope", "").partition("/.default")
        # The vendor's client for Python also asks for the scopes of OpenID.
        if form.get("grant_type") != "client_credentials" or not found or default.strip():
            return _refused(400, "invalid_scope", 1002012)
        number = self._credential_error(application, client, endpoint, form)
        if number:
            return _refused(401, "invalid_client", number)
        token = self.token(client, tenant, resource)
        return 200, {}, {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token}

    def _credential_error(
        self, application: Application, client: str, endpoint: str, form: dict[str, str]
    ) -> int | None:
        if "client_secret" in form:
            secret = form["client_secret"]
            if secret in application.expired:
                return 7000222
            return None if secret in application.secrets else 7000215
        if form.get("client_assertion_type") != ASSERTION:
            return 7000216
        return self._assertion_error(application, client, endpoint, form["client_assertion"])

    def _assertion_error(self, application: Application, client: str, endpoint: str, assertion: str) -> int | None:
        try:
            claimed = header(assertion)
            for identity in application.certificates:
                if any(str(claimed.get(name)).rstrip("=") == value for name, value in identity.thumbprints.items()):
                    own = claims(assertion, identity.key.public_key(), audience=endpoint)
                    return self._replayed(own) if own["iss"] == own["sub"] == client else 700027
            own = claims(assertion, self.platform.public_key(), audience=FEDERATED_AUDIENCE)
        except BadTokenError as error:
            return {"time": 700024, "audience": 700212}.get(str(error), 700027)
        return None if own["sub"] in application.federated else 700213

    def _replayed(self, own: dict[str, Any]) -> int | None:
        with self._lock:
            known = own["jti"] in self.seen
            self.seen.add(own["jti"])
        return 700027 if known else None


def _error(code: str, message: str, inner: str = "") -> dict[str, Any]:
    content: dict[str, Any] = {"code": code, "message": message}
    return {"error": {**content, "innererror": {"code": inner}} if inner else content}


def _refused(status: int, code: str, number: int) -> Reply:
    description = f"AADSTS{number}: made-up words of the login service."
    return status, {}, {"error": code, "error_description": description, "error_codes": [number]}


def vault_error(status: int, code: str, inner: str = "", **headers: str) -> Reply:
    """An error of the vault."""
    return status, headers, _error(code, "made-up words of the vault", inner)


def login_error(status: int, code: str, number: int) -> Reply:
    """An error of the login service."""
    return _refused(status, code, number)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    azure: Azure
    tls: ssl.SSLContext
    encrypted = False

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, content = self.azure.answer(
            self.command, self.path, self.headers, body, encrypted=self.encrypted
        )
        encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string(time.time() + self.azure.ahead))
        for name, value in {"Content-Type": "application/json; charset=utf-8", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_request

    def do_CONNECT(self) -> None:
        """Acts as the server behind the tunnel, under the name that was asked for."""
        self.send_response_only(200)
        self.end_headers()
        self.wfile.flush()
        self.connection = self.request = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile.close()
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = self.connection.makefile("wb", self.wbufsize)
        self.encrypted = True
        self.close_connection = False

    def finish(self) -> None:
        """Closes the tunnel's socket, which has replaced the one that the server knows."""
        with contextlib.suppress(OSError):
            super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """No output: ``Azure.asked`` is the record."""


@contextlib.contextmanager
def azure(folder: Path, tls: Certificate | None = None, address: tuple[str, int] = (LOOPBACK, 0)) -> Iterator[Azure]:
    """Runs the double: by default on a free port, with its own certificate."""
    tls = tls or certificate(folder, *NAMES)
    double = Azure(tls)
    servers = []
    for encrypted in (True, False):
        attributes = {"azure": double, "tls": tls.context(), "encrypted": encrypted}
        handler = type("Handler", (_Handler,), attributes)
        servers.append(Server(handler, tls, address) if encrypted else Server(handler, None))
        servers[-1].start("azure")
    double.port, double.plain_port = (int(server.server_address[1]) for server in servers)
    try:
        yield double
    finally:
        for server in servers:
            server.stop()
