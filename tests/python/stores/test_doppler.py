"""Doppler: what only this store has, and how many requests it gets."""

from __future__ import annotations

import time
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.doppler import DopplerBackend
from strongroom.exceptions import AccessDeniedError, ConfigurationError, UnauthenticatedError
from tests.python.stores.doubles import alone, counting, empty, in_child, unlike_others
from tests.python.stores.doubles import asked as asked_of
from tests.servers.counting import Counter
from tests.servers.doppler import CONFIG, PATH, PROJECT, Doppler
from tests.servers.double import Answer, Request, serving

READ, NAMES, DOWNLOAD = "", "s/names", "s/download"
PERSON = "dp.pt.canary4Gh7made2up"
TTL = 0.5

doppler = empty(Doppler)
counted = counting("doppler")


def backend(url: str, **options: Any) -> DopplerBackend:
    """A backend of its own."""
    return DopplerBackend(**{"token": Doppler.token, "endpoint_url": url, **alone(), **options})


def fill(doppler: Doppler, *keys: str) -> list[str]:
    """Variables whose value is their key; returns the keys."""
    doppler.secrets |= {f"AIRFLOW_VARIABLES_{key.upper()}": key for key in keys}
    return list(keys)


def asked(counter: Counter) -> list[str]:
    """The endpoints that were asked since the last time."""
    return asked_of(counter, lambda path, _query: path.removeprefix(PATH))


def test_a_cold_lookup_is_one_request_and_a_warm_one_none(doppler: Doppler, counted: Counter) -> None:
    fill(doppler, "a")
    options = alone()
    assert [backend(counted.url, **options).get_variable("a") for _ in range(10_000)] == ["a"] * 10_000
    assert asked(counted) == [READ]
    assert [backend(counted.url, **options).get_variable("gone") for _ in range(10)] == [None] * 10
    assert asked(counted) == [READ]


def test_many_names_are_one_download(doppler: Doppler, counted: Counter) -> None:
    keys = fill(doppler, *(f"k{number}" for number in range(60)))
    reader = backend(counted.url, prefetch={"variables": [*keys, "gone", "away"]})
    assert [reader.get_variable(key) for key in [*keys, "gone", "away"]] == [*keys, None, None]
    (call,) = counted.calls
    assert "secrets=AIRFLOW_VARIABLES_AWAY%2C" in call.path
    assert asked(counted) == [DOWNLOAD]


def test_names_that_fill_no_address_are_downloaded_with_the_whole_config(doppler: Doppler, counted: Counter) -> None:
    keys = fill(doppler, *(f"{'long' * 20}{number:03}" for number in range(60)))
    reader = backend(counted.url, prefetch={"variables": keys})
    assert [reader.get_variable(key) for key in keys] == keys
    (call,) = counted.calls
    assert "secrets=" not in call.path


def test_a_pattern_is_a_list_and_a_download(doppler: Doppler, counted: Counter) -> None:
    keys = fill(doppler, "s3_a", "s3_b")
    reader = backend(counted.url, prefetch={"variables": ["s3_*"]})
    assert [reader.get_variable(key) for key in keys] == keys
    assert asked(counted) == [NAMES, DOWNLOAD]


def test_what_has_not_changed_is_not_sent_again(doppler: Doppler, counted: Counter) -> None:
    keys = fill(doppler, *(f"k{number}" for number in range(20)))
    reader = backend(counted.url, cache_ttl=TTL, prefetch={"variables": [*keys, "gone"]})
    assert reader.get_variable("k0") == "k0"
    assert asked(counted) == [DOWNLOAD]
    time.sleep(TTL)
    assert [reader.get_variable(key) for key in keys] == keys
    assert asked(counted) == [f"{DOWNLOAD} 304"]
    doppler.secrets["AIRFLOW_VARIABLES_K7"] = "new"
    time.sleep(TTL)
    assert reader.get_variable("k0") == "k0"
    assert reader.get_variable("k7") == "new"
    assert asked(counted) == [DOWNLOAD]
    del doppler.secrets["AIRFLOW_VARIABLES_K7"]
    time.sleep(TTL)
    assert (reader.get_variable("k7"), reader.get_variable("k1")) == (None, "k1")
    assert asked(counted) == [DOWNLOAD]


