"""Elasticsearch: what only this store has, and how many requests it gets. Real nodes are in ``tests/servers``."""

from __future__ import annotations

import itertools
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from strongroom import exceptions
from strongroom.chain import ChainBackend
from strongroom.elasticsearch import ElasticsearchBackend
from tests.servers import sealed
from tests.servers.counting import Counter, counting_proxy
from tests.servers.double import serving
from tests.servers.elasticsearch import INDEX, Elasticsearch, document, encoded
from tests.servers.tls import Certificate, certificate

READ, MANY, SEARCH = "_doc", "_mget", "_search"
OLD = "canary-of-2025-Zr2Lw0Xn5Tj7Ck1Hs4Gd9"
_numbers = itertools.count()


@pytest.fixture
def cluster(guarded_servers: Callable[[type[Elasticsearch]], Elasticsearch]) -> Elasticsearch:
    """The double, empty."""
    double = guarded_servers(Elasticsearch)
    double.reset()
    return double


@pytest.fixture
def counted(cluster: Elasticsearch) -> Iterator[Counter]:
    """A proxy that counts."""
    with counting_proxy(cluster.url) as counter:
        yield counter


def backend(url: str, **options: Any) -> ElasticsearchBackend:
    """A backend of its own: no earlier one has the same configuration."""
    own = {"address": url, "api_key": Elasticsearch.token, "sealing_key": sealed.KEY, "max_attempts": 1}
    return ElasticsearchBackend(**{**own, "cache_max_entries": 1000 + next(_numbers), **options})


def fill(cluster: Elasticsearch, *keys: str) -> list[str]:
    """Variables whose value is their key; returns the keys."""
    cluster.secrets |= {f"variable/airflow/{key}": key for key in keys}
    return list(keys)


def asked(counter: Counter) -> list[str]:
    """What was asked for since the last time, with the status if that is not 200."""
    paths = [(call.path.partition("?")[0].removeprefix(f"/{INDEX}").lstrip("/"), call.status) for call in counter.calls]
    counter.clear()
    ends = [(READ if path.startswith("_doc/") else path, status) for path, status in paths]
    return [path if status == 200 else f"{path} {status}" for path, status in ends]


def test_a_cold_lookup_is_one_request_and_a_warm_one_none(cluster: Elasticsearch, counted: Counter) -> None:
    fill(cluster, "a")
    options = {"cache_max_entries": 1000 + next(_numbers)}
    assert [backend(counted.url, **options).get_variable("a") for _ in range(1000)] == ["a"] * 1000
    assert asked(counted) == [READ]
    assert [backend(counted.url, **options).get_variable("gone") for _ in range(10)] == [None] * 10
    assert asked(counted) == [f"{READ} 404"]


def test_many_names_are_one_request(cluster: Elasticsearch, counted: Counter) -> None:
    keys = fill(cluster, *(f"k{number}" for number in range(50)))
    reader = backend(counted.url, prefetch={"variables": [*keys, "gone"]})
    assert [reader.get_variable(key) for key in [*keys, "gone"]] == [*keys, None]
    assert asked(counted) == [MANY]
    cluster.secrets["variable/airflow/ops--own"] = "theirs"
    assert backend(counted.url).get_variable("own", "ops") == "theirs"
    assert asked(counted) == [MANY]


def test_one_document_of_many_may_fail_alone(cluster: Elasticsearch, counted: Counter) -> None:
    fill(cluster, "a", "b", "c")
    cluster.shards = {"variable/airflow/b": "no_shard_available_action_exception"}
    reader = backend(counted.url, prefetch={"variables": ["a", "b", "c"]})
    assert (reader.get_variable("a"), reader.get_variable("c")) == ("a", "c")
    assert asked(counted) == [MANY]


def test_without_the_right_to_read_many_each_is_read_alone(cluster: Elasticsearch, counted: Counter) -> None:
    keys = fill(cluster, "a", "b")
    cluster.denied = {MANY}
    reader = backend(counted.url, prefetch={"variables": keys})
    assert [reader.get_variable(key) for key in keys] == keys
    assert sorted(asked(counted)) == [READ, READ, f"{MANY} 403"]


