"""Made-up secret values, and the search for their traces."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

from tests.airflow.session import Airflow, Result
from tests.airflow.versions import can


def _canary() -> str:
    """A value that has to be quoted in a URI, around a core that stays the same in every encoding but base64."""
    return f"p/ {secrets.token_hex(16)} %@"


@dataclass(frozen=True)
class Canaries:
    """The contents of the stores. The example DAG prints the greeting, so it is not a canary."""

    password: str = field(default_factory=_canary)
    token: str = field(default_factory=_canary)
    dsn: str = field(default_factory=_canary)
    greeting: str = "hello from the test"

    def cores(self) -> dict[str, str]:
        """The part of each secret that must not appear anywhere."""
        return {part.name: getattr(self, part.name).split()[1] for part in fields(self) if part.name != "greeting"}


def spellings(core: str) -> list[bytes]:
    """A core as it is, and the middle of its base64 at each of the three alignments."""
    raw = core.encode()
    encoded = [base64.b64encode(b"." * shift + raw)[4:-4] for shift in range(3)]
    return [raw, *encoded]


def must_be_nowhere(airflow: Airflow, cores: dict[str, str], console: str = "") -> None:
    """Fails if a core appears in a file of the home, or in output that is not meant to show it."""
    found = [
        f"{name} in {place}"
        for place, content in [*_everything(airflow), ("the console", console.encode())]
        for name, core in cores.items()
        if any(spelling in content for spelling in spellings(core))
    ]
    if found:
        raise AssertionError("\n".join(found))


def _everything(airflow: Airflow) -> Iterator[tuple[str, bytes]]:
    for path in sorted(airflow.home.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(airflow.home)), path.read_bytes()
    for result in airflow.results:
        what = " ".join(Path(part).name for part in result.arguments)
        yield f"standard error of {what}", result.err.encode()
        if not _shows_values(result):
            yield f"standard output of {what}", _printed(result.out).encode()


def _printed(output: str) -> str:
    """The output without the lines in which `dags test` of Airflow 3.0 prints the value that it is about to mask."""
    if can("masking in silence"):
        return output
    return "\n".join(line for line in output.splitlines() if "msg=MaskSecret(" not in line)


def _shows_values(result: Result) -> bool:
    """Whether the command is meant to print a secret."""
    return bool({"get", "get-value"}.intersection(result.arguments))
