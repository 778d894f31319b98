"""CyberArk's accounts: what only this store has, and how many requests it gets."""

from __future__ import annotations

import atexit
import itertools
import json
import os
import subprocess
import sys
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.cyberark import PrivilegedAccountsBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    MalformedSecretError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.servers.counting import Counter, counting_proxy
from tests.servers.cyberark import PASSWORD, SAFE, USER, WebAccess, refusal
from tests.servers.double import Answer, Request, serving

LOGON, SEARCH, LOGOFF = "Auth/CyberArk/Logon", "Accounts", "Auth/Logoff"
PREFIX = "airflow-variables-"
HTML = Answer(200, b"<html>canary-page</html>", {"Content-Type": "text/html"})
_numbers = itertools.count()


@pytest.fixture
def cyberark(guarded_servers: Callable[[type[WebAccess]], WebAccess]) -> WebAccess:
    """The double, empty."""
    double = guarded_servers(WebAccess)
    double.reset()
    return double


@pytest.fixture
def counted(cyberark: WebAccess) -> Iterator[Counter]:
    """A proxy that counts."""
    with counting_proxy(cyberark.url) as counter:
        yield counter


def backend(url: str, **options: Any) -> PrivilegedAccountsBackend:
    """A backend of its own: no earlier one has the same configuration."""
    own = {"username": USER, "password": PASSWORD, "safe": SAFE, "address": url}
    unique = {"max_attempts": 1000 + next(_numbers), "on_error": "raise"}
    return PrivilegedAccountsBackend(**{**own, **unique, **options})


def fill(cyberark: WebAccess, *keys: str) -> None:
    """Variables whose value is their key."""
    cyberark.secrets |= {f"{PREFIX}{key}": key for key in keys}


def asked(counter: Counter) -> list[str]:
    """What was asked for since the last time: an endpoint each, with the status if that is not 200."""
    calls = [(call.path.partition("?")[0].split("/API/")[-1], call.status) for call in counter.calls]
    counter.clear()
    return [path if status == 200 else f"{path} {status}" for path, status in calls]


def secret(cyberark: WebAccess, key: str, kind: str = "Password") -> str:
    """Where the secret of a variable is."""
    return f"Accounts/{cyberark.id(PREFIX + key)}/{kind}/Retrieve"


def test_a_cold_lookup_is_a_login_a_search_and_a_read_and_a_warm_one_nothing(
    cyberark: WebAccess, counted: Counter
) -> None:
    fill(cyberark, "a", "b")
    options = {"max_attempts": 1000 + next(_numbers)}
    assert [backend(counted.url, **options).get_variable("a") for _ in range(10_000)] == ["a"] * 10_000
    assert asked(counted) == [LOGON, SEARCH, secret(cyberark, "a")]
    assert backend(counted.url, **options).get_variable("b") == "b"
    assert asked(counted) == [SEARCH, secret(cyberark, "b")]
    assert [backend(counted.url, **options).get_variable("gone") for _ in range(10)] == [None] * 10
    assert asked(counted) == [SEARCH]


def test_threads_that_begin_together_log_in_once(cyberark: WebAccess, counted: Counter) -> None:
    keys = [f"k{number}" for number in range(32)]
    fill(cyberark, *keys)
    options = {"max_attempts": 1000 + next(_numbers)}
    with ThreadPoolExecutor(len(keys)) as threads:
        found = list(threads.map(lambda key: backend(counted.url, **options).get_variable(key), keys))
    assert found == keys
    assert Tally(asked(counted))[LOGON] == 1


