"""Secrets Safe: what only this store has, and how many requests it gets."""

from __future__ import annotations

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

from strongroom.beyondtrust import SecretsSafeBackend
from strongroom.chain import ChainBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    MalformedSecretError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.servers.beyondtrust import BASE, CLIENT, COOKIE, KEY, PASSWORD, SECRET, USER, SecretsSafe, guid, refused
from tests.servers.counting import Counter, counting_proxy
from tests.servers.double import Answer, Request, serving

TOKEN, SIGN_IN, SIGN_OUT = "Auth/connect/token", "Auth/SignAppIn", "Auth/Signout"
SEARCH = "secrets-safe/secrets"
PLACE = "airflow/variables/"
HTML = Answer(200, b"<html>canary-page</html>", {"Content-Type": "text/html"})
_numbers = itertools.count()


@pytest.fixture
def safe(guarded_servers: Callable[[type[SecretsSafe]], SecretsSafe]) -> SecretsSafe:
    """The double, empty."""
    double = guarded_servers(SecretsSafe)
    double.reset()
    return double


@pytest.fixture
def counted(safe: SecretsSafe) -> Iterator[Counter]:
    """A proxy that counts."""
    with counting_proxy(safe.url) as counter:
        yield counter


def backend(url: str, **options: Any) -> SecretsSafeBackend:
    """A backend of its own: no earlier one has the same configuration."""
    own = {"api_key": KEY, "run_as": USER, "address": url, "max_attempts": 1000 + next(_numbers)}
    return SecretsSafeBackend(**{**own, "on_error": "raise", **options})


def fill(safe: SecretsSafe, *keys: str) -> None:
    """Variables whose value is their key."""
    safe.secrets |= {f"{PLACE}{key}": key for key in keys}


def asked(counter: Counter) -> list[str]:
    """What was asked for since the last time: an endpoint each, with the status if that is not 200."""
    calls = [(call.path.partition("?")[0].removeprefix(BASE), call.status) for call in counter.calls]
    counter.clear()
    return [path if status == 200 else f"{path} {status}" for path, status in calls]


def test_a_cold_lookup_is_a_login_and_a_read_and_a_warm_one_nothing(safe: SecretsSafe, counted: Counter) -> None:
    fill(safe, "a", "b")
    options = {"max_attempts": 1000 + next(_numbers)}
    assert [backend(counted.url, **options).get_variable("a") for _ in range(10_000)] == ["a"] * 10_000
    assert asked(counted) == [SIGN_IN, SEARCH]
    assert backend(counted.url, **options).get_variable("b") == "b"
    assert asked(counted) == [SEARCH]
    assert [backend(counted.url, **options).get_variable("gone") for _ in range(10)] == [None] * 10
    assert asked(counted) == [SEARCH]


def test_threads_that_begin_together_sign_in_once(safe: SecretsSafe, counted: Counter) -> None:
    keys = [f"k{number}" for number in range(32)]
    fill(safe, *keys)
    options = {"max_attempts": 1000 + next(_numbers)}
    with ThreadPoolExecutor(len(keys)) as threads:
        found = list(threads.map(lambda key: backend(counted.url, **options).get_variable(key), keys))
    assert found == keys
    assert Tally(asked(counted)) == {SIGN_IN: 1, SEARCH: len(keys)}


@pytest.mark.parametrize("version", ["3.0", "3.1", "V3_1", "3.2", "v3.2", None])
def test_lists_of_every_version_are_understood(safe: SecretsSafe, version: str | None) -> None:
    fill(safe, "a")
    safe.version = "3.2"
    with serving(safe.answer) as double:
        reader = backend(double.url, api_version=version)
        assert [reader.get_variable(key) for key in ("a", "gone")] == ["a", None]
        sent = {request.query.get("version") for request in double.requests if SEARCH in request.path}
    assert sent == {version.lower().lstrip("v").replace("_", ".") if version else None}


