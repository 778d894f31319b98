"""A small server that plays Secret Manager and the services that issue Google's tokens. It runs as a program.

Google has no server to install, and none of the emulators (see ``tests/servers/google.py``) supports identities,
checksums or Google's errors. So ``tests/servers/test_google.py`` compares this one with Google's own definitions: the
vendor's client for Python reads and writes through it, and its answers are compared with the discovery document.

| path | what it plays |
|---|---|
| ``/v1/projects/...`` | Secret Manager v1 over REST, global and regional |
| ``/v1/projects/-/serviceAccounts/...:generateAccessToken`` | IAM Service Account Credentials |
| ``/token`` | the OAuth 2.0 token endpoint: JWT bearer (RFC 7523) and refresh tokens |
| ``/sts`` | the Security Token Service (RFC 8693) |
| ``/computeMetadata/v1/...`` | the metadata server |
| ``/subject`` | another provider, which issues subject tokens |
| ``/double`` | orders of the tests, and the record of requests |

A bearer token is valid only if this server issued it, or if a service account whose key it made signed it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
IAM = "https://www.googleapis.com/auth/iam"
AUDIENCE = "https://secretmanager.googleapis.com/"
SUBJECT_TOKEN = "subject-token-of-another-provider"
MACHINE = "machine@metadata.iam.gserviceaccount.com"
PROJECT_OF_MACHINE = "metadata"
#: google/rpc/code.proto: the HTTP status that belongs to each.
HTTP = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
PARENT = r"projects/[^/]+(?:/locations/[^/]+)?"
SECRET = rf"{PARENT}/secrets/[^/:]+"
VERSION = rf"{SECRET}/versions/[^/:]+"


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), RFC 3720 appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class ApiError(Exception):
    """An error as Google's services write it (AIP-193)."""

    def __init__(self, status: str, message: str, reason: str = "", **headers: str) -> None:
        super().__init__(message)
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        details = [info] if reason else []
        self.http, self.headers = HTTP[status], headers
        self.body = {"error": {"code": self.http, "message": message, "status": status, "details": details}}


class OAuthError(Exception):
    """An error as token endpoints write it (RFC 6749, section 5.2)."""

    def __init__(self, code: str, http: int = 400) -> None:
        super().__init__(code)
        self.http, self.headers = http, dict[str, str]()
        self.body = {"error": code, "error_description": "made up"}


@dataclass
class Issued:
    """A token and its principal."""

    principal: str
    expires: float
    scopes: frozenset[str] = frozenset({CLOUD_PLATFORM})


@dataclass
class State:
    """The state of the server."""

    #: By resource name; each version is data, state and whether its checksum is false.
    secrets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: Members of a secret in addition to its name, such as ``labels``.
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: By e-mail address: key id and key.
    keys: dict[str, dict[str, rsa.RSAPublicKey]] = field(default_factory=dict)
    tokens: dict[str, Issued] = field(default_factory=dict)
    #: Principals without permissions, projects without the API, and who may impersonate whom.
    denied: set[str] = field(default_factory=set)
    #: By principal: the only secrets on which it has a role. It learns nothing about any other name.
    bound: dict[str, list[str]] = field(default_factory=dict)
    #: Permissions that no principal has.
    forbidden: set[str] = field(default_factory=set)
    disabled_projects: set[str] = field(default_factory=set)
    creators: set[tuple[str, str]] = field(default_factory=set)
    #: How far the clock of the double is ahead, in seconds.
    ahead: int = 0
    #: The lifetime that the metadata server and the token endpoints report.
    lifetime: int = 3600
    #: By place: an answer instead of the usual one.
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[dict[str, str]] = field(default_factory=list)
    #: RSA keys take a while to make, so they are kept over a reset.
    pool: dict[str, tuple[rsa.RSAPrivateKey, str]] = field(default_factory=dict)


