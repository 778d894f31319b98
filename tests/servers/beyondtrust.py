"""Secrets Safe as far as secrets are read: a double, since there is no Password Safe to install.

Paths, parameters and fields are those of "Secrets Safe APIs" and "Authentication" of the BeyondInsight and Password
Safe API Guide, and of BeyondTrust's ``beyondtrust-bips-library`` 2.32.1 (``mapping/secrets.py``). A session is a
cookie, and a name is the same in capitals.
"""

from __future__ import annotations

import itertools
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.servers.double import Answer, Guarded, Request

BASE = "/BeyondTrust/api/public/v3/"
#: BeyondTrust's own client takes no shorter ones.
KEY = "canary-key4Tq7made1up-" + "7f3a" * 27
CLIENT = "1f0e6c1a-0000-4000-8000-00000000c0de"
SECRET = "canary-secret8Vw2made5up-0123456789abcdef"
USER, PASSWORD = "corp\\airflow", "canary-pass3Rt9made2up"
COOKIE = "ASP.NET_SessionId"


def folded(path: str) -> str:
    """A path as SQL Server compares it."""
    return path.strip("/").casefold()


def guid(name: str) -> str:
    """The id of a secret or a folder: always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def refused() -> Answer:
    """A login that is refused, or a session that has ended."""
    return Answer(401, "made up")


@dataclass
class SecretsSafe(Guarded):
    """Folders of secrets; names are the paths."""

    token = ""

    #: Each user or client that is known, and whether it may read.
    users: dict[str, bool] = field(default_factory=dict)
    #: The sessions, by the value of their cookie.
    sessions: dict[str, str] = field(default_factory=dict)
    #: Whether the API registration requires the password of the user.
    needs_password: bool = False
    #: What a secret is, by path; the others are texts.
    forms: dict[str, str] = field(default_factory=dict)
    #: The contents of files, by path.
    files: dict[str, bytes] = field(default_factory=dict)
    #: The field that a list has texts in; BeyondTrust's clients read ``Password``. Empty for neither.
    text_in: str = "Password"
    #: Paths that two secrets have.
    twins: set[str] = field(default_factory=set)
    #: What a request without a version is answered with.
    version: str = "3.0"
    #: What a step of the login is answered with, by its path.
    login_faults: dict[str, Answer] = field(default_factory=dict)
    _count: Any = field(default_factory=itertools.count)

    def heal(self) -> None:
        """No fault, one user and one client."""
        super().heal()
        self.tokens = {}
        self.users = {USER: True, CLIENT: True}
        self.login_faults = {}

    def reset(self) -> None:
        """No secrets, no sessions either."""
        self.sessions, self.needs_password, self.version, self.text_in = {}, False, "3.0", "Password"
        self.forms, self.files, self.twins = {}, {}, set()
        super().reset()

    @staticmethod
    def error(status: int) -> Answer:
        """As Password Safe writes it: a text."""
        return Answer(status, "made up")

    def answer(self, request: Request) -> Answer:
        """What Password Safe says."""
        if not request.path.startswith(BASE):
            return Answer(404, b"<html>404 - File or directory not found.</html>", {"Content-Type": "text/html"})
        if request.method == "POST" and "content-length" not in request.headers:
            return Answer(411, b"<html>Length Required</html>", {"Content-Type": "text/html"})
        asked = request.path.removeprefix(BASE).strip("/")
        if asked in self.login_faults:
            return self.login_faults[asked]
        if asked == "Auth/connect/token":
            return self.issue(request)
        if asked == "Auth/SignAppIn":
            return self.sign_in(request)
        session = self.session(request)
        if asked == "Auth/Signout":
            return Answer(200) if self.sessions.pop(session, None) else refused()
        if self.fault:
            return self.error(self.fault)
        user = self.sessions.get(session, "")
        if user not in self.users:
            return refused()
        return self.read_for(request, asked) if self.users[user] else self.error(403)

    @staticmethod
    def session(request: Request) -> str:
        """The value of the session's cookie."""
        pairs = [pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";")]
        return {name: value for name, _, value in pairs}.get(COOKIE, "")

    def issue(self, request: Request) -> Answer:
        """A token for an application user."""
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}
        if request.form != wanted or CLIENT not in self.users:
            return Answer(400, {"error": "invalid_client"})
        token = f"canary-token-{next(self._count)}-9Xr3made6up"
        self.tokens[token] = True
        answer = {"access_token": token, "expires_in": 3600, "token_type": "Bearer", "scope": "publicapi"}
        return Answer(200, answer, {"Set-Cookie": "balancer=canary-balancer; path=/; HttpOnly"})

    def sign_in(self, request: Request) -> Answer:
        """A session for the user of a key, or for a token that a client was issued."""
        user = CLIENT if self.tokens.get(request.bearer) else self.user_of(request.headers.get("authorization", ""))
        if user not in self.users:
            return refused()
        session = f"canary-session-{next(self._count)}-5Qm1made7up"
        self.sessions[session] = user
        model = {"UserId": 7, "SID": None, "EmailAddress": "", "UserName": user, "Name": user}
        return Answer(200, model, {"Set-Cookie": f"{COOKIE}={session}; path=/; secure; HttpOnly"})

    def user_of(self, authorization: str) -> str:
        """The user that a PS-Auth header names with the right key; empty for a wrong one."""
        scheme, _, rest = authorization.partition(" ")
        parts = {name.strip(): value for name, _, value in (part.partition("=") for part in rest.split(";"))}
        is_right = scheme == "PS-Auth" and parts.get("key") == KEY
        is_right = is_right and (not self.needs_password or parts.get("pwd") == f"[{PASSWORD}]")
        return parts.get("runas", "") if is_right else ""

    def read(self, request: Request) -> Answer:
        """Unused: what is read depends on the path below the API."""
        return self.read_for(request, request.path.removeprefix(BASE))

    def read_for(self, request: Request, asked: str) -> Answer:
        """A list, a secret, a part of one, or a folder."""
        if asked == "secrets-safe/secrets":
            return self.search(request.query)
        folder = re.fullmatch(r"secrets-safe/folders/([\w-]+)", asked)
        if folder:
            found = [name for name in self.folders() if guid(name) == folder[1].lower()]
            return Answer(200, {"Id": folder[1], "Name": found[0]}) if found else self.error(404)
        part = re.fullmatch(r"secrets-safe/secrets/([\w-]+)(/text|/file/download)?", asked)
        paths = [path for path in self.secrets if part and guid(path) == part[1].lower()]
        if not part or not paths:
            return self.error(404)
        path = paths[0]
        if part[2] == "/file/download":
            return Answer(200, self.files[path], {"Content-Type": "application/octet-stream"})
        if part[2] == "/text":
            return Answer(200, {"Id": part[1], "Text": self.secrets[path]})
        return Answer(200, {key: value for key, value in self.model(path).items() if key != "SecretType"})

    def form(self, path: str) -> str:
        """What a secret is."""
        return self.forms.get(path, "Text")

    def model(self, path: str, *, decrypt: bool = True) -> dict[str, Any]:
        """A secret as lists have it."""
        folder, _, title = path.rpartition("/")
        form, value = self.form(path), self.secrets[path] if decrypt else None
        usual = {"Id": guid(path), "Title": title, "Description": "", "SecretType": form, "IsFavorite": False}
        place = {"FolderId": guid(folder), "Folder": folder.rpartition("/")[2], "FolderPath": folder}
        dates = {"CreatedOn": "2026-01-15T10:30:00.12", "ModifiedOn": "2026-01-16T10:30:00.12"}
        values: dict[str, Any] = {"Username": None, "Password": None, "Text": None, "FileName": None, "FileHash": None}
        if form == "Credential":
            values |= {"Username": "user", "Password": value}
        elif form == "File":
            values |= {"FileName": "secret.txt", "FileHash": "0" * 64}
        elif self.text_in:
            values[self.text_in] = value
        return {**usual, **place, **dates, **values, "Owners": [], "Notes": "", "Urls": []}

    def folders(self) -> set[str]:
        """The folders, with those that they are in."""
        parts = [name.split("/")[:-1] for name in self.secrets]
        return {"/".join(each[:depth]) for each in parts for depth in range(1, len(each) + 1)}

    def search(self, query: dict[str, str]) -> Answer:
        """The secrets that the parameters select: a list, and from version 3.2 on an object with one."""
        separator = query.get("separator", "/")
        wanted = folded(query.get("path", "").replace(separator, "/"))

        def is_chosen(path: str) -> bool:
            folder, _, title = path.rpartition("/")
            is_inside = "path" not in query or folded(folder) == wanted
            is_inside = is_inside and query.get("folderId", guid(folder)).lower() == guid(folder)
            return is_inside and ("title" not in query or title.casefold() == query["title"].casefold())

        names = [path for path in sorted(self.secrets) if is_chosen(path)]
        names = [each for path in names for each in [path] * (2 if path in self.twins else 1)]
        start, limit = int(query.get("offset", "0")), int(query.get("limit", "1000"))
        decrypt = query.get("decrypt", "true") == "true"
        found = [self.model(path, decrypt=decrypt) for path in names[start : start + limit]]
        for index, each in enumerate(found):
            if index and each["Id"] == found[index - 1]["Id"]:
                each["Id"] = guid(f"{names[start + index]} again")
        is_object = query.get("version", self.version) >= "3.2"
        return Answer(200, {"TotalCount": len(names), "Data": found} if is_object else found)
