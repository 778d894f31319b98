"""1Password Connect as far as items are read: a double, since there is no Connect server to install.

Paths, fields and errors are those of ``docs/openapi/spec.yaml`` 1.7.1 in ``1Password/connect``. It leaves out the value
of an empty field and compares without regard to case, as SCIM's ``eq`` may: a client cannot rely on the opposite.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.servers.double import Answer, Guarded, Request

VAULT, NAME = "ftz4pm2xxwmwrsd7rjqn7grzfz", "Airflow"
VAULTS = "/v1/vaults"
ITEMS = f"{VAULTS}/{VAULT}/items"
SUMMARY = ("id", "title", "vault", "category", "tags", "version", "state", "createdAt", "updatedAt")
HEALTH = {
    "name": "1Password Connect API",
    "version": "1.7.3",
    "dependencies": [{"service": "sync", "status": "ACTIVE"}, {"service": "sqlite", "status": "ACTIVE"}],
}
Item = dict[str, Any]


def made_id(text: str) -> str:
    """An id as 1Password makes them: 26 small letters and digits."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest())[:26].decode().lower()


def custom(label: str, value: str, section: str = "", **more: Any) -> dict[str, Any]:
    """A field that a person has added, in a section if one is named."""
    within = {"section": {"id": made_id(section), "label": section}} if section else {}
    filled = {"value": value} if value else {}
    return {"id": made_id(f"{section}/{label}"), "type": "CONCEALED", "label": label, **filled, **within, **more}


def login(**texts: str) -> list[dict[str, Any]]:
    """The fields that items of the category Login have: ``username``, ``password``, ``notesPlain``."""
    purposes = {"username": "USERNAME", "password": "PASSWORD", "notesPlain": "NOTES"}
    return [custom(id, texts.get(id, ""), id=id, purpose=purpose) for id, purpose in purposes.items()]


def made(title: str, fields: Sequence[dict[str, Any]], number: int = 0, **more: Any) -> Item:
    """An item; several of one title differ in their number."""
    sections = {within["id"]: within for each in fields if (within := each.get("section"))}
    return {
        "id": made_id(f"{title}/{number}"),
        "title": title,
        "vault": {"id": VAULT},
        "category": "LOGIN",
        "version": 1,
        "createdAt": "2026-03-01T12:30:00Z",
        "updatedAt": "2026-03-01T12:30:00Z",
        "sections": list(sections.values()),
        "fields": list(fields),
        **more,
    }


def of_text(title: str, value: str) -> Item:
    """The item that an operator makes of a value."""
    label = "conn_uri" if "connections" in title else "value"
    return made(title, [*login(), custom(label, value)], category="API_CREDENTIAL")


@dataclass
class OnePassword(Guarded):
    """One token, and the vaults that it may read."""

    token = "eyJhbGciOiJFUzI1NiJ9.canary5Wq8made1up.c2ln"

    #: Items besides those that are made of ``secrets``.
    items: list[Item] = field(default_factory=list)
    #: Ids and names, and the ids that exist and are not in the scope of the token.
    vaults: dict[str, str] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    health: dict[str, Any] = field(default_factory=dict)

    def reset(self) -> None:
        """One empty vault."""
        super().reset()
        self.items, self.vaults, self.foreign, self.health = [], {VAULT: NAME}, set(), HEALTH

    @staticmethod
    def error(status: int) -> Answer:
        """As the server writes it."""
        return Answer(status, {"status": status, "message": "made up"})

    def answer(self, request: Request) -> Answer:
        """What needs no token first."""
        return Answer(200, self.health) if request.path == "/health" else super().answer(request)

    def read(self, request: Request) -> Answer:
        """Vaults, items without their fields, or one item with them."""
        if request.path == VAULTS:
            vaults = [{"id": id, "name": name, "type": "USER_CREATED"} for id, name in self.vaults.items()]
            return self.filtered("name", vaults, request)
        asked = re.fullmatch(rf"{VAULTS}/([0-9a-z]{{26}})(/items(?:/([0-9a-z]{{26}}))?)?", request.path)
        if asked is None:
            return Answer(404, b"404 page not found\n")
        vault, below, id = asked.groups()
        if vault in self.foreign or vault not in self.vaults:
            return self.error(403 if vault in self.foreign else 404)
        if below is None:
            return Answer(200, {"id": vault, "name": self.vaults[vault]})
        if id is None:
            return self.filtered("title", [self.shown(item) for item in self.all(vault)], request)
        found = [item for item in self.all(vault) if item["id"] == id]
        return Answer(200, found[0]) if found else self.error(404)

    def all(self, vault: str) -> list[Item]:
        """The items of a vault."""
        of_texts = [of_text(title, value) for title, value in list(self.secrets.items())]
        return [item for item in (*of_texts, *self.items) if item["vault"]["id"] == vault]

    def filtered(self, attribute: str, found: list[Any], request: Request) -> Answer:
        """Those that the filter selects, which is one of equality."""
        if written := request.query.get("filter"):
            asked = re.fullmatch(rf'{attribute} eq ("(?:[^"\\]|\\.)*")', written)
            if asked is None:
                return self.error(400)
            wanted = json.loads(asked[1]).lower()
            found = [each for each in found if each[attribute].lower() == wanted]
        return Answer(200, found)

    @staticmethod
    def shown(item: Item) -> Item:
        """An item without its fields."""
        return {key: item[key] for key in SUMMARY if key in item}
