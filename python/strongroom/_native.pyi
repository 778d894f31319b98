"""The native half of the package, built from `src/` (see `src/python`)."""

from collections.abc import Callable
from contextvars import Context
from typing import Any, TypedDict, final, type_check_only

from typing_extensions import NotRequired, disjoint_base

__all__ = [
    "Backend",
    "Begun",
    "Ended",
    "Masks",
    "__version__",
    "build_connection_uri",
    "chain",
    "drive",
    "keep_masks",
    "masking_changed",
    "parse_connection",
    "run_agent",
    "run_command_line",
    "stats",
    "stores",
]
__version__: str

@type_check_only
class OptionInfo(TypedDict):
    key: str
    kind: str
    default: str
    secret: bool
    doc: str
    why_ignored: NotRequired[str]

@type_check_only
class StoreInfo(TypedDict):
    name: str
    title: str
    python_class: str
    options: list[OptionInfo]

@type_check_only
class Latency(TypedDict):
    bounds: list[float]
    counts: list[int]
    sum: float

@type_check_only
class StoreStatistics(TypedDict):
    calls: int
    hits: int
    negative: int
    stale: int
    loads: int
    errors: int
    waits: int
    retries: int
    throttles: int
    agent_answers: int
    agent_absences: int
    latency: Latency
    members: NotRequired[dict[str, StoreStatistics]]

@final
class Backend:
    def __new__(cls, store: str, logger: str, options: dict[str, Any]) -> Backend: ...
    def get_conn_value(self, conn_id: object, team_name: object = None) -> Any: ...
    def get_variable(self, key: object, team_name: object = None) -> Any: ...
    def get_config(self, key: object) -> Any: ...
    def remembered(self, kind: str, id: object, team_name: object = None) -> tuple[bool, Any]: ...
    def refresh(self, id: str | None = None, team_name: str | None = None) -> None: ...
    def begin(
        self,
        kind: str,
        id: object,
        team_name: object,
        context: Context,
        deliver: Callable[[Ended], None],
    ) -> tuple[bool, Any, Begun | None]: ...
    def connection_fields(self, conn_id: object, value: str, dialect: str) -> dict[str, Any]: ...

@final
class Begun:
    @property
    def shift(self) -> int | None: ...
    def leave(self) -> None: ...

@final
class Ended:
    def result(self) -> Any: ...

def drive(shift: int) -> None: ...
def parse_connection(value: str, dialect: str) -> dict[str, Any]: ...
def build_connection_uri(fields: dict[str, Any], dialect: str) -> str: ...
def run_agent(part: str, python: str, module: str) -> int: ...
def stats() -> dict[str, StoreStatistics]: ...
def stores() -> list[StoreInfo]: ...
def chain() -> StoreInfo: ...
def run_command_line(arguments: list[str]) -> int: ...

@disjoint_base
class Masks:
    """The texts that a log masker hides."""

    def __new__(cls) -> Masks: ...
    def add_pattern(self, pattern: str) -> bool:
        """Hides the text of an escaped pattern; False if it is not one text."""

    def extend(self, other: Masks) -> None:
        """Hides the texts that `other` hides now, too."""

    def count(self) -> int:
        """The number of texts."""

    def sub(self, repl: Any, string: Any, count: int = 0) -> Any:
        """`string` with `repl` in place of the hidden texts; the same object if there are none."""

def keep_masks(are_kept: bool) -> None:
    """Sets whether texts still have to be reported."""

def masking_changed() -> None:
    """Makes registered texts be registered again at their next lookup."""
