"""CyberArk's Central Credential Provider: the double that hands out objects, behind the gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tests.conformance.capability import Capability
from tests.conformance.gate import OnGuarded, written
from tests.conformance.gate import page as html_page
from tests.conformance.harness import Options, Planting
from tests.failures.way import answered, injected, over_http
from tests.servers.counting import Call
from tests.servers.cyberark_ccp import APP, SAFE, Provider, refusal
from tests.stores.cyberark import CyberArkStore
from tests.stores.cyberark import OnDouble as OnAccounts
from tests.stores.description import Calls, Reader


class OnDouble(OnGuarded):
    """An application that may read one safe. A provider lists and describes nothing."""

    store = "cyberark_ccp"
    double = Provider
    variable = "CYBERARK_APP_ID"
    address_option = "address"
    capabilities = OnGuarded.capabilities - {Capability.LISTED, Capability.DESCRIBED}
    #: As in every safe.
    impossible_names = OnAccounts.impossible_names
    guarded: Provider

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Every request is a read."""
        with super().running():
            yield

    def options(self) -> Options:
        """The application, and the gate as the address."""
        return {"app_id": APP, "safe": SAFE, "address": self.gate.url}

    def inject(self, fault: Capability) -> Options:
        """What the provider would do to this application."""
        if fault is Capability.DENIED:
            self.guarded.apps[APP] = False
        elif fault is Capability.UNAUTHENTICATED:
            self.guarded.apps.clear()
        else:
            return super().inject(fault)
        return {}

    def plantings(self, canary: str) -> list[Planting]:
        """Addresses with a password in them."""
        with_password = self.proxies(canary)["HTTP_PROXY"]
        return [
            *self.addresses(canary),
            Planting("address of the environment", {"address": None}, {"CYBERARK_CCP_ADDRESS": with_password}),
            Planting("proxy of the environment", {}, self.proxies(canary)),
        ]


class ProviderStore(CyberArkStore):
    """Objects ``airflow-connections-ID``, ``airflow-variables-ID`` and ``airflow-config-ID`` in a safe."""

    name = "cyberark_ccp"
    word = "ccp"
    feature = "cyberark-ccp"
    backend = "strongroom.cyberark.CentralCredentialProviderBackend"
    page = "cyberark-ccp.md"
    harnesses = (OnDouble,)
    nowhere: ClassVar[Mapping[str, Any]] = {"address": "http://127.0.0.1:9", "app_id": "a", "safe": "s"}
    powerless = "another"
    calls = Calls("read")
    ways = (
        injected("429", Capability.THROTTLED, waits=True),
        injected("500", Capability.SERVER_ERROR),
        injected("403: the application may not read", Capability.DENIED),
        injected("403: the application is not known", Capability.UNAUTHENTICATED),
        answered("400: more than one object has the name", written(refusal(400, "APPAP227E"))),
        answered("a page as the answer", html_page(200, "IIS")),
        *over_http(),
    )

    def reader(self, server: Any, url: str) -> Reader:
        """The application, and another one that may read nothing."""
        server.apps[self.powerless] = False
        options = {"app_id": APP, "safe": SAFE, "address": url}
        return Reader(options, lambda: {"app_id": self.powerless})

    def deployed(self, server: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The address and the safe in the kwargs, the application in the environment."""
        return {"address": server.url, "safe": SAFE}, {"CYBERARK_APP_ID": APP}

    def operation(self, call: Call) -> str:
        """Every request is a read; the probe of ``doctor`` is none."""
        return "read" if "/api/Accounts?" in call.path else ""


STORE = ProviderStore()
