"""CyberArk's accounts: the double that begins sessions, behind the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tests.conformance.capability import Capability
from tests.conformance.gate import OnGuarded, written
from tests.conformance.gate import page as html_page
from tests.conformance.harness import Options, Planting
from tests.failures.way import Way, answered, injected, over_http, way
from tests.servers.counting import Call
from tests.servers.cyberark import PASSWORD, SAFE, USER, WebAccess, refusal
from tests.servers.double import Answer
from tests.stores.description import FOLDERS, Calls, Reader
from tests.stores.guarded import GuardedStore


class OnDouble(OnGuarded):
    """A user that may list and retrieve everything in one safe."""

    store = "cyberark"
    double = WebAccess
    variable = "CYBERARK_PASSWORD"
    address_option = "address"
    #: A login that is refused leads to no read.
    refused_reads = 0
    #: A name is that of a file in a safe.
    impossible_names = frozenset(
        {"spaces around", "slash", "slashes", "dots", "double quote", "backslash", "query", "colon", "stars"}
        | {"tab", "newline", "control", "separator", "zero"}
    )
    guarded: WebAccess

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Logins work while reads fail, as those of a server behind another proxy do."""
        with super().running():
            self.gate.counts = lambda path: "/API/Accounts?" in path
            self.gate.spoils = lambda path: "/API/Accounts" in path
            yield

    def options(self) -> Options:
        """The user, and the gate as the address."""
        return {"username": USER, "password": PASSWORD, "safe": SAFE, "address": self.gate.url}

    def inject(self, fault: Capability) -> Options:
        """What CyberArk would do to this user."""
        if fault is Capability.DENIED:
            self.guarded.users[USER] = False
        elif fault is Capability.UNAUTHENTICATED:
            self.guarded.users.clear()
        else:
            return super().inject(fault)
        return {}

    def plantings(self, canary: str) -> list[Planting]:
        """The environment, and addresses with a password in them."""
        with_password = self.proxies(canary)["HTTP_PROXY"]
        identity = {"auth": "oauth", "identity_url": with_password}
        return [
            Planting("environment", {"password": None}, {self.variable: canary}),
            *self.addresses(canary),
            Planting("address of Identity", identity),
            Planting("address of the environment", {"address": None}, {"CYBERARK_ADDRESS": with_password}),
            Planting("proxy of the environment", {}, self.proxies(canary)),
        ]


def login(what: str, answer: Answer, **more: Any) -> Way:
    """The sessions end, and the login gives this answer."""

    def begin(harness: Any) -> None:
        harness.guarded.login_fault = answer
        harness.guarded.sessions.clear()

    return way(what, begin, **more)


def html(status: int) -> Answer:
    """A page in place of an answer."""
    return Answer(status, html_page(status, "IIS").content, {"Content-Type": "text/html"})


class CyberArkStore(GuardedStore):
    """Accounts ``airflow-connections-ID``, ``airflow-variables-ID`` and ``airflow-config-ID`` in a safe."""

    name = word = feature = "cyberark"
    backend = "strongroom.cyberark.PrivilegedAccountsBackend"
    page = "cyberark.md"
    harnesses: ClassVar[tuple[type[OnGuarded], ...]] = (OnDouble,)
    nowhere: ClassVar[Mapping[str, Any]] = {"address": "http://127.0.0.1:9", "username": "u", "password": "made-up"}
    address = "address"
    powerless = "auditor"
    calls = Calls("retrieve", "list", 1000, described="search", before=("search",))
    ways = (
        injected("429", Capability.THROTTLED, waits=True),
        injected("500", Capability.SERVER_ERROR),
        injected("403: the user may retrieve nothing", Capability.DENIED, note="Searches are counted here."),
        injected("403 of the login: the user is not known", Capability.UNAUTHENTICATED),
        login("403 of the login: wrong password", refusal(403, "ITATS004E")),
        login("409 of the login: the password has expired", refusal(409, "ITATS532E")),
        login("500 of the login: RADIUS asks for another factor", refusal(500, "ITATS542I")),
        login("503 of the login", html(503), waits=True),
        login("a page as the answer of the login", html(200)),
        answered("401: the session is never accepted", written(WebAccess.error(401))),
        answered("404: the safe does not exist", written(WebAccess.error(404))),
        answered("a page as the answer", html_page(200, "IIS")),
        *over_http(),
    )

    def place(self, kind: Any, secret_id: str, team: str | None = None) -> str:
        """The prefix of the kind and the id, with dashes."""
        return "-".join(("airflow", FOLDERS[kind], f"{team}--{secret_id}" if team else secret_id))

    def reader(self, server: Any, url: str) -> Reader:
        """The user, and one who may list accounts and not retrieve them."""
        server.users[self.powerless] = False
        options = {"username": USER, "password": PASSWORD, "safe": SAFE, "address": url}
        return Reader(options, lambda: {"username": self.powerless}, [PASSWORD])

    def deployed(self, server: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The address and the safe in the kwargs, the login in the environment."""
        return {"address": server.url, "safe": SAFE}, {"CYBERARK_USERNAME": USER, "CYBERARK_PASSWORD": PASSWORD}

    def operation(self, call: Call) -> str:
        """By its path; a login and a logoff are no operations."""
        path, _, query = call.path.partition("?")
        if path.endswith("/Retrieve"):
            return "retrieve"
        if not path.endswith("/API/Accounts"):
            return ""
        return "search" if "search=" in query else "list"


STORE = CyberArkStore()