@pytest.mark.parametrize("path", ["", "/", "/BeyondTrust", "/beyondtrust/", BASE, BASE.rstrip("/")])
def test_an_address_may_have_the_path_of_the_api(safe: SecretsSafe, path: str) -> None:
    fill(safe, "a")
    if path.islower():
        with serving(lambda request: Answer(200 if "/beyondtrust/api/public/v3/" in request.path else 404)) as double:
            with pytest.raises(MalformedSecretError):
                backend(f"{double.url}{path}").get_variable("a")
            assert double.paths()[0] == "POST /beyondtrust/api/public/v3/Auth/SignAppIn"
    else:
        assert backend(f"{safe.url}{path}").get_variable("a") == "a"


def test_each_form_has_its_value(safe: SecretsSafe, counted: Counter) -> None:
    fill(safe, "text", "credential", "file", "binary", "odd")
    safe.forms = {f"{PLACE}{form}": form.title() for form in ("credential", "file")}
    safe.forms |= {f"{PLACE}binary": "FILE", f"{PLACE}odd": "TEXT"}
    safe.files = {f"{PLACE}file": "é file".encode(), f"{PLACE}binary": b"\xff\x00"}
    reader = backend(counted.url)
    found = [reader.get_variable(key) for key in ("text", "odd", "credential")]
    assert (found, asked(counted)) == (["text", "odd", "credential"], [SIGN_IN, SEARCH, SEARCH, SEARCH])
    assert reader.get_variable("file") == "é file"
    assert asked(counted) == [SEARCH, f"{SEARCH}/{guid(f'{PLACE}file')}/file/download"]
    with pytest.raises(MalformedSecretError, match="the file is not text"):
        reader.get_variable("binary")


@pytest.mark.parametrize("field", ["Password", "Text", ""])
def test_a_text_is_found_in_whatever_field_it_is(safe: SecretsSafe, counted: Counter, field: str) -> None:
    fill(safe, "a")
    safe.text_in, safe.secrets[f"{PLACE}empty"] = field, ""
    reader = backend(counted.url)
    assert [reader.get_variable(key) for key in ("a", "empty")] == ["a", ""]
    more = [f"{SEARCH}/{guid(f'{PLACE}{key}')}/text" for key in ("a", "empty")]
    assert asked(counted) == [SIGN_IN, SEARCH, *more[:1] * (not field), SEARCH, more[1]]


def test_a_credential_without_a_password_is_an_error_and_an_empty_one_is_a_value(safe: SecretsSafe) -> None:
    safe.secrets |= {f"{PLACE}empty": "", f"{PLACE}none": None}  # type: ignore[dict-item]
    safe.forms = {f"{PLACE}{key}": "Credential" for key in ("empty", "none")}
    assert backend(safe.url).get_variable("empty") == ""
    with pytest.raises(MalformedSecretError, match="the credential has no password"):
        backend(safe.url).get_variable("none")


