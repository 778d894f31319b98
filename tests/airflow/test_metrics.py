"""The metrics that reach a StatsD server through Airflow's own metrics, in each kind of process that sets them up."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.airflow.session import Airflow
from tests.airflow.versions import AIRFLOW

pytestmark = pytest.mark.ours

#: As the scheduler, the triggerer and others set them up, and as a task does.
CORE = """
import airflow.configuration
from airflow._shared.observability.metrics import stats
from airflow.observability.metrics import stats_utils
"""
TASK = """
import airflow.sdk.configuration
from airflow.sdk._shared.observability.metrics import stats
from airflow.sdk.observability.metrics import stats_utils
"""
INITIALIZE = {
    "3.3": "stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)",
    "3.2": "stats.Stats.initialize(factory=stats_utils.get_stats_factory(stats.Stats))",
}
#: Before 3.2 all processes set them up in the same way.
ONE_FOR_ALL = "from airflow.stats import Stats"

PUBLISH = """
import os, sys
from strongroom import _telemetry

lookup = {"kind": "connection", "outcome": "value", "seconds": 0.25, "id": "canary-62"}
_telemetry.publish("airflow", "memory", {"calls": 2, "hits": 0, "errors": 1}, lookup)
child = os.fork()
if child == 0:
    _telemetry.publish("airflow", "memory", {"retries": 3}, lookup)
    os._exit(0)
os.waitpid(child, 0)
"""

SET_UP = (
    {name: place + INITIALIZE["3.2" if AIRFLOW < (3, 3) else "3.3"] for name, place in (("core", CORE), ("task", TASK))}
    if AIRFLOW >= (3, 2)
    else {"core": ONE_FOR_ALL}
)


class StatsD:
    """A server that keeps every packet."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    def environment(self, **options: str) -> dict[str, str]:
        """What an operator sets to send metrics here."""
        host, port = self.socket.getsockname()
        options = {"statsd_on": "True", "statsd_host": host, "statsd_port": str(port), **options}
        return {f"AIRFLOW__METRICS__{name.upper()}": value for name, value in options.items()}

    def packets(self) -> list[str]:
        """The packets about Strongroom; on the loopback interface all have arrived once their sender has ended."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return [packet for packet in found if "strongroom" in packet]


@pytest.fixture
def statsd() -> Iterator[StatsD]:
    """A separate server for each test."""
    server = StatsD()
    yield server
    server.socket.close()


@pytest.mark.parametrize("process", SET_UP)
def test_counts_and_durations_reach_statsd(airflow: Airflow, statsd: StatsD, process: str) -> None:
    environment = statsd.environment()
    airflow.python(SET_UP[process] + PUBLISH, environment).must()
    assert statsd.packets() == [
        "airflow.strongroom.calls:2|c",
        "airflow.strongroom.errors:1|c",
        "airflow.strongroom.lookup:250.000000|ms",
        "airflow.strongroom.retries:3|c",
        "airflow.strongroom.lookup:250.000000|ms",
    ]


def test_tags_are_sent_where_the_operator_wants_them(airflow: Airflow, statsd: StatsD) -> None:
    environment = statsd.environment(statsd_influxdb_enabled="True")
    airflow.python(SET_UP["core"] + PUBLISH, environment).must()
    assert statsd.packets()[:3] == [
        "airflow.strongroom.calls,store=memory:2|c",
        "airflow.strongroom.errors,store=memory:1|c",
        "airflow.strongroom.lookup,store=memory,kind=connection,outcome=value:250.000000|ms",
    ]


def test_nothing_is_sent_or_set_up_where_metrics_are_off(airflow: Airflow, statsd: StatsD) -> None:
    environment = statsd.environment(statsd_on="False")
    check = "\nassert 'statsd' not in sys.modules\n"
    airflow.python(SET_UP["core"] + PUBLISH + check, environment).must()
    assert statsd.packets() == []
