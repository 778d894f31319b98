"""Google Secret Manager: names, values, teams, credentials and errors, compared with the official class on one double.

The official class speaks gRPC and accepts no address. So in this test only, its client uses the vendor's own
REST transport with the double's address; an error of that transport becomes the class that gRPC has for its status.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from airflow.providers.google.cloud._internal_client import secret_manager_client
from airflow.providers.google.cloud.secrets.secret_manager import CloudSecretManagerBackend
from google.api_core import exceptions
from google.auth import iam
from google.auth.credentials import with_scopes_if_required
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport

import strongroom.google
from strongroom.exceptions import StrongroomError
from tests.parity.chain_of_one import ours_in_both_forms
from tests.parity.comparison import ask, environment_of
from tests.parity.outcomes import CONNECTION_CLASSES, Outcome, outcome, short
from tests.parity.question import Question
from tests.parity.real_hosts.cases import PREFIX_OF
from tests.parity.real_hosts.google_cases import IDS, PREFIXES, SEPARATORS
from tests.parity.values import CONNECTIONS, OTHERS
from tests.servers.google import PROJECT, READER, GoogleServer, api_error, google

FOLDER_OF = {"conn": "connections", "var": "variables", "config": "config", "core": "connections", "sdk": "connections"}
IMPOSSIBLE = ["a.b", "a/b", "../x", "a b", "é", "a:1", "a\n", "x" * 300]
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
TARGET = f"target@{PROJECT}.iam.gserviceaccount.com"


@dataclass(frozen=True)
class Case(Question):
    """One lookup."""

    #: Whether the reader's key is in the kwargs.
    keyed: bool = True


@dataclass
class Both:
    """The double, and both classes on it."""

    server: GoogleServer

    def run(self, case: Case) -> tuple[Outcome, Outcome]:
        """The official half, then ours."""
        for name, value in case.secrets.items():
            version = value if isinstance(value, dict) else {"value": value}
            self.server.put(name, **{"parent": f"projects/{PROJECT}", **version})
        own = {"gcp_keyfile_dict": self.server.key} if case.keyed else {}
        kwargs = {**own, **case.kwargs}
        environment = {**case.environment, "AIRFLOW__CORE__MULTI_TEAM": str(case.multi_team)}
        asked: Any = case
        with environment_of(environment):
            official = self._half(lambda: ask(CloudSecretManagerBackend(**copy.deepcopy(kwargs)), asked))
            addresses = {"endpoint_url": self.server.url, "iam_endpoint_url": self.server.url}
            ours = {"cache_ttl": 0, "cache_negative_ttl": 0, "max_attempts": 1, **kwargs, **addresses}
            plain = strongroom.google.CloudSecretManagerBackend
            mine = ours_in_both_forms(plain, ours, lambda backend: ask(backend, asked), self._half)
        return official, mine

    def _half(self, look_up: Any) -> Outcome:
        self.server.log()
        return outcome(look_up, self._asked)

    def _asked(self) -> tuple[str, ...]:
        return tuple(call["path"].split("?")[0] for call in self.server.log() if call["place"] == "access")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleServer]:
    """One double for the module."""
    with google(tmp_path_factory.mktemp("google")) as server:
        yield server


@pytest.fixture
def both(started: GoogleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Both:
    """An empty double with one reader, and the official class pointed at it."""
    started.reset()

    def client(credentials: Any, **_: Any) -> Any:
        host = started.url.removeprefix("http://")
        # Done by a gRPC channel (google.api_core.grpc_helpers), but not by the REST transport.
        credentials = with_scopes_if_required(credentials, None, [CLOUD_PLATFORM])
        transport = SecretManagerServiceRestTransport(
            host=host, url_scheme="http", credentials=credentials, always_use_jwt_access=True
        )
        return OverGrpc(SecretManagerServiceClient(transport=transport))

    monkeypatch.setattr(secret_manager_client, "SecretManagerServiceClient", client)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return Both(started)


class OverGrpc:
    """A client with the errors of gRPC, which makes one attempt."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def secret_version_path(self, *parts: str) -> str:
        """The method of the client."""
        return str(self.client.secret_version_path(*parts))

    def access_secret_version(self, *, request: Any, **_: Any) -> Any:
        """Without the vendor's retries, which take a minute."""
        try:
            return self.client.access_secret_version(request=request, retry=None)
        except exceptions.GoogleAPICallError as error:
            status = error.response.json()["error"]["status"]
            raise exceptions.from_grpc_status(grpc.StatusCode[status], str(error)) from error


