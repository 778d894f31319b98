"""Rules for every store on the network: which certificates are trusted, and how long a store is left alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest

from strongroom.exceptions import ConfigurationError, ThrottledError, UnreachableError
from tests.conformance.capability import Capability
from tests.conformance.cases import shows
from tests.conformance.gate import Gate, gate, page
from tests.conformance.harness import Harness, Options
from tests.servers.tls import certificate

#: What harnesses behind a gate can show.
BEHIND_A_GATE = shows(Capability.BAD_GATEWAY)


class Secured:
    """The store behind TLS, and two bundles in a home directory: with its authority, and with another one."""

    def __init__(self, harness: Any) -> None:
        self.harness = harness
        self.home = harness.folder / "home"
        for name in ("right", "wrong"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        self.shown = certificate(self.home / "right")
        self.right = self._bundle("ca.pem", self.shown.authority)
        self.wrong = self._bundle("wrong.pem", certificate(self.home / "wrong").authority)

    @contextlib.contextmanager
    def running(self) -> Iterator[Gate]:
        """The gate that speaks TLS."""
        with gate(f"http://{self.harness.gate.upstream}", self.shown) as opened:
            yield opened

    def verify(self, value: Any) -> Options:
        """The store's option for ``verify``."""
        return {self.harness.verify_option: value}

    def _bundle(self, name: str, authority: Any) -> str:
        path = self.home / name
        path.write_text(self.harness.trusting(authority).read_text())
        return str(path)


@pytest.fixture
def secured(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Secured:
    """Sets the home directory. Unless an option names a bundle, a login is verified with that of the environment."""
    made = Secured(harness)
    monkeypatch.setenv("HOME", str(made.home))
    if of_login := harness.options().get("ca_bundle"):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", of_login)
    return made


Written = Callable[[Secured], Options]

TRUSTED: dict[str, Written] = {
    "ca_bundle": lambda at: {"ca_bundle": at.right},
    "ca_bundle at home": lambda at: {"ca_bundle": "~/ca.pem"},
    "ca_bundle and a path in verify": lambda at: {"ca_bundle": "~/ca.pem", **at.verify(at.wrong)},
    "ca_bundle and verify": lambda at: {"ca_bundle": at.right, **at.verify(True)},
    "a path in verify": lambda at: {"ca_bundle": None, **at.verify(at.right)},
    "a path at home in verify": lambda at: {"ca_bundle": None, **at.verify("~/ca.pem")},
    "no verify and ca_bundle": lambda at: {"ca_bundle": at.wrong, **at.verify(False)},
}

UNTRUSTED: dict[str, Written] = {
    "ca_bundle": lambda at: {"ca_bundle": "~/wrong.pem"},
    "ca_bundle and a path in verify": lambda at: {"ca_bundle": at.wrong, **at.verify(at.right)},
    "ca_bundle and verify": lambda at: {"ca_bundle": at.wrong, **at.verify(True)},
    "a path in verify": lambda at: {"ca_bundle": None, **at.verify("~/wrong.pem")},
    "the list of the platform": lambda _: {"ca_bundle": "system"},
    "the built-in list": lambda at: {"ca_bundle": None, **at.verify(True)},
}


def read(secured: Secured, written: Options) -> Any:
    """What a backend over TLS reads, or the error that it raises."""
    secured.harness.put("variable", "hello", "world")
    with secured.running() as opened:
        place = {secured.harness.address_option: opened.url}
        backend = secured.harness.backend(**place, **written, on_error="raise", max_attempts=1)
        return backend.get_variable("hello")


@BEHIND_A_GATE
@pytest.mark.parametrize("case", TRUSTED)
def test_a_certificate_that_is_trusted(secured: Secured, case: str) -> None:
    assert read(secured, TRUSTED[case](secured)) == "world"


@BEHIND_A_GATE
@pytest.mark.parametrize("case", UNTRUSTED)
def test_a_certificate_that_is_not_trusted(secured: Secured, case: str) -> None:
    with pytest.raises(UnreachableError, match="certificate is not trusted"):
        read(secured, UNTRUSTED[case](secured))


@BEHIND_A_GATE
def test_a_missing_bundle_is_named(secured: Secured) -> None:
    with pytest.raises(ConfigurationError, match=r"home/nowhere\.pem` of `ca_bundle`"):
        read(secured, {"ca_bundle": "~/nowhere.pem"})


def throttled(harness: Any, wait: str, **options: Any) -> tuple[ThrottledError, int]:
    """The error of a lookup while every request is answered by ``wait``, and the number of requests."""
    harness.put("variable", "hello", "world")
    harness.gate.inject(page(429, "Too Many Requests", ("Retry-After", wait)))
    backend, before = harness.backend(on_error="raise", **options), harness.requests()
    with pytest.raises(ThrottledError) as raised:
        backend.get_variable("hello")
    return raised.value, harness.requests() - before


@BEHIND_A_GATE
@pytest.mark.parametrize("is_date", [False, True], ids=["seconds", "date"])
def test_a_wait_beyond_the_deadline_means_one_request(harness: Harness, is_date: bool) -> None:
    wait = formatdate(time.time() + 60, usegmt=True) if is_date else "60"
    error, requests = throttled(harness, wait, max_attempts=3, timeout="5s")
    assert requests == 1
    assert error.retry_after is not None
    assert 50 < error.retry_after <= 60


@BEHIND_A_GATE
@pytest.mark.parametrize("wait", ["Sun, 06 Nov 1994 08:49:37 GMT", "soon", "-1"])
def test_a_time_in_the_past_or_an_invalid_one_is_ignored(harness: Harness, wait: str) -> None:
    error, requests = throttled(harness, wait, max_attempts=2)
    assert (requests, error.retry_after) == (2, None)
