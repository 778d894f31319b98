"""Doppler: the double that knows its tokens, behind the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tests.conformance.capability import EVERY_STORE, Capability
from tests.conformance.gate import Answer, OnGuarded
from tests.conformance.harness import ODD_NAMES, Kind, Planting
from tests.failures.way import answered, injected, over_http
from tests.servers.counting import Call
from tests.servers.doppler import CONFIG, PROJECT, Doppler
from tests.stores.description import Calls, Reader, Secrets, Store, below_prefix

POWERLESS = "dp.st.dev.canary5Ke9made8up"
SHOWN = {Capability.TEAMS, Capability.CHANGES, Capability.COUNTED, Capability.LISTED, Capability.DESCRIBED}
NOT_THERE = Answer(404, (("Content-Type", "application/json"),), Doppler.error(404).content())


class OnDouble(OnGuarded):
    """A service token that reads one config."""

    store = "doppler"
    double = Doppler
    ignores_case = True
    capabilities = EVERY_STORE | OnGuarded.faults | SHOWN
    #: Capitals, digits and underscores are all that a name has; dashes, dots and slashes become underscores.
    impossible_names = frozenset(ODD_NAMES) - {"slash", "slashes", "dots", "only dots"}

    def put(self, kind: Kind, secret_id: str, value: str, team: str | None = None) -> None:
        """A secret of the config."""
        self.guarded.secrets[STORE.place(kind, secret_id, team)] = value

    def plantings(self, canary: str) -> list[Planting]:
        """The environment, a token that no header can hold, and addresses with a password in them."""
        return [
            Planting("environment", {"token": None}, {"DOPPLER_TOKEN": canary}),
            Planting("token with a line break", {"token": f"{canary}\n{canary}"}),
            *self.addresses(canary),
            Planting("proxy of the environment", {}, self.proxies(canary)),
        ]


class DopplerStore(Store):
    """The secrets of one config."""

    name = word = feature = "doppler"
    backend = "strongroom.doppler.DopplerBackend"
    page = "doppler.md"
    harnesses = (OnDouble,)
    nowhere: ClassVar[Mapping[str, Any]] = {"endpoint_url": "http://127.0.0.1:9", "token": "made-up"}
    server = "doppler_server"
    address = "endpoint_url"
    calls = Calls("read", "list", 1000, described="list", batch=("download", 2000))
    ways = (
        injected("429: rate limit", Capability.THROTTLED, waits=True),
        injected("500", Capability.SERVER_ERROR),
        injected("400: a token of another config", Capability.DENIED),
        injected("401: the token was revoked", Capability.UNAUTHENTICATED),
        answered("404: no such project or config", NOT_THERE),
        *over_http(),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """Prefix and id."""
        name = below_prefix("_", kind, secret_id, team)
        return name.upper().translate(dict.fromkeys(map(ord, "-./"), "_"))

    def fill(self, server: Doppler, secrets: Secrets) -> None:
        """Secrets, or new values of them."""
        server.secrets |= {self.place(*name): value for name, value in secrets.items()}

    def reader(self, server: Doppler, url: str) -> Reader:
        """The token, and another that may read another config."""
        server.tokens[POWERLESS] = False
        options = {"token": Doppler.token, "endpoint_url": url}
        return Reader(options, lambda: {"token": POWERLESS}, [Doppler.token, POWERLESS])

    def operation(self, call: Call) -> str:
        """By its path."""
        end = call.path.partition("?")[0].rpartition("/")[2]
        return {"names": "list", "secret": "read"}.get(end, end)

    def deployed(self, server: Doppler) -> tuple[dict[str, Any], dict[str, str]]:
        """Project and config in the kwargs, the token in the environment."""
        kwargs = {"project": PROJECT, "config": CONFIG, "endpoint_url": server.url}
        return kwargs, {"DOPPLER_TOKEN": Doppler.token}


STORE = DopplerStore()