def alike(official: Outcome, ours: Outcome) -> None:
    """The same outcome, the same value, the same requests."""
    assert ours == official, f"\nofficial: {official}\nours:     {ours}"
    if ours.ending == "raises":
        assert isinstance(ours.error, (StrongroomError, ValueError, TypeError)), repr(ours.error)


def name_cases() -> Iterator[Case]:
    """Every prefix with every separator, for every kind and for a team."""
    for (label, prefix), (apart, sep), kind in itertools.product(PREFIXES.items(), SEPARATORS.items(), PREFIX_OF):
        kwargs = {} if prefix is ... else {PREFIX_OF[kind]: prefix}
        kwargs |= {} if sep is ... else {"sep": sep}
        for team in (None, "T") if kind == "conn" else (None,):
            yield Case(f"{kind} {label} {apart} {team}", kwargs, kind, "c1", team)
    for name, kind, multi_team in itertools.product(IDS, PREFIX_OF, (False, True)):
        team = "T" if kind == "var" else None
        yield Case(f"{kind} {short(name)} {multi_team}", {}, kind, name, team, multi_team=multi_team)


@pytest.mark.parametrize("case", list(name_cases()), ids=lambda case: case.id)
def test_names(both: Both, case: Case) -> None:
    """With no secret, and with one of the name that is requested last."""
    official, ours = both.run(case)
    alike(official, ours)
    if not official.asked:
        return
    for path in (official.asked[-1], official.asked[0]):
        name = path.split("/secrets/")[1].split("/")[0]
        both.server.put(name, f"postgres://{name}")
        official, ours = both.run(case)
        assert official.ending == "value"
        alike(official, ours)


@pytest.mark.parametrize("kind", PREFIX_OF)
@pytest.mark.parametrize("multi_team", [True, False])
def test_an_id_that_begins_with_a_dash(both: Both, kind: str, multi_team: bool) -> None:
    """For one team this is the name of another team's secret, so with teams on ours makes no request."""
    official, ours = both.run(Case("dash in front", {}, kind, "-a", "T", multi_team=multi_team))
    assert official.asked
    if multi_team and kind != "config":
        assert (ours.ending, ours.asked) == ("none", ())
    else:
        alike(official, ours)


@pytest.mark.parametrize("kind", PREFIX_OF)
@pytest.mark.parametrize("name", IMPOSSIBLE, ids=short)
def test_names_that_cannot_be(both: Both, kind: str, name: str) -> None:
    """None in both. The official class asks the service, which refuses; ours makes no request."""
    official, ours = both.run(Case("impossible", {}, kind, name))
    assert ours.ending == "none"
    assert not ours.asked
    # With a slash or a colon the vendor's REST transport calls another method, where gRPC would be refused.
    assert official.ending == "none" or any(letter in name for letter in "/:\n")


def value_cases() -> Iterator[Case]:
    """Connections as text and all the way to an object; other values as variables and config values."""
    tried: list[tuple[str, str, str | bytes]]
    tried = [(label, lookup, value) for label, value in CONNECTIONS.items() for lookup in ("conn", *CONNECTION_CLASSES)]
    tried += [(label, lookup, value) for label, value in OTHERS.items() for lookup in ("var", "config")]
    tried += [("line break", lookup, "postgres://h\n") for lookup in FOLDER_OF]
    tried += [("no text", lookup, b"\xff\xfe") for lookup in FOLDER_OF]
    tried += [("largest", "var", "x" * 65536)]
    for label, lookup, value in tried:
        yield Case(f"{lookup} {label}", {}, lookup, "c1", secrets={f"airflow-{FOLDER_OF[lookup]}-c1": value})


@pytest.mark.parametrize("case", list(value_cases()), ids=lambda case: case.id)
def test_values(both: Both, case: Case) -> None:
    """The same text, the same connection, or an error in both."""
    alike(*both.run(case))


