"""Secret Server: what only this store has, and how many requests it gets."""

from __future__ import annotations

import time
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.delinea import SecretServerBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    MalformedSecretError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.python.stores.doubles import alone, counting, empty, in_child, unlike_others
from tests.python.stores.doubles import asked as asked_of
from tests.servers.counting import Counter
from tests.servers.delinea import CLIENT, DOMAIN, PASSWORD, SECRET, USER, SecretServer, invalid_grant
from tests.servers.double import Answer, Request, serving

LOGIN, PATH, SEARCH, FOLDER = "oauth2/token", "v1/secrets/0", "v2/secrets", "v1/folders/0"
PLACE = "airflow/variables/"
HTML = Answer(200, b"<html>canary-page</html>", {"Content-Type": "text/html"})

delinea = empty(SecretServer)
counted = counting("delinea")


def backend(url: str, **options: Any) -> SecretServerBackend:
    """A backend of its own."""
    own = {"username": USER, "password": PASSWORD, "address": url, "on_error": "raise"}
    return SecretServerBackend(**{**own, **alone(), **options})


def fill(delinea: SecretServer, *keys: str) -> None:
    """Variables whose value is their key."""
    delinea.secrets |= {f"{PLACE}{key}": key for key in keys}


def asked(counter: Counter) -> list[str]:
    """The endpoints that were asked since the last time."""
    return asked_of(counter, lambda path, _query: path.split("/api/")[-1].strip("/"))


def test_a_cold_lookup_is_a_login_and_a_read_and_a_warm_one_nothing(delinea: SecretServer, counted: Counter) -> None:
    fill(delinea, "a", "b")
    options = alone()
    assert [backend(counted.url, **options).get_variable("a") for _ in range(10_000)] == ["a"] * 10_000
    assert asked(counted) == [LOGIN, PATH]
    assert backend(counted.url, **options).get_variable("b") == "b"
    assert asked(counted) == [PATH]
    assert [backend(counted.url, **options).get_variable("gone") for _ in range(10)] == [None] * 10
    assert asked(counted) == [f"{PATH} 400", SEARCH]


def test_threads_that_begin_together_log_in_once(delinea: SecretServer, counted: Counter) -> None:
    keys = [f"k{number}" for number in range(32)]
    fill(delinea, *keys)
    options = alone()
    with ThreadPoolExecutor(len(keys)) as threads:
        found = list(threads.map(lambda key: backend(counted.url, **options).get_variable(key), keys))
    assert found == keys
    assert Tally(asked(counted)) == {LOGIN: 1, PATH: len(keys)}


def test_a_secret_in_a_folder_is_a_search_and_a_read(delinea: SecretServer, counted: Counter) -> None:
    delinea.secrets |= {"kestra/my-db": "x://h", "other/my-db": "y://h", "kestra/sub/deep": "z"}
    options = {"folder_id": str(delinea.folders()["kestra"]), "variables_prefix": "", "connections_prefix": ""}
    reader = backend(counted.url, **options)
    assert reader.get_conn_value("my-db") == "x://h"
    assert asked(counted) == [LOGIN, SEARCH, f"v1/secrets/{delinea.number('kestra/my-db')}"]
    assert (reader.get_variable("gone"), reader.get_variable("deep")) == (None, None)
    assert asked(counted) == [SEARCH, SEARCH]