class Google:
    """The services, by operation."""

    def __init__(self) -> None:
        self.state = State()
        self.lock = threading.RLock()
        self.url = ""

    # Identities.

    def issue(self, principal: str, scopes: frozenset[str] = frozenset({CLOUD_PLATFORM})) -> str:
        """A token of a principal."""
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self.state.tokens[token] = Issued(principal, time.time() + self.state.lifetime, scopes)
        return token

    def principal(self, authorization: str | None, audience: str = AUDIENCE, enough: str = CLOUD_PLATFORM) -> str:
        """The principal of a token. One of two scopes is ``enough``."""
        token = (authorization or "").removeprefix("Bearer ")
        if not token:
            message = "Method doesn't allow unregistered callers (callers without established identity)."
            raise ApiError("PERMISSION_DENIED", message)
        issued = self.state.tokens.get(token)
        if issued is None:
            email, claims = self.verified(token)
            scopes = set(str(claims.get("scope", "")).split())
            if claims.get("aud") != audience and not {CLOUD_PLATFORM, enough} & scopes:
                raise unauthenticated()
            return email
        if issued.expires < time.time():
            raise unauthenticated()
        if not {CLOUD_PLATFORM, enough} & issued.scopes:
            message = "Request had insufficient authentication scopes."
            raise ApiError("PERMISSION_DENIED", message, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
        return issued.principal

    def verified(self, token: str) -> tuple[str, dict[str, Any]]:
        """The signer of a JWT, and its claims (AIP-4111, RFC 7523)."""
        try:
            signed, _, signature = token.rpartition(".")
            header, claims = (json.loads(decoded(part)) for part in signed.split("."))
            email, now = claims["iss"], time.time()
            key = self.state.keys[email][header["kid"]]
            key.verify(decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
            timely = claims["iat"] <= now < claims["exp"] <= claims["iat"] + 3600
        except (KeyError, ValueError, TypeError, InvalidSignature, binascii.Error) as error:
            raise unauthenticated() from error
        if not timely or header["alg"] != "RS256" or claims.get("sub", email) != email:
            raise unauthenticated()
        return email, claims

    # The token endpoint, the STS, the metadata server, IAM.

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        """JWT bearer and refresh tokens."""
        if form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            try:
                email, claims = self.verified(form["assertion"])
            except ApiError as error:
                raise OAuthError("invalid_grant") from error
            # google-auth names Google's own endpoint, wherever the assertion is sent.
            if claims.get("aud") not in (f"{self.url}/token", "https://oauth2.googleapis.com/token"):
                raise OAuthError("invalid_grant")
            scopes = frozenset(str(claims.get("scope", "")).split())
            return {
                "access_token": self.issue(email, scopes),
                "expires_in": self.state.lifetime,
                "token_type": "Bearer",
            }
        if form.get("grant_type") != "refresh_token":
            raise OAuthError("unsupported_grant_type")
        if (form.get("client_id"), form.get("client_secret")) != ("client", "client-secret"):
            raise OAuthError("invalid_client", 401)
        email, _, proof = form.get("refresh_token", "").partition(" ")
        if proof != "refresh":
            raise OAuthError("invalid_grant")
        return {"access_token": self.issue(email), "expires_in": self.state.lifetime, "token_type": "Bearer"}

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        """A subject token for one of ours."""
        expected = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        }
        if any(form.get(key) != value for key, value in expected.items()) or not form.get("audience"):
            raise OAuthError("invalid_request")
        if form.get("subject_token") != SUBJECT_TOKEN:
            raise OAuthError("invalid_grant")
        token = self.issue(f"principal:{form['audience']}", frozenset(form.get("scope", "").split()))
        kind = "urn:ietf:params:oauth:token-type:access_token"
        return {
            "access_token": token,
            "issued_token_type": kind,
            "token_type": "Bearer",
            "expires_in": self.state.lifetime,
        }

    def metadata(self, path: str) -> bytes:
        """What the metadata server answers below ``/computeMetadata/v1/``."""
        account = "instance/service-accounts/default"
        if path == f"{account}/token":
            token = {"access_token": self.issue(MACHINE), "expires_in": self.state.lifetime, "token_type": "Bearer"}
            return json.dumps(token).encode()
        known = {"project/project-id": PROJECT_OF_MACHINE, f"{account}/email": MACHINE, "": "instance/\nproject/\n"}
        if path == f"{account}/":
            return json.dumps({"email": MACHINE, "scopes": [CLOUD_PLATFORM], "aliases": ["default"]}).encode()
        if path not in known:
            raise OAuthError("not_found", 404)
        return known[path].encode()

    def generate(self, target: str, authorization: str | None, body: dict[str, Any]) -> dict[str, Any]:
        """A token of another account, through the delegates."""
        caller = self.principal(authorization, "https://iamcredentials.googleapis.com/", IAM)
        delegates = [name.rsplit("/", 1)[-1] for name in body.get("delegates") or []]
        for one, next_one in zip([caller, *delegates], [*delegates, target], strict=True):
            if (one, next_one) not in self.state.creators:
                message = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
                raise ApiError("PERMISSION_DENIED", message, "IAM_PERMISSION_DENIED")
        if not re.fullmatch(r"\d+s", body.get("lifetime", "")) or not body.get("scope"):
            raise ApiError("INVALID_ARGUMENT", "Request contains an invalid argument.")
        token = self.issue(target, frozenset(body["scope"]))
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.state.lifetime))
        return {"accessToken": token, "expireTime": ends}

    # Secret Manager.

    def authorize(self, principal: str, permission: str, resource: str) -> None:
        """Raises unless a principal has a permission."""
        project = resource.split("/")[1]
        if project in self.state.disabled_projects:
            message = f"Secret Manager API has not been used in project {project} before or it is disabled."
            raise ApiError("PERMISSION_DENIED", message, "SERVICE_DISABLED")
        secret = resource.split("/versions/")[0]
        unbound = secret not in self.state.bound.get(principal, [secret])
        if unbound or principal in self.state.denied or permission in self.state.forbidden:
            message = f"Permission '{permission}' denied for resource '{resource}' (or it may not exist)."
            raise ApiError("PERMISSION_DENIED", message, "IAM_PERMISSION_DENIED")

    def access(self, name: str) -> dict[str, Any]:
        """``projects.secrets.versions.access``."""
        secret, wanted = name.split("/versions/")
        version, number = self.version(secret, wanted)
        if version["state"] != "ENABLED":
            raise ApiError("FAILED_PRECONDITION", f"Secret Version [{name}] is in {version['state']} state.")
        data = base64.b64decode(version["data"])
        checksum = crc32c(data) ^ (1 if version.get("damaged") else 0)
        payload = {"data": version["data"], "dataCrc32c": str(checksum)}
        return {"name": f"{secret}/versions/{number}", "payload": payload if data else {"dataCrc32c": "0"}}

    def version(self, secret: str, wanted: str) -> tuple[dict[str, Any], int]:
        """A version and its number; ``latest`` is the newest, whatever its state."""
        versions = self.state.secrets.get(secret)
        if not versions:
            raise ApiError("NOT_FOUND", f"Secret [{secret}] not found or has no versions.")
        number = len(versions) if wanted == "latest" else int(wanted) if wanted.isdigit() else 0
        if not 0 < number <= len(versions):
            raise ApiError("NOT_FOUND", f"Secret Version [{secret}/versions/{wanted}] not found.")
        return versions[number - 1], number

    def list_secrets(self, parent: str, query: dict[str, str]) -> dict[str, Any]:
        """``projects.secrets.list``: newest first, with filters on names and labels only."""
        words = query.get("filter", "")
        names = [name for name in reversed(self.state.secrets) if name.rsplit("/secrets/", 1)[0] == parent]
        for term in words.split(" AND ") if words else []:
            names = [name for name in names if self.passes(name, term)]
        begin, size = int(query.get("pageToken") or 0), min(int(query.get("pageSize") or 0) or 25000, 25000)
        answer: dict[str, Any] = {"secrets": [self.described(name) for name in names[begin : begin + size]]}
        if begin + size < len(names):
            answer["nextPageToken"] = str(begin + size)
        if not words:
            answer["totalSize"] = len(names)
        return answer

    def passes(self, name: str, term: str) -> bool:
        """Whether a secret is within ``name:PART`` or ``labels.KEY:VALUE``, where ``*`` is any value."""
        field, _, wanted = term.partition(":")
        if field == "name":
            return wanted in name.rsplit("/", 1)[-1]
        if not field.startswith("labels."):
            raise ApiError("INVALID_ARGUMENT", "Invalid filter.")
        found = self.described(name).get("labels", {}).get(field.removeprefix("labels."))
        return found is not None and wanted in ("*", found)

    def described(self, name: str) -> dict[str, Any]:
        """A ``Secret``."""
        usual = {"replication": {"automatic": {}}, "createTime": "2026-01-01T00:00:00Z", "etag": '"1"'}
        return {"name": name, **usual, **self.state.members.get(name, {})}

    def get(self, name: str) -> dict[str, Any]:
        """``projects.secrets.get``."""
        if name not in self.state.secrets:
            raise ApiError("NOT_FOUND", f"Secret [{name}] not found.")
        return self.described(name)

    def get_version(self, name: str) -> dict[str, Any]:
        """``projects.secrets.versions.get``."""
        secret, wanted = name.split("/versions/")
        return self.described_version(secret, self.version(secret, wanted)[1])

    def create(self, parent: str, secret_id: str, members: dict[str, Any]) -> dict[str, Any]:
        """``projects.secrets.create``."""
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", secret_id):
            raise ApiError("INVALID_ARGUMENT", "The provided Secret ID does not match the expected format.")
        name = f"{parent}/secrets/{secret_id}"
        if name in self.state.secrets:
            raise ApiError("ALREADY_EXISTS", f"Secret [{name}] already exists.")
        self.state.secrets[name] = []
        self.state.members[name] = members
        return self.described(name)

    def add_version(self, secret: str, payload: dict[str, Any]) -> dict[str, Any]:
        """``projects.secrets.addVersion``."""
        if secret not in self.state.secrets:
            raise ApiError("NOT_FOUND", f"Secret [{secret}] not found.")
        data = base64.b64decode(payload.get("data", ""))
        if len(data) > 65536 or int(payload.get("dataCrc32c", crc32c(data))) != crc32c(data):
            raise ApiError("INVALID_ARGUMENT", "The payload is too large or does not have its checksum.")
        versions = self.state.secrets[secret]
        versions.append({"data": base64.b64encode(data).decode(), "state": "ENABLED"})
        return self.described_version(secret, len(versions))

    def described_version(self, secret: str, number: int) -> dict[str, Any]:
        """A ``SecretVersion``."""
        state = self.state.secrets[secret][number - 1]["state"]
        name = f"{secret}/versions/{number}"
        return {"name": name, "state": state, "createTime": "2026-01-01T00:00:00Z", "etag": '"1"'}

    def change(self, name: str, verb: str) -> dict[str, Any]:
        """``enable``, ``disable`` and ``destroy``."""
        secret, wanted = name.split("/versions/")
        version, number = self.version(secret, wanted)
        version["state"] = {"enable": "ENABLED", "disable": "DISABLED", "destroy": "DESTROYED"}[verb]
        return self.described_version(secret, number)

    # Orders of the tests.

    def order(self, word: str, given: dict[str, Any]) -> Any:
        """Carries out an order of a test."""
        state = self.state
        if word == "reset":
            self.state = State(pool=state.pool, keys={}, log=[])
        elif word == "describe":
            state.secrets.setdefault(given["name"], [])
            state.members.setdefault(given["name"], {}).update(given["members"])
        elif word == "put":
            state.secrets.setdefault(given["name"], []).append({"state": "ENABLED", **given["version"]})
        elif word == "remove":
            state.secrets.pop(given["name"], None)
        elif word == "change":
            self.change(given["name"], given["verb"])
        elif word == "key":
            return self.key(given["email"], given["project"])
        elif word == "set":
            for name, value in given.items():
                kind = type(getattr(state, name))
                setattr(state, name, {tuple(v) if isinstance(v, list) else v for v in value} if kind is set else value)
        elif word == "revoke":
            state.tokens.clear()
        elif word == "disable-keys":
            state.keys.clear()
        elif word == "log":
            found, state.log = state.log, []
            return found
        return {}

    def key(self, email: str, project: str) -> dict[str, str]:
        """A new key of a service account, as the console offers it for download."""
        if email not in self.state.pool:
            made = rsa.generate_private_key(65537, 2048)
            self.state.pool[email] = made, secrets.token_hex(20)
        private, key_id = self.state.pool[email]
        self.state.keys.setdefault(email, {})[key_id] = private.public_key()
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        pem = private.private_bytes(encoding, form, serialization.NoEncryption()).decode()
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": key_id,
            "private_key": pem,
            "client_email": email,
            "client_id": "1",
            "token_uri": f"{self.url}/token",
            "universe_domain": "googleapis.com",
        }


