"""CyberArk's Central Credential Provider: what only this store has, and how many requests it gets."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.cyberark import CentralCredentialProviderBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    MalformedSecretError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.python.stores.doubles import in_child, where
from tests.servers.counting import Counter, counting_proxy
from tests.servers.cyberark_ccp import APP, SAFE, Provider, refusal
from tests.servers.double import Answer, serving
from tests.servers.tls import Certificate

PREFIX = "airflow-variables-"
_numbers = itertools.count()


@pytest.fixture
def provider(guarded_servers: Callable[[type[Provider]], Provider]) -> Provider:
    """The double, empty."""
    double = guarded_servers(Provider)
    double.reset()
    return double


@pytest.fixture
def counted(provider: Provider) -> Iterator[Counter]:
    """A proxy that counts."""
    with counting_proxy(provider.url) as counter:
        yield counter


def backend(url: str, **options: Any) -> CentralCredentialProviderBackend:
    """A backend of its own: no earlier one has the same configuration."""
    own = {"app_id": APP, "safe": SAFE, "address": url, "on_error": "raise", "max_attempts": 1000 + next(_numbers)}
    return CentralCredentialProviderBackend(**{**own, **options})


def fill(provider: Provider, *keys: str) -> None:
    """Variables whose value is their key."""
    provider.secrets |= {f"{PREFIX}{key}": key for key in keys}


def asked(counter: Counter) -> int:
    """How many requests there were since the last time."""
    count = len(counter.calls)
    counter.clear()
    return count


def test_a_cold_lookup_is_one_request_and_a_warm_one_nothing(provider: Provider, counted: Counter) -> None:
    fill(provider, "a", "b")
    options = {"max_attempts": 1000 + next(_numbers)}
    assert [backend(counted.url, **options).get_variable("a") for _ in range(10_000)] == ["a"] * 10_000
    assert asked(counted) == 1
    assert [backend(counted.url, **options).get_variable("gone") for _ in range(10)] == [None] * 10
    assert asked(counted) == 1


def test_the_query_is_exact_and_names_safe_folder_and_object(provider: Provider) -> None:
    fill(provider, "a&b=c")
    with serving(provider.answer) as double:
        assert backend(double.url, reason="read by Airflow").get_variable("a&b=c") == "a&b=c"
        (request,) = double.requests
        print(f"{request.method} {request.path}: the id of the application in the query, over http")
    query = f"Safe={SAFE};Folder=Root;Object={PREFIX}a&b=c"
    assert request.query == {"AppId": APP, "Query": query, "QueryFormat": "Exact", "Reason": "read by Airflow"}
    assert "authorization" not in request.headers


@pytest.mark.parametrize("key", ["safe", "safe_name", "safeName", "safe-name"])
def test_keys_may_be_written_as_other_tools_write_them(provider: Provider, key: str) -> None:
    fill(provider, "a")
    assert backend(provider.url, **{"safe": None, key: SAFE}).get_variable("a") == "a"
    with pytest.raises(ConfigurationError, match="there is no safe"):
        backend(provider.url, safe=None).get_variable("a")


@pytest.mark.parametrize("key", ["a;Safe=Other", "x;Object=airflow-variables-a"])
def test_no_id_adds_to_the_query(provider: Provider, counted: Counter, key: str) -> None:
    fill(provider, "a")
    assert backend(counted.url, on_error="miss").get_variable(key) is None
    assert asked(counted) == 0


def test_refusals_are_told_apart(provider: Provider) -> None:
    fill(provider, "a", "twin")
    provider.twins = {f"{PREFIX}twin"}
    with pytest.raises(MalformedSecretError, match="more than one object has the name"):
        backend(provider.url).get_variable("twin")
    with pytest.raises(UnauthenticatedError, match=r"does not accept the application.*APPAP306E.*`app_id`"):
        backend(provider.url, app_id="another").get_variable("a")
    provider.apps[APP] = False
    with pytest.raises(AccessDeniedError, match=f"may not read safe `{SAFE}`"):
        backend(provider.url).get_variable("a")


@pytest.mark.parametrize(
    "body", [Answer(200, b"<html>canary"), Answer(200, {"Content": None}), Answer(200, ["canary"])]
)
def test_something_else_in_place_of_an_object_is_an_error(body: Answer) -> None:
    with (
        serving(lambda _request: body) as double,
        pytest.raises(MalformedSecretError, match=r"the answer is not understood .*Check `address`") as caught,
    ):
        backend(double.url).get_variable("a")
    assert "canary" not in str(caught.value)


def test_a_page_with_404_is_no_absence() -> None:
    page = Answer(404, b"<html>", {"Content-Type": "text/html"})
    with serving(lambda _request: page) as double, pytest.raises(MalformedSecretError):
        backend(double.url).get_variable("a")


@dataclass(frozen=True)
class Demanding(Certificate):
    """A server that asks its clients for a certificate of the same authority."""

    def context(self, *protocols: str) -> ssl.SSLContext:
        """The server's side of TLS."""
        context = super().context(*protocols)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.authority)
        return context


