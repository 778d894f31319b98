"""Elasticsearch and OpenSearch as far as an index of sealed values is read: a double that takes a good API key.

``elasticsearch_node`` runs real ones, which cannot make an API key (a module that it needs is in none of the packages).
Paths, fields and errors are those of the real nodes; ``test_elasticsearch_double.py`` asks both the same.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.servers import sealed
from tests.servers.double import Answer, Guarded, Request

INDEX = "strongroom"
#: What ``docs/elasticsearch.md`` creates the index with.
MAPPINGS = {
    "dynamic": "strict",
    "properties": {
        **{name: {"type": "keyword"} for name in ("kind", "name", "key_id")},
        **{name: {"type": "long"} for name in ("format", "version")},
        "sealed": {"type": "binary"},
        "tags": {"type": "flattened"},
        **{name: {"type": "date"} for name in ("created", "changed")},
    },
}
TYPES = {
    400: "illegal_argument_exception",
    401: "security_exception",
    403: "security_exception",
    404: "index_not_found_exception",
    429: "circuit_breaking_exception",
    503: "no_shard_available_action_exception",
}


def document(name: str, value: str) -> dict[str, Any]:
    """The record of a value under its whole name."""
    kind, _, rest = name.partition("/")
    return sealed.seal(kind, rest, value)


def credentials(header: str) -> str:
    """What an Authorization header says, without its encoding: a token, ID:KEY or USER:PASSWORD."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() == "bearer":
        return text
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


@dataclass
class Elasticsearch(Guarded):
    """One index; ``is_opensearch`` makes it the other product."""

    token = "canaryId5:canary7Yq2made5up"
    is_opensearch: bool = False
    #: Documents that are not what the key has sealed, by id.
    documents: dict[str, Any] = field(default_factory=dict)
    #: What single documents of ``_mget`` are answered with.
    shards: dict[str, str] = field(default_factory=dict)
    #: Paths that this login may not use.
    denied: set[str] = field(default_factory=set)
    page: int = 1000

    @staticmethod
    def error(status: int, kind: str = "") -> Answer:
        """As Elasticsearch writes it."""
        kind = kind or TYPES.get(status, "exception")
        cause = {"type": kind, "reason": "made up"}
        return Answer(status, {"error": {"root_cause": [cause], **cause}, "status": status})

    def reset(self) -> None:
        """Nothing in it."""
        super().reset()
        self.is_opensearch, self.documents, self.shards, self.denied = False, {}, {}, set()

    def answer(self, request: Request) -> Answer:
        """With the header of the product, which OpenSearch lacks."""
        allowed = self.tokens.get(credentials(request.headers.get("authorization", "")))
        refused = self.fault or (401 if allowed is None else 0 if allowed else self.denial)
        if refused == 401 and self.is_opensearch:
            return Answer(401, b"", {"Content-Type": "text/plain"})
        answer = self.error(refused) if refused else self.read(request)
        named = {} if self.is_opensearch else {"X-elastic-product": "Elasticsearch"}
        return Answer(answer.status, answer.body, {**answer.headers, **named})

    def all(self) -> dict[str, Any]:
        """Every document, by id."""
        return {**{name: document(name, value) for name, value in self.secrets.items()}, **self.documents}

    def found(self, name: str) -> dict[str, Any]:
        """One document as GET and _mget have it."""
        place = {"_index": INDEX, "_id": name}
        if name in self.shards:
            cause = {"type": self.shards[name], "reason": "made up"}
            return {**place, "error": {"root_cause": [cause], **cause}}
        source = self.documents.get(name) or (document(name, self.secrets[name]) if name in self.secrets else None)
        if source is None:
            return {**place, "found": False}
        return {**place, "_version": 1, "_seq_no": 0, "_primary_term": 1, "found": True, "_source": source}

    def read(self, request: Request) -> Answer:
        """By id, many by id, or a search."""
        path = request.path
        if any(part in path for part in self.denied):
            return self.error(403)
        if path == "/":
            return Answer(405, {"error": "Incorrect HTTP method for uri [/] and method [GET]", "status": 405})
        if path in ("/_search", "/_pit", "/_search/point_in_time"):
            return self.search(request)
        index, _, rest = path.removeprefix("/").partition("/")
        if index != INDEX:
            return self.error(404)
        if request.method in ("GET", "HEAD") and rest.startswith("_doc/"):
            found = self.found(unquote(rest.removeprefix("_doc/")))
            if "_source_excludes" in request.query and "_source" in found:
                found["_source"] = {key: value for key, value in found["_source"].items() if key != "sealed"}
            return Answer(200 if found.get("found") else 404, found if request.method == "GET" else b"")
        if request.method == "POST" and rest == "_mget":
            return Answer(200, {"docs": [self.found(name) for name in request.json["ids"]]})
        return self.search(request)

    def search(self, request: Request) -> Answer:
        """Points in time, and pages."""
        own = "_search/point_in_time" if self.is_opensearch else "_pit"
        end = request.path.removeprefix(f"/{INDEX}").removeprefix("/")
        if end == own:
            if request.method == "DELETE":
                return Answer(200, {"succeeded": True})
            return Answer(200, {"pit_id" if self.is_opensearch else "id": "point"})
        if end != "_search" or request.method != "POST":
            text = f"no handler found for uri [{request.target}] and method [{request.method}]"
            return Answer(400, {"error": text})
        asked = request.json
        if "query" not in asked:
            return Answer(200, {"hits": {"total": {"value": len(self.all()), "relation": "eq"}, "hits": []}})
        (kind, prefix) = (part for each in asked["query"]["bool"]["filter"] for part in each.values())
        after = asked.get("search_after", [""])[0]
        hits = []
        for name, source in sorted(self.all().items(), key=lambda item: item[1]["name"]):
            is_meant = source["kind"] == kind["kind"] and source["name"].startswith(prefix["name"])
            if is_meant and source["name"] > after:
                shown = {key: value for key, value in source.items() if key != "sealed"}
                hits.append({"_index": INDEX, "_id": name, "_source": shown, "sort": [source["name"], 0]})
        shards = {"total": 1, "successful": 1, "failed": 0}
        page = {"hits": hits[: asked["size"]]}
        return Answer(200, {"timed_out": False, "_shards": shards, "pit_id": "point", "hits": page})


def encoded(key: str) -> str:
    """An API key as Kibana shows it."""
    return base64.b64encode(key.encode()).decode()