@pytest.mark.parametrize("key", ["safe", "safe_name", "safeName", "safe-name"])
def test_keys_may_be_written_as_other_tools_write_them(
    cyberark: WebAccess, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill(cyberark, "a")
    cyberark.twins = {f"{PREFIX}a": "Other"}
    written = {"safe": None, key: SAFE.lower(), "platformId": "P", "secretNamePrefix": ""}
    assert backend(cyberark.url, **written).get_variable("a") == "a"
    assert "Unknown" not in caplog.text
    assert "did you mean" not in caplog.text


@pytest.mark.parametrize(
    "other",
    [{"name": f"{PREFIX}ab"}, {"name": "other", "userName": f"{PREFIX}a"}, {"name": f"{PREFIX}A"}],
    ids=["a longer name", "another property", "capitals"],
)
def test_a_search_that_finds_something_else_finds_nothing(cyberark: WebAccess, other: dict[str, str]) -> None:
    cyberark.secrets["other"] = "canary"
    cyberark.flags = {"other": other}
    assert backend(cyberark.url).get_variable("a") is None
    fill(cyberark, "a")
    assert backend(cyberark.url).get_variable("a") == "a"


def test_two_of_a_name_are_an_error_that_says_so(cyberark: WebAccess) -> None:
    fill(cyberark, "a")
    number = cyberark.id(f"{PREFIX}a")
    cyberark.twins = {f"{PREFIX}a": "Other"}
    assert backend(cyberark.url).get_variable("a") == "a"
    places = rf"2 accounts have the name \({number} in the safe `{SAFE}`, {number}9 in the safe `Other`\).*`safe`"
    with pytest.raises(MalformedSecretError, match=places):
        backend(cyberark.url, safe=None).get_variable("a")
    cyberark.twins = {f"{PREFIX}a": SAFE}
    with pytest.raises(MalformedSecretError, match="2 accounts have the name"):
        backend(cyberark.url).get_variable("a")


def test_a_name_beyond_the_first_page_is_found(cyberark: WebAccess, counted: Counter) -> None:
    cyberark.secrets = {f"{PREFIX}a-{number:04}": "x" for number in range(1_001)} | {f"{PREFIX}a-last": "y"}
    cyberark.flags = {name: {"address": f"{PREFIX}a-last"} for name in cyberark.secrets}
    assert backend(counted.url).get_variable("a-last") == "y"
    assert asked(counted) == [LOGON, SEARCH, SEARCH, secret(cyberark, "a-last")]


@pytest.mark.parametrize("key", ["R&D", "100%", "a+b", "a b", "é", "it's", "{a}", "+&%"])
def test_a_name_may_have_what_no_address_may(cyberark: WebAccess, key: str) -> None:
    fill(cyberark, key, "other")
    assert backend(cyberark.url).get_variable(key) == key


def test_a_key_is_read_where_keys_are(cyberark: WebAccess, counted: Counter) -> None:
    fill(cyberark, "k")
    cyberark.flags = {f"{PREFIX}k": {"secretType": "key"}}
    assert backend(counted.url).get_variable("k") == "k"
    assert asked(counted) == [LOGON, SEARCH, secret(cyberark, "k", "Secret")]


def test_a_reason_is_sent_where_one_is_written(cyberark: WebAccess) -> None:
    fill(cyberark, "a")
    cyberark.reasons = {f"{PREFIX}a"}
    with pytest.raises(AccessDeniedError, match=r"requires a reason.*Write `reason`"):
        backend(cyberark.url).get_variable("a")
    assert backend(cyberark.url, reason="read by Airflow").get_variable("a") == "a"


def test_an_account_that_may_not_be_retrieved_is_denied(cyberark: WebAccess) -> None:
    fill(cyberark, "a")
    cyberark.kept_back = {f"{PREFIX}a"}
    with pytest.raises(AccessDeniedError, match=f"safe `{SAFE}`.*Retrieve accounts"):
        backend(cyberark.url).get_variable("a")


@pytest.mark.parametrize("ends", ["before", "middle", "both"])
def test_a_session_that_ends_is_replaced_within_the_lookup(cyberark: WebAccess, ends: str) -> None:
    fill(cyberark, "a", "b")
    after: dict[str, list[str]] = {"before": ["Retrieve"], "middle": ["Accounts"], "both": ["Accounts", "Retrieve"]}
    left = {"Accounts": 1, "Retrieve": 1}

    def answer(request: Request) -> Answer:
        answered = cyberark.answer(request)
        last = request.path.rpartition("/")[2]
        if last in after[ends] and answered.status == 200 and left[last]:
            left[last] -= 1
            cyberark.sessions.clear()
        return answered

    with serving(answer) as double:
        reader = backend(double.url)
        assert [reader.get_variable(key) for key in ("a", "b")] == ["a", "b"]
        logins = sum(path.endswith("/Logon") for path in double.paths())
    # One login at first, and one more each time that the session has ended.
    assert logins == 1 + len(after[ends])


def test_a_session_that_is_never_accepted_is_replaced_once(cyberark: WebAccess) -> None:
    fill(cyberark, "a", "b")

    def answer(request: Request) -> Answer:
        answered = cyberark.answer(request)
        cyberark.sessions.clear()
        return answered

    with serving(answer) as double:
        reader = backend(double.url)
        for key in ("a", "b"):
            with pytest.raises(UnauthenticatedError, match="does not accept the session"):
                reader.get_variable(key)
        paths = [path.rpartition("/")[2] for path in double.paths()]
        assert paths == ["Logon", "Accounts"] * 2 + ["Accounts"]


def test_threads_whose_session_ends_log_in_once_more(cyberark: WebAccess, counted: Counter) -> None:
    keys = [f"k{number}" for number in range(16)]
    fill(cyberark, "first", *keys)
    reader = backend(counted.url)
    assert reader.get_variable("first") == "first"
    counted.clear()
    cyberark.sessions.clear()
    with ThreadPoolExecutor(len(keys)) as threads:
        assert list(threads.map(reader.get_variable, keys)) == keys
    assert Tally(asked(counted))[LOGON] == 1


LOGINS = {"cyberark": "CyberArk", "ldap": "LDAP", "RADIUS": "radius", "Windows": "Windows"}


@pytest.mark.parametrize("auth", [None, *LOGINS])
def test_each_login_goes_to_one_address_and_its_password_nowhere_else(cyberark: WebAccess, auth: str | None) -> None:
    fill(cyberark, "a")
    cyberark.cookie = "node=made-up-7"
    with serving(cyberark.answer) as double:
        assert backend(double.url, auth=auth).get_variable("a") == "a"
        shown(double.requests, double.url)
        first, *others = double.requests
    assert (first.method, first.path) == ("POST", f"/PasswordVault/API/Auth/{LOGINS[auth or 'cyberark']}/Logon")
    assert first.json == {"username": USER, "password": PASSWORD, "concurrentSession": True}
    assert PASSWORD not in f"{first.target} {first.headers}"
    for request in others:
        assert request.headers["authorization"] in cyberark.sessions
        assert request.headers["cookie"] == cyberark.cookie
        assert PASSWORD not in f"{request.target} {request.headers} {request.body!r}"


def test_privilege_cloud_takes_a_token_of_identity(cyberark: WebAccess) -> None:
    fill(cyberark, "a")
    cyberark.is_cloud = True
    with serving(cyberark.answer) as identity, serving(cyberark.answer) as double:
        cloud = {"auth": "oauth", "identity_url": identity.url}
        assert backend(double.url, **cloud).get_variable("a") == "a"
        shown(identity.requests, identity.url)
        shown(double.requests, double.url)
        (login,) = identity.requests
        others = double.requests
        refused = backend(double.url, **cloud, password="another")
        with pytest.raises(UnauthenticatedError, match="does not accept `username` and `password`"):
            refused.get_variable("a")
    assert (login.method, login.path) == ("POST", "/oauth2/platformtoken")
    assert login.form == {"grant_type": "client_credentials", "client_id": USER, "client_secret": PASSWORD}
    assert [request.bearer in cyberark.sessions for request in others] == [True, True]
    assert not any(PASSWORD in f"{request.target} {request.headers} {request.body!r}" for request in others)


def shown(requests: list[Request], url: str) -> None:
    """Prints what goes where."""
    for request in requests:
        is_login = request.path.endswith(("/Logon", "/platformtoken"))
        what = "the login in the body" if is_login else "the session in Authorization"
        print(f"{request.method} {request.path}: {what}, over {url.partition(':')[0]}")


def test_a_token_of_identity_is_renewed_before_it_ends(cyberark: WebAccess) -> None:
    fill(cyberark, "a")
    cyberark.is_cloud, cyberark.lifetime = True, 3
    with serving(cyberark.answer) as double:
        reader = backend(double.url, cache_ttl=0, auth="oauth", identity_url=double.url)
        answers = []
        for _ in range(9):
            answers.append(reader.get_variable("a"))
            time.sleep(0.5)
        logins = [path for path in double.paths() if path.endswith("platformtoken")]
    assert set(answers) == {"a"}
    assert len(logins) == 2


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (refusal(403, "ITATS004E"), UnauthenticatedError, "does not accept `username` and `password`"),
        (refusal(409, "ITATS532E"), UnauthenticatedError, "has expired"),
        (refusal(500, "ITATS542I"), UnauthenticatedError, "RADIUS asks for another factor"),
        (Answer(503, b"canary"), UnreachableError, "failed inside CyberArk"),
        (HTML, MalformedSecretError, "logging in to CyberArk: the answer is not understood"),
    ],
)
def test_a_refused_login_is_told_from_one_that_cannot_be_reached(
    cyberark: WebAccess, fault: Answer, error: type[Exception], text: str
) -> None:
    cyberark.login_fault = fault
    with pytest.raises(error, match=text) as caught:
        backend(cyberark.url, max_attempts=1, timeout=5 + next(_numbers)).get_variable("a")
    assert "canary" not in str(caught.value)


