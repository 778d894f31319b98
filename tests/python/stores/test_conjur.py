"""Conjur: what only this store has, and how many requests it gets."""

from __future__ import annotations

import base64
import time
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.cyberark import ConjurBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    MalformedSecretError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.python.stores.doubles import alone, counting, empty, in_child, unlike_others, where
from tests.python.stores.doubles import asked as asked_of
from tests.servers.conjur import ACCOUNT, HOST, JWT, KEY, PASSWORD, SERVICE, USER, Conjur, bearer_of
from tests.servers.counting import Counter
from tests.servers.double import Answer, Request, serving

PLACE = "airflow/variables/"
LOGIN, READ, BATCH, LIST = "authenticate", "read", "batch", "list"
HTML = Answer(200, b"<html>canary-page</html>", {"Content-Type": "text/html"})

conjur = empty(Conjur)
counted = counting("conjur")


def backend(url: str, **options: Any) -> ConjurBackend:
    """A backend of its own."""
    own = {"account": ACCOUNT, "login": HOST, "api_key": KEY, "address": url, "on_error": "raise"}
    return ConjurBackend(**{**own, **alone(), **options})


def fill(conjur: Conjur, *keys: str) -> list[str]:
    """Variables whose value is their key; returns the keys."""
    conjur.secrets |= {f"{PLACE}{key}": key for key in keys}
    return list(keys)


def word(path: str, _query: str = "") -> str:
    """What a request is for."""
    if path.startswith("/authn"):
        return path.rpartition("/")[2]
    if path.startswith("/resources"):
        return LIST if path.endswith("/variable") else "resource"
    return BATCH if path == "/secrets" else READ


def asked(counter: Counter) -> list[str]:
    """What was asked for since the last time."""
    return asked_of(counter, word)


def test_a_cold_lookup_is_a_login_and_a_read_and_a_warm_one_nothing(conjur: Conjur, counted: Counter) -> None:
    fill(conjur, "a", "b")
    options = alone()
    assert [backend(counted.url, **options).get_variable("a") for _ in range(10_000)] == ["a"] * 10_000
    assert asked(counted) == [LOGIN, READ]
    assert backend(counted.url, **options).get_variable("b") == "b"
    assert asked(counted) == [READ]
    assert [backend(counted.url, **options).get_variable("gone") for _ in range(10)] == [None] * 10
    assert asked(counted) == [f"{READ} 404"]


def test_threads_that_begin_together_log_in_once(conjur: Conjur, counted: Counter) -> None:
    keys = fill(conjur, *(f"k{number}" for number in range(32)))
    options = alone()
    with ThreadPoolExecutor(len(keys)) as threads:
        found = list(threads.map(lambda key: backend(counted.url, **options).get_variable(key), keys))
    assert found == keys
    assert Tally(asked(counted)) == {LOGIN: 1, READ: len(keys)}


@pytest.mark.parametrize(
    ("key", "service", "path"),
    [
        ("api_key", "service_id", "jwt_path"),
        ("apiKey", "serviceId", "jwtPath"),
        ("api-key", "service-id", "jwt-path"),
    ],
)
def test_keys_may_be_in_snake_camel_and_kebab_case(
    conjur: Conjur, key: str, service: str, path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(conjur, "a")
    (tmp_path / "jwt").write_text(f"{JWT}\n")
    place = {"address": conjur.url, "account": ACCOUNT}
    for login in ({"login": HOST, key: KEY}, {service: SERVICE, path: str(tmp_path / "jwt")}):
        assert ConjurBackend(**place, **login, **alone()).get_variable("a") == "a"
    assert "Unknown" not in caplog.text
    assert "did you mean" not in caplog.text


AUTHENTICATE = f"POST /authn/{ACCOUNT}/host%2Fairflow/authenticate"
AS_USER = f"/authn/{ACCOUNT}/alice%40ops/authenticate"
BY_JWT = f"POST /authn-jwt/kubernetes%2Fprod/{ACCOUNT}"
PAIR = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
NO_KEY: dict[str, Any] = {"api_key": None}
LOGINS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "API key": ({}, [f"{AUTHENTICATE}: the API key in the body"]),
    "password": (
        {**NO_KEY, "login": USER, "password": PASSWORD},
        [
            f"GET /authn/{ACCOUNT}/login: the password in the header authorization",
            f"POST {AS_USER}: the API key in the body",
        ],
    ),
    "JWT": (
        {**NO_KEY, "login": None, "service_id": SERVICE, "jwt": JWT},
        [f"{BY_JWT}/authenticate: the JWT in the body"],
    ),
    "JWT for a host": (
        {**NO_KEY, "service_id": SERVICE, "jwt": JWT},
        [f"{BY_JWT}/host%2Fairflow/authenticate: the JWT in the body"],
    ),
}