@pytest.mark.parametrize("key", ["folder_id", "folderId", "folder-id"])
def test_a_secret_in_a_folder_is_one_request(
    safe: SecretsSafe, counted: Counter, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    safe.secrets |= {"kestra/my-db": "x://h", "other/my-db": "y://h", "kestra/sub/deep": "z", "kestra/a": "v"}
    written = {key: guid("kestra").upper(), "ownerId": 2, "owner-type": "User", "apiVersion": "V3_1"}
    written |= {"variables_prefix": "", "connections_prefix": ""}
    reader = backend(counted.url, **written)
    assert (reader.get_conn_value("my-db"), reader.get_variable("a")) == ("x://h", "v")
    assert asked(counted) == [SIGN_IN, SEARCH, SEARCH]
    assert (reader.get_variable("gone"), reader.get_variable("deep")) == (None, None)
    assert asked(counted) == [SEARCH, SEARCH]
    assert "Unknown" not in caplog.text
    assert "did you mean" not in caplog.text


@pytest.mark.parametrize("spelling", ["api_key runAs", "apiKey run-as", "api-key run_as"])
def test_keys_may_be_written_as_other_tools_write_them(safe: SecretsSafe, spelling: str) -> None:
    fill(safe, "a")
    key, run_as = spelling.split()
    written: dict[str, Any] = {key: KEY, run_as: USER, "address": safe.url, "max_attempts": 1000 + next(_numbers)}
    assert SecretsSafeBackend(**written).get_variable("a") == "a"


def test_an_id_and_a_title_alone_are_names_where_no_prefix_comes_before(safe: SecretsSafe, counted: Counter) -> None:
    fill(safe, "a", "file", "twin")
    safe.secrets["elsewhere/twin"] = "x"
    safe.forms, safe.files = {f"{PLACE}file": "File"}, {f"{PLACE}file": b"contents"}
    bare = backend(counted.url, variables_prefix="")
    secret = guid(f"{PLACE}a")
    assert bare.get_variable(secret) == "a"
    # The answer for an id does not have the type.
    assert bare.get_variable(guid(f"{PLACE}file")) == "contents"
    assert bare.get_variable(guid("nothing")) is None
    read, file = (f"{SEARCH}/{guid(f'{PLACE}{key}')}" for key in ("a", "file"))
    assert asked(counted) == [SIGN_IN, read, file, f"{file}/file/download", f"{SEARCH}/{guid('nothing')} 404"]
    assert bare.get_variable("a") == "a"
    with pytest.raises(MalformedSecretError, match="2 secrets have the title"):
        bare.get_variable("twin")


@pytest.mark.parametrize("in_folder", [True, False])
def test_two_of_a_title_are_an_error_that_says_so(safe: SecretsSafe, in_folder: bool) -> None:
    fill(safe, "a")
    safe.twins = {f"{PLACE}a"}
    place = {"folder_id": guid(PLACE.rstrip("/")), "variables_prefix": ""} if in_folder else {}
    with pytest.raises(MalformedSecretError, match=r"2 secrets have the title \(ids [\w-]{36}, [\w-]{36}\)"):
        backend(safe.url, **place).get_variable("a")


def test_a_member_of_a_chain_answers_what_the_first_lacks(safe: SecretsSafe, counted: Counter) -> None:
    fill(safe, "a")
    members = [
        {"store": "memory", "secrets": {"airflow/variables/first": "1"}},
        {"store": "beyondtrust", "address": counted.url, "api_key": KEY, "run_as": USER},
    ]
    chain = ChainBackend(stores=members, on_error="raise")
    assert [chain.get_variable(key) for key in ("first", "a", "gone", "a")] == ["1", "a", None, "a"]
    assert asked(counted) == [SIGN_IN, SEARCH, SEARCH]
    safe.users[USER] = False
    with pytest.raises(AccessDeniedError, match="was denied"):
        chain.get_variable("another")


def test_a_session_that_ends_is_replaced_once_within_the_lookup(safe: SecretsSafe, counted: Counter) -> None:
    fill(safe, "a", "b", "c")
    reader = backend(counted.url)
    assert reader.get_variable("a") == "a"
    asked(counted)
    safe.sessions.clear()
    assert reader.get_variable("b") == "b"
    assert asked(counted) == [f"{SEARCH} 401", SIGN_IN, SEARCH]
    assert reader.get_variable("c") == "c"
    assert asked(counted) == [SEARCH]


def test_a_session_that_ends_between_two_requests_of_a_lookup_is_replaced(safe: SecretsSafe) -> None:
    fill(safe, "file")
    safe.forms, safe.files = {f"{PLACE}file": "File"}, {f"{PLACE}file": b"contents"}

    def answer(request: Request) -> Answer:
        answered = safe.answer(request)
        if request.path.endswith(SEARCH):
            safe.sessions.clear()
        return answered

    with serving(answer) as double:
        assert backend(double.url).get_variable("file") == "contents"
        paths = [path.replace(BASE, "") for path in double.paths()]
    download = f"GET {SEARCH}/{guid(f'{PLACE}file')}/file/download"
    assert paths == [f"POST {SIGN_IN}", f"GET {SEARCH}", download, f"POST {SIGN_IN}", download]


def test_threads_whose_session_ends_sign_in_once(safe: SecretsSafe, counted: Counter) -> None:
    keys = [f"k{number}" for number in range(16)]
    fill(safe, "first", *keys)
    reader = backend(counted.url)
    assert reader.get_variable("first") == "first"
    asked(counted)
    safe.sessions.clear()
    with ThreadPoolExecutor(len(keys)) as threads:
        assert list(threads.map(reader.get_variable, keys)) == keys
    assert Tally(asked(counted))[SIGN_IN] == 1


def test_a_session_that_is_never_accepted_is_replaced_once(safe: SecretsSafe) -> None:
    fill(safe, "a", "b")

    def answer(request: Request) -> Answer:
        return refused() if SEARCH in request.path else safe.answer(request)

    with serving(answer) as double:
        reader = backend(double.url)
        for key in ("a", "b"):
            with pytest.raises(UnauthenticatedError, match="does not accept the session"):
                reader.get_variable(key)
        paths = [path.rpartition("/")[2] for path in double.paths()]
    assert paths == ["SignAppIn", "secrets", "SignAppIn", "secrets", "secrets"]


def test_a_limit_is_waited_for_as_long_as_the_server_asks(safe: SecretsSafe) -> None:
    fill(safe, "a")
    limits = iter([Answer(429, "canary", {"Retry-After": "1"})])

    def answer(request: Request) -> Answer:
        return next(limits, None) or safe.answer(request) if SEARCH in request.path else safe.answer(request)

    with serving(answer) as double:
        began = time.monotonic()
        assert backend(double.url).get_variable("a") == "a"
        waited = time.monotonic() - began
        assert len(double.requests) == 3
    assert 1 <= waited < 8
    safe.fault = 429
    with pytest.raises(ThrottledError, match="was throttled") as caught:
        backend(safe.url, max_attempts=1, timeout=5 + next(_numbers)).get_variable("a")
    assert "canary" not in str(caught.value)


LOGINS: dict[str, dict[str, Any]] = {
    "key": {},
    "key with the user after it": {"api_key": f"{KEY};runas={USER};", "run_as": None},
    "key and password": {"run_as_password": PASSWORD},
    "client": {"api_key": None, "run_as": None, "client_id": CLIENT, "client_secret": SECRET},
}


@pytest.mark.parametrize("login", LOGINS)
def test_each_login_goes_to_one_address_and_its_secret_nowhere_else(safe: SecretsSafe, login: str) -> None:
    fill(safe, "a", "b")
    safe.needs_password = login == "key and password"
    with serving(safe.answer) as double:
        reader = backend(double.url, **LOGINS[login])
        assert [reader.get_variable(key) for key in ("a", "b")] == ["a", "b"]
        shown(double.requests, double.url)
        *steps, first, second = double.requests
    is_client = login == "client"
    assert [step.path.removeprefix(BASE) for step in steps] == [TOKEN] * is_client + [SIGN_IN]
    assert (
        steps[-1].headers["authorization"].startswith("Bearer " if is_client else f"PS-Auth key={KEY}; runas={USER};")
    )
    assert (f"pwd=[{PASSWORD}]" in steps[-1].headers["authorization"]) == safe.needs_password
    assert steps[-1].body == b""
    # The cookie that the token came with leads to the same machine again.
    assert ("balancer=" in steps[-1].headers.get("cookie", "")) == is_client
    for step in steps:
        assert not any(secret in step.target for secret in (KEY, SECRET, PASSWORD))
    for request in (first, second):
        assert request.headers["cookie"] == first.headers["cookie"]
        assert safe.session(request) in safe.sessions
        assert ("balancer=" in request.headers["cookie"]) == is_client
        assert "authorization" not in request.headers
        sent = f"{request.target} {request.headers} {request.body!r}"
        assert not any(secret in sent for secret in (KEY, SECRET, PASSWORD, "canary-token"))


def shown(requests: list[Request], url: str) -> None:
    """Prints what goes where."""
    for request in requests:
        scheme = request.headers.get("authorization", "").partition(" ")[0]
        parts = [
            *["the client and its secret in the form"] * bool(request.body),
            *[f"{'the key' if scheme == 'PS-Auth' else 'the token'} in Authorization: {scheme}"] * bool(scheme),
            *["the session in Cookie"] * (COOKIE in request.headers.get("cookie", "")),
        ]
        print(f"{request.method} {request.path}: {', '.join(parts)}, over {url.partition(':')[0]}")


def test_a_refused_login_is_told_from_one_that_cannot_be_reached(safe: SecretsSafe) -> None:
    for fault, error, text in [
        (refused(), UnauthenticatedError, "does not accept `api_key` and `run_as`"),
        (Answer(403, "canary"), UnauthenticatedError, "does not accept `api_key` and `run_as`"),
        (Answer(410, "canary"), ConfigurationError, "this version of the API is switched off"),
        (Answer(503, b"canary"), UnreachableError, "failed inside Password Safe"),
        (HTML, MalformedSecretError, "signing in to Secrets Safe: the answer is not understood"),
        (Answer(200, {"UserId": 7}), MalformedSecretError, "signing in to Secrets Safe: the answer is not understood"),
    ]:
        safe.login_faults = {SIGN_IN: fault}
        with pytest.raises(error, match=text) as caught:
            backend(safe.url, max_attempts=1, timeout=5 + next(_numbers)).get_variable("a")
        assert "canary" not in str(caught.value)
    safe.login_faults = {TOKEN: Answer(400, {"error": "invalid_client"})}
    with pytest.raises(UnauthenticatedError, match="does not accept `client_id` and `client_secret`"):
        backend(safe.url, **LOGINS["client"]).get_variable("a")
    with pytest.raises(UnreachableError):
        backend("http://127.0.0.1:9", max_attempts=1).get_variable("a")


def test_a_page_in_place_of_an_answer_is_an_error(safe: SecretsSafe) -> None:
    fill(safe, "a")
    with (
        serving(lambda request: HTML if SEARCH in request.path else safe.answer(request)) as double,
        pytest.raises(MalformedSecretError, match=r"the answer is not understood .*Check `address`") as caught,
    ):
        backend(double.url).get_variable("a")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b'"Folder not found"', b'{"Message": "x"}', b"[]"])
