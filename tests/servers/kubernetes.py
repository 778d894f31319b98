"""The API server of Kubernetes as far as Secrets go: a double, since no cluster installs from a package.

Paths, fields and statuses are those of the API reference (``core/v1`` Secret, ``meta/v1`` Status, ListOptions, label
selectors, "Receiving resources as partial metadata") and of answers recorded from an API server 1.37. It accepts what
the official client sends (``test_kubernetes_double.py``).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.servers.double import Answer, Guarded, Request
from tests.servers.tls import Certificate

NAMESPACE = "airflow"
TEAM = "airflow.apache.org/team"
LABELS = {
    "connection": "airflow.apache.org/connection-id",
    "variable": "airflow.apache.org/variable-key",
    "config": "airflow.apache.org/config-key",
}
PATH = f"/api/v1/namespaces/{NAMESPACE}/secrets"
#: The most that the data of a secret has.
LARGEST = 1 << 20
PARTIAL = "as=PartialObjectMetadataList"
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{,251}[a-z0-9])?")
KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{,61}[A-Za-z0-9])?")
VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{,61}[A-Za-z0-9])?)?")
REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "AlreadyExists",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
}


def status(code: int, reason: str = "") -> Answer:
    """An error as the API server writes it."""
    reason = reason or REASONS.get(code, "Unknown")
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "made up"}
    return Answer(code, {**body, "reason": reason, "code": code})


class BadSelectorError(Exception):
    """A label selector that is none."""


def conditions(selector: str) -> Iterator[tuple[str, str, set[str]]]:
    """The conditions of a label selector: a label, an operator and values."""
    for part in filter(None, re.split(r",(?![^(]*\))", selector)):
        if match := re.fullmatch(r"\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*", part):
            found = (match[1], match[2], {value.strip() for value in match[3].split(",")})
        elif match := re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", part, re.DOTALL):
            found = (match[1], "notin" if match[2] == "!=" else "in", {match[3]})
        elif part.startswith("!"):
            found = (part[1:], "absent", set())
        else:
            found = (part, "exists", set())
        if not KEY.fullmatch(found[0]) or not all(map(VALUE.fullmatch, found[2])):
            raise BadSelectorError(part)
        yield found


def matches(labels: dict[str, str], selector: str) -> bool:
    """Whether labels meet all conditions."""
    holds: dict[str, Callable[[str, set[str]], bool]] = {
        "in": lambda label, values: labels.get(label) in values,
        "notin": lambda label, values: labels.get(label) not in values,
        "exists": lambda label, _values: label in labels,
        "absent": lambda label, _values: label not in labels,
    }
    # All of them are read first: a bad one is an error even if another is not met.
    wanted = list(conditions(selector))
    return all(holds[operator](label, values) for label, operator, values in wanted)


def labels_of(name: str) -> dict[str, str]:
    """The labels that a selector of our names asks for."""
    return {label: "".join(values) for label, operator, values in conditions(name) if operator == "in"}


def secret(name: str, labels: dict[str, str], data: dict[str, str | bytes]) -> dict[str, Any]:
    """A secret, as the API server writes it."""
    raw = {key: value.encode() if isinstance(value, str) else value for key, value in data.items()}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels, "resourceVersion": "7", "uid": name}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**metadata, "creationTimestamp": "2026-11-29T10:00:00Z"},
        "data": {key: base64.b64encode(value).decode() for key, value in raw.items()},
        "type": "Opaque",
    }


@dataclass
class Kubernetes(Guarded):
    """The secrets of one namespace. Those of ``secrets`` are named by the selector that finds them."""

    token: ClassVar[str] = "eyJhbGciOiJSUzI1NiJ9.canary8Bv3made4up.sig"
    #: Secrets of other shapes.
    others: list[dict[str, Any]] = field(default_factory=list)
    #: Tokens that may read one secret by its name, and nothing else.
    narrow: dict[str, str] = field(default_factory=dict)
    version: int = 100
    #: The folder of a service account with the token.
    account: Path = Path()

    def reset(self) -> None:
        """Nothing but the token."""
        super().reset()
        self.others, self.narrow = [], {}

    @staticmethod
    def error(status_code: int) -> Answer:
        """As the API server writes it."""
        return status(status_code)

    def objects(self) -> list[dict[str, Any]]:
        """Every secret, by name."""
        numbered = enumerate(self.secrets.items())
        made = [secret(f"made-{number:06}", labels_of(name), {"value": value}) for number, (name, value) in numbered]
        return sorted([*made, *self.others], key=lambda each: str(each["metadata"]["name"]))

    def answer(self, request: Request) -> Answer:
        """What the API server says."""
        one = self.narrow.get(request.bearer)
        if one:
            return self.read(request) if (request.method, request.path) == ("GET", f"{PATH}/{one}") else status(403)
        return super().answer(request)

    def read(self, request: Request) -> Answer:
        """A list, one secret, or a change of one."""
        if request.path == "/version":
            return Answer(200, {"major": "1", "minor": "37", "gitVersion": "v1.37.2"})
        namespace, _, name = request.path.removeprefix("/api/v1/namespaces/").partition("/secrets")
        if namespace != NAMESPACE:
            # A namespace that does not exist has no secrets, for those who may list them there.
            return self.listed(request, []) if request.method == "GET" and not name else status(404)
        if name:
            return self.one(request, name.removeprefix("/"))
        return self.create(request) if request.method == "POST" else self.listed(request, self.objects())

    def listed(self, request: Request, objects: list[dict[str, Any]]) -> Answer:
        """Those that the selector chooses, in pages where a limit is asked for."""
        query = request.query
        try:
            chosen = [each for each in objects if matches(each["metadata"]["labels"], query.get("labelSelector", ""))]
        except BadSelectorError:
            return status(400)
        # The memory of the API server answers a list as a whole.
        is_whole = query.get("resourceVersion") == "0"
        start = int(query.get("continue") or 0)
        end = len(chosen) if is_whole or "limit" not in query else start + int(query["limit"])
        more = {"continue": str(end)} if end < len(chosen) else {}
        items, metadata = chosen[start:end], {"resourceVersion": str(self.version), **more}
        if PARTIAL in request.headers.get("accept", ""):
            partial = [{"kind": "PartialObjectMetadata", "metadata": each["metadata"]} for each in items]
            kind = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return Answer(200, {**kind, "metadata": metadata, "items": partial})
        return Answer(200, {"kind": "SecretList", "apiVersion": "v1", "metadata": metadata, "items": items})

    def one(self, request: Request, name: str) -> Answer:
        """A secret by its name: read, replaced or deleted."""
        found = next((each for each in self.objects() if each["metadata"]["name"] == name), None)
        if found is None:
            return status(404)
        if request.method == "GET":
            return Answer(200, found)
        if request.method not in ("PUT", "DELETE"):
            return status(405)
        self.others = [each for each in self.others if each["metadata"]["name"] != name]
        if request.method == "DELETE":
            return Answer(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})
        asked = request.json
        if asked["metadata"].get("resourceVersion") not in (None, "", found["metadata"]["resourceVersion"]):
            self.others.append(found)
            return status(409, "Conflict")
        return self.kept(asked, 200)

    def create(self, request: Request) -> Answer:
        """A new secret."""
        asked = request.json
        name = asked["metadata"]["name"]
        if any(each["metadata"]["name"] == name for each in self.objects()):
            return status(409)
        if not NAME.fullmatch(name) or sum(map(len, (asked.get("data") or {}).values())) * 3 // 4 > LARGEST:
            return status(422)
        return self.kept(asked, 201)

    def kept(self, asked: dict[str, Any], code: int) -> Answer:
        """Keeps a secret under a new version."""
        self.version += 1
        made = secret(asked["metadata"]["name"], asked["metadata"].get("labels") or {}, {})
        made["metadata"]["resourceVersion"] = str(self.version)
        made["data"] = asked.get("data") or {}
        self.others.append(made)
        return Answer(code, made)


def service_account(folder: Path, token: str, tls: Certificate | None = None, namespace: str = NAMESPACE) -> Path:
    """The files that a pod has of its service account."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text(token)
    (folder / "namespace").write_text(namespace)
    if tls:
        (folder / "ca.crt").write_bytes(tls.authority.read_bytes())
    return folder