def test_the_certificate_of_the_application_is_shown(provider: Provider, tls: Certificate, tmp_path: Path) -> None:
    fill(provider, "a")
    both = tmp_path / "both.pem"
    both.write_text(tls.certificate.read_text() + tls.key.read_text())
    trust = {"ca_bundle": str(tls.authority)}
    pair = {"client_certificate": str(tls.certificate), "client_key": str(tls.key)}
    with serving(provider.answer, Demanding(tls.certificate, tls.key, tls.authority)) as double:
        for own in (pair, {"client_certificate": str(both)}):
            assert backend(double.url, **trust, **own).get_variable("a") == "a"
        with pytest.raises(UnreachableError):
            backend(double.url, **trust, max_attempts=1, timeout=5 + next(_numbers)).get_variable("a")
        with pytest.raises(ConfigurationError, match=r"client certificate file .*none\.pem"):
            backend(double.url, **trust, client_certificate=str(tmp_path / "none.pem")).get_variable("a")
    with pytest.raises(ConfigurationError, match="without `client_certificate`"):
        backend(provider.url, client_key=str(tls.key))


def test_the_application_goes_to_one_address_and_its_key_nowhere(
    provider: Provider, tls: Certificate, tmp_path: Path
) -> None:
    fill(provider, "a")
    own = tmp_path / "own.pem"
    own.write_text(tls.certificate.read_text() + tls.key.read_text())
    secrets = {"the id of the application": APP, "the key": tls.key.read_text().splitlines()[1]}
    asked_by_id = "GET /AIMWebService/api/Accounts: the id of the application in the address"
    with serving(provider.answer) as plain:
        for login in ({}, {"client_certificate": str(own)}):
            assert backend(plain.url, **login).get_variable("a") == "a"
        assert where(plain, secrets) == [asked_by_id] * 2
    with serving(provider.answer, Demanding(tls.certificate, tls.key, tls.authority)) as double:
        reader = backend(double.url, ca_bundle=str(tls.authority), client_certificate=str(own))
        assert reader.get_variable("a") == "a"
        assert where(double, secrets) == [asked_by_id]


def test_a_child_of_a_fork_asks_for_itself(provider: Provider, counted: Counter) -> None:
    fill(provider, "a", "b")
    reader = backend(counted.url)
    assert reader.get_variable("a") == "a"
    assert in_child(lambda: [reader.get_variable(key) for key in ("a", "b", "gone")] == ["a", "b", None])
    assert reader.get_variable("b") == "b"
    # Nothing that the parent has read is taken over.
    assert asked(counted) == 5


def test_a_change_of_the_certificate_is_noticed(provider: Provider, tls: Certificate, tmp_path: Path) -> None:
    fill(provider, "a", "b")
    own = tmp_path / "own.pem"
    own.write_text(tls.certificate.read_text() + tls.key.read_text())
    with serving(provider.answer, Demanding(tls.certificate, tls.key, tls.authority)) as double:
        reader = backend(double.url, ca_bundle=str(tls.authority), client_certificate=str(own))
        assert reader.get_variable("a") == "a"
        own.write_text("not a certificate")
        with pytest.raises(ConfigurationError, match="cannot be used"):
            reader.get_variable("b")


def test_the_names_of_a_team_come_first(provider: Provider, counted: Counter) -> None:
    fill(provider, "shared", "ops--own", "own")
    reader = backend(counted.url)
    assert (reader.get_variable("own", "ops"), asked(counted)) == ("ops--own", 1)
    assert (reader.get_variable("shared", "ops"), asked(counted)) == ("shared", 2)


def test_a_member_of_a_chain_answers_what_the_first_lacks(provider: Provider, counted: Counter) -> None:
    fill(provider, "a")
    members = [
        {"store": "memory", "secrets": {"airflow/variables/first": "1"}},
        {"store": "cyberark_ccp", "address": counted.url, "app_id": APP, "safe": SAFE},
    ]
    chain = ChainBackend(stores=members, on_error="raise")
    assert [chain.get_variable(key) for key in ("first", "a", "gone", "a")] == ["1", "a", None, "a"]
    assert asked(counted) == 2


def test_everything_may_be_in_variables(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(provider, "a")
    for name, text in {"CCP_ADDRESS": provider.url, "APP_ID": APP, "SAFE": SAFE}.items():
        monkeypatch.setenv(f"CYBERARK_{name}", text)
    assert backend("", address=None, app_id=None, safe=None).get_variable("a") == "a"


def test_a_request_is_asked_for_less_often_where_the_provider_says_so(provider: Provider) -> None:
    fill(provider, "a")
    busy = Answer(429, refusal(429, "APPAP999E").body, {"Retry-After": "1"})
    answers = iter([busy])
    with serving(lambda request: next(answers, None) or provider.answer(request)) as double:
        assert backend(double.url).get_variable("a") == "a"
        assert len(double.requests) == 2
