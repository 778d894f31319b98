"""The official clients of both products accept the double, with a good API key, which no node of the tests can make."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from strongroom.elasticsearch import ElasticsearchBackend
from tests.servers import sealed
from tests.servers.elasticsearch import INDEX, Elasticsearch
from tests.servers.process import program

NAME, VALUE = "variable/airflow/a/b é", "a value"

ELASTICSEARCH = """
import json, sys
from elasticsearch import Elasticsearch, AuthenticationException
url, key, index, name = sys.argv[1:]
client = Elasticsearch(url, api_key=tuple(key.split(":")))
def refused():
    try:
        Elasticsearch(url, api_key=("x", "y")).get(index=index, id=name)
    except AuthenticationException as error:
        return error.status_code
query = {"bool": {"filter": [{"term": {"kind": "variable"}}, {"prefix": {"name": "airflow/"}}]}}
point = client.open_point_in_time(index=index, keep_alive="1m")["id"]
found = client.search(query=query, size=10, pit={"id": point}, sort=["name"])["hits"]["hits"]
client.close_point_in_time(id=point)
"""
OPENSEARCH = """
import json, sys
from opensearchpy import OpenSearch, AuthenticationException
url, key, index, name = sys.argv[1:]
client = OpenSearch(url, http_auth=tuple(key.split(":")))
def refused():
    try:
        OpenSearch(url, http_auth=("x", "y")).get(index=index, id=name)
    except AuthenticationException as error:
        return error.status_code
query = {"bool": {"filter": [{"term": {"kind": "variable"}}, {"prefix": {"name": "airflow/"}}]}}
point = client.create_pit(index=index, params={"keep_alive": "1m"})["pit_id"]
body = {"query": query, "size": 10, "pit": {"id": point}, "sort": ["name"]}
found = client.search(body=body)["hits"]["hits"]
client.delete_pit(body={"pit_id": [point]})
"""
COMMON = """
many = client.mget(index=index, body={"ids": [name, "gone"]})["docs"]
print(json.dumps({
    "one": client.get(index=index, id=name)["_source"],
    "there": [bool(client.exists(index=index, id=each)) for each in (name, "gone")],
    "many": [each["found"] for each in many],
    "listed": [each["_id"] for each in found],
    "refused": refused(),
}))
"""


@pytest.fixture(scope="module")
def double() -> Iterator[Elasticsearch]:
    """The double with one record."""
    cluster = Elasticsearch()
    with cluster.running():
        cluster.secrets = {NAME: VALUE}
        yield cluster


def asked(double: Elasticsearch, script: str) -> dict[str, Any]:
    """What a client finds."""
    command = [program("python"), "-I", "-W", "ignore", "-c", script + COMMON]
    command += [double.url, double.token, INDEX, NAME]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("script", "is_opensearch"), [(ELASTICSEARCH, False), (OPENSEARCH, True)])
def test_a_client_reads_one_many_and_a_list(double: Elasticsearch, script: str, is_opensearch: bool) -> None:
    double.is_opensearch = is_opensearch
    found = asked(double, script)
    assert sealed.opened(found.pop("one")) == VALUE
    assert found == {"there": [True, False], "many": [True, False], "listed": [NAME], "refused": 401}


def test_our_class_reads_the_same(double: Elasticsearch) -> None:
    options = {"address": double.url, "api_key": double.token, "sealing_key": sealed.KEY}
    assert ElasticsearchBackend(**options).get_variable("a/b é") == VALUE