def test_the_name_of_a_team_and_the_shared_one_are_one_request(doppler: Doppler, counted: Counter) -> None:
    fill(doppler, "shared", "ops__own", "own")
    reader = backend(counted.url)
    assert reader.get_variable("shared", "ops") == "shared"
    assert asked(counted) == [DOWNLOAD]
    assert reader.get_variable("own", "ops") == "ops__own"
    assert asked(counted) == [DOWNLOAD]
    assert [reader.get_variable(key, "ops") for key in ("shared", "own")] == ["shared", "ops__own"]
    assert asked(counted) == []
    assert reader.get_variable("gone", "ops") is None
    assert asked(counted) == [DOWNLOAD]
    # Without a cache nothing could be done with the second answer.
    assert backend(counted.url, cache_ttl=0).get_variable("shared", "ops") == "shared"
    assert asked(counted) == [READ, READ]


def test_a_refused_download_of_a_teams_names_is_the_error(doppler: Doppler, counted: Counter) -> None:
    doppler.tokens[Doppler.token] = False
    with pytest.raises(AccessDeniedError):
        backend(counted.url).get_variable("a", "ops")
    assert asked(counted) == [f"{DOWNLOAD} 400"]


def test_references_to_other_secrets_are_resolved(doppler: Doppler, counted: Counter) -> None:
    doppler.secrets |= {"USER": "brian", "AIRFLOW_VARIABLES_A": "${USER}@h"}
    assert backend(counted.url).get_variable("a") == "brian@h"
    assert backend(counted.url, prefetch={"variables": ["a", "b"]}).get_variable("a") == "brian@h"
    assert asked(counted) == [READ, DOWNLOAD]


def test_a_restricted_secret_is_for_services_alone(doppler: Doppler, counted: Counter) -> None:
    fill(doppler, "a", "b")
    doppler.restricted = {"AIRFLOW_VARIABLES_A"}
    doppler.tokens[PERSON] = True
    wanted = {"variables": ["a", "b", "gone"]}
    assert backend(counted.url).get_variable("a") == "a"
    assert backend(counted.url, prefetch=wanted).get_variable("a") == "a"
    assert asked(counted) == [READ, DOWNLOAD]
    person = backend(counted.url, token=PERSON, project=PROJECT, config=CONFIG, prefetch=wanted)
    with pytest.raises(AccessDeniedError, match=r"restricted, and the token is a person's.*service token"):
        person.get_variable("a")
    assert (person.get_variable("b"), person.get_variable("gone")) == ("b", None)
    # What a person does not see may be there: each name that the download lacks is asked for.
    assert asked(counted) == [DOWNLOAD, READ, READ, READ]


@pytest.mark.parametrize("token", ["dp.pt.canary", "dp.sa.canary", "dp.ct.canary"])
@pytest.mark.parametrize("written", [{}, {"project": PROJECT}, {"config": CONFIG}])
def test_a_token_without_a_config_asks_for_nothing(counted: Counter, token: str, written: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"not a service token.*Write `project` and `config`"):
        backend(counted.url, token=token, **written).get_variable("a")
    assert asked(counted) == []


@pytest.mark.parametrize("token", [PERSON, "dp.sa.canary2", "dp.ct.canary2", "dp.st.prd.canary2", "other"])
def test_a_token_of_any_kind_reads_the_config_that_is_named(doppler: Doppler, counted: Counter, token: str) -> None:
    fill(doppler, "a")
    doppler.tokens[token] = True
    assert backend(counted.url, token=token, project=PROJECT, config=CONFIG).get_variable("a") == "a"
    assert asked(counted) == [READ]


