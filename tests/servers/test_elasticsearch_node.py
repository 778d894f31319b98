"""Our class on a real node of Elasticsearch, and the double asked the same; the other products are soaked.

Only one node runs at a time. Where there is no Java these tests are left out, but not in CI.
"""

from __future__ import annotations

import itertools
import json
import os
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from strongroom import exceptions
from strongroom.elasticsearch import ElasticsearchBackend
from tests.command_line.shell import DONE, Shell
from tests.conformance.harness import ODD_NAMES
from tests.servers import sealed
from tests.servers.counting import Counter, counting_proxy
from tests.servers.double import Request
from tests.servers.elasticsearch import INDEX, MAPPINGS, Elasticsearch, document
from tests.servers.elasticsearch_node import ADMIN, PRODUCTS, READER, Node, basic, has_java, node
from tests.servers.tls import Certificate

CANARY = "canary-2d71f0"
FIRST, *OTHERS = PRODUCTS
SOAKED = [pytest.param(product, marks=pytest.mark.soak) for product in OTHERS]
_numbers = itertools.count()

if not has_java() and not os.environ.get("CI"):
    pytest.skip("no Java or no Maven", allow_module_level=True)


@pytest.fixture(scope="module", params=[FIRST, *SOAKED])
def server(request: pytest.FixtureRequest) -> Iterator[Node]:
    """A node with an index."""
    with node(request.param) as running:
        mappings = json.dumps(MAPPINGS)
        if running.product.startswith("opensearch"):
            mappings = mappings.replace("flattened", "flat_object")
        index = {"mappings": json.loads(mappings), "settings": {"number_of_replicas": 0}}
        assert running.ask("PUT", INDEX, index)[0] == 200
        yield running


@pytest.fixture
def counted(server: Node) -> Iterator[Counter]:
    """The requests that the node gets, over TLS on the way to the proxy and behind it."""
    home = server.data.parent / "config"
    tls = Certificate(home / "server.pem", home / "server.key", server.authority)
    with counting_proxy(server.url, tls) as counter:
        yield counter


def put(server: Node, *names: str, value: str | None = None) -> None:
    """Records of variables, whose value is their name."""
    for name in names:
        whole = f"variable/airflow/{name}"
        status, answer = server.ask("PUT", path(whole), document(whole, name if value is None else value))
        assert status == 200, answer


def path(name: str) -> str:
    """The path of a document."""
    return f"{INDEX}/_doc/{quote(name, safe='')}"


def options(server: Node, **changed: Any) -> dict[str, Any]:
    """Those of a backend of its own: no earlier one has the same configuration."""
    login = {"username": READER[0], "password": READER[1], "sealing_key": sealed.KEY}
    place = {"address": server.url, "ca_bundle": str(server.authority), "cache_max_entries": 5000 + next(_numbers)}
    return {**login, **place, **changed}


def backend(server: Node, **changed: Any) -> ElasticsearchBackend:
    """A backend that reads as the user who may."""
    return ElasticsearchBackend(**options(server, **{"max_attempts": 1, **changed}))


def asked(counter: Counter) -> list[str]:
    """What was asked for since the last time, by the end of the path."""
    paths = [call.path.partition("?")[0].removeprefix(f"/{INDEX}").removeprefix("/") for call in counter.calls]
    counter.clear()
    return ["_doc" if found.startswith("_doc/") else found for found in paths]


def test_values_are_read_at_once_and_are_nowhere_in_clear(server: Node) -> None:
    names = [f"v{number}-visible" for number in range(20)]
    for name in names:
        put(server, name, value=f"{CANARY}-{name} é")
    assert [backend(server).get_variable(name) for name in names] == [f"{CANARY}-{name} é" for name in names]
    assert backend(server).get_variable("gone") is None
    assert server.ask("POST", f"{INDEX}/_flush?force=true")[0] == 200
    files = {file: file.read_bytes() for file in server.data.rglob("*") if file.is_file()}
    assert [file for file, content in files.items() if CANARY.encode() in content] == []
    # The search finds what is there in clear.
    assert [file for file, content in files.items() if b"v19-visible" in content] != []


def test_each_odd_name_is_read_by_itself_and_with_others(server: Node) -> None:
    names = list(ODD_NAMES.values())
    put(server, *names)
    assert [backend(server).get_variable(name) for name in names] == names
    together = backend(server, prefetch={"variables": names})
    assert [together.get_variable(name) for name in names] == names