@pytest.mark.parametrize(("login", "goes"), LOGINS.values(), ids=LOGINS)
def test_each_login_goes_to_one_address_and_its_secret_nowhere_else(
    conjur: Conjur, login: dict[str, Any], goes: list[str]
) -> None:
    fill(conjur, "a")
    with serving(conjur.answer) as double:
        assert backend(double.url, **login).get_variable("a") == "a"
        secrets = {"the API key": KEY, "the password": PAIR, "the JWT": JWT}
        (token,) = conjur.sessions
        assert where(double, {**secrets, "the token": token}) == [
            *goes,
            f"GET /secrets/{ACCOUNT}/variable/airflow%2Fvariables%2Fa: the token in the header authorization",
        ]
        assert PASSWORD not in "".join(f"{each.target}{each.headers}{each.body!r}" for each in double.requests)


def test_many_names_are_one_request(conjur: Conjur, counted: Counter) -> None:
    keys = fill(conjur, *(f"k{number}" for number in range(60)), "with space", "dépôt")
    reader = backend(counted.url, prefetch={"variables": keys})
    assert [reader.get_variable(key) for key in keys] == keys
    assert asked(counted) == [LOGIN, BATCH, BATCH]


def test_a_pattern_is_a_list_and_a_batch(conjur: Conjur, counted: Counter) -> None:
    fill(conjur, "s3_a", "s3_b", "other")
    conjur.empty = {f"{PLACE}s3_unset"}
    reader = backend(counted.url, prefetch={"variables": ["s3_*"]})
    assert [reader.get_variable(key) for key in ("s3_a", "s3_b")] == ["s3_a", "s3_b"]
    assert asked(counted) == [LOGIN, LIST, BATCH]
    assert reader.get_variable("s3_unset") is None


@pytest.mark.parametrize("why", ["absent", "unset", "unseen"])
def test_what_a_batch_lacks_is_read_by_itself(conjur: Conjur, counted: Counter, why: str) -> None:
    fill(conjur, "a", "b")
    if why == "unset":
        conjur.empty = {f"{PLACE}gone"}
    if why == "unseen":
        fill(conjur, "gone")
        conjur.unseen = {f"{PLACE}gone"}
    reader = backend(counted.url, prefetch={"variables": ["a", "b", "gone"]})
    assert [reader.get_variable(key) for key in ("a", "b", "gone")] == ["a", "b", None]
    first, batch, *others = asked(counted)
    assert (first, batch[: len(BATCH)], sorted(others)) == (LOGIN, BATCH, [READ, READ, f"{READ} 404"])


@pytest.mark.parametrize("strips", [False, True])
def test_a_value_that_is_not_text_is_an_error_of_that_value_alone(conjur: Conjur, strips: bool) -> None:
    fill(conjur, "a", "b")
    conjur.binary, conjur.strips_encoding = {f"{PLACE}keystore": b"\xff\xfe"}, strips
    reader = backend(conjur.url, prefetch={"variables": ["a", "b", "keystore"]})
    assert [reader.get_variable(key) for key in ("a", "b")] == ["a", "b"]
    with pytest.raises(MalformedSecretError, match="the value is not text in UTF-8"):
        reader.get_variable("keystore")


def test_ids_with_a_comma_are_read_by_themselves(conjur: Conjur, counted: Counter) -> None:
    keys = fill(conjur, "a,b", "c", "d")
    reader = backend(counted.url, prefetch={"variables": keys})
    assert [reader.get_variable(key) for key in keys] == keys
    assert Tally(asked(counted)) == {LOGIN: 1, BATCH: 1, READ: 1}


def test_a_value_is_what_the_body_holds(conjur: Conjur) -> None:
    values = {"lines": "a\r\nb\n", "json": '{"a": 1}', "empty": "", "accents": "dépôt", "token": '{"payload": "x"}'}
    conjur.secrets = {f"{PLACE}{key}": value for key, value in values.items()}
    reader = backend(conjur.url)
    assert {key: reader.get_variable(key) for key in values} == values


