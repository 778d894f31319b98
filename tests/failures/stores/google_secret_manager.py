"""Google Cloud Secret Manager: what Google answers, and what may happen on the way to it."""

import json
from typing import Any

from tests.conformance.capability import Capability
from tests.conformance.gate import Answer
from tests.conformance.stores.google_secret_manager import OnDouble
from tests.failures.way import Way, answered, injected, over_http, way
from tests.servers.google import api_error

HARNESS = OnDouble
SECRET = "airflow-variables-hello"


def google_error(http: int, status: str, reason: str = "", message: str = "made up") -> Answer:
    """An error as Google writes it."""
    kind = ("Content-Type", "application/json; charset=UTF-8")
    return Answer(http, (kind,), json.dumps(api_error(http, status, reason, message)).encode())


def version(what: str, note: str = "", **told: Any) -> Way:
    """The newest version is a special one."""
    return way(what, lambda harness: harness.google.put(SECRET, "world", **told), note=note)


WAYS = [
    injected("429 RESOURCE_EXHAUSTED", Capability.THROTTLED, waits=True),
    injected("500 INTERNAL", Capability.SERVER_ERROR),
    answered("503 UNAVAILABLE", google_error(503, "UNAVAILABLE")),
    answered("504 DEADLINE_EXCEEDED", google_error(504, "DEADLINE_EXCEEDED")),
    injected(
        "403 PERMISSION_DENIED",
        Capability.DENIED,
        note="The official class answers None, so Airflow asks its next backend; here too, with a warning that names "
        "role, secret and project. The old value is dropped.",
    ),
    answered("403: the API is not enabled", google_error(403, "PERMISSION_DENIED", "SERVICE_DISABLED")),
    answered("403: no such project", google_error(403, "PERMISSION_DENIED", "CONSUMER_INVALID")),
    injected("401 UNAUTHENTICATED", Capability.UNAUTHENTICATED),
    answered("400 INVALID_ARGUMENT", google_error(400, "INVALID_ARGUMENT")),
    version(
        "the version is disabled",
        "The newest version counts, whatever its state: an older one is not read in its place.",
        state="DISABLED",
    ),
    version("the version is destroyed", state="DESTROYED"),
    version(
        "the value does not have its checksum",
        "It is read again, since it may have been damaged on the way.",
        damaged=True,
    ),
    answered("404 NOT_FOUND", google_error(404, "NOT_FOUND")),
    *over_http(),
]
