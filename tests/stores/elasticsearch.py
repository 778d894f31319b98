"""Elasticsearch: the double that knows its API keys, behind the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tests.conformance.capability import Capability
from tests.conformance.gate import Answer, OnGuarded, written
from tests.conformance.harness import Kind, Options, Planting
from tests.failures.way import answered, injected, over_http
from tests.servers import sealed
from tests.servers.counting import Call
from tests.servers.double import Guarded
from tests.servers.elasticsearch import INDEX, Elasticsearch
from tests.stores.description import Calls, Reader
from tests.stores.guarded import GuardedStore

#: What a server that is not Elasticsearch may say.
OTHER_PRODUCT = Answer(200, (("Content-Type", "application/json"),), b'{"status": "ok"}')


class OnDouble(OnGuarded):
    """A token that reads one index."""

    store = "elasticsearch"
    double = Elasticsearch
    variable = "ELASTICSEARCH_API_KEY"
    address_option = "address"

    def options(self) -> Options:
        """The key of the values, too."""
        return {**super().options(), "sealing_key": sealed.KEY}

    def plantings(self, canary: str) -> list[Planting]:
        """The key in the environment."""
        variables = {"STRONGROOM_SEALING_KEY": f"{canary}-{canary}"}
        return [*super().plantings(canary), Planting("key of the environment", {"sealing_key": None}, variables)]


class ElasticsearchStore(GuardedStore):
    """The sealed values of one index."""

    name = word = feature = "elasticsearch"
    backend = "strongroom.elasticsearch.ElasticsearchBackend"
    page = "elasticsearch.md"
    harnesses = (OnDouble,)
    address = "address"
    place_options: ClassVar[Mapping[str, str]] = {"index": INDEX}
    nowhere: ClassVar[Mapping[str, str]] = {
        "address": "http://127.0.0.1:9",
        "token": "made-up",
        "sealing_key": sealed.KEY,
    }
    powerless = "canaryId6:canary5Ke9made8up"
    calls = Calls("read", "list", 1000, described="describe", batch=("many", 500))
    ways = (
        injected("429: circuit breaker", Capability.THROTTLED, waits=True),
        injected("500", Capability.SERVER_ERROR),
        injected("403: a role without the index", Capability.DENIED),
        injected("401: a wrong login", Capability.UNAUTHENTICATED),
        answered("401 of OpenSearch, without a body", Answer(401, (("Content-Type", "text/plain"),))),
        answered("404: no such index", written(Elasticsearch.error(404))),
        answered("403: the index is blocked", written(Elasticsearch.error(403, "cluster_block_exception"))),
        answered("400: the index is closed", written(Elasticsearch.error(400, "index_closed_exception"))),
        answered("503: the index is red", written(Elasticsearch.error(503))),
        answered("another product", OTHER_PRODUCT),
        *over_http(),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """Kind, prefix and id."""
        return f"{kind}/airflow/{f'{team}--{secret_id}' if team else secret_id}"

    def operation(self, call: Call) -> str:
        """By the end of its path; a point in time is opened and closed beside the pages."""
        path = call.path.partition("?")[0]
        ends = {"_mget": "many", "_search": "list"}
        if "/_doc/" in path:
            return "describe" if "_source_excludes" in call.path else "read"
        return ends.get(path.rpartition("/")[2], "")

    def reader(self, server: Guarded, url: str) -> Reader:
        """With the key of the values."""
        reader = super().reader(server, url)
        options = {**reader.options, "sealing_key": sealed.KEY}
        return Reader(options, reader.shut, [*reader.secrets, sealed.KEY])

    def deployed(self, server: Guarded) -> tuple[dict[str, str], dict[str, str]]:
        """The key in the environment as well."""
        kwargs, variables = super().deployed(server)
        return kwargs, {**variables, "STRONGROOM_SEALING_KEY": sealed.KEY}


STORE = ElasticsearchStore()