@pytest.mark.parametrize("ends", ["before the read", "in the middle"])
def test_a_session_that_ends_is_replaced_within_the_lookup(conjur: Conjur, ends: str) -> None:
    keys = fill(conjur, "s3_a", "s3_b")
    last = "/variable" if ends == "in the middle" else "/authenticate"
    ended: list[str] = []

    def answer(request: Request) -> Answer:
        answered = conjur.answer(request)
        if request.path.endswith(last) and not ended:
            ended.append(request.path)
            conjur.sessions.clear()
        return answered

    with serving(answer) as double:
        reader = backend(double.url, **({"prefetch": {"variables": ["s3_*"]}} if ends == "in the middle" else {}))
        assert [reader.get_variable(key) for key in keys] == keys
        words = [word(request.path) for request in double.requests]
    expected = [LOGIN, LIST, BATCH, LOGIN, BATCH] if ends == "in the middle" else [LOGIN, READ, LOGIN, READ, READ]
    assert words == expected


def test_a_token_that_is_never_accepted_is_replaced_once(conjur: Conjur) -> None:
    fill(conjur, "a", "b")

    def answer(request: Request) -> Answer:
        answered = conjur.answer(request)
        conjur.sessions.clear()
        return answered

    with serving(answer) as double:
        reader = backend(double.url)
        for key in ("a", "b"):
            with pytest.raises(UnauthenticatedError, match="does not accept the token"):
                reader.get_variable(key)
        assert [word(request.path) for request in double.requests] == [LOGIN, READ, LOGIN, READ, READ]


@pytest.mark.parametrize("login", ["API key", "password", "JWT"])
def test_a_token_is_kept_and_renewed_before_it_ends(conjur: Conjur, login: str) -> None:
    fill(conjur, "a")
    conjur.lifetime = 5
    with serving(conjur.answer) as double:
        reader = backend(double.url, cache_ttl=0, **LOGINS[login][0])
        end = time.monotonic() + 6
        while time.monotonic() < end:
            assert reader.get_variable("a") == "a"
            time.sleep(0.25)
        asked_for = Tally(word(request.path) for request in double.requests)
    # A password is costly to check, so the API key that it gave is used again.
    assert (asked_for[LOGIN], asked_for["login"]) == (2, 1 if login == "password" else 0)


def test_an_api_key_that_was_replaced_is_asked_for_again(conjur: Conjur) -> None:
    fill(conjur, "a")
    conjur.lifetime = 5
    with serving(conjur.answer) as double:
        reader = backend(double.url, cache_ttl=0, **LOGINS["password"][0])
        assert reader.get_variable("a") == "a"
        conjur.keys[USER] = KEY[::-1]
        time.sleep(4.2)
        assert reader.get_variable("a") == "a"
        words = [word(request.path) for request in double.requests]
    assert words == ["login", LOGIN, READ, LOGIN, "login", LOGIN, READ]


def test_a_jwt_is_read_from_its_file_at_each_login(conjur: Conjur, tmp_path: Path) -> None:
    fill(conjur, "a", "b")
    file = tmp_path / "token"
    reader = backend(conjur.url, login=None, api_key=None, service_id=SERVICE, jwt_path=str(file))
    with pytest.raises(UnauthenticatedError, match=r"the file `.*token` with the JWT cannot be used"):
        reader.get_variable("a")
    file.write_text("another")
    with pytest.raises(UnauthenticatedError, match=r"does not accept the JWT.*annotations"):
        reader.get_variable("a")
    file.write_text(JWT)
    assert reader.get_variable("a") == "a"


def test_a_lookup_that_is_throttled_in_the_middle_goes_on_after_the_wait(conjur: Conjur) -> None:
    fill(conjur, "a")
    refusals = [Answer(429, b"", {"Retry-After": "1"})]

    def answer(request: Request) -> Answer:
        return refusals.pop() if refusals and request.path.startswith("/secrets") else conjur.answer(request)

    with serving(answer) as double:
        began = time.monotonic()
        assert backend(double.url, max_attempts=2, timeout=60 + unlike_others()).get_variable("a") == "a"
        assert time.monotonic() - began >= 1
        assert [word(request.path) for request in double.requests] == [LOGIN, READ, READ]


def test_a_denied_value_is_told_from_an_absent_one(conjur: Conjur) -> None:
    fill(conjur, "a")
    conjur.users[HOST] = False
    reader = backend(conjur.url)
    with pytest.raises(AccessDeniedError, match=r"was denied.*`execute`.*strongroom policy conjur"):
        reader.get_variable("a")
    assert reader.get_variable("gone") is None