def test_an_id_has_512_bytes_at_most(server: Node) -> None:
    longest = "n" * (512 - len("variable/airflow/"))
    put(server, longest)
    assert server.ask("PUT", path("n" * 513), document("variable/a", "x"))[0] == 400
    assert backend(server).get_variable(longest) == longest
    assert backend(server).get_variable(f"{longest}n") is None


def test_requests_are_counted(server: Node, counted: Counter) -> None:
    names = [f"c{number}" for number in range(50)]
    put(server, *names)
    one = options(server, address=counted.url)
    assert [ElasticsearchBackend(**one).get_variable("c0") for _ in range(100)] == ["c0"] * 100
    assert asked(counted) == ["_doc"]
    assert [ElasticsearchBackend(**one).get_variable("gone") for _ in range(10)] == [None] * 10
    assert asked(counted) == ["_doc"]
    many = backend(server, address=counted.url, prefetch={"variables": names})
    assert [many.get_variable(name) for name in names] == names
    assert asked(counted) == ["_mget"]
    assert backend(server, address=counted.url).get_variable("c1", "ops") == "c1"
    assert asked(counted) == ["_mget"]


@pytest.mark.parametrize("count", [2500, pytest.param(10_000, marks=pytest.mark.soak)])
def test_a_listing_is_of_one_point_in_time(server: Node, counted: Counter, tmp_path: Path, count: int) -> None:
    record = document(f"config/many{count}/x", "x")
    for start in range(0, count, 500):
        names = [f"many{count}/{number:05}" for number in range(start, start + 500)]
        lines = [line for name in names for line in ({"index": {"_id": f"config/{name}"}}, {**record, "name": name})]
        bulk(server, "".join(json.dumps(line) + "\n" for line in lines))
    shell = Shell(tmp_path)
    shell.backend("elasticsearch", **options(server, address=counted.url, config_prefix=f"many{count}"))
    run = shell.run("list", "config", "--json", "--limit", "20000")
    assert (run.code, run.err) == (DONE, "")
    assert [secret["id"] for secret in run.json["secrets"]] == [f"{number:05}" for number in range(count)]
    ends = asked(counted)
    point = "_search/point_in_time" if server.product.startswith("opensearch") else "_pit"
    assert ends.count("_search") == -(-count // 1000)
    assert ends.count(point) == 2


def bulk(server: Node, body: str) -> None:
    """Many records at once, to be found at once."""
    headers = basic(ADMIN) | {"Content-Type": "application/x-ndjson"}
    request = urllib.request.Request(f"{server.url}/{INDEX}/_bulk?refresh=true", body.encode(), headers)
    trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(server.authority)))
    with urllib.request.build_opener(urllib.request.ProxyHandler({}), trust).open(request, timeout=120) as answer:
        assert not json.load(answer)["errors"]


def test_logins_and_rights_are_told_apart(server: Node) -> None:
    put(server, "a")
    alone = {"username": None, "password": None}
    with pytest.raises(exceptions.UnauthenticatedError, match="Check `username` and `password`"):
        backend(server, password="canary-wrong").get_variable("a")
    with pytest.raises(exceptions.UnauthenticatedError, match="Check `api_key`"):
        backend(server, **alone, api_key="id:canary").get_variable("a")
    with pytest.raises(exceptions.UnauthenticatedError, match="Check `token`"):
        backend(server, **alone, token="canary").get_variable("a")
    with pytest.raises(exceptions.UnauthenticatedError, match="Check `username`, `api_key` or `token`"):
        backend(server, **alone).get_variable("a")
    with pytest.raises(exceptions.AccessDeniedError, match=r"may not read the index `other`.*privilege `read`"):
        backend(server, index="other").get_variable("a")
    with pytest.raises(exceptions.UnreachableError, match="certificate is not trusted"):
        backend(server, ca_bundle=None).get_variable("a")