@pytest.mark.parametrize(
    ("is_opensearch", "denied", "requests"),
    [
        (False, set(), ["_pit", SEARCH, "_pit"]),
        (True, set(), ["_pit 400", "_search/point_in_time", SEARCH, "_search/point_in_time"]),
        (False, {"_pit"}, ["_pit 403", SEARCH]),
    ],
    ids=["Elasticsearch", "OpenSearch", "no right"],
)
def test_a_pattern_is_a_listing_at_one_point_in_time(
    cluster: Elasticsearch, counted: Counter, is_opensearch: bool, denied: set[str], requests: list[str]
) -> None:
    keys = fill(cluster, "s3_a", "s3_b", "other")
    cluster.is_opensearch, cluster.denied = is_opensearch, denied
    reader = backend(counted.url, prefetch={"variables": ["s3_*"]})
    assert [reader.get_variable(key) for key in keys[:2]] == keys[:2]
    assert asked(counted) == [*requests, MANY]


def sent(cluster: Elasticsearch, variables: Mapping[str, str], **options: Any) -> str:
    """The Authorization header of a lookup of this login, after a check that it is in no other place."""
    with serving(cluster.answer) as double, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        assert backend(double.url, **{"api_key": None, **options}).get_variable("a") == "a"
    (request,) = double.requests
    header = request.headers.get("authorization", "")
    assert [name for name, value in request.headers.items() if header and header in value] == ["authorization"][
        : bool(header)
    ]
    assert sealed.KEY not in str(request)
    return header


def test_each_login_is_in_one_header(cluster: Elasticsearch) -> None:
    fill(cluster, "a")
    key = f"ApiKey {encoded(cluster.token)}"
    cluster.tokens |= {"user:pass": True, "a.b.c": True, "": True}
    headers = {
        "user": sent(cluster, {}, username="user", password="pass"),
        "user of the environment": sent(cluster, {"ELASTICSEARCH_USERNAME": "user", "ELASTICSEARCH_PASSWORD": "pass"}),
        "API key": sent(cluster, {}, api_key=cluster.token),
        "encoded API key": sent(cluster, {}, api_key=encoded(cluster.token)),
        "API key of the environment": sent(cluster, {"ELASTICSEARCH_API_KEY": encoded(cluster.token)}),
        "token": sent(cluster, {}, token="a.b.c"),
        "none": sent(cluster, {}),
    }
    for login, header in headers.items():
        print(f"{login}: Authorization: {header.partition(' ')[0]} ...")
    basic = f"Basic {encoded('user:pass')}"
    assert list(headers.values()) == [basic, basic, key, key, key, "Bearer a.b.c", ""]


class Mutual(Certificate):
    """A server that asks clients for a certificate of its authority."""

    def context(self, *protocols: str) -> ssl.SSLContext:
        """The server's side, which verifies."""
        context = super().context(*protocols)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.authority)
        return context


def test_a_certificate_logs_in(cluster: Elasticsearch, tmp_path: Path) -> None:
    fill(cluster, "a")
    cluster.tokens[""] = True
    made = certificate(tmp_path)
    with serving(cluster.answer, Mutual(made.certificate, made.key, made.authority)) as double:
        options = {"api_key": None, "ca_bundle": str(made.authority)}
        own = {"client_certificate": str(made.certificate), "client_key": str(made.key)}
        assert backend(double.url, **options, **own).get_variable("a") == "a"
        both = tmp_path / "both.pem"
        both.write_text(made.certificate.read_text() + made.key.read_text())
        assert backend(double.url, **options, client_certificate=str(both)).get_variable("a") == "a"
        with pytest.raises(exceptions.UnreachableError):
            backend(double.url, **options).get_variable("a")
        with pytest.raises(exceptions.ConfigurationError, match="client certificate file"):
            backend(double.url, **options, client_certificate=str(tmp_path / "gone.pem")).get_variable("a")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"token": "canary"}, "`api_key` and `token` in backend_kwargs are two logins"),
        ({"index": "a*"}, "`index` in backend_kwargs is no name of one index"),
        ({"sealing_key": "canary"}, "the key in `sealing_key` has fewer than 32 characters"),
        ({"sealing_keys": {"2": "canary"}}, "the key in `sealing_keys` has fewer than 32 characters"),
        ({"address": "canary"}, "`address`"),
    ],
)
def test_what_can_never_work_is_refused_at_the_start(options: dict[str, Any], message: str) -> None:
    with pytest.raises(exceptions.ConfigurationError, match=message.replace("`", ".")) as caught:
        backend("http://127.0.0.1:9", **options)
    assert "canary" not in str(caught.value)