@pytest.mark.parametrize("kind", PREFIX_OF)
@pytest.mark.parametrize(
    ("http", "status"),
    [
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (400, "INVALID_ARGUMENT"),
        (400, "FAILED_PRECONDITION"),
        (401, "UNAUTHENTICATED"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_errors(both: Both, kind: str, http: int, status: str) -> None:
    both.server.fail("access", http, api_error(http, status))
    official, ours = both.run(Case("error", {}, kind))
    assert (ours.ending, set(ours.asked)) == (official.ending, set(official.asked))
    if official.ending == "raises" and ours.error:
        assert getattr(ours.error, "code", None) == status


@pytest.mark.parametrize("state", ["DISABLED", "DESTROYED"])
def test_a_version_that_cannot_be_read(both: Both, state: str) -> None:
    secrets = {"airflow-variables-hello": {"value": "x", "state": state}}
    official, ours = both.run(Case("state", {}, secrets=secrets))
    assert official.ending == "raises"
    alike(official, ours)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"connections_prefix": "a/b"},
        {"connections_prefix": "a", "sep": "/"},
        {"connections_prefix": "a b"},
        {"gcp_key_path": "/nowhere.p12"},
        {"gcp_key_path": "/nowhere.txt"},
        {"gcp_key_path": "/nowhere.json", "gcp_credential_config_file": "/nowhere.json"},
        {"gcp_keyfile_dict": {"a": 1}, "gcp_credential_config_file": "/nowhere.json"},
        {"gcp_key_path": "/nowhere.json"},
        {"gcp_key_path": "/nowhere.json", "project_id": PROJECT},
        {"gcp_credential_config_file": "/nowhere.json", "project_id": PROJECT},
    ],
    ids=short,
)
def test_invalid_options_raise(both: Both, kwargs: dict[str, Any]) -> None:
    official, ours = both.run(Case("broken", kwargs, keyed=False))
    assert (official.ending, ours.ending) == ("raises", "raises")
    assert not ours.asked


@pytest.mark.parametrize("prefix", ["a/b", "a b"])
@pytest.mark.parametrize("kind", ["variables_prefix", "config_prefix"])
def test_other_prefixes_are_ignored(both: Both, kind: str, prefix: str) -> None:
    official, ours = both.run(Case("other", {kind: prefix}, "conn", secrets={"airflow-connections-hello": "pg://h"}))
    assert official.ending == "value"
    alike(official, ours)


def test_credentials_of_each_kind(both: Both, tmp_path: Path) -> None:
    """A key by path, by content and by variable, a login, and impersonation; both find the same project for each."""
    server = both.server
    path = tmp_path / "key.json"
    path.write_text(json.dumps(server.key))
    server.put("airflow-variables-hello", "world")
    server.put("airflow-variables-hello", "of another", "projects/other")
    variable = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    cases = [
        Case("path", {"gcp_key_path": str(path)}, keyed=False),
        Case("file", {"gcp_credential_config_file": str(path)}, keyed=False),
        Case("content", {"gcp_credential_config_file": server.key}, keyed=False),
        Case("variable", {}, environment=variable, keyed=False),
        Case("variable, project", {}, environment={**variable, "GOOGLE_CLOUD_PROJECT": "other"}, keyed=False),
        Case("variable, old name", {}, environment={**variable, "GCLOUD_PROJECT": "other"}, keyed=False),
        Case("variable, option", {"project_id": "other"}, environment=variable, keyed=False),
        Case("key, variable", {}, environment={"GOOGLE_CLOUD_PROJECT": "other"}),
        Case("key, option", {"project_id": "other"}),
        Case(
            "line breaks",
            {"gcp_keyfile_dict": {**server.key, "private_key": server.key["private_key"].replace("\n", "\\n")}},
        ),
    ]
    for case in cases:
        official, ours = both.run(case)
        assert official.ending == "value", (case.id, official)
        alike(official, ours)


@pytest.mark.parametrize("allowed", [True, False])
def test_impersonation(both: Both, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account at the end of the chain reads, or the lookup fails."""
    monkeypatch.setattr(iam, "_IAM_ENDPOINT", both.server.url + "/v1/projects/-/serviceAccounts/{}:generateAccessToken")
    both.server.put("airflow-variables-hello", "world")
    both.server.set(denied=[READER], creators=[[READER, TARGET]] if allowed else [])
    for chain in (TARGET, [TARGET]):
        official, ours = both.run(Case("chain", {"impersonation_chain": chain}))
        assert official.ending == ("value" if allowed else "raises"), official
        alike(official, ours)
