"""A small server that plays the services that AWS credentials come from, and a minimal Secrets Manager.

One process plays all of them, each under its usual paths:

* EC2 instance metadata, version 2 (``PUT /latest/api/token``, ``GET /latest/meta-data/iam/security-credentials/...``)
* ECS and EKS container credentials (``GET /container/credentials``)
* STS ``AssumeRole`` and ``AssumeRoleWithWebIdentity`` (``POST /``, query protocol)
* IAM Identity Center: ``GET /federation/credentials`` and ``POST /token``
* Secrets Manager ``GetSecretValue`` (``POST /``, JSON protocol), which answers with the access key id that signed

It starts on a free port of the loopback interface::

    with IdentityStub() as stub:
        os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = stub.url
        ...
        assert stub.count("imds-credentials") == 1

``stub.script(name, Answer(...), ...)`` replaces the next answers of one place; ``stub.requests`` holds all requests.
Run as a program, it serves until it is stopped and logs requests as JSON lines.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROLE = "stub-role"
METADATA_TOKEN = "stub-imds-token"
STS_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass(frozen=True)
class Answer:
    """An answer to give instead of the usual one. A ``delay`` in seconds comes before it; ``drop`` closes the
    connection without an answer."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False


@dataclass(frozen=True)
class Request:
    """A request. ``place`` is the name under which it is counted."""

    place: str
    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a query-protocol request."""
        return {key: values[0] for key, values in parse_qs(self.body).items()}

    @property
    def access_key_id(self) -> str | None:
        """The access key that signed it."""
        authorization = self.headers.get("authorization", "")
        _, found, rest = authorization.partition("Credential=")
        return rest.split("/", 1)[0] if found else None


class IdentityStub:
    """The server. It counts and keeps every request."""

    def __init__(self, port: int = 0, lifetime: float = 3600.0, verbose: bool = False) -> None:
        self.lifetime = lifetime
        """Seconds for which the issued credentials are valid."""
        self.verbose = verbose
        self.requests: list[Request] = []
        self._scripts: dict[str, deque[Answer]] = {}
        self._lock = threading.Lock()
        stub = self

        class Handler(_Handler):
            owner = stub

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The address, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Starts serving."""
        self._thread.start()

    def stop(self) -> None:
        """Stops serving and frees the port."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> IdentityStub:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def script(self, place: str, *answers: Answer) -> None:
        """Gives ``answers`` to the next requests at ``place``, one each; after that the usual ones again."""
        with self._lock:
            self._scripts.setdefault(place, deque()).extend(answers)

    def reset(self) -> None:
        """Forgets requests and scripts."""
        with self._lock:
            self.requests.clear()
            self._scripts.clear()

    def count(self, place: str) -> int:
        """The number of requests at ``place``."""
        with self._lock:
            return sum(request.place == place for request in self.requests)

    def last(self, place: str) -> Request:
        """The last request at ``place``."""
        with self._lock:
            return next(request for request in reversed(self.requests) if request.place == place)

    def note(self, request: Request) -> Answer | None:
        """Records ``request``; returns the scripted answer to it, if there is one."""
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get(request.place)
            answer = script.popleft() if script else None
        if self.verbose:
            print(json.dumps({"place": request.place, "method": request.method, "path": request.path}), flush=True)
        return answer

    def expiration(self) -> datetime:
        """When credentials that are issued now expire."""
        return datetime.now(timezone.utc) + timedelta(seconds=self.lifetime)


def place_of(method: str, path: str, headers: dict[str, str], body: str) -> str:
    """The name under which a request is counted."""
    if path == "/latest/api/token":
        return "imds-token"
    if path.startswith("/latest/meta-data/iam/security-credentials/"):
        return "imds-role" if path.endswith("/") else "imds-credentials"
    if path.startswith("/container/"):
        return "container"
    if path == "/federation/credentials":
        return "sso"
    if path == "/token":
        return "sso-token"
    if "x-amz-target" in headers:
        return headers["x-amz-target"]
    if method == "POST":
        return parse_qs(body).get("Action", ["unknown"])[0]
    return "unknown"


def document(access_key_id: str, expiration: datetime) -> dict[str, str]:
    """Credentials as metadata services write them."""
    return {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": access_key_id,
        "SecretAccessKey": "stub-secret",
        "Token": f"{access_key_id}-token",
        "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def sts_answer(action: str, access_key_id: str, expiration: datetime) -> str:
    """Credentials as STS writes them."""
    return (
        f'<{action}Response xmlns="{STS_NAMESPACE}"><{action}Result><Credentials>'
        f"<AccessKeyId>{access_key_id}</AccessKeyId><SecretAccessKey>stub-secret</SecretAccessKey>"
        f"<SessionToken>{access_key_id}-token</SessionToken>"
        f"<Expiration>{expiration.strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration></Credentials>"
        f"<AssumedRoleUser><Arn>arn:aws:sts::000000000000:assumed-role/r/s</Arn>"
        f"<AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser></{action}Result></{action}Response>"
    )


def sts_error(code: str, message: str = "no") -> str:
    """An error as STS writes it; the body of an :class:`Answer`."""
    return (
        f'<ErrorResponse xmlns="{STS_NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error><RequestId>stub</RequestId></ErrorResponse>"
    )


def json_error(code: str, message: str = "no") -> str:
    """An error as Secrets Manager writes it; the body of an :class:`Answer`."""
    return json.dumps({"__type": code, "message": message})


def usual_answer(stub: IdentityStub, request: Request) -> Answer:
    """The answer that a real service would give."""
    expiration = stub.expiration()
    match request.place:
        case "imds-token":
            ttl = "x-aws-ec2-metadata-token-ttl-seconds"
            return Answer(body=METADATA_TOKEN, headers={ttl: request.headers.get(ttl, "21600")})
        case "imds-role" | "imds-credentials":
            if request.headers.get("x-aws-ec2-metadata-token") != METADATA_TOKEN:
                return Answer(status=401)
            is_role = request.place == "imds-role"
            return Answer(body=ROLE if is_role else json.dumps(document("ASIAIMDS", expiration)))
        case "container":
            return Answer(body=json.dumps(document("ASIACONTAINER", expiration)))
        case "AssumeRole":
            return Answer(body=sts_answer("AssumeRole", "ASIAROLE", expiration))
        case "AssumeRoleWithWebIdentity":
            return Answer(body=sts_answer("AssumeRoleWithWebIdentity", "ASIAWEB", expiration))
        case "sso":
            return Answer(body=json.dumps({"roleCredentials": sso_credentials(expiration)}))
        case "sso-token":
            return Answer(body=json.dumps({"accessToken": "renewed", "expiresIn": 3600, "refreshToken": "next"}))
        case "secretsmanager.GetSecretValue":
            name: Any = json.loads(request.body).get("SecretId")
            return Answer(body=json.dumps({"Name": name, "SecretString": f"signed by {request.access_key_id}"}))
        case _:
            return Answer(status=404)


def sso_credentials(expiration: datetime) -> dict[str, str | int]:
    """Credentials as IAM Identity Center writes them."""
    return {
        "accessKeyId": "ASIASSO",
        "secretAccessKey": "stub-secret",
        "sessionToken": "ASIASSO-token",
        "expiration": int(expiration.timestamp() * 1000),
    }


class _Handler(BaseHTTPRequestHandler):
    """Translates between HTTP and :class:`IdentityStub`."""

    owner: IdentityStub
    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet; two would wait 40 ms for each other (Nagle and delayed acknowledgement).
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Requests are recorded, not printed."""

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0"))).decode()
        path = urlsplit(self.path).path
        place = place_of(self.command, path, headers, body)
        request = Request(place, self.command, self.path, headers, body)
        answer = self.owner.note(request) or usual_answer(self.owner, request)
        time.sleep(answer.delay)
        if answer.drop:
            self.close_connection = True
            return
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        content = answer.body.encode()
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            # The client gave up waiting, which is the point of some tests.
            self.close_connection = True


def main() -> None:
    """Serves on the port in the first argument, or on a free one, until stopped."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with IdentityStub(port, verbose=True) as stub:
        print(json.dumps({"url": stub.url}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