def test_a_refused_login_is_told_from_one_that_cannot_be_reached(conjur: Conjur) -> None:
    for fault, error, text in [
        (Answer(401), UnauthenticatedError, r"does not accept `login` and `api_key`.*`account`"),
        (Answer(503, b"canary"), UnreachableError, "failed inside Conjur"),
        (HTML, MalformedSecretError, "logging in to Conjur: the answer is not understood"),
    ]:
        conjur.login_fault = fault
        with pytest.raises(error, match=text) as caught:
            backend(conjur.url, max_attempts=1, timeout=60 + unlike_others()).get_variable("a")
        assert "canary" not in str(caught.value)
    with pytest.raises(UnreachableError):
        backend("http://127.0.0.1:9", max_attempts=1).get_variable("a")


def test_a_page_in_place_of_a_value_is_an_error(conjur: Conjur) -> None:
    fill(conjur, "a")
    with (
        serving(lambda request: HTML if "/secrets" in request.path else conjur.answer(request)) as double,
        pytest.raises(MalformedSecretError, match=r"the answer is not understood .*Check `address`") as caught,
    ):
        backend(double.url).get_variable("a")
    assert "canary" not in str(caught.value)


def test_the_names_of_a_team_come_first(conjur: Conjur, counted: Counter) -> None:
    fill(conjur, "shared", "ops--own", "own")
    reader = backend(counted.url)
    assert reader.get_variable("own", "ops") == "ops--own"
    assert asked(counted) == [LOGIN, READ]
    assert reader.get_variable("shared", "ops") == "shared"
    assert asked(counted) == [f"{READ} 404", READ]


def test_a_member_of_a_chain_answers_what_the_first_lacks(conjur: Conjur, counted: Counter) -> None:
    fill(conjur, "a")
    members = [
        {"store": "memory", "secrets": {f"{PLACE}first": "1"}},
        {"store": "conjur", "address": counted.url, "account": ACCOUNT, "login": HOST, "apiKey": KEY},
    ]
    chain = ChainBackend(stores=members, on_error="raise")
    assert [chain.get_variable(key) for key in ("first", "a", "gone", "a")] == ["1", "a", None, "a"]
    assert asked(counted) == [LOGIN, READ, f"{READ} 404"]
    conjur.users[HOST] = False
    fill(conjur, "kept")
    with pytest.raises(AccessDeniedError):
        chain.get_variable("kept")


def test_a_child_of_a_fork_logs_in_by_itself(conjur: Conjur, counted: Counter) -> None:
    fill(conjur, "a", "b")
    reader = backend(counted.url)
    assert reader.get_variable("a") == "a"
    counted.clear()
    assert in_child(lambda: reader.get_variable("b") == "b")
    assert asked(counted) == [LOGIN, READ]
    assert reader.get_variable("b") == "b"
    assert asked(counted) == [READ]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ({"address": None}, "there is no address of Conjur"),
        ({"account": None}, "there is no account of Conjur"),
        ({"login": None}, "no one to log in to Conjur as"),
        ({"api_key": None}, "no API key for `login`"),
    ],
)
def test_what_is_missing_is_named_without_a_request(counted: Counter, written: dict[str, Any], text: str) -> None:
    with pytest.raises((ConfigurationError, UnauthenticatedError), match=text):
        backend(counted.url, **written).get_variable("a")
    assert asked(counted) == []


@pytest.mark.parametrize("login", ["API key", "JWT", "JWT of a file"])
def test_the_login_may_be_in_variables(
    conjur: Conjur, login: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(conjur, "a")
    (tmp_path / "jwt").write_text(JWT)
    key = {"AUTHN_LOGIN": HOST, "AUTHN_API_KEY": KEY}
    jwt = {"AUTHN_JWT_SERVICE_ID": SERVICE, "AUTHN_JWT_HOST_ID": HOST}
    own = {"API key": key, "JWT": {**jwt, "AUTHN_JWT_TOKEN": JWT}, "JWT of a file": jwt}[login]
    for name, text in {"APPLIANCE_URL": conjur.url, "ACCOUNT": ACCOUNT, **own}.items():
        monkeypatch.setenv(f"CONJUR_{name}", text)
    monkeypatch.setenv("JWT_TOKEN_PATH", str(tmp_path / "jwt"))
    none = dict.fromkeys(("address", "account", "login", "api_key"))
    assert backend("", **none).get_variable("a") == "a"


def test_a_token_is_of_the_role_that_logs_in(conjur: Conjur) -> None:
    fill(conjur, "a")
    with serving(conjur.answer) as double:
        assert backend(double.url, **LOGINS["password"][0]).get_variable("a") == "a"
        assert conjur.sessions[bearer_of(double.requests[-1])][0] == USER
