"""CyberArk's web access as far as accounts are read, and the Identity tenant of Privilege Cloud: a double, since there
is neither to install.

Paths, parameters and fields are those of CyberArk's collection for Ansible (``cyberark_authentication.py``,
``cyberark_account.py``), of ``Get-PASAccount.ps1`` of psPAS, and of ``aiobastion`` 0.1.9. A search finds words in any
property of an account; who may not list a safe gets an empty answer.
"""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import dataclass, field
from typing import Any

from tests.servers.double import Answer, Guarded, Request

USER, PASSWORD = "airflow", "canary-pass7Tq4made1up"
SAFE = "Airflow"
LIFETIME = 900
#: The logins of the web access, as it spells them.
DIRECTORIES = ("cyberark", "ldap", "radius", "windows")


def refusal(status: int, code: str) -> Answer:
    """An error as the web access writes it."""
    return Answer(status, {"ErrorCode": code, "ErrorMessage": "made up"})


@dataclass
class WebAccess(Guarded):
    """The accounts of safes; those of ``secrets`` are in one safe, by their names."""

    token = ""
    #: Each user that is known, and whether it may retrieve accounts.
    users: dict[str, bool] = field(default_factory=dict)
    #: The sessions, and the tokens of Identity: who they are for, and when they end.
    sessions: dict[str, tuple[str, float]] = field(default_factory=dict)
    lifetime: float = LIFETIME
    #: Whether this is Privilege Cloud on Shared Services, which knows tokens of Identity alone.
    is_cloud: bool = False
    #: What an account has besides the usual, by name.
    flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Names that another account has, too, and the safe of that.
    twins: dict[str, str] = field(default_factory=dict)
    #: Accounts whose platform requires a reason.
    reasons: set[str] = field(default_factory=set)
    #: Accounts that may be listed and not be retrieved.
    kept_back: set[str] = field(default_factory=set)
    #: What the login is answered with.
    login_fault: Answer | None = None
    #: The cookie that leads to the server with the session.
    cookie: str = ""
    _numbers: dict[str, int] = field(default_factory=dict)
    _count: Any = field(default_factory=itertools.count)

    def heal(self) -> None:
        """No fault, one user."""
        super().heal()
        self.users = {USER: True}
        self.login_fault = None

    def reset(self) -> None:
        """No secrets, no sessions either."""
        self.sessions, self.lifetime, self.is_cloud, self.cookie = {}, LIFETIME, False, ""
        self.flags, self.twins, self.reasons, self.kept_back, self._numbers = {}, {}, set(), set(), {}
        super().reset()

    @staticmethod
    def error(status: int) -> Answer:
        """As the web access writes it."""
        return refusal(status, {401: "PASWS006E", 403: "PASWS041E"}.get(status, "PASWS001E"))

    def answer(self, request: Request) -> Answer:
        """What the web access or Identity says."""
        path = request.path
        if path.endswith("/oauth2/platformtoken"):
            return self.login_fault or self.granted(request)
        logon = re.fullmatch(r"/PasswordVault/API/Auth/(\w+)/Logon", path, re.IGNORECASE)
        if logon:
            return self.login_fault or self.log_on(request, logon[1])
        if self.fault:
            return self.error(self.fault)
        sent = request.bearer if self.is_cloud else request.headers.get("authorization", "")
        user, end = self.sessions.get(sent, ("", 0.0))
        is_led = self.cookie in request.headers.get("cookie", "")
        if user not in self.users or end < time.monotonic() or not is_led:
            return self.error(401)
        if path.casefold().endswith("/api/auth/logoff"):
            del self.sessions[sent]
            return Answer(200, {"LogoffUrl": ""})
        return self.read(request) if self.users[user] else self.denied(request)

    def denied(self, request: Request) -> Answer:
        """What one who may list accounts and not retrieve them gets."""
        return self.error(403) if request.method == "POST" else self.read(request)

    def log_on(self, request: Request, directory: str) -> Answer:
        """A session."""
        given = request.json
        user = given.get("username", "")
        is_right = given == {"username": user, "password": PASSWORD, "concurrentSession": True}
        if directory.casefold() not in DIRECTORIES or self.is_cloud:
            return self.error(404)
        if not is_right or user not in self.users:
            return refusal(403, "ITATS004E")
        cookie = {"Set-Cookie": f"{self.cookie}; path=/; secure"} if self.cookie else {}
        return Answer(200, self.begun(user), cookie)

    def granted(self, request: Request) -> Answer:
        """A token of Identity."""
        login = {"grant_type": "client_credentials", "client_id": USER, "client_secret": PASSWORD}
        if not self.is_cloud or request.form != login or USER not in self.users:
            return Answer(401, {"error": "access_denied", "error_description": "made up"})
        token = self.begun(USER)
        return Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": int(self.lifetime)})

    def begun(self, user: str) -> str:
        """A new session or token."""
        token = f"canary-token-{next(self._count)}-9Xr3made6up"
        self.sessions[token] = (user, time.monotonic() + self.lifetime)
        return token

    def id(self, name: str) -> str:
        """The id of an account: always the same."""
        return f"12_{self._numbers.setdefault(name, 3 + len(self._numbers))}"

    def accounts(self) -> list[dict[str, Any]]:
        """Every account without its password."""
        return [account for name in sorted(self.secrets) for account in self.both(name)]

    def both(self, name: str) -> list[dict[str, Any]]:
        """The account of a name, and another one that has it."""
        usual = {
            "id": self.id(name),
            "name": name,
            "address": "h.example",
            "userName": "made-up",
            "platformId": "UnixSSH",
            "safeName": SAFE,
            "secretType": "password",
            "platformAccountProperties": {},
            "secretManagement": {"automaticManagementEnabled": False, "lastModifiedTime": 1700000000},
            "createdTime": 1690000000,
            **self.flags.get(name, {}),
        }
        other = {**usual, "id": f"{usual['id']}9", "safeName": self.twins.get(name, "")}
        return [usual, other] if name in self.twins else [usual]

    def read(self, request: Request) -> Answer:
        """A search, or the password or key of an account."""
        asked = request.path.partition("/PasswordVault/")[2].casefold()
        if asked == "api/accounts" and request.method == "GET":
            return self.search(request.query)
        found = re.fullmatch(r"api/accounts/(\w+)/(password|secret)/retrieve", asked)
        if not found or request.method != "POST":
            return self.error(404)
        name = next((name for name in self.secrets if self.id(name) == found[1]), None)
        if name is None:
            return refusal(404, "PASWS011E")
        is_key = self.flags.get(name, {}).get("secretType") == "key"
        if name in self.kept_back or is_key != (found[2] == "secret"):
            return self.error(403)
        if name in self.reasons and not request.json.get("Reason"):
            return refusal(400, "PASWS204E")
        return Answer(200, self.secrets[name])

    def search(self, query: dict[str, str]) -> Answer:
        """One page of the accounts that have all words somewhere."""
        if any(character in text for text in query.values() for character in "+&%"):
            return refusal(400, "PASWS001E")
        words = query.get("search", "").casefold().split()
        safe = query.get("filter", "").removeprefix("safeName eq ").casefold()

        def is_chosen(account: dict[str, Any]) -> bool:
            texts = [str(text).casefold() for text in account.values()]
            return safe in ("", account["safeName"].casefold()) and all(
                any(word in text for text in texts) for word in words
            )

        chosen = [account for account in self.accounts() if is_chosen(account)]
        offset, limit = int(query.get("offset", "0")), min(int(query.get("limit", "50")), 1000)
        here, has_next = chosen[offset : offset + limit], len(chosen) > offset + limit
        link = {"nextLink": f"api/Accounts?offset={offset + limit}&limit={limit}"} if has_next else {}
        return Answer(200, {"value": here, "count": len(here), **link})
