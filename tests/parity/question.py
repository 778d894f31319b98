"""What a case of the comparisons asks for; the case of each store adds what only that store has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Question:
    """One lookup, and what is in the store then."""

    id: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    #: ``conn``, ``var`` and ``config`` for the getters, ``core`` and ``sdk`` for a connection of that class.
    lookup: str = "var"
    name: str = "hello"
    team: str | None = None
    secrets: Mapping[str, Any] = field(default_factory=dict)
    multi_team: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