def test_a_safe_that_is_not_there_is_an_error_of_the_configuration(cyberark: WebAccess) -> None:
    gone = refusal(404, "PASWS031E")
    with (
        serving(lambda request: gone if request.path.endswith("/Accounts") else cyberark.answer(request)) as double,
        pytest.raises(ConfigurationError, match=f"safe `{SAFE}` does not exist"),
    ):
        backend(double.url).get_variable("a")


def test_an_account_that_goes_between_search_and_read_is_absent(cyberark: WebAccess) -> None:
    fill(cyberark, "a")
    gone = refusal(404, "PASWS011E")
    with serving(lambda request: gone if request.path.endswith("/Retrieve") else cyberark.answer(request)) as double:
        assert backend(double.url).get_variable("a") is None


@pytest.mark.parametrize("body", [HTML, Answer(200, {"value": "canary"}), Answer(200, [])])
def test_something_else_in_place_of_a_secret_is_an_error(cyberark: WebAccess, body: Answer) -> None:
    fill(cyberark, "a")
    with (
        serving(lambda request: body if request.path.endswith("/Retrieve") else cyberark.answer(request)) as double,
        pytest.raises(MalformedSecretError, match=r"the answer is not understood .*Check `address`") as caught,
    ):
        backend(double.url).get_variable("a")
    assert "canary" not in str(caught.value)


