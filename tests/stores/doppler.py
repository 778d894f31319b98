"""Doppler: the double that knows its tokens, behind the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tests.conformance.capability import Capability
from tests.conformance.gate import OnGuarded, written
from tests.conformance.harness import ODD_NAMES, Kind
from tests.failures.way import answered, injected, over_http
from tests.servers.counting import Call
from tests.servers.doppler import CONFIG, PROJECT, Doppler
from tests.stores.description import Calls, below_prefix
from tests.stores.guarded import GuardedStore


class OnDouble(OnGuarded):
    """A service token that reads one config."""

    store = "doppler"
    double = Doppler
    variable = "DOPPLER_TOKEN"
    ignores_case = True
    #: Capitals, digits and underscores are all that a name has; dashes, dots and slashes become underscores.
    impossible_names = frozenset(ODD_NAMES) - {"slash", "slashes", "dots", "only dots"}


class DopplerStore(GuardedStore):
    """The secrets of one config."""

    name = word = feature = "doppler"
    backend = "strongroom.doppler.DopplerBackend"
    page = "doppler.md"
    harnesses = (OnDouble,)
    place_options: ClassVar[Mapping[str, str]] = {"project": PROJECT, "config": CONFIG}
    powerless = "dp.st.dev.canary5Ke9made8up"
    calls = Calls("read", "list", 1000, described="list", batch=("download", 2000))
    ways = (
        injected("429: rate limit", Capability.THROTTLED, waits=True),
        injected("500", Capability.SERVER_ERROR),
        injected("400: a token of another config", Capability.DENIED),
        injected("401: the token was revoked", Capability.UNAUTHENTICATED),
        answered("404: no such project or config", written(Doppler.error(404))),
        *over_http(),
    )

    def place(self, kind: Kind, secret_id: str, team: str | None = None) -> str:
        """Prefix and id, in Doppler's letters."""
        return below_prefix("_", kind, secret_id, team).upper().translate(dict.fromkeys(map(ord, "-./"), "_"))

    def operation(self, call: Call) -> str:
        """By its path."""
        end = call.path.partition("?")[0].rpartition("/")[2]
        return {"names": "list", "secret": "read"}.get(end, end)


STORE = DopplerStore()