def unauthenticated() -> ApiError:
    """The token is not accepted."""
    message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
    return ApiError("UNAUTHENTICATED", message, "ACCESS_TOKEN_TYPE_UNSUPPORTED")


def decoded(part: str) -> bytes:
    """base64url without its padding."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    google: Google

    def do_GET(self) -> None:
        """Handles every request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        split = urlsplit(self.path)
        path, query = unquote(split.path).lstrip("/"), {k: v[0] for k, v in parse_qs(split.query).items()}
        with self.google.lock:
            try:
                self.send(*self.answer(path, query, body))
            except (ApiError, OAuthError) as error:
                self.send(error.http, json.dumps(error.body).encode(), "application/json", **error.headers)

    do_POST = do_PATCH = do_DELETE = do_GET

    def answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes, str]:
        """The answer, by path."""
        if path.startswith("double/"):
            return self.json(self.google.order(path.removeprefix("double/"), json.loads(body or b"{}")))
        place = self.place(path)
        self.google.state.log.append({"place": place, "method": self.command, "path": self.path})
        fault = self.google.state.faults.get(place)
        if fault:
            return int(fault["status"]), json.dumps(fault["body"]).encode(), "application/json"
        if place == "metadata":
            return self.of_metadata(path.removeprefix("computeMetadata/v1").lstrip("/"))
        form = {key: value[0] for key, value in parse_qs(body.decode()).items()} if place in ("token", "sts") else {}
        if place == "token":
            return self.json(self.google.token(form))
        if place == "sts":
            return self.json(self.google.exchange(form))
        if place == "subject":
            return 200, SUBJECT_TOKEN.encode(), "text/plain"
        if place == "iam":
            target = path.rsplit("/", 1)[-1].removesuffix(":generateAccessToken")
            return self.json(self.google.generate(target, self.headers["Authorization"], json.loads(body)))
        return self.json(self.secret_manager(path.removeprefix("v1/"), query, json.loads(body or b"{}")))

    @staticmethod
    def place(path: str) -> str:
        """The name under which a request is counted."""
        if path.startswith("computeMetadata") or not path:
            return "metadata"
        if path.endswith(":generateAccessToken"):
            return "iam"
        if path.endswith(":access"):
            return "access"
        if path in ("token", "sts", "subject"):
            return path
        kinds = {"list": f"v1/{PARENT}/secrets", "secret": f"v1/{SECRET}", "version": f"v1/{VERSION}"}
        return next((kind for kind, pattern in kinds.items() if re.fullmatch(pattern, path)), "other")

    def of_metadata(self, path: str) -> tuple[int, bytes, str]:
        """Only for requests with the required header."""
        if self.headers.get("Metadata-Flavor") != "Google":
            raise OAuthError("forbidden", 403)
        content = self.google.metadata(path.split("?")[0])
        return 200, content, "application/json" if content.startswith(b"{") else "application/text"

    def secret_manager(self, path: str, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        """Secret Manager."""
        resource, _, verb = path.partition(":")
        verb = verb or {"GET": "get", "POST": "create", "DELETE": "delete"}.get(self.command, "")
        principal = self.google.principal(self.headers["Authorization"])
        if re.fullmatch(VERSION, resource):
            self.google.authorize(principal, f"secretmanager.versions.{verb}", resource)
            perform = {"access": self.google.access, "get": self.google.get_version}.get(verb)
            return perform(resource) if perform else self.google.change(resource, verb)
        if re.fullmatch(rf"{PARENT}/secrets", resource):
            parent = resource.removesuffix("/secrets")
            if verb == "create":
                self.google.authorize(principal, "secretmanager.secrets.create", parent)
                return self.google.create(parent, query["secretId"], body)
            self.google.authorize(principal, "secretmanager.secrets.list", parent)
            return self.google.list_secrets(parent, query)
        if re.fullmatch(SECRET, resource) and verb == "addVersion":
            self.google.authorize(principal, "secretmanager.versions.add", resource)
            return self.google.add_version(resource, body["payload"])
        if re.fullmatch(SECRET, resource) and verb == "get":
            self.google.authorize(principal, "secretmanager.secrets.get", resource)
            return self.google.get(resource)
        if re.fullmatch(SECRET, resource) and verb == "delete":
            self.google.state.secrets.pop(resource, None)
            return {}
        raise ApiError("NOT_FOUND", "Method not found.")

    @staticmethod
    def json(answer: Any) -> tuple[int, bytes, str]:
        """A successful answer."""
        return 200, json.dumps(answer).encode(), "application/json; charset=UTF-8"

    def send(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        """Sends an answer."""
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Date", self.date_time_string(time.time() + self.google.state.ahead))
        if self.path.startswith("/computeMetadata") or self.path == "/":
            self.send_header("Metadata-Flavor", "Google")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """No output."""


class Server(ThreadingHTTPServer):
    """Many connections."""

    daemon_threads = True
    request_queue_size = 128


def main(port: int) -> None:
    """Serves until it is stopped."""
    google = Google()
    server = Server(("127.0.0.1", port), type("Bound", (Handler,), {"google": google}))
    google.url = f"http://127.0.0.1:{server.server_address[1]}"
    server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main(int(sys.argv[1]))