def test_a_folder_that_is_not_there_has_no_secrets(safe: SecretsSafe, body: bytes) -> None:
    absent = Answer(404 if body != b"[]" else 200, body)
    with serving(lambda request: absent if SEARCH in request.path else safe.answer(request)) as double:
        assert backend(double.url).get_variable("a") is None
    page = Answer(404, b"<html>canary</html>")
    with (
        serving(lambda request: page if SEARCH in request.path else safe.answer(request)) as double,
        pytest.raises(MalformedSecretError),
    ):
        backend(double.url).get_variable("a")


def test_the_names_of_a_team_come_first(safe: SecretsSafe, counted: Counter) -> None:
    fill(safe, "shared", "ops--own", "own")
    reader = backend(counted.url)
    assert reader.get_variable("own", "ops") == "ops--own"
    assert asked(counted) == [SIGN_IN, SEARCH]
    assert reader.get_variable("shared", "ops") == "shared"
    assert asked(counted) == [SEARCH, SEARCH]


@pytest.mark.parametrize("version", ["3.1", "3.2"])
def test_a_pattern_of_a_prefetch_is_listed_without_values(safe: SecretsSafe, version: str) -> None:
    fill(safe, "s3_a", "s3_b", "other")
    safe.secrets |= {"elsewhere/s3_c": "x"} | {f"more/n{number:04}": "x" for number in range(1100)}
    with serving(safe.answer) as double:
        reader = backend(double.url, prefetch={"variables": ["s3_*"]}, api_version=version)
        assert [reader.get_variable(key) for key in ("s3_a", "s3_b")] == ["s3_a", "s3_b"]
        lists = [request.query for request in double.requests if "limit" in request.query]
        assert len(double.requests) == 1 + 2 + 2
    assert [each["offset"] for each in lists] == ["0", "1000"]
    assert {each["decrypt"] for each in lists} == {"false"}


