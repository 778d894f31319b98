"""Doppler as far as its secrets are read: a double, since there is no Doppler to install.

Paths, fields and errors are those of docs.doppler.com/reference/api and of ``doppler-openapi.json`` in Doppler's own
``@dopplerhq/mcp-server`` 1.0.5. A name that is not there is answered with nulls, which that document leaves out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.servers.double import Answer, Guarded, Request

PROJECT, CONFIG = "airflow", "prd"
PATH = "/v3/configs/config/secret"
NOTHING = {"raw": None, "computed": None, "note": None, "rawVisibility": None, "computedVisibility": None}


@dataclass
class Doppler(Guarded):
    """One config of one project."""

    token = "dp.st.prd.canary7Yq2made5up"
    denial = 400
    #: Names that only tokens of services see.
    restricted: set[str] = field(default_factory=set)

    def reset(self) -> None:
        """No secrets, none of them restricted."""
        self.restricted = set()
        super().reset()

    @staticmethod
    def error(status: int) -> Answer:
        """As Doppler writes it."""
        return Answer(status, {"messages": ["made up"], "success": False})

    def read(self, request: Request) -> Answer:
        """One secret, all or some, or their names."""
        query, asked = request.query, request.path.removeprefix(PATH)
        if (query.get("project", PROJECT), query.get("config", CONFIG)) != (PROJECT, CONFIG):
            return self.error(404)
        chosen = [name for name in query.get("secrets", "").split(",") if name]
        names = sorted(self.secrets.keys() & set(chosen) if chosen else self.secrets)
        shown = {name: self.shown(name, request) for name in names}
        if asked == "" and re.fullmatch("[A-Z_][A-Z0-9_]{,199}", query.get("name", "")):
            name = query["name"]
            return Answer(200, {"name": name, "value": self.shown(name, request), "success": True})
        if asked == "s":
            return Answer(200, {"secrets": shown, "success": True})
        if asked == "s/names":
            return Answer(200, {"names": names, "success": True})
        if asked == "s/download" and query.get("format", "json") == "json":
            return Answer(200, {name: value["computed"] for name, value in shown.items()}).tagged(request)
        return self.error(404)

    def shown(self, name: str, request: Request) -> dict[str, Any]:
        """A value with its references resolved, or nulls."""
        raw = self.secrets.get(name)
        if raw is None:
            return NOTHING
        visibility = "restricted" if name in self.restricted else "masked"
        shown = {"note": "", "rawVisibility": visibility, "computedVisibility": visibility}
        if name in self.restricted and request.bearer.startswith("dp.pt."):
            return {"raw": None, "computed": None, **shown}
        computed = re.sub(r"\$\{(\w+)\}", lambda found: self.secrets.get(found[1], found[0]), raw)
        return {"raw": raw, "computed": computed, **shown}