def test_what_is_wrong_with_an_index_is_told_apart(server: Node) -> None:
    put(server, "b")
    with pytest.raises(exceptions.ConfigurationError, match="the index `strongroom-gone` does not exist"):
        backend(server, index="strongroom-gone").get_variable("b")
    settings = f"{INDEX}/_settings"
    try:
        assert server.ask("PUT", settings, {"index.blocks.read": True})[0] == 200
        with pytest.raises(exceptions.AccessDeniedError, match=r"blocked for reading.*index\.blocks\.read"):
            backend(server).get_variable("b")
    finally:
        assert server.ask("PUT", settings, {"index.blocks.read": None})[0] == 200
    # No node has this attribute, so the shard is never allocated.
    red = {"settings": {"index.routing.allocation.require.room": "none", "number_of_replicas": 0}}
    assert server.ask("PUT", "strongroom-red?wait_for_active_shards=0&timeout=1s", red)[0] == 200
    with pytest.raises(exceptions.UnreachableError, match="the index is red"):
        backend(server, index="strongroom-red", timeout=60).get_variable("b")
    with pytest.raises(exceptions.UnreachableError, match="the index is red"):
        backend(server, index="strongroom-red", timeout=60, prefetch={"variables": ["b", "c"]}).get_variable("b")
    assert server.ask("POST", f"{INDEX}/_close")[0] == 200
    try:
        with pytest.raises(exceptions.ConfigurationError, match="`strongroom` is closed"):
            backend(server).get_variable("b")
    finally:
        assert server.ask("POST", f"{INDEX}/_open")[0] == 200


def test_a_circuit_breaker_throttles(server: Node, caplog: pytest.LogCaptureFixture) -> None:
    names = [f"{'long' * 50}{number}" for number in range(40)]
    breaker = "network.breaker.inflight_requests.limit"
    try:
        assert server.ask("PUT", "_cluster/settings", {"transient": {breaker: "2000b"}})[0] == 200
        # A prefetch that fails is a warning, and a request without a body is small enough.
        assert backend(server, prefetch={"variables": names}).get_variable(names[0]) is None
        assert "was throttled: Elasticsearch has too little memory for it (a circuit breaker)" in caplog.text
    finally:
        assert server.ask("PUT", "_cluster/settings", {"transient": {breaker: None}})[0] == 200


def test_a_record_that_was_moved_or_changed_is_an_error(server: Node) -> None:
    mine = document("variable/airflow/mine", "canary-mine")
    spoilt = {
        "moved": (mine, "holds the sealed record of `variable/airflow/mine`"),
        "renamed": ({**mine, "name": "airflow/renamed"}, "the record was changed"),
        "short": ({**mine, "name": "airflow/short", "sealed": "AAAA"}, "cut short"),
    }
    for name, (record, message) in spoilt.items():
        assert server.ask("PUT", path(f"variable/airflow/{name}"), record)[0] == 200
        with pytest.raises(exceptions.MalformedSecretError, match=f"variable/airflow/{name}`.*{message}") as caught:
            backend(server).get_variable(name)
        assert "canary" not in str(caught.value)
    put(server, "other-key")
    with pytest.raises(exceptions.MalformedSecretError, match="with the key `1`: the key is another one"):
        backend(server, sealing_key="another-text-of-32-characters-x7").get_variable("other-key")
    with pytest.raises(exceptions.ConfigurationError, match="sealed with the key `1`, which is not configured"):
        backend(server, sealing_key_id="2").get_variable("other-key")


def test_the_double_answers_alike(server: Node) -> None:
    put(server, "double")
    double = Elasticsearch()
    double.reset()
    double.is_opensearch = server.product.startswith("opensearch")
    name = "variable/airflow/double"
    double.secrets = {name: "double"}
    both: list[tuple[str, str, Any]] = [("GET", path(each), None) for each in (name, "variable/gone")]
    both += [("GET", "strongroom-gone/_doc/a", None), ("POST", f"{INDEX}/_mget", {"ids": [name, "variable/gone"]})]
    # Elasticsearch is never asked for the points in time of OpenSearch.
    points = ("_pit", "_search/point_in_time") if double.is_opensearch else ("_pit",)
    both += [("POST", f"{INDEX}/{end}?keep_alive=1m", None) for end in points]
    for method, target, body in both:
        status, answer = server.ask(method, target, body)
        content = b"" if body is None else json.dumps(body).encode()
        mine = double.answer(Request(method, f"/{target}", {"authorization": f"Bearer {double.token}"}, content))
        # The double has no member that a node has not.
        assert (mine.status, paths(mine.body) - paths(answer)) == (status, set()), target


def paths(found: Any, above: str = "") -> set[str]:
    """Every member of an answer, with the type of its value."""
    if isinstance(found, dict):
        return {each for key, value in found.items() for each in paths(value, f"{above}.{key}")}
    if isinstance(found, list):
        return {each for value in found for each in paths(value, f"{above}[]")}
    return {f"{above}: {type(found).__name__}"}
