"""Delinea Secret Server: the double that issues tokens, behind the gate."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tests.conformance.capability import Capability
from tests.conformance.gate import OnGuarded, written
from tests.conformance.gate import page as html_page
from tests.conformance.harness import Options, Planting
from tests.failures.way import Way, answered, injected, over_http, way
from tests.servers.counting import Call
from tests.servers.delinea import CLIENT, PASSWORD, SECRET, USER, SecretServer, invalid_grant
from tests.servers.double import Answer
from tests.stores.description import Calls, Reader, below_prefix
from tests.stores.guarded import GuardedStore

#: The reads of values, and the pages of lists.
READ = re.compile(r"/api/v1/secrets/\d+\?")


class OnDouble(OnGuarded):
    """A user that may view everything."""

    store = "delinea"
    double = SecretServer
    variable = "TSS_PASSWORD"
    address_option = "address"
    ignores_case = True
    #: A login that is refused leads to no read.
    refused_reads = 0
    #: Folders are separated by slashes and backslashes, and have names; nothing has a control character in its name. In
    #: capitals a name is the same.
    impossible_names = frozenset(
        {"spaces around", "slashes", "backslash", "tab", "newline", "control", "separator", "zero", "upper case"}
    )
    guarded: SecretServer

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Logins work while reads fail, as those of a server behind another proxy do."""
        with super().running():
            self.gate.counts = lambda path: bool(READ.search(path))
            self.gate.spoils = lambda path: "/api/" in path
            yield

    def options(self) -> Options:
        """The user, and the gate as the address."""
        return {"username": USER, "password": PASSWORD, "address": self.gate.url}

    def inject(self, fault: Capability) -> Options:
        """What Secret Server would do to this user."""
        if fault is Capability.DENIED:
            self.guarded.users[USER] = False
        elif fault is Capability.UNAUTHENTICATED:
            self.guarded.users.clear()
        else:
            return super().inject(fault)
        return {}

    def plantings(self, canary: str) -> list[Planting]:
        """The environment, a client, and addresses with a password in them."""
        client = {"username": None, "password": None, "client_id": CLIENT, "client_secret": canary}
        with_password = self.proxies(canary)["HTTP_PROXY"]
        return [
            Planting("environment", {"password": None}, {self.variable: canary}),
            Planting("client", client),
            *self.addresses(canary),
            Planting("address of the environment", {"address": None}, {"TSS_BASE_URL": with_password}),
            Planting("proxy of the environment", {}, self.proxies(canary)),
        ]


def login(what: str, answer: Answer, **more: Any) -> Way:
    """The tokens end, and the login gives this answer."""

    def begin(harness: Any) -> None:
        harness.guarded.login_fault = answer
        harness.guarded.sessions.clear()

    return way(what, begin, **more)


def html(status: int) -> Answer:
    """A page in place of an answer."""
    return Answer(status, html_page(status, "Secret Server").content, {"Content-Type": "text/html"})


class DelineaStore(GuardedStore):
    """Secrets in the folders ``airflow/connections``, ``airflow/variables`` and ``airflow/config``."""

    name = word = feature = "delinea"
    backend = "strongroom.delinea.SecretServerBackend"
    page = "delinea.md"
    harnesses = (OnDouble,)
    nowhere: ClassVar[Mapping[str, Any]] = {"address": "http://127.0.0.1:9", "username": "u", "password": "made-up"}
    address = "address"
    powerless = CLIENT
    calls = Calls("read", "list", 500)
    ways = (
        injected("429", Capability.THROTTLED, waits=True),
        injected("500", Capability.SERVER_ERROR),
        injected(
            "400: the user may view nothing",
            Capability.DENIED,
            note="Reads are counted here. Secret Server says the same of what is absent, so a refused read is "
            "followed by a search.",
        ),
        injected("400 of the login: the user is not known", Capability.UNAUTHENTICATED),
        login("400 of the login: wrong password", invalid_grant()),
        login("503 of the login", html(503), waits=True),
        login("a page as the answer of the login", html(200)),
        answered("403: the token is never accepted", written(SecretServer.error(403))),
        answered("a page as the answer", html_page(200, "Secret Server")),
        *over_http(),
    )

    def place(self, kind: Any, secret_id: str, team: str | None = None) -> str:
        """Folders and name."""
        return below_prefix("/", kind, secret_id, team)

    def reader(self, server: Any, url: str) -> Reader:
        """The user, and a client that may view nothing."""
        server.users[self.powerless] = False
        options = {"username": USER, "password": PASSWORD, "address": url}
        powerless = {"username": None, "password": None, "client_id": CLIENT, "client_secret": SECRET}
        return Reader(options, lambda: powerless, [PASSWORD, SECRET])

    def deployed(self, server: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The address in the kwargs, the login in the environment."""
        return {"address": server.url}, {"TSS_USERNAME": USER, "TSS_PASSWORD": PASSWORD}

    def operation(self, call: Call) -> str:
        """By its path. What follows a refusal, and what leads to a folder, is no operation of its own."""
        path, _, query = call.path.partition("?")
        if path.endswith("/api/v2/secrets"):
            return "" if "isExactMatch" in query or "take=1&" in query or query.endswith("take=1") else "list"
        return "read" if READ.search(call.path) else ""


STORE = DelineaStore()
