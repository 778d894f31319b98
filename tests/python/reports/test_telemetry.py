"""What is published about lookups, with the real OpenTelemetry SDK; Airflow's metrics are in ``tests/airflow``."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from strongroom import _telemetry

COUNTS = {
    "calls": 2,
    "hits": 1,
    "stale": 1,
    "negative": 1,
    "waits": 1,
    "retries": 1,
    "throttles": 1,
    "errors": 0,
}
LOOKUP = {"kind": "connection", "outcome": "value", "seconds": 0.25}
CANARY = "canary-61"


class Collected:
    """Providers that keep their data in memory."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False)
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    def points(self) -> dict[str, Any]:
        """The data points by the name of their metric, with its unit."""
        data = self.reader.get_metrics_data()
        assert data is not None
        (scope,) = (scope for resource in data.resource_metrics for scope in resource.scope_metrics)
        assert scope.scope.name == "strongroom"
        return {metric.name: (metric.unit, list(metric.data.data_points)) for metric in scope.metrics}


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    """What is published during the test. The API does not let the global providers be replaced: this patches them."""
    collected = Collected()
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: collected.meters)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: collected.tracers)
    yield collected
    collected.meters.shutdown()
    collected.tracers.shutdown()


def to_opentelemetry(**lookup: Any) -> None:
    """Publishes one lookup."""
    _telemetry.publish("opentelemetry", "memory", COUNTS, {**LOOKUP, **lookup})


def test_counts_become_counters_and_the_duration_a_histogram_in_seconds(collected: Collected) -> None:
    to_opentelemetry()
    to_opentelemetry()
    points = collected.points()
    unit, (duration,) = points.pop("strongroom.lookup.duration")
    assert (unit, duration.count, duration.sum, duration.explicit_bounds[:2]) == ("s", 2, 0.5, (0.0001, 0.0005))
    assert duration.attributes == {
        "strongroom.store": "memory",
        "strongroom.kind": "connection",
        "strongroom.outcome": "value",
    }
    assert {name: [point.value for point in found] for name, (_, found) in points.items()} == {
        f"strongroom.{name}": [2 * count] for name, count in COUNTS.items() if count
    }
    assert points["strongroom.calls"][0] == "{call}"
    assert points["strongroom.calls"][1][0].attributes == {"strongroom.store": "memory"}


def test_a_lookup_becomes_a_span_below_that_of_the_caller(collected: Collected) -> None:
    with collected.tracers.get_tracer("test").start_as_current_span("task"):
        to_opentelemetry()
    span, task = collected.exporter.get_finished_spans()
    assert (span.name, span.status.status_code) == ("strongroom.lookup", trace.StatusCode.UNSET)
    assert span.parent is not None
    assert span.parent == task.get_span_context()
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 250_000_000


def test_an_error_is_one_in_the_words_of_opentelemetry(collected: Collected) -> None:
    to_opentelemetry(outcome="throttled")
    (span,) = collected.exporter.get_finished_spans()
    assert span.status.status_code == trace.StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == "throttled"
    _, (duration,) = collected.points()["strongroom.lookup.duration"]
    assert duration.attributes["error.type"] == "throttled"


def test_neither_a_name_nor_a_value_gets_out(collected: Collected) -> None:
    to_opentelemetry(id=CANARY, team=CANARY, value=CANARY)
    (span,) = collected.exporter.get_finished_spans()
    assert CANARY not in span.to_json() + str(collected.points())


def test_another_provider_gets_its_own_instruments(collected: Collected, monkeypatch: pytest.MonkeyPatch) -> None:
    to_opentelemetry()
    other = Collected()
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: other.meters)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: other.tracers)
    to_opentelemetry()
    for each in (collected, other):
        assert each.points()["strongroom.calls"][1][0].value == 2
        assert len(each.exporter.get_finished_spans()) == 1
    other.meters.shutdown()