@pytest.mark.parametrize("key", ["folder_id", "folderId", "folder-id"])
def test_keys_may_be_written_as_other_tools_write_them(
    delinea: SecretServer, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    delinea.secrets["kestra/a"] = "x"
    written = {key: delinea.folders()["kestra"], "secretTemplateId": 2, "site-id": 1, "variables_prefix": ""}
    assert backend(delinea.url, **written).get_variable("a") == "x"
    assert "Unknown" not in caplog.text
    assert "did you mean" not in caplog.text


def test_a_number_is_the_id_of_a_secret(delinea: SecretServer, counted: Counter) -> None:
    fill(delinea, "a", "hidden")
    by_id = backend(counted.url, variables_prefix="")
    assert by_id.get_variable(str(delinea.number(f"{PLACE}a"))) == "a"
    assert asked(counted) == [LOGIN, f"v1/secrets/{delinea.number(f'{PLACE}a')}"]
    with pytest.raises(AccessDeniedError, match="or there is no secret with this id"):
        by_id.get_variable("9999")
    delinea.kept_back = {f"{PLACE}hidden"}
    with pytest.raises(AccessDeniedError, match="may not view it"):
        by_id.get_variable(str(delinea.number(f"{PLACE}hidden")))


@pytest.mark.parametrize("in_folder", [True, False])
def test_two_of_a_name_are_an_error_that_says_so(delinea: SecretServer, in_folder: bool) -> None:
    fill(delinea, "a")
    delinea.twins = {f"{PLACE}a"}
    place = {"folder_id": delinea.folders()[PLACE.rstrip("/")], "variables_prefix": ""} if in_folder else {}
    with pytest.raises(MalformedSecretError, match=r"2 secrets in this folder have the name \(ids \d+, \d+\)"):
        backend(delinea.url, **place).get_variable("a")


@pytest.mark.parametrize(
    ("flags", "reason", "remedy"),
    [
        ({"requiresApproval": True}, "requires an approval", "access request"),
        ({"checkOutEnabled": True}, "has to be checked out", "Take the checkout off"),
        ({"requiresComment": True}, "requires a comment", "Write `comment`"),
        ({"doubleLockEnabled": True}, "has a DoubleLock", "Take the DoubleLock off"),
    ],
)
@pytest.mark.parametrize("way", ["path", "folder", "id"])
def test_what_keeps_a_secret_back_is_named_with_its_remedy(
    delinea: SecretServer, flags: dict[str, bool], reason: str, remedy: str, way: str
) -> None:
    fill(delinea, "a")
    delinea.flags = {f"{PLACE}a": flags}
    folder = delinea.folders()[PLACE.rstrip("/")]
    options: dict[str, Any] = {} if way == "path" else {"variables_prefix": ""}
    if way == "folder":
        options["folder_id"] = folder
    asked_for = str(delinea.number(f"{PLACE}a")) if way == "id" else "a"
    with pytest.raises(AccessDeniedError, match=rf"{reason}.*{remedy}"):
        backend(delinea.url, **options).get_variable(asked_for)


def test_a_comment_is_sent_where_one_is_written(delinea: SecretServer) -> None:
    fill(delinea, "a")
    delinea.flags = {f"{PLACE}a": {"requiresComment": True}}
    assert backend(delinea.url, comment="read by Airflow").get_variable("a") == "a"


def test_no_lookup_checks_a_secret_out(delinea: SecretServer) -> None:
    fill(delinea, "a")
    with serving(delinea.answer) as double:
        assert backend(double.url).get_variable("a") == "a"
        reads = [request for request in double.requests if "/secrets/" in request.path]
    assert [request.query["noAutoCheckout"] for request in reads] == ["true"]


def test_the_field_is_chosen_by_its_slug(delinea: SecretServer) -> None:
    fill(delinea, "a", "key", "file", "none")
    values = {"username": "user", "password": "pass", "notes": "text"}
    delinea.items = {
        f"{PLACE}a": [{"slug": slug, "itemValue": text} for slug, text in values.items()],
        f"{PLACE}key": [{"slug": "api-key", "isPassword": True, "itemValue": "k"}],
        f"{PLACE}file": [{"slug": "notes", "isFile": True, "fileAttachmentId": 7, "file": "é file".encode()}],
        f"{PLACE}none": [{"slug": "resource", "itemValue": "r"}, {"slug": "notes", "itemValue": None}],
    }
    usual, notes = backend(delinea.url), backend(delinea.url, field="notes")
    assert [usual.get_variable(key) for key in ("a", "key")] == ["pass", "k"]
    assert [notes.get_variable(key) for key in ("a", "file")] == ["text", "é file"]
    with pytest.raises(MalformedSecretError, match=r"no field `password`.*has `resource`, `notes`"):
        usual.get_variable("none")
    with pytest.raises(MalformedSecretError, match="`notes` has no value"):
        notes.get_variable("none")


def test_a_file_that_is_not_text_is_an_error(delinea: SecretServer) -> None:
    fill(delinea, "a")
    delinea.items = {f"{PLACE}a": [{"slug": "password", "isFile": True, "fileAttachmentId": 7, "file": b"\xff\x00"}]}
    with pytest.raises(MalformedSecretError, match="is not text"):
        backend(delinea.url).get_variable("a")


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_read_that_is_refused_in_any_way_is_looked_into(delinea: SecretServer, status: int) -> None:
    fill(delinea, "kept")
    refusal = Answer(status, {"message": "canary", "errorCode": "API_AccessDenied"})
    with serving(lambda request: refusal if request.path.endswith(PATH) else delinea.answer(request)) as double:
        reader = backend(double.url)
        assert reader.get_variable("gone") is None
        with pytest.raises(AccessDeniedError, match="may not view it"):
            reader.get_variable("kept")
        assert double.paths() == [f"POST /{LOGIN}", *[f"GET /api/{PATH}", f"GET /api/{SEARCH}"] * 2]


def test_a_member_of_a_chain_answers_what_the_first_lacks(delinea: SecretServer, counted: Counter) -> None:
    fill(delinea, "a", "kept")
    delinea.kept_back = {f"{PLACE}kept"}
    members = [
        {"store": "memory", "secrets": {"airflow/variables/first": "1"}},
        {"store": "delinea", "address": counted.url, "username": USER, "password": PASSWORD},
    ]
    chain = ChainBackend(stores=members, on_error="raise")
    assert [chain.get_variable(key) for key in ("first", "a", "gone", "a")] == ["1", "a", None, "a"]
    assert asked(counted) == [LOGIN, PATH, f"{PATH} 400", SEARCH]
    with pytest.raises(AccessDeniedError, match="may not view it"):
        chain.get_variable("kept")


def test_what_is_deleted_is_absent(delinea: SecretServer) -> None:
    fill(delinea, "a")
    delinea.flags = {f"{PLACE}a": {"active": False}}
    assert backend(delinea.url).get_variable("a") is None


@pytest.mark.parametrize("ends", [PATH, SEARCH], ids=["before the read", "in the middle"])
def test_a_session_that_ends_is_replaced_within_the_lookup(delinea: SecretServer, ends: str) -> None:
    fill(delinea, "a", "b")

    def answer(request: Request) -> Answer:
        answered = delinea.answer(request)
        if request.path.endswith(ends):
            delinea.sessions.clear()
        return answered

    folder = {"folder_id": delinea.folders()[PLACE.rstrip("/")], "variables_prefix": ""} if ends == SEARCH else {}
    with serving(answer) as double:
        reader = backend(double.url, **folder)
        assert [reader.get_variable(key) for key in ("a", "b")] == ["a", "b"]
        # One login at first, and one more each time that the session has ended.
        logins = double.paths().count(f"POST /{LOGIN}")
    assert logins == (2 if ends == PATH else 3)


def test_a_token_that_is_never_accepted_is_replaced_once(delinea: SecretServer) -> None:
    fill(delinea, "a", "b")

    def answer(request: Request) -> Answer:
        answered = delinea.answer(request)
        delinea.sessions.clear()
        return answered

    with serving(answer) as double:
        reader = backend(double.url)
        for key in ("a", "b"):
            with pytest.raises(AccessDeniedError):
                reader.get_variable(key)
        assert double.paths() == [f"POST /{LOGIN}", f"GET /api/{PATH}"] * 2 + [f"GET /api/{PATH}"]


@pytest.mark.parametrize("refreshes", [True, False])
def test_a_token_is_renewed_before_it_ends(delinea: SecretServer, refreshes: bool) -> None:
    fill(delinea, "a")
    delinea.lifetime, delinea.refreshing = 5, set() if refreshes else None
    with serving(delinea.answer) as double:
        reader = backend(double.url, cache_ttl=0)
        ends = time.monotonic() + 6
        while time.monotonic() < ends:
            assert reader.get_variable("a") == "a"
            time.sleep(0.25)
        grants = [request.form["grant_type"] for request in double.requests if request.path.endswith(LOGIN)]
        statuses = [path for path in double.paths() if "search" in path]
    assert grants == ["password", "refresh_token" if refreshes else "password"]
    assert statuses == []


def test_a_renewal_that_is_refused_is_a_login(delinea: SecretServer) -> None:
    fill(delinea, "a")
    delinea.lifetime, delinea.refreshing = 5, set()
    with serving(delinea.answer) as double:
        reader = backend(double.url, cache_ttl=0)
        assert reader.get_variable("a") == "a"
        delinea.refreshing.clear()
        time.sleep(4.2)
        assert reader.get_variable("a") == "a"
        grants = [request.form["grant_type"] for request in double.requests if request.path.endswith(LOGIN)]
    assert grants == ["password", "refresh_token", "password"]


LOGINS: dict[str, dict[str, Any]] = {
    "user": {},
    "user of a domain": {"domain": DOMAIN},
    "client": {"username": None, "password": None, "client_id": CLIENT, "client_secret": SECRET},
}


@pytest.mark.parametrize("login", LOGINS.values(), ids=LOGINS)
def test_each_login_goes_to_one_address_and_its_secret_nowhere_else(
    delinea: SecretServer, login: dict[str, Any]
) -> None:
    fill(delinea, "a")
    with serving(delinea.answer) as double:
        assert backend(double.url, **login).get_variable("a") == "a"
        shown(double.requests, double.url)
        first, *others = double.requests
    assert (first.method, first.path) == ("POST", f"/{LOGIN}")
    assert login.get("domain", "") == first.form.get("domain", "")
    secrets = (PASSWORD, SECRET)
    assert not any(secret in f"{first.target} {first.headers}" for secret in secrets)
    for request in others:
        assert request.bearer in delinea.sessions
        assert not any(secret in f"{request.target} {request.headers} {request.body!r}" for secret in secrets)
        assert request.body == b""


@pytest.mark.parametrize("login", ["user", "client"])
def test_the_platform_names_the_vault_that_is_read(delinea: SecretServer, login: str) -> None:
    fill(delinea, "a", "b")
    delinea.is_platform = True
    with serving(delinea.answer) as double:
        delinea.vaults = [
            delinea.vault(f"{double.url}/off", active=False),
            delinea.vault(f"{double.url}/another", default=False),
            delinea.vault(f"{double.url}/vault"),
        ]
        reader = backend(double.url, platform=True, **LOGINS[login])
        assert [reader.get_variable(key) for key in ("a", "b")] == ["a", "b"]
        shown(double.requests, double.url)
        assert double.paths() == [
            "POST /identity/api/oauth2/token/xpmplatform",
            "GET /vaultbroker/api/vaults",
            *[f"GET /vault/api/{PATH}"] * 2,
        ]
        delinea.vaults = [delinea.vault(double.url, active=False)]
        with pytest.raises(ConfigurationError, match="no vault that is the default and active"):
            backend(double.url, platform=True).get_variable("a")


def shown(requests: list[Request], url: str) -> None:
    """Prints what goes where."""
    for request in requests:
        what = "the login in the form" if request.body else "the token in Authorization" * bool(request.bearer)
        print(f"{request.method} {request.path}: {what}, over {url.partition(':')[0]}")


def test_a_refused_login_is_told_from_one_that_cannot_be_reached(delinea: SecretServer) -> None:
    for fault, error, text in [
        (invalid_grant(), UnauthenticatedError, "does not accept `username` and `password`"),
        (Answer(403, {"message": "canary"}), UnauthenticatedError, "does not accept `username` and `password`"),
        (Answer(503, b"canary"), UnreachableError, "failed inside Secret Server"),
        (HTML, MalformedSecretError, "logging in to Secret Server: the answer is not understood"),
    ]:
        delinea.login_fault = fault
        with pytest.raises(error, match=text) as caught:
            backend(delinea.url, max_attempts=1, timeout=60 + unlike_others()).get_variable("a")
        assert "canary" not in str(caught.value)
    with pytest.raises(UnreachableError):
        backend("http://127.0.0.1:9", max_attempts=1).get_variable("a")


def test_a_page_in_place_of_an_answer_is_an_error(delinea: SecretServer) -> None:
    fill(delinea, "a")
    with (
        serving(lambda request: HTML if "/api/" in request.path else delinea.answer(request)) as double,
        pytest.raises(MalformedSecretError, match=r"the answer is not understood .*Check `address`") as caught,
    ):
        backend(double.url).get_variable("a")
    assert "canary" not in str(caught.value)


def test_the_names_of_a_team_come_first(delinea: SecretServer, counted: Counter) -> None:
    fill(delinea, "shared", "ops--own", "own")
    reader = backend(counted.url)
    assert reader.get_variable("own", "ops") == "ops--own"
    assert asked(counted) == [LOGIN, PATH]
    assert reader.get_variable("shared", "ops") == "shared"
    assert asked(counted) == [f"{PATH} 400", SEARCH, PATH]


def test_a_pattern_of_a_prefetch_is_listed_below_its_folder(delinea: SecretServer, counted: Counter) -> None:
    fill(delinea, "s3_a", "s3_b", "other")
    delinea.secrets["elsewhere/s3_c"] = "x"
    reader = backend(counted.url, prefetch={"variables": ["s3_*"]})
    assert [reader.get_variable(key) for key in ("s3_a", "s3_b")] == ["s3_a", "s3_b"]
    assert asked(counted) == [LOGIN, FOLDER, SEARCH, PATH, PATH]


def test_a_child_of_a_fork_logs_in_by_itself(delinea: SecretServer, counted: Counter) -> None:
    fill(delinea, "a", "b")
    reader = backend(counted.url)
    assert reader.get_variable("a") == "a"
    counted.clear()
    assert in_child(lambda: reader.get_variable("b") == "b")
    assert asked(counted) == [LOGIN, PATH]
    assert reader.get_variable("b") == "b"
    assert asked(counted) == [PATH]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ({"address": None}, "there is no address of Secret Server"),
        ({"username": None}, "no one to log in to Secret Server as"),
        ({"password": None}, "no password for `username`"),
        ({"client_id": CLIENT}, "no password for `client_id`"),
    ],
)
def test_what_is_missing_is_named_without_a_request(counted: Counter, written: dict[str, Any], text: str) -> None:
    with pytest.raises((ConfigurationError, UnauthenticatedError), match=text):
        backend(counted.url, **written).get_variable("a")
    assert asked(counted) == []


def test_the_login_may_be_in_variables(delinea: SecretServer, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(delinea, "a")
    for name, text in {"BASE_URL": delinea.url, "USERNAME": USER, "PASSWORD": PASSWORD, "DOMAIN": DOMAIN}.items():
        monkeypatch.setenv(f"TSS_{name}", text)
    assert backend("", address=None, username=None, password=None).get_variable("a") == "a"