def test_project_and_config_may_be_variables(
    doppler: Doppler, counted: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(doppler, "a")
    doppler.tokens[PERSON] = True
    for name, value in {"TOKEN": PERSON, "PROJECT": PROJECT, "CONFIG": CONFIG}.items():
        monkeypatch.setenv(f"DOPPLER_{name}", value)
    assert backend(counted.url, token=None).get_variable("a") == "a"


def test_a_prefix_of_all_names_as_kestra_writes_it(doppler: Doppler, counted: Counter) -> None:
    doppler.secrets |= {"KESTRA_AIRFLOW_VARIABLES_A": "1", "KESTRA_A": "2"}
    assert backend(counted.url, secret_name_prefix="kestra").get_variable("a") == "1"
    assert backend(counted.url, secret_name_prefix="kestra", variables_prefix="").get_variable("a") == "2"


def test_the_token_goes_into_one_header_of_each_request_and_nowhere_else(doppler: Doppler) -> None:
    fill(doppler, "a", "b")
    with serving(doppler.answer) as double:
        assert backend(double.url, prefetch={"variables": ["a*", "b"]}).get_variable("a") == "a"
        assert backend(double.url).get_variable("gone") is None
    for request in double.requests:
        headers = {name for name, value in request.headers.items() if Doppler.token in value}
        print(f"{request.method} {request.path}: {', '.join(headers)}, over {double.url.partition(':')[0]}")
        assert (headers, request.bearer) == ({"authorization"}, Doppler.token)
        assert Doppler.token not in request.target
        assert request.body == b""
    assert double.paths() == [f"GET {PATH}{path}" for path in (NAMES, DOWNLOAD, READ)]


def test_a_child_of_a_fork_asks_for_itself(doppler: Doppler, counted: Counter) -> None:
    fill(doppler, "a", "b")
    reader = backend(counted.url)
    assert reader.get_variable("a") == "a"
    counted.clear()
    assert in_child(lambda: reader.get_variable("b") == "b")
    assert reader.get_variable("b") == "b"
    assert asked(counted) == [READ, READ]


def test_a_lookup_that_is_throttled_goes_on_after_the_wait(doppler: Doppler) -> None:
    fill(doppler, "a")
    refusals = [Answer(429, {"messages": ["made up"], "success": False}, {"Retry-After": "1"})]
    with serving(lambda request: refusals.pop() if refusals else doppler.answer(request)) as double:
        began = time.monotonic()
        assert backend(double.url, max_attempts=2, timeout=60 + unlike_others()).get_variable("a") == "a"
        assert time.monotonic() - began >= 1
        assert len(double.requests) == 2


def test_a_token_that_is_revoked_in_the_middle_of_a_lookup_is_an_error(doppler: Doppler) -> None:
    """Doppler's tokens have no session that could be renewed."""
    fill(doppler, "s3_a", "s3_b")

    def answer(request: Request) -> Answer:
        answered = doppler.answer(request)
        if request.path.endswith(NAMES):
            doppler.tokens.clear()
        return answered

    with serving(answer) as double:
        reader = backend(double.url, prefetch={"variables": ["s3_*"]}, on_error="raise")
        with pytest.raises(UnauthenticatedError, match="does not accept the token"):
            reader.get_variable("s3_a")


def test_a_member_of_a_chain_answers_what_the_first_lacks(doppler: Doppler, counted: Counter) -> None:
    fill(doppler, "a")
    members = [
        {"store": "memory", "secrets": {"airflow/variables/first": "1"}},
        {"store": "doppler", "endpoint_url": counted.url, "token": Doppler.token},
    ]
    chain = ChainBackend(stores=members, on_error="raise")
    assert [chain.get_variable(key) for key in ("first", "a", "gone", "a")] == ["1", "a", None, "a"]
    assert asked(counted) == [READ, READ]
