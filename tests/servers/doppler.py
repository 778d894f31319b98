"""Doppler as far as its secrets are read: a double, since there is no Doppler to install.

Paths, fields and errors are those of docs.doppler.com/reference/api and of ``doppler-openapi.json`` in Doppler's own
``@dopplerhq/mcp-server`` 1.0.5. A name that is not there is answered with nulls, which that document leaves out.
"""

from __future__ import annotations

import re

from tests.servers.double import Answer, Guarded, Request

PROJECT, CONFIG = "airflow", "prd"
PATH = "/v3/configs/config/secret"


class Doppler(Guarded):
    """One config of one project."""

    token = "dp.st.prd.canary7Yq2made5up"
    denial = 400

    @staticmethod
    def error(status: int) -> Answer:
        """As Doppler writes it."""
        return Answer(status, {"messages": ["made up"], "success": False})

    def read(self, request: Request) -> Answer:
        """Names, or one secret."""
        if (request.query.get("project", PROJECT), request.query.get("config", CONFIG)) != (PROJECT, CONFIG):
            return self.error(404)
        if request.path == f"{PATH}s/names":
            return Answer(200, {"names": sorted(self.secrets), "success": True})
        if request.path == PATH and re.fullmatch("[A-Z_][A-Z0-9_]{,199}", request.query.get("name", "")):
            return self.secret(request.query["name"])
        return self.error(404)

    def secret(self, name: str) -> Answer:
        """A value with its references resolved, or nulls."""
        raw = self.secrets.get(name)
        computed = raw and re.sub(r"\$\{(\w+)\}", lambda found: self.secrets.get(found[1], found[0]), raw)
        visibility = None if raw is None else "masked"
        shown = {"rawVisibility": visibility, "computedVisibility": visibility}
        value = {"raw": raw, "computed": computed, "note": "", **shown}
        return Answer(200, {"name": name, "value": value, "success": True})