def test_a_child_of_a_fork_signs_in_by_itself(safe: SecretsSafe, counted: Counter) -> None:
    fill(safe, "a", "b")
    reader = backend(counted.url)
    assert reader.get_variable("a") == "a"
    counted.clear()
    child = os.fork()
    if not child:
        os._exit(0 if reader.get_variable("b") == "b" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert asked(counted) == [SIGN_IN, SEARCH]
    assert reader.get_variable("b") == "b"
    assert asked(counted) == [SEARCH]


#: Reads a variable, forks a child that reads another, and ends as a process of Airflow does.
PROCESS = """
import json, os, sys
from strongroom.beyondtrust import SecretsSafeBackend
reader = SecretsSafeBackend(**json.loads(sys.argv[1]))
assert reader.get_variable("a") == "a"
if not os.fork():
    assert reader.get_variable("b") == "b"
    sys.exit()
os.wait()
assert reader.get_variable("b") == "b"
"""


def test_a_process_signs_out_of_its_own_session_at_its_end(safe: SecretsSafe) -> None:
    fill(safe, "a", "b")
    options = {"api_key": KEY, "run_as": USER, "on_error": "raise"}
    with serving(safe.answer) as double:
        command = [sys.executable, "-c", PROCESS, json.dumps({**options, "address": double.url})]
        subprocess.run(command, check=True, timeout=60)
        sent = [(request.path.removeprefix(BASE), safe.session(request)) for request in double.requests]
    assert [path for path, _ in sent] == [SIGN_IN, SEARCH, SIGN_IN, SEARCH, SIGN_OUT, SEARCH, SIGN_OUT]
    parent, child = sent[1][1], sent[3][1]
    assert [session for _, session in sent[1:]] == [parent, "", child, child, parent, parent]
    assert (parent != child, safe.sessions) == (True, {})


@pytest.mark.parametrize("fault", [Answer(500), refused(), HTML])
def test_a_sign_out_that_fails_is_of_no_account(safe: SecretsSafe, fault: Answer) -> None:
    fill(safe, "a", "b")
    safe.login_faults = {SIGN_OUT: fault}
    options = {"api_key": KEY, "run_as": USER, "on_error": "raise", "address": safe.url}
    done = subprocess.run(
        [sys.executable, "-c", PROCESS, json.dumps(options)], check=True, timeout=60, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ({"address": None}, "there is no address of Password Safe"),
        ({"api_key": None}, "no one to sign in to Secrets Safe as"),
        ({"run_as": None}, "no user for the API key"),
        ({"api_key": None, "client_id": CLIENT}, "no secret for `client_id`"),
        ({"folder_id": "airflow"}, "`folder_id` is not the id of a folder"),
    ],
)
def test_what_is_missing_is_named_without_a_request(counted: Counter, written: dict[str, Any], text: str) -> None:
    with pytest.raises((ConfigurationError, UnauthenticatedError), match=text):
        backend(counted.url, **written).get_variable("a")
    assert asked(counted) == []


def test_the_login_may_be_in_variables(safe: SecretsSafe, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(safe, "a")
    none = {"address": None, "api_key": None, "run_as": None}
    monkeypatch.setenv("PASSWORD_SAFE_API_URL", f"{safe.url}{BASE}")
    monkeypatch.setenv("PASSWORD_SAFE_API_KEY", KEY)
    assert backend("", **{**none, "run_as": USER}).get_variable("a") == "a"
    monkeypatch.setenv("PASSWORD_SAFE_API_KEY", f"{KEY};runas={USER};")
    assert backend("", **none).get_variable("a") == "a"
    monkeypatch.delenv("PASSWORD_SAFE_API_KEY")
    monkeypatch.setenv("PASSWORD_SAFE_CLIENT_ID", CLIENT)
    monkeypatch.setenv("PASSWORD_SAFE_CLIENT_SECRET", SECRET)
    assert backend("", **none).get_variable("a") == "a"
