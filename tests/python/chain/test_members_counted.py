"""What is counted for each member of a chain, in statistics and metrics."""

from __future__ import annotations

from typing import Any

import pytest

import strongroom
from strongroom import _telemetry
from strongroom.chain import ChainBackend
from tests.python.chain import company

STORES: list[dict[str, Any]] = [
    {"name": "counted-near", "store": "memory", "secrets": {"airflow/variables/a": "1"}},
    {"name": "counted-company", "class": "tests.python.chain.company.Backend", "kwargs": {"b": "2"}},
    {"name": "counted-far", "store": "memory", "secrets": {"airflow/variables/c": "3"}},
]


def counts(store: str, member: str) -> dict[str, int]:
    """What was counted for a member in this process, without zeros."""
    counted = strongroom.stats()[store]["members"][member]
    return {name: count for name, count in counted.items() if isinstance(count, int) and count}


def test_statistics_have_each_member_and_the_sum_for_its_store() -> None:
    company.calls.clear()
    before = strongroom.stats()["memory"]
    backend = ChainBackend(stores=STORES, timeout="9s")
    for _ in range(2):
        assert [backend.get_variable(key) for key in ("a", "b", "c")] == ["1", "2", "3"]
    assert counts("memory", "counted-near") == {"calls": 3, "loads": 3, "hits": 1, "negative": 2}
    assert counts("class", "counted-company") == {"calls": 2, "loads": 2, "hits": 1, "negative": 1}
    assert counts("memory", "counted-far") == {"calls": 1, "loads": 1, "hits": 1}
    after = strongroom.stats()["memory"]
    assert (after["calls"] - before["calls"], after["hits"] - before["hits"]) == (4, 2)
    assert sum(after["latency"]["counts"]) - sum(before["latency"]["counts"]) == 4


class Stats:
    """Airflow's, which keeps what it is given."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, int, tuple[tuple[str, str], ...]]] = []
        self.timed: list[dict[str, str]] = []

    def incr(self, name: str, count: int, tags: dict[str, str]) -> None:
        """Counts."""
        self.counted.append((name, count, tuple(sorted(tags.items()))))

    def timing(self, name: str, milliseconds: float, tags: dict[str, str]) -> None:
        """Times a lookup."""
        assert name == "strongroom.lookup"
        assert milliseconds > 0
        self.timed.append(tags)


def test_metrics_have_the_member_as_a_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    stats = Stats()
    monkeypatch.setattr(_telemetry, "_airflow_stats", lambda: stats)
    stores = [{**store, "name": store["name"].replace("counted", "published")} for store in STORES]
    backend = ChainBackend(stores=stores, metrics="airflow")
    assert backend.get_variable("c") == "3"
    assert {(name, tags) for name, _, tags in stats.counted if name == "strongroom.calls"} == {
        ("strongroom.calls", (("member", "published-near"), ("store", "memory"))),
        ("strongroom.calls", (("member", "published-company"), ("store", "class"))),
        ("strongroom.calls", (("member", "published-far"), ("store", "memory"))),
    }
    assert stats.timed == [{"store": "chain", "kind": "variable", "outcome": "value", "member": "published-far"}]
    assert backend.get_variable("none") is None
    assert "member" not in stats.timed[1]
