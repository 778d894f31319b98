"""microburst: a proxy that answers with AWS errors, delays and broken bodies according to rules."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.counting import Counter, counting_proxy
from tests.servers.process import LOOPBACK, answers, ask, free_port, program, running


@dataclass(frozen=True)
class Faults:
    """A running fault proxy.

    ``asked`` counts every attempt that left the client, ``reached`` those that got through to the server.
    """

    control: str
    asked: Counter
    reached: Counter

    @property
    def url(self) -> str:
        """The address of the server with its faults."""
        return self.asked.url

    def rule(
        self,
        *,
        service: str = "secretsmanager",
        operation: str | None = "GetSecretValue",
        times: int | None = None,
        **effects: Any,
    ) -> None:
        """Adds a rule after the existing ones.

        ``effects`` are microburst's own: ``error={"code": ..., "status": ...}``, ``latency=300`` (ms),
        ``timeout_ms=...`` (hold, then 504), ``reset=True``, ``response={"truncate_frac": 0.5}``,
        ``resource="part/of/a/name"``, ``sequence={"fail": 2, "pass": 1}``.
        """
        rule = {"service": service, "operation": operation, "times": times, **effects}
        given = {name: value for name, value in rule.items() if value is not None}
        ask(f"{self.control}/_microburst/rules", "PATCH", [given])

    def error(self, code: str, status: int = 400, times: int | None = None, **where: str) -> None:
        """Makes GetSecretValue, or the operation that ``where`` names, fail with an AWS error code."""
        self.rule(error={"code": code, "status": status}, times=times, **where)

    def clear(self) -> None:
        """Removes every rule and every record."""
        self.asked.clear()
        self.reached.clear()
        ask(f"{self.control}/_microburst/rules", "POST", [])
        ask(f"{self.control}/_microburst/fired", "DELETE")

    def fired(self) -> list[dict[str, Any]]:
        """Every fault so far, oldest first."""
        record = json.loads(ask(f"{self.control}/_microburst/fired?limit=100000"))
        events: list[dict[str, Any]] = record if isinstance(record, list) else record["fired"]
        return events


@contextlib.contextmanager
def microburst(folder: Path, upstream: str) -> Iterator[Faults]:
    """Runs the fault proxy in front of ``upstream``.

    It rewrites the Host header, which AWS signatures cover; a counting proxy on each side of it restores the original.
    """
    port = free_port()
    control = f"http://{LOOPBACK}:{port}"
    with counting_proxy(upstream) as reached, counting_proxy(control) as asked:
        command = [program("microburst"), "--upstream", reached.url, "--host", LOOPBACK, "--port", str(port)]
        environment = {"HOME": str(folder), "TMPDIR": str(folder)}
        with running(command, environment, folder / "microburst.log", lambda: answers(f"{control}/_microburst/health")):
            yield Faults(control, asked, reached)
