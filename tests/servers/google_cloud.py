"""Secret Manager at its real host name, over gRPC and REST on one port, made from the vendor's own protobuf classes.

Identities, secrets and errors are those of ``google_double.py``. Requests and answers pass through the messages of
google-cloud-secret-manager: gRPC as bytes of these messages, REST as their JSON, with the address parsed by the
vendor's own rule (``google.api.http`` of the method). The TLS handshake of a client decides: HTTP/2 leads to
gRPC, HTTP/1.1 to REST and to Google's token endpoints.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
from google.api_core import path_template
from google.cloud.secretmanager_v1.services.secret_manager_service.transports.rest_base import (
    _BaseSecretManagerServiceRestTransport as VendorRules,
)
from google.cloud.secretmanager_v1.types import AccessSecretVersionRequest, AccessSecretVersionResponse
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.servers import google_double
from tests.servers.google_double import ApiError, Google
from tests.servers.process import LOOPBACK
from tests.servers.tls import Certificate

SERVICE = "google.cloud.secretmanager.v1.SecretManagerService"
#: google/rpc/code.proto, in addition to those of the double.
google_double.HTTP.update(CANCELLED=499, UNKNOWN=500, ABORTED=409, OUT_OF_RANGE=400, UNIMPLEMENTED=501, DATA_LOSS=500)
RULES = [rule["uri"] for rule in VendorRules._BaseAccessSecretVersion._get_http_options()]
NAME = re.compile(r"projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255}/versions/(?:latest|\d+)")


@dataclass(frozen=True)
class Fault:
    """An injected answer: a status and a reason, for the first requests of each client, or for all; or no answer."""

    status: str = "UNAVAILABLE"
    reason: str = ""
    times: int | None = None
    #: Seconds before anything else happens.
    silence: float = 0


class SecretManager:
    """The service behind both protocols."""

    def __init__(self, google: Google) -> None:
        self.google = google
        #: By secret: the injected fault, and answers with other members.
        self.faults: dict[str, Fault] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        #: The requests, by protocol.
        self.asked: dict[str, list[str]] = defaultdict(list)
        self._answered: Counter[tuple[str, str]] = Counter()
        self.is_over = threading.Event()

    def access(self, request: Any, authorization: str | None, way: str) -> Any:
        """``AccessSecretVersion``: from message to message."""
        secret = request.name.partition("/secrets/")[2].partition("/versions/")[0]
        self.asked[way].append(secret)
        self._fail(secret, way)
        with self.google.lock:
            principal = self.google.principal(authorization)
            if not NAME.fullmatch(request.name):
                raise ApiError("INVALID_ARGUMENT", "The provided Secret ID does not match the expected format.")
            self.google.authorize(principal, "secretmanager.versions.access", request.name)
            answer = self.answers.get(secret) or self.google.access(request.name)
        return AccessSecretVersionResponse.from_json(json.dumps(answer))

    def _fail(self, secret: str, way: str) -> None:
        fault = self.faults.get(secret)
        if not fault:
            return
        self.is_over.wait(fault.silence)
        self._answered[secret, way] += 1
        if fault.times is None or self._answered[secret, way] <= fault.times:
            raise ApiError(fault.status, "made up", fault.reason)


class _Rest(google_double.Handler):
    """REST, and the services that issue tokens."""

    service: SecretManager

    def secret_manager(self, path: str, query: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        """By the vendor's rule; the lock of the double is released in the meantime, since a fault may take a while."""
        name = next((path[: -len(":access")] for rule in RULES if path_template.validate(rule, f"/v1/{path}")), None)
        if name is None or self.command != "GET":
            raise ApiError("NOT_FOUND", "Method not found.")
        lock = self.google.lock
        lock.release()
        try:
            answer = self.service.access(AccessSecretVersionRequest(name=name), self.headers["Authorization"], "rest")
        finally:
            lock.acquire()
        # Protobuf's JSON omits members that have the default value of their type.
        written = AccessSecretVersionResponse.to_json(answer, always_print_fields_with_no_presence=False)
        fields: dict[str, Any] = json.loads(written)
        return fields


class _Grpc(grpc.GenericRpcHandler):  # type: ignore[misc]
    """gRPC: one method, with the vendor's messages."""

    def __init__(self, service: SecretManager) -> None:
        self.handler = grpc.unary_unary_rpc_method_handler(
            self._access,
            request_deserializer=AccessSecretVersionRequest.deserialize,
            response_serializer=AccessSecretVersionResponse.serialize,
        )
        self.secret_manager = service

    def service(self, call: Any) -> Any:
        """The handler of a method; gRPC itself answers UNIMPLEMENTED without one."""
        return self.handler if call.method == f"/{SERVICE}/AccessSecretVersion" else None

    def _access(self, request: Any, context: Any) -> Any:
        authorization = dict(context.invocation_metadata()).get("authorization")
        try:
            return self.secret_manager.access(request, authorization, "grpc")
        except ApiError as error:
            return context.abort_with_status(rpc_status.to_status(_status(error)))


def _status(error: ApiError) -> Any:
    """The error as gRPC carries it: ``google.rpc.Status`` with its details."""
    fields: Any = error.body["error"]
    details = []
    for detail in fields["details"]:
        details.append(any_pb2.Any())
        details[-1].Pack(error_details_pb2.ErrorInfo(reason=detail["reason"], domain=detail["domain"]))
    return status_pb2.Status(code=code_pb2.Code.Value(fields["status"]), message=fields["message"], details=details)


@dataclass
class Cloud:
    """A running service."""

    google: Google
    service: SecretManager


@contextlib.contextmanager
def google_cloud(address: str, tls: Certificate) -> Iterator[Cloud]:
    """Serves at ``address``, port 443."""
    google = Google()
    google.url = "https://oauth2.googleapis.com"
    service = SecretManager(google)
    rest = google_double.Server((LOOPBACK, 0), type("Bound", (_Rest,), {"google": google, "service": service}))
    threading.Thread(target=rest.serve_forever, kwargs={"poll_interval": 0.05}, name="rest", daemon=True).start()
    with _grpc_server(service) as grpc_port, _front(address, tls, grpc_port, int(rest.server_address[1])):
        try:
            yield Cloud(google, service)
        finally:
            service.is_over.set()
    rest.shutdown()
    rest.server_close()


@contextlib.contextmanager
def _grpc_server(service: SecretManager) -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(32, "grpc"), handlers=[_Grpc(service)], options=[("grpc.so_reuseport", 0)])
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait(5)


@contextlib.contextmanager
def _front(address: str, tls: Certificate, grpc_port: int, rest_port: int) -> Iterator[None]:
    """Ends TLS, and passes the connection on according to the agreed protocol."""
    context = tls.context("h2", "http/1.1")

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agreed = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        behind = await asyncio.open_connection(LOOPBACK, grpc_port if agreed == "h2" else rest_port)
        try:
            await asyncio.gather(_copy(reader, behind[1]), _copy(behind[0], writer))
        finally:
            for end in (writer, behind[1]):
                end.transport.abort()

    loop, is_over = asyncio.new_event_loop(), asyncio.Event()
    is_open = threading.Event()

    async def serve() -> None:
        async with await asyncio.start_server(lead, address, 443, ssl=context):
            is_open.set()
            await is_over.wait()
            leading = asyncio.all_tasks() - {asyncio.current_task()}
            for task in leading:
                task.cancel()
            await asyncio.gather(*leading, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="front", daemon=True)
    thread.start()
    assert is_open.wait(10), "the front did not open"
    try:
        yield
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join(10)
        loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies until either side closes; a client that hangs up is part of some tests."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()
