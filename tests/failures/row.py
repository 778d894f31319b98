"""Measures one row of the table."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import strongroom
from strongroom.exceptions import StrongroomError
from tests.conformance.agent import asked_through_agent
from tests.conformance.harness import Harness
from tests.conformance.session import Harnesses
from tests.failures.way import Phase, Scene, Way

#: With two attempts the one wait between them is always shorter than the remaining time.
OPTIONS = {"timeout": "3s", "max_attempts": 2, "cache_ttl": "200ms"}
TTL = 0.2
#: The durations of a lookup, with room for a busy machine, and their names in the table.
SPANS = ((0.5, "at once"), (2.5, "< 2.5 s"), (3.5, "3 s"))
TOO_LONG = "longer than allowed"
#: Parts of log messages that differ from run to run.
CHANGING = (
    (r"\b\d+(\.\d+)?(ns|µs|ms|s)\b", "<time>"),
    (r"127\.0\.0\.1:\d+", "<address>"),
    (r'"/[^"]*/', '"<folder>/'),
    # Names in the store that are paths; those of the Parameter Store are shown.
    (r"`/(?!airflow/)[^`]*/((?:variables|connections|config)/)", r"`<folder>/\1"),
    (r"\(os error \d+\)", "(os error <number>)"),
    (r"(lookup address information: )[^.]*", r"\1<words of the system>"),
)


@dataclass(frozen=True)
class Row:
    """The outcome of a lookup."""

    store: str
    what: str
    phase: Phase
    served: str
    age: str
    #: As the store saw it; "-" where nothing counts them.
    asked: str
    #: As ``strongroom.stats()`` reports it.
    counted: int
    took: str
    level: str
    text: str


def measured(harnesses: Harnesses, kind: type[Harness], way: Way, phase: Phase, *, through_agent: bool = False) -> Row:
    """Makes a store fail and looks up. If that took too long it is measured again: the machine may be busy."""
    for _ in range(3):
        harness = harnesses.get(kind)
        harness.put("variable", "hello", "world")
        audit = harness.folder / "audit.jsonl"
        audit.unlink(missing_ok=True)
        with way.scene(harness) as scene:
            options = {**OPTIONS, "audit_path": str(audit), **scene.options}
            if through_agent:
                with asked_through_agent(harness, **options) as backend:
                    row = _measured(harness, backend, way, phase, scene, audit)
            else:
                row = _measured(harness, harness.backend(**options), way, phase, scene, audit)
        harness.heal()
        if row.took != TOO_LONG:
            break
    return row


def _measured(harness: Harness, backend: Any, way: Way, phase: Phase, scene: Scene, audit: Path) -> Row:
    if phase is Phase.STALE:
        assert backend.get_variable("hello") == "world"
        time.sleep(TTL * 1.2)  # the value expires
    scene.begin()
    if phase is Phase.STALE:
        time.sleep(TTL * 1.2)  # so does one that an agent has read ahead of time
    asked, counted = _asked(harness, scene), _counted(harness)
    with _logged() as records:
        start = time.monotonic()
        served = _served(backend)
        took = time.monotonic() - start
    level, text = _loudest(records)
    return Row(
        store=harness.store,
        what=way.what,
        phase=phase,
        served=served,
        age=_age(audit),
        asked="-" if asked is None else str((_asked(harness, scene) or 0) - asked),
        counted=_counted(harness) - counted,
        took=_span(took, way),
        level=level,
        text=text,
    )


def _span(took: float, way: Way) -> str:
    spans = SPANS[1:] if way.waits else SPANS
    return next((name for longest, name in spans if took < longest), TOO_LONG)


def _asked(harness: Harness, scene: Scene) -> int | None:
    with contextlib.suppress(NotImplementedError):
        return (scene.requests or harness.requests)()
    return None


def _counted(harness: Harness) -> int:
    return strongroom.stats()[harness.store]["calls"]


def _served(backend: Any) -> str:
    try:
        value = backend.get_variable("hello")
    except StrongroomError as error:
        return type(error).__name__
    return "None" if value is None else "the value"


def _age(audit: Path) -> str:
    age = json.loads(audit.read_text().splitlines()[-1])["age_seconds"]
    if age is None:
        return "-"
    return "fresh" if age < TTL else "past its ttl"


class _Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextlib.contextmanager
def _logged() -> Iterator[list[logging.LogRecord]]:
    """Every record of ours in the meantime."""
    handler = _Records()
    logger = logging.getLogger("strongroom")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield handler.records
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _loudest(records: list[logging.LogRecord]) -> tuple[str, str]:
    """The highest level, and all messages at it; of DEBUG only the last line."""
    if not records:
        return "-", ""
    level = max(record.levelno for record in records)
    texts = [record.getMessage() for record in records if record.levelno == level]
    text = " ".join(texts if level > logging.DEBUG else texts[-1:])
    for pattern, stays in CHANGING:
        text = re.sub(pattern, stays, text)
    return logging.getLevelName(level), text