def test_a_rotation_needs_both_keys_until_all_is_sealed_again(cluster: Elasticsearch, tmp_path: Path) -> None:
    cluster.documents = {"variable/airflow/old": sealed.seal("variable", "airflow/old", "old", key=OLD, key_id="2025")}
    fill(cluster, "new")
    with pytest.raises(exceptions.ConfigurationError, match="with the key `2025`, which is not configured"):
        backend(cluster.url).get_variable("old")
    file = tmp_path / "key"
    file.write_text(f"{OLD}\n")
    both = backend(cluster.url, sealing_keys={"2025": {"file": str(file)}}, cache_ttl=0)
    assert (both.get_variable("old"), both.get_variable("new")) == ("old", "new")
    # A file is read again when it has changed.
    time.sleep(0.01)
    file.write_text("canary-of-another-key-Zr2Lw0Xn5Tj7Ck1")
    with pytest.raises(exceptions.MalformedSecretError, match="the key is another one"):
        both.get_variable("old")
    file.write_text(OLD)
    assert both.get_variable("old") == "old"


def test_what_is_wrong_with_a_record_is_an_error_with_its_name(cluster: Elasticsearch) -> None:
    mine = document("variable/airflow/mine", "canary")
    cut = {**mine, "name": "airflow/cut", "sealed": mine["sealed"][:20]}
    cluster.documents = {
        "variable/airflow/moved": mine,
        "variable/airflow/renamed": {**mine, "name": "airflow/renamed"},
        "variable/airflow/older": {**mine, "name": "airflow/older", "version": 2},
        "variable/airflow/cut": cut,
        "variable/airflow/plain": {"value": "canary"},
        "variable/airflow/later": {**mine, "name": "airflow/later", "format": 2},
    }
    for name in cluster.documents:
        key = name.rpartition("/")[2]
        for prefetch in (None, {"variables": [key, "gone"]}):
            with pytest.raises(exceptions.MalformedSecretError, match=name) as caught:
                backend(cluster.url, prefetch=prefetch).get_variable(key)
            assert "canary" not in str(caught.value)


def test_a_bundle_is_named_with_its_kind(cluster: Elasticsearch) -> None:
    cluster.secrets["variable/all"] = '{"a": "1"}'
    assert backend(cluster.url, bundle={"variables": "variable/all"}).get_variable("a") == "1"
    with pytest.raises(exceptions.InvalidNameError, match="begins with its kind"):
        backend(cluster.url, bundle={"variables": "all"}).get_variable("a")


def test_it_is_a_member_of_a_chain(cluster: Elasticsearch, counted: Counter) -> None:
    fill(cluster, "sealed")
    own = {"address": counted.url, "api_key": cluster.token, "sealing_key": sealed.KEY}
    plain = {"store": "memory", "secrets": {"airflow/variables/plain": "in memory"}}
    chain = ChainBackend(stores=[plain, {"store": "elasticsearch", **own}], max_attempts=1)
    assert [chain.get_variable(key) for key in ("plain", "sealed", "sealed", "gone")] == [
        "in memory",
        "sealed",
        "sealed",
        None,
    ]
    assert asked(counted) == [READ, f"{READ} 404"]


def test_the_same_id_of_two_kinds_is_two_records(cluster: Elasticsearch) -> None:
    cluster.secrets |= {"variable/x": "a variable", "config/x": "an option"}
    reader = backend(cluster.url, variables_prefix="", config_prefix="")
    assert (reader.get_variable("x"), reader.get_config("x")) == ("a variable", "an option")
    assert backend(cluster.url, connections_prefix="").get_conn_value("x") is None
