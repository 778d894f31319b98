"""Publishes counts and durations of lookups: to Airflow's own metrics, or to OpenTelemetry.

Both are taken from `sys.modules` and never imported: if they are not loaded, they have not been set up, and there
is no one to publish to. So a lookup pays for no import, and a fork cannot happen during one (see `_base`).
"""

from __future__ import annotations

import sys
import threading
from time import time_ns

from strongroom._signals import quietly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    _Counted = Sequence[tuple[Mapping[str, str], Mapping[str, int]]]

_NAME = "strongroom"

_STATS = (
    "airflow.sdk._shared.observability.metrics.stats",
    "airflow._shared.observability.metrics.stats",
    "airflow.stats",
)
"""The modules of `Stats` in Airflow: the Task SDK's and core's from 3.2 on, and the only one before."""

_UNITS = {
    "calls": "{call}",
    "hits": "{lookup}",
    "stale": "{lookup}",
    "negative": "{lookup}",
    "loads": "{lookup}",
    "waits": "{call}",
    "retries": "{attempt}",
    "throttles": "{answer}",
    "errors": "{error}",
    "agent_answers": "{lookup}",
    "agent_absences": "{lookup}",
}
"""The counted units, in the UCUM notation that OpenTelemetry uses."""

_SECONDS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of the histogram. OpenTelemetry's own start at 5, since they are meant for milliseconds."""

_NO_ERRORS = frozenset({"value", "absent", "stale", "skipped", "refused"})
"""Outcomes that are not errors; every other is the kind of an error."""

_busy = threading.local()
_reported: set[str] = set()
_instruments: _Instruments | None = None
_tracer: tuple[Any, Any] | None = None


def publish(
    target: str,
    store: str,
    counts: Mapping[str, int],
    lookup: Mapping[str, Any],
    members: Sequence[tuple[str, str, Mapping[str, int]]] = (),
) -> None:
    """Add `counts` and publish `lookup`, which has just ended. Raises only what a signal handler has raised.

    `target` is `airflow` or `opentelemetry`. `lookup` has a `kind`, an `outcome`, its duration in `seconds`, and for
    a value from a chain the `member` that has it; nothing else in it is read, so no name of a secret can get out.
    `members` has the store, the name and the counts of each member of a chain.
    """
    # Setting metrics up may read Airflow's configuration, and with it a secret: that lookup is not published.
    if getattr(_busy, "now", False):
        return
    _busy.now = True
    try:
        error = quietly(_publish, target, store, counts, lookup, members)
        if error is not None:
            quietly(_report, error)
    finally:
        _busy.now = False


def _publish(
    target: str,
    store: str,
    counts: Mapping[str, int],
    lookup: Mapping[str, Any],
    members: Sequence[tuple[str, str, Mapping[str, int]]],
) -> None:
    publish_there = {"airflow": _to_airflow, "opentelemetry": _to_opentelemetry}[target]
    counted: list[tuple[dict[str, str], Mapping[str, int]]] = [({"store": store}, counts)]
    counted += [({"store": its_store, "member": name}, its_counts) for its_store, name, its_counts in members]
    described = {"store": store, "kind": lookup["kind"], "outcome": lookup["outcome"]}
    if "member" in lookup:
        described["member"] = lookup["member"]
    publish_there(counted, described, lookup["seconds"])


def _report(error: Exception) -> None:
    """Log once for each class of error that metrics fail. The text of a foreign error is not repeated."""
    logging = sys.modules.get("logging")  # as for the targets: never imported here
    name = type(error).__name__
    if logging is not None and name not in _reported:
        _reported.add(name)
        logging.getLogger(__name__).debug("Metrics could not be published (%s); this is logged once", name)


def _to_airflow(counted: _Counted, described: dict[str, str], seconds: float) -> None:
    stats = _airflow_stats()
    if stats is None:
        return
    for tags, counts in counted:
        for name, count in counts.items():
            if count:
                stats.incr(f"{_NAME}.{name}", count, tags=tags)
    # A number, not a timedelta: the loggers of Airflow 2 turn one into seconds and the other into milliseconds.
    stats.timing(f"{_NAME}.lookup", seconds * 1000.0, tags=described)


def _airflow_stats() -> Any:
    """Return the `Stats` that has been set up in this process, if any.

    A task of Airflow 3.2 and newer may have two, core's and the Task SDK's, and either may lead nowhere. Both send to
    the same place, so only one is used.
    """
    for name in _STATS:
        module = sys.modules.get(name)
        stats = getattr(module, "Stats", None)  # missing while it is being imported
        # In the module from 3.3 on, in the class before.
        factory = getattr(module, "_factory", None) or getattr(stats, "factory", None)
        if factory is not None and getattr(factory, "__name__", "") != "NoStatsLogger":
            return stats
    return None


class _Instruments:
    """The instruments of one meter provider."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self._meter = provider.get_meter(_NAME)
        self._counters: dict[str, Any] = {}
        self.duration = self._make_histogram()

    def counter(self, name: str) -> Any:
        if name not in self._counters:
            self._counters[name] = self._meter.create_counter(f"{_NAME}.{name}", unit=_UNITS.get(name, "1"))
        return self._counters[name]

    def _make_histogram(self) -> Any:
        described = {"name": f"{_NAME}.lookup.duration", "unit": "s", "description": "How long lookups take"}
        try:
            return self._meter.create_histogram(**described, explicit_bucket_boundaries_advisory=_SECONDS)
        except TypeError:  # an API before 1.30
            return self._meter.create_histogram(**described)


def _to_opentelemetry(counted: _Counted, described: dict[str, str], seconds: float) -> None:
    attributes = _named(described)
    if described["outcome"] not in _NO_ERRORS:
        attributes["error.type"] = described["outcome"]
    instruments = _current_instruments()
    if instruments is not None:
        for tags, counts in counted:
            for name, count in counts.items():
                if count:
                    instruments.counter(name).add(count, _named(tags))
        instruments.duration.record(seconds, attributes)
    _trace(seconds, attributes)


def _named(tags: Mapping[str, str]) -> dict[str, str]:
    return {f"{_NAME}.{name}": value for name, value in tags.items()}


def _current_instruments() -> _Instruments | None:
    """Return the instruments of the provider that is set up now; a process may set up another one after a fork."""
    global _instruments
    metrics = sys.modules.get("opentelemetry.metrics")
    if metrics is None:
        return None
    provider = metrics.get_meter_provider()
    found = _instruments
    if found is None or found.provider is not provider:
        found = _instruments = _Instruments(provider)
    return found


def _trace(seconds: float, attributes: Mapping[str, str]) -> None:
    """Make a span of the lookup afterwards, below the caller's current span."""
    global _tracer
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return
    provider, found = trace.get_tracer_provider(), _tracer
    if found is None or found[0] is not provider:
        found = _tracer = (provider, provider.get_tracer(_NAME))
    end = time_ns()
    start = end - int(seconds * 1_000_000_000)
    span = found[1].start_span(f"{_NAME}.lookup", start_time=start, attributes=attributes)
    if "error.type" in attributes:
        span.set_status(trace.Status(trace.StatusCode.ERROR))
    span.end(end_time=end)
