"""BeyondTrust Secrets Safe: the double that opens sessions, behind the gate."""

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
from tests.servers.beyondtrust import CLIENT, KEY, PASSWORD, SECRET, USER, SecretsSafe, refused
from tests.servers.counting import Call
from tests.servers.double import Answer
from tests.stores.description import Calls, Reader, below_prefix
from tests.stores.guarded import GuardedStore

#: The reads of values, and the pages of lists.
READ = re.compile(r"/secrets-safe/secrets(\?.*title=|/[\w-]{36}$)")
SIGN_IN = "Auth/SignAppIn"


class OnDouble(OnGuarded):
    """A user that may read everything."""

    store = "beyondtrust"
    double = SecretsSafe
    variable = "PASSWORD_SAFE_API_KEY"
    address_option = "address"
    ignores_case = True
    #: A login that is refused leads to no read.
    refused_reads = 0
    #: Folders are separated by slashes and have names; nothing has a control character in its name, and a title has up
    #: to 256 characters. In capitals a name is the same.
    impossible_names = frozenset(
        {"spaces around", "slashes", "tab", "newline", "control", "separator", "zero", "upper case", "long"}
    )
    guarded: SecretsSafe

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Logins work while reads fail, as those of a server behind another proxy do."""
        with super().running():
            self.gate.counts = lambda path: bool(READ.search(path))
            self.gate.spoils = lambda path: "/secrets-safe/" in path
            yield

    def options(self) -> Options:
        """The user, and the gate as the address."""
        return {"api_key": KEY, "run_as": USER, "address": self.gate.url}

    def inject(self, fault: Capability) -> Options:
        """What Password Safe would do to this user."""
        if fault is Capability.DENIED:
            self.guarded.users[USER] = False
        elif fault is Capability.UNAUTHENTICATED:
            self.guarded.users.clear()
        else:
            return super().inject(fault)
        return {}

    def plantings(self, canary: str) -> list[Planting]:
        """The environment, a password, a client, a key with a line break, and addresses with a password in them."""
        client = {"api_key": None, "run_as": None, "client_id": CLIENT, "client_secret": canary}
        with_password = self.proxies(canary)["HTTP_PROXY"]
        return [
            Planting("environment", {"api_key": None}, {self.variable: canary}),
            Planting("password", {"run_as_password": canary}),
            Planting("client", client),
            Planting("key with a line break", {"api_key": f"{canary}\n{canary}"}),
            *self.addresses(canary),
            Planting("address of the environment", {"address": None}, {"PASSWORD_SAFE_API_URL": with_password}),
            Planting("proxy of the environment", {}, self.proxies(canary)),
        ]


def login(what: str, answer: Answer, **more: Any) -> Way:
    """The sessions end, and the login gives this answer."""

    def begin(harness: Any) -> None:
        harness.guarded.login_faults[SIGN_IN] = answer
        harness.guarded.sessions.clear()

    return way(what, begin, **more)


def html(status: int) -> Answer:
    """A page in place of an answer."""
    return Answer(status, html_page(status, "Password Safe").content, {"Content-Type": "text/html"})


class BeyondTrustStore(GuardedStore):
    """Secrets in the folders ``airflow/connections``, ``airflow/variables`` and ``airflow/config``."""

    name = word = feature = "beyondtrust"
    backend = "strongroom.beyondtrust.SecretsSafeBackend"
    page = "beyondtrust.md"
    harnesses = (OnDouble,)
    nowhere: ClassVar[Mapping[str, Any]] = {"address": "http://127.0.0.1:9", "api_key": "made-up", "run_as": "u"}
    address = "address"
    powerless = CLIENT
    calls = Calls("read", "list", 1000, is_counted=False, described="read")
    ways = (
        injected("429", Capability.THROTTLED, waits=True),
        injected("500", Capability.SERVER_ERROR),
        injected("403: the user may read nothing", Capability.DENIED),
        injected("401 of the sign-in: the user is not known", Capability.UNAUTHENTICATED),
        login("401 of the sign-in: wrong key", refused()),
        login("503 of the sign-in", html(503), waits=True),
        login("a page as the answer of the sign-in", html(200)),
        answered("401: the session is never accepted", written(SecretsSafe.error(401))),
        answered("a page as the answer", html_page(200, "Password Safe")),
        *over_http(),
    )

    def place(self, kind: Any, secret_id: str, team: str | None = None) -> str:
        """Folders and title."""
        return below_prefix("/", kind, secret_id, team)

    def reader(self, server: Any, url: str) -> Reader:
        """The user, and a client that may read nothing."""
        server.users[self.powerless] = False
        options = {"api_key": KEY, "run_as": USER, "address": url}
        powerless = {"api_key": None, "run_as": None, "client_id": CLIENT, "client_secret": SECRET}
        return Reader(options, lambda: powerless, [KEY, SECRET, PASSWORD])

    def deployed(self, server: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The address and the user in the kwargs, the key in the environment."""
        return {"address": server.url, "run_as": USER}, {"PASSWORD_SAFE_API_KEY": KEY}

    def operation(self, call: Call) -> str:
        """By its path: what belongs to the login is no operation of its own."""
        if "/secrets-safe/secrets?" in call.path and "limit=" in call.path:
            return "list"
        return "read" if READ.search(call.path) else ""


STORE = BeyondTrustStore()