def test_the_names_of_a_team_come_first(cyberark: WebAccess, counted: Counter) -> None:
    fill(cyberark, "shared", "ops--own", "own")
    reader = backend(counted.url)
    assert reader.get_variable("own", "ops") == "ops--own"
    assert asked(counted) == [LOGON, SEARCH, secret(cyberark, "ops--own")]
    assert reader.get_variable("shared", "ops") == "shared"
    assert asked(counted) == [SEARCH, SEARCH, secret(cyberark, "shared")]


def test_a_pattern_of_a_prefetch_is_one_list_and_a_read_for_each(cyberark: WebAccess, counted: Counter) -> None:
    fill(cyberark, "s3_a", "s3_b", "other")
    reader = backend(counted.url, prefetch={"variables": ["s3_*"]})
    assert [reader.get_variable(key) for key in ("s3_a", "s3_b")] == ["s3_a", "s3_b"]
    reads = {secret(cyberark, key): 1 for key in ("s3_a", "s3_b")}
    assert Tally(asked(counted)) == {LOGON: 1, SEARCH: 1, **reads}


def test_a_child_of_a_fork_logs_in_by_itself_and_leaves_the_session_of_its_parent(
    cyberark: WebAccess, counted: Counter
) -> None:
    fill(cyberark, "a", "b", "c")
    reader = backend(counted.url)
    assert reader.get_variable("a") == "a"
    counted.clear()
    child = os.fork()
    if not child:
        ended = reader.get_variable("b") == "b"
        atexit._run_exitfuncs()
        os._exit(0 if ended else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert asked(counted) == [LOGON, SEARCH, secret(cyberark, "b"), LOGOFF]
    assert reader.get_variable("c") == "c"
    assert asked(counted) == [SEARCH, secret(cyberark, "c")]


SCRIPT = """
import json, os, sys
from strongroom.cyberark import PrivilegedAccountsBackend
options, ends = json.loads(sys.argv[1]), sys.argv[2]
reader = PrivilegedAccountsBackend(**options)
if ends != "unused":
    assert reader.get_variable("a") == "a"
if ends == "child":
    child = os.fork()
    if not child:
        sys.exit(0)
    os.waitpid(child, 0)
if ends == "killed":
    os._exit(0)
"""


def run(url: str, ends: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A process that reads a variable and ends."""
    written = {"address": url, "username": USER, "password": PASSWORD, "safe": SAFE, **options}
    command = [sys.executable, "-c", SCRIPT, json.dumps(written), ends]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


@pytest.mark.parametrize(
    ("ends", "logoffs"), [("used", 1), ("child", 1), ("killed", 0), ("unused", 0)], ids=lambda value: str(value)
)
def test_a_session_ends_with_its_process(cyberark: WebAccess, counted: Counter, ends: str, logoffs: int) -> None:
    fill(cyberark, "a")
    assert run(counted.url, ends).stderr == ""
    assert asked(counted).count(LOGOFF) == logoffs
    assert len(cyberark.sessions) == (1 if ends == "killed" else 0)


def test_a_token_of_identity_is_not_ended(cyberark: WebAccess, counted: Counter) -> None:
    fill(cyberark, "a")
    cyberark.is_cloud = True
    run(counted.url, "used", auth="oauth", identity_url=counted.url)
    assert LOGOFF not in asked(counted)


def test_a_logoff_that_is_not_answered_holds_no_process_up(cyberark: WebAccess) -> None:
    fill(cyberark, "a")
    left: list[float] = []

    def answer(request: Request) -> Answer:
        if request.path.endswith("/Logoff"):
            left.append(time.monotonic())
            time.sleep(20)
        return cyberark.answer(request)

    with serving(answer) as double:
        began = time.monotonic()
        assert run(double.url, "used").stderr == ""
        assert (len(left), time.monotonic() - began < 15) == (1, True)


def test_a_member_of_a_chain_answers_what_the_first_lacks(cyberark: WebAccess, counted: Counter) -> None:
    fill(cyberark, "a", "kept")
    cyberark.kept_back = {f"{PREFIX}kept"}
    members = [
        {"store": "memory", "secrets": {"airflow/variables/first": "1"}},
        {"store": "cyberark", "address": counted.url, "username": USER, "password": PASSWORD, "safe": SAFE},
    ]
    chain = ChainBackend(stores=members, on_error="raise")
    assert [chain.get_variable(key) for key in ("first", "a", "gone", "a")] == ["1", "a", None, "a"]
    assert asked(counted) == [LOGON, SEARCH, secret(cyberark, "a"), SEARCH]
    with pytest.raises(AccessDeniedError, match="may not do that"):
        chain.get_variable("kept")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ({"address": None}, "there is no address of CyberArk"),
        ({"username": None}, "no one to log in to CyberArk as"),
        ({"password": None}, "no password for `username`"),
        ({"auth": "oauth"}, "no address of the Identity tenant"),
    ],
)
def test_what_is_missing_is_named_without_a_request(counted: Counter, written: dict[str, Any], text: str) -> None:
    with pytest.raises((ConfigurationError, UnauthenticatedError), match=text):
        backend(counted.url, **written).get_variable("a")
    assert asked(counted) == []


def test_everything_may_be_in_variables(cyberark: WebAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(cyberark, "a")
    cyberark.twins = {f"{PREFIX}a": "Other"}
    for name, text in {"ADDRESS": cyberark.url, "USERNAME": USER, "PASSWORD": PASSWORD, "SAFE": SAFE}.items():
        monkeypatch.setenv(f"CYBERARK_{name}", text)
    assert backend("", address=None, username=None, password=None, safe=None).get_variable("a") == "a"