def test_an_older_api_has_no_advice_for_histograms(collected: Collected, monkeypatch: pytest.MonkeyPatch) -> None:
    class OldMeter:
        def __init__(self) -> None:
            self.meter = collected.meters.get_meter("strongroom")
            self.create_counter = self.meter.create_counter

        def create_histogram(self, name: str, unit: str = "", description: str = "") -> metrics.Histogram:
            return self.meter.create_histogram(name, unit, description)

    old = SimpleNamespace(get_meter=lambda name: OldMeter())
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: old)
    to_opentelemetry()
    assert collected.points()["strongroom.lookup.duration"][1][0].count == 1


class Failing:
    """Metrics that are broken, or a signal handler that strikes in them."""

    __name__ = "Failing"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        raise self.error


@pytest.mark.parametrize("target", ["airflow", "opentelemetry", "elsewhere"])
def test_a_failure_is_reported_once_and_without_its_text(
    target: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_telemetry, "_reported", set())
    monkeypatch.setitem(sys.modules, "airflow.stats", Failing(ValueError(CANARY)))
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: Failing(ValueError(CANARY)))
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            _telemetry.publish(target, "memory", COUNTS, LOOKUP)
    (record,) = caplog.records
    assert (record.levelno, CANARY in record.getMessage()) == (logging.DEBUG, False)


def test_an_interruption_propagates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: Failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        to_opentelemetry()
    assert not _telemetry._busy.now


def test_a_lookup_that_the_metrics_cause_is_not_published(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    def provider() -> MeterProvider:
        to_opentelemetry()
        return collected.meters

    monkeypatch.setattr(metrics, "get_meter_provider", provider)
    to_opentelemetry()
    assert collected.points()["strongroom.calls"][1][0].value == 2


def test_nothing_is_imported_or_published_without_a_set_up() -> None:
    run(
        """
        from strongroom import _telemetry
        before = set(sys.modules)
        for target in ("airflow", "opentelemetry"):
            _telemetry.publish(target, "memory", {"calls": 1}, {"kind": "config", "outcome": "value", "seconds": 1.0})
        assert set(sys.modules) == before, set(sys.modules) - before
        heavy = {"logging", "opentelemetry", "airflow", "statsd", "importlib.metadata"} & before
        assert not heavy, heavy
        """
    )


def test_a_child_publishes_for_itself() -> None:
    run(
        """
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from strongroom import _telemetry

        def publish():
            lookup = {"kind": "config", "outcome": "value", "seconds": 1.0}
            _telemetry.publish("opentelemetry", "memory", {"calls": 1}, lookup)

        def calls():
            (resource,) = reader.get_metrics_data().resource_metrics
            (calls,) = (metric for metric in resource.scope_metrics[0].metrics if metric.name == "strongroom.calls")
            return calls.data.data_points[0].value

        publish()  # goes nowhere: there is no provider yet
        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
        publish()
        assert calls() == 1
        child = os.fork()
        if child == 0:
            publish()
            os._exit(0 if calls() == 2 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert calls() == 1
        """
    )


def run(body: str) -> None:
    """Runs ``body`` in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    code = "import os, sys\n" + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_is_counted_is_what_is_published() -> None:
    run(
        """
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        import strongroom
        from strongroom.memory import MemoryBackend

        def published():
            (resource,) = reader.get_metrics_data().resource_metrics
            return {metric.name: metric.data.data_points for metric in resource.scope_metrics[0].metrics}

        def counted():
            words = strongroom.stats()["memory"].items()
            return {f"strongroom.{word}": count for word, count in words if isinstance(count, int) and count}

        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
        secrets = {f"airflow/variables/{key}": "x" for key in "abc"}
        backend = MemoryBackend(secrets=secrets, rate_limit="2/100ms", metrics="opentelemetry")
        for key in ("a", "a", "a", "gone", "gone", "b", "a", "c"):
            backend.get_variable(key)
        points = published()
        durations = points.pop("strongroom.lookup.duration")
        numbers = {name: point.value for name, (point,) in points.items()}
        assert numbers == counted(), (numbers, counted())
        assert numbers["strongroom.hits"] == 3 and numbers["strongroom.negative"] == 1
        assert numbers["strongroom.calls"] == numbers["strongroom.loads"] == 4
        outcomes = {point.attributes["strongroom.outcome"]: point.count for point in durations}
        assert outcomes == {"value": 3, "absent": 1}, outcomes
        """
    )
