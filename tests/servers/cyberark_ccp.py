"""CyberArk's Central Credential Provider: a double, since there is none to install.

Parameters and fields are those of ``cyberark_credential.py`` of CyberArk's collection for Ansible, and of ``pyaim``
1.5.4, which writes the parts of a query as parameters of their own. Parameters are the same in capitals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.servers.double import Answer, Guarded, Request

APP = "Airflow"
SAFE, FOLDER = "Airflow", "Root"


def refusal(status: int, code: str) -> Answer:
    """An error as the provider writes it."""
    return Answer(status, {"ErrorCode": code, "ErrorMsg": "made up"})


@dataclass
class Provider(Guarded):
    """The objects of one safe."""

    token = ""
    #: Each application that is known, and whether it may read.
    apps: dict[str, bool] = field(default_factory=dict)
    #: Names that two objects have.
    twins: set[str] = field(default_factory=set)
    #: Objects for which a reason is needed.
    reasons: set[str] = field(default_factory=set)

    def heal(self) -> None:
        """No fault, one application."""
        super().heal()
        self.apps = {APP: True}

    def reset(self) -> None:
        """No objects."""
        self.twins, self.reasons = set(), set()
        super().reset()

    @staticmethod
    def error(status: int) -> Answer:
        """As the provider writes it."""
        return refusal(status, {403: "APPAP008E", 500: "APPAP282E"}.get(status, "APPAP005E"))

    def answer(self, request: Request) -> Answer:
        """What the provider says."""
        if self.fault:
            return self.error(self.fault)
        if request.method != "GET" or request.path.casefold() != "/aimwebservice/api/accounts":
            return Answer(404, b"<html>", {"Content-Type": "text/html"})
        given = {key.casefold(): text for key, text in request.query.items()}
        app = given.get("appid", "")
        if app not in self.apps:
            return refusal(403, "APPAP306E")
        return self.read(request) if self.apps[app] else self.error(403)

    def read(self, request: Request) -> Answer:
        """The object that the query finds."""
        given = {key.casefold(): text for key, text in request.query.items()}
        parts = [part.partition("=") for part in given.get("query", "").split(";")]
        asked = {**given, **{key.casefold(): text for key, _, text in parts if key}}
        name = asked.get("object", "")
        is_here = asked.get("safe") == SAFE and asked.get("folder", FOLDER) == FOLDER
        if not is_here or name not in self.secrets:
            return refusal(404, "APPAP004E")
        if name in self.twins:
            return refusal(400, "APPAP227E")
        if name in self.reasons and not given.get("reason"):
            return refusal(400, "APPAP019E")
        found: dict[str, Any] = {"Content": self.secrets[name], "UserName": "made-up", "Address": "h.example"}
        place = {"Safe": SAFE, "Folder": FOLDER, "Name": name, "PolicyID": "UnixSSH"}
        return Answer(200, {**found, **place, "PasswordChangeInProcess": "False", "CreationMethod": "PVWA"})
