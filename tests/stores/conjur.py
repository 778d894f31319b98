"""Conjur: the double that issues tokens, behind the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tests.conformance.capability import Capability
from tests.conformance.gate import OnGuarded, written
from tests.conformance.gate import page as html_page
from tests.conformance.harness import Options, Planting
from tests.failures.way import Way, answered, injected, over_http, way
from tests.servers.conjur import ACCOUNT, HOST, KEY, SERVICE, USER, Conjur
from tests.servers.counting import Call
from tests.servers.double import Answer
from tests.stores.description import Calls, Reader, below_prefix
from tests.stores.guarded import GuardedStore


class OnDouble(OnGuarded):
    """A host that may read everything."""

    store = "conjur"
    double = Conjur
    variable = "CONJUR_AUTHN_API_KEY"
    address_option = "address"
    #: A value is the body itself, and no proxy that shortens it can be told from another value.
    capabilities = OnGuarded.capabilities - {Capability.TRUNCATED, Capability.GARBAGE}
    #: A login that is refused leads to no read.
    refused_reads = 0
    impossible_names = frozenset({"tab", "newline", "control", "separator", "zero"})
    guarded: Conjur

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Logins work while reads fail, as those of a server behind another proxy do."""
        with super().running():
            self.gate.counts = lambda path: path.startswith("/secrets")
            self.gate.spoils = lambda path: path.startswith(("/secrets", "/resources"))
            yield

    def options(self) -> Options:
        """The host, and the gate as the address."""
        return {"account": ACCOUNT, "login": HOST, "api_key": KEY, "address": self.gate.url}

    def inject(self, fault: Capability) -> Options:
        """What Conjur would do to this host."""
        if fault is Capability.DENIED:
            self.guarded.users[HOST] = False
        elif fault is Capability.UNAUTHENTICATED:
            self.guarded.users.clear()
        else:
            return super().inject(fault)
        return {}

    def plantings(self, canary: str) -> list[Planting]:
        """The environment, a password, a JWT, and addresses with a password in them."""
        none = {"api_key": None}
        with_password = self.proxies(canary)["HTTP_PROXY"]
        return [
            Planting("environment", none, {self.variable: canary}),
            Planting("password", {**none, "login": USER, "password": canary}),
            Planting("JWT", {**none, "service_id": SERVICE, "jwt": canary}),
            Planting("JWT of the environment", {**none, "service_id": SERVICE}, {"CONJUR_AUTHN_JWT_TOKEN": canary}),
            *self.addresses(canary),
            Planting("address of the environment", {"address": None}, {"CONJUR_APPLIANCE_URL": with_password}),
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
    return Answer(status, html_page(status, "Conjur").content, {"Content-Type": "text/html"})


class ConjurStore(GuardedStore):
    """Variables in the policies ``airflow/connections``, ``airflow/variables`` and ``airflow/config``."""

    name = word = feature = policy = "conjur"
    backend = "strongroom.cyberark.ConjurBackend"
    page = "conjur.md"
    harnesses = (OnDouble,)
    nowhere: ClassVar[Mapping[str, Any]] = {
        "address": "http://127.0.0.1:9",
        "account": ACCOUNT,
        "login": HOST,
        "api_key": "made-up",
    }
    address = "address"
    powerless = "host/powerless"
    calls = Calls("read", "list", 500, described="describe", why=("describe",), batch=("batch", 50))
    ways = (
        injected("429", Capability.THROTTLED, waits=True),
        injected("500", Capability.SERVER_ERROR),
        injected("403: the role has no privilege `execute`", Capability.DENIED),
        injected("401 of the login: the role is not known", Capability.UNAUTHENTICATED),
        login("401 of the login: wrong API key", Answer(401)),
        login("503 of the login", html(503), waits=True),
        login("a page as the answer of the login", html(200)),
        answered("401: the token is never accepted", written(Conjur.error(401))),
        answered("a page as the answer", html_page(200, "Conjur")),
        *(each for each in over_http() if each.what not in ("answer cut short", "answer of another kind")),
    )

    def place(self, kind: Any, secret_id: str, team: str | None = None) -> str:
        """Policy and variable."""
        return below_prefix("/", kind, secret_id, team)

    def reader(self, server: Any, url: str) -> Reader:
        """The host, and another one that may read nothing."""
        server.users[self.powerless], server.keys[self.powerless] = False, KEY
        options = {"account": ACCOUNT, "login": HOST, "api_key": KEY, "address": url}
        return Reader(options, lambda: {"login": self.powerless}, [KEY])

    def deployed(self, server: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The address in the kwargs, the login in the environment."""
        return {"address": server.url, "account": ACCOUNT}, {"CONJUR_AUTHN_LOGIN": HOST, "CONJUR_AUTHN_API_KEY": KEY}

    def operation(self, call: Call) -> str:
        """By its path."""
        path, _, query = call.path.partition("?")
        if "check=true" in query or "limit=1&" in query:
            return ""
        if path.startswith("/secrets"):
            return "batch" if path == "/secrets" else "read"
        if path.startswith("/resources"):
            return "list" if path.endswith("/variable") else "describe"
        return ""


STORE = ConjurStore()
