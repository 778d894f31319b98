"""Secrets Manager: credentials, region, endpoint, TLS, and options that cannot work."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend as Official

from strongroom.aws import SecretsManagerBackend as Ours
from tests.parity.comparison import Case, Comparison, Kwargs, ask
from tests.parity.differences import assert_as_agreed
from tests.parity.outcomes import outcome
from tests.servers.aws import REGION
from tests.servers.counting import counting_proxy
from tests.servers.tls import Certificate

PLACE: Kwargs = {"region_name": REGION, "endpoint_url": "<url>"}
KEYS: Kwargs = {"aws_access_key_id": "<key>", "aws_secret_access_key": "<secret>"}
NO_RIGHTS: Kwargs = {"aws_access_key_id": "<powerless-key>", "aws_secret_access_key": "<powerless-secret>"}
TOKEN: Kwargs = {
    "aws_access_key_id": "<token-key>",
    "aws_secret_access_key": "<token-secret>",
    "aws_session_token": "<token>",
}
CALLER: Kwargs = {"aws_access_key_id": "<caller-key>", "aws_secret_access_key": "<caller-secret>"}
STS: Kwargs = {"service_config": {"sts": {"endpoint_url": "<url>"}}}
ENV_KEYS = {"AWS_ACCESS_KEY_ID": "<key>", "AWS_SECRET_ACCESS_KEY": "<secret>"}
ENV_NO_RIGHTS = {"AWS_ACCESS_KEY_ID": "<powerless-key>", "AWS_SECRET_ACCESS_KEY": "<powerless-secret>"}
CONFIG = {"AWS_CONFIG_FILE": "<folder>/config"}
BOTH_FILES = {**CONFIG, "AWS_SHARED_CREDENTIALS_FILE": "<folder>/credentials"}
FILE_KEYS = "aws_access_key_id = <key>\naws_secret_access_key = <secret>\n"
FILE_NO_RIGHTS = "aws_access_key_id = <powerless-key>\naws_secret_access_key = <powerless-secret>\n"
FILE_CALLER = "aws_access_key_id = <caller-key>\naws_secret_access_key = <caller-secret>\n"
FILE_ROLE = "role_arn = <role>\nsource_profile = base\nexternal_id = EXT-1\n"


def read(label: str, kwargs: Kwargs, **more: object) -> Case:
    """A case that must read the secret."""
    return Case(label, kwargs, bare=True, ends="value", **more)  # type: ignore[arg-type]


def refused(label: str, kwargs: Kwargs, **more: object) -> Case:
    """A case in which the server refuses."""
    return Case(label, kwargs, bare=True, ends="raises", **more)  # type: ignore[arg-type]


def impossible(label: str, kwargs: Kwargs, **more: object) -> Case:
    """A case that ends before a request."""
    return Case(label, kwargs, bare=True, ends="raises", asks=False, **more)  # type: ignore[arg-type]


CREDENTIALS = [
    read("keys", {**PLACE, **KEYS}),
    read("keys with a token", {**PLACE, **TOKEN}),
    read("keys before the environment", {**PLACE, **KEYS}, environment=ENV_NO_RIGHTS),
    read("keys with an empty token", {**PLACE, **KEYS, "aws_session_token": ""}),
    read("keys with no token", {**PLACE, **KEYS, "aws_session_token": None}),
    refused("keys without rights", {**PLACE, **NO_RIGHTS}),
    refused("keys with a wrong secret", {**PLACE, **KEYS, "aws_secret_access_key": "wrong"}),
    refused("unknown key", {**PLACE, **KEYS, "aws_access_key_id": "AKIAUNKNOWN"}),
    refused("keys without their token", {**PLACE, **TOKEN, "aws_session_token": None}),
    read("session_kwargs", {**PLACE, "session_kwargs": KEYS}),
    read("session_kwargs with a token", {**PLACE, "session_kwargs": TOKEN}),
    read("session_kwargs empty", {**PLACE, **KEYS, "session_kwargs": {}}),
    read("session_kwargs behind the keys", {**PLACE, **KEYS, "session_kwargs": NO_RIGHTS}),
    read("session_kwargs beside half a pair", {**PLACE, "aws_access_key_id": "x", "session_kwargs": KEYS}),
    impossible(
        "session_kwargs hold no region", {"endpoint_url": "<url>", "session_kwargs": {**KEYS, "region_name": REGION}}
    ),
    read("environment", PLACE, environment=ENV_KEYS),
    refused("environment without rights", PLACE, environment=ENV_NO_RIGHTS),
    read(
        "environment with a token",
        PLACE,
        environment={
            "AWS_ACCESS_KEY_ID": "<token-key>",
            "AWS_SECRET_ACCESS_KEY": "<token-secret>",
            "AWS_SESSION_TOKEN": "<token>",
        },
    ),
    read(
        "environment with the old token",
        PLACE,
        environment={
            "AWS_ACCESS_KEY_ID": "<token-key>",
            "AWS_SECRET_ACCESS_KEY": "<token-secret>",
            "AWS_SECURITY_TOKEN": "<token>",
        },
    ),
    impossible("environment with half a pair", PLACE, environment={"AWS_ACCESS_KEY_ID": "<key>"}),
    impossible("environment with the other half", PLACE, environment={"AWS_SECRET_ACCESS_KEY": "<secret>"}),
    impossible("no credentials", PLACE),
    impossible("empty keys", {**PLACE, "aws_access_key_id": "", "aws_secret_access_key": ""}),
    read(
        "empty keys, environment", {**PLACE, "aws_access_key_id": "", "aws_secret_access_key": ""}, environment=ENV_KEYS
    ),
    refused("key without its secret", {**PLACE, "aws_access_key_id": "<key>"}),
    impossible("secret without its key", {**PLACE, "aws_secret_access_key": "<secret>"}),
]


def filed(
    label: str,
    content: str,
    kwargs: Kwargs | None = None,
    *,
    to: str = "value",
    more: Mapping[str, str] | None = None,
    **variables: str,
) -> Case:
    """A case with a config file; ``more`` and ``variables`` go to the environment."""
    make = {"value": read, "refused": refused, "impossible": impossible}[to]
    environment = {**CONFIG, **(more or {}), **variables}
    return make(label, {**PLACE, **(kwargs or {})}, files={"config": content}, environment=environment)


FILES = [
    filed("profile default", f"[default]\n{FILE_KEYS}"),
    filed("profile by name", f"[profile reader]\n{FILE_KEYS}", {"profile_name": "reader"}),
    filed("profile by variable", f"[profile reader]\n{FILE_KEYS}", AWS_PROFILE="reader"),
    filed("profile by old variable", f"[profile reader]\n{FILE_KEYS}", AWS_DEFAULT_PROFILE="reader"),
    filed(
        "both profile variables",
        f"[profile reader]\n{FILE_KEYS}[profile powerless]\n{FILE_NO_RIGHTS}",
        AWS_PROFILE="powerless",
        AWS_DEFAULT_PROFILE="reader",
    ),
    filed("profile name before variable", f"[profile a]\n{FILE_KEYS}", {"profile_name": "a"}, AWS_PROFILE="nowhere"),
    filed("profile before the environment", f"[profile a]\n{FILE_KEYS}", {"profile_name": "a"}, more=ENV_NO_RIGHTS),
    filed(
        "variable behind the environment",
        f"[profile a]\n{FILE_KEYS}",
        to="refused",
        more={"AWS_PROFILE": "a", **ENV_NO_RIGHTS},
    ),
    filed("keys before the profile", f"[profile a]\n{FILE_NO_RIGHTS}", {"profile_name": "a", **KEYS}),
    filed("unknown profile", f"[default]\n{FILE_KEYS}", {"profile_name": "x"}, to="impossible"),
    filed("unknown profile by variable", f"[default]\n{FILE_KEYS}", to="impossible", AWS_PROFILE="x"),
    filed("unknown profile beside keys", "", {"profile_name": "x", **KEYS}, to="impossible"),
    filed("profile without keys", "[profile a]\nregion = us-east-1\n", {"profile_name": "a"}, to="impossible"),
    filed("profile default by name", f"[default]\n{FILE_KEYS}", {"profile_name": "default"}),
    filed("profile default with the word", f"[profile default]\n{FILE_KEYS}", {"profile_name": "default"}),
    filed("profile without the word", f"[reader]\n{FILE_KEYS}", {"profile_name": "reader"}, to="impossible"),
    filed("profile in quotes", f'[profile "my reader"]\n{FILE_KEYS}', {"profile_name": "my reader"}),
    filed("comments", f"# c\n[default] \n; d\n{FILE_KEYS}# e\n"),
    filed("half a pair in a profile", "[default]\naws_access_key_id = <key>\n", to="impossible"),
    filed("file that is no file of this kind", "nonsense", to="impossible"),
    filed("credential process", '[default]\ncredential_process = cat "<folder>/config2"\n', to="impossible"),
    filed(
        "profile's role",
        f"[profile base]\n{FILE_CALLER}[profile a]\n{FILE_ROLE}",
        {"profile_name": "a"},
        AWS_ENDPOINT_URL_STS="<url>",
    ),
    filed(
        "profile's role of a chain",
        f"[profile base]\n{FILE_CALLER}[profile a]\n{FILE_ROLE}",
        AWS_PROFILE="a",
        AWS_ENDPOINT_URL="<url>",
    ),
    filed("profile's role without its source", f"[profile a]\n{FILE_ROLE}", {"profile_name": "a"}, to="impossible"),
    filed(
        "profile's role from the environment",
        "[profile a]\nrole_arn = <role>\nexternal_id = EXT-1\ncredential_source = Environment\n",
        {"profile_name": "a"},
        AWS_ENDPOINT_URL_STS="<url>",
        AWS_ACCESS_KEY_ID="<caller-key>",
        AWS_SECRET_ACCESS_KEY="<caller-secret>",
    ),
    read(
        "shared credentials",
        PLACE,
        files={"credentials": f"[default]\n{FILE_KEYS}"},
        environment={"AWS_SHARED_CREDENTIALS_FILE": "<folder>/credentials"},
    ),
    read(
        "shared credentials before the config file",
        {**PLACE, "profile_name": "a"},
        files={"credentials": f"[a]\n{FILE_KEYS}", "config": f"[profile a]\n{FILE_NO_RIGHTS}"},
        environment=BOTH_FILES,
    ),
    read(
        "keys and region in two files",
        {"endpoint_url": "<url>", "profile_name": "a"},
        name="where",
        files={"credentials": f"[a]\n{FILE_KEYS}", "config": "[profile a]\nregion = us-west-1\n"},
        environment=BOTH_FILES,
    ),
]

ROLES = [
    read("role", {**PLACE, **CALLER, **STS, "role_arn": "<role>", "assume_role_kwargs": {"ExternalId": "EXT-1"}}),
    read(
        "role with further words",
        {
            **PLACE,
            **CALLER,
            **STS,
            "role_arn": "<role>",
            "assume_role_method": "assume_role",
            "assume_role_kwargs": {"ExternalId": "EXT-1", "RoleSessionName": "me", "DurationSeconds": 900},
        },
    ),
    read(
        "role, STS by variable",
        {**PLACE, **CALLER, "role_arn": "<role>", "assume_role_kwargs": {"ExternalId": "EXT-1"}},
        environment={"AWS_ENDPOINT_URL_STS": "<url>"},
    ),
    read(
        "role, keys from the environment",
        {**PLACE, **STS, "role_arn": "<role>", "assume_role_kwargs": {"ExternalId": "EXT-1"}},
        environment={"AWS_ACCESS_KEY_ID": "<caller-key>", "AWS_SECRET_ACCESS_KEY": "<caller-secret>"},
    ),
    read("role empty", {**PLACE, **KEYS, "role_arn": ""}),
    read("role null", {**PLACE, **KEYS, "role_arn": None, "assume_role_method": "nonsense"}),
    refused(
        "role with the wrong external id",
        {**PLACE, **CALLER, **STS, "role_arn": "<role>", "assume_role_kwargs": {"ExternalId": "EXT-2"}},
    ),
    refused("role without the external id", {**PLACE, **CALLER, **STS, "role_arn": "<role>"}),
    refused(
        "role by one without rights",
        {**PLACE, **NO_RIGHTS, **STS, "role_arn": "<role>", "assume_role_kwargs": {"ExternalId": "EXT-1"}},
    ),
    impossible(
        "role by an unknown method", {**PLACE, **CALLER, "role_arn": "<role>", "assume_role_method": "nonsense"}
    ),
    impossible(
        "role by web identity without federation",
        {**PLACE, "role_arn": "<role>", "assume_role_method": "assume_role_with_web_identity"},
    ),
    impossible(
        "role by SAML without settings", {**PLACE, "role_arn": "<role>", "assume_role_method": "assume_role_with_saml"}
    ),
    impossible("role without credentials", {**PLACE, **STS, "role_arn": "<role>"}),
    impossible(
        "role with an unknown word",
        {**PLACE, **CALLER, **STS, "role_arn": "<role>", "assume_role_kwargs": {"Nonsense": "x"}},
    ),
    Case(
        "role, pattern does not match",
        {**PLACE, **CALLER, **STS, "role_arn": "<role>", "variables_lookup_pattern": "x"},
        bare=True,
        asks=False,
        ends="none",
    ),
]


def region(label: str, kwargs: Kwargs, content: str = "", **environment: str) -> Case:
    """A case whose value is the region that was called."""
    files = {"config": content} if content else {}
    everything = {**environment, **(CONFIG if content else {})}
    return read(label, {"endpoint_url": "<url>", **KEYS, **kwargs}, name="where", files=files, environment=everything)


PROFILE_REGIONS = "[default]\nregion = us-west-1\n[profile a]\nregion = us-east-2\n"
PLACES = [
    region("region", {"region_name": "us-east-1"}),
    region("region by variable", {}, AWS_DEFAULT_REGION="us-east-2"),
    region("region before the variable", {"region_name": "us-east-1"}, AWS_DEFAULT_REGION="us-east-2"),
    region("region of the default profile", {}, PROFILE_REGIONS),
    region("region of a profile", {"profile_name": "a"}, PROFILE_REGIONS),
    region(
        "region variable before the profile", {"profile_name": "a"}, PROFILE_REGIONS, AWS_DEFAULT_REGION="us-east-1"
    ),
    region("region null", {"region_name": None}, AWS_DEFAULT_REGION="us-east-2"),
    region("region variable before AWS_REGION", {}, AWS_DEFAULT_REGION="us-east-2", AWS_REGION="us-west-2"),
    region("profile before AWS_REGION", {}, PROFILE_REGIONS, AWS_REGION="us-west-2"),
    impossible("no region", {"endpoint_url": "<url>", **KEYS}),
    Case("region empty", {"endpoint_url": "<url>", **KEYS, "region_name": ""}, bare=True, ends="none"),
    Case(
        "region variable empty",
        {"endpoint_url": "<url>", **KEYS},
        environment={"AWS_DEFAULT_REGION": ""},
        bare=True,
        ends="none",
    ),
    impossible("no region but AWS_REGION", {"endpoint_url": "<url>", **KEYS}, environment={"AWS_REGION": REGION}),
    impossible("invalid region", {**KEYS, "region_name": "a/b"}),
    read("endpoint by variable", {"region_name": REGION, **KEYS}, environment={"AWS_ENDPOINT_URL": "<url>"}),
    read(
        "endpoint by the service's variable",
        {"region_name": REGION, **KEYS},
        environment={"AWS_ENDPOINT_URL_SECRETS_MANAGER": "<url>"},
    ),
    read(
        "endpoint by both variables",
        {"region_name": REGION, **KEYS},
        environment={"AWS_ENDPOINT_URL_SECRETS_MANAGER": "<url>", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
    ),
    read("endpoint before the variables", {**PLACE, **KEYS}, environment={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}),
    read("endpoint null", {**PLACE, **KEYS, "endpoint_url": None}, environment={"AWS_ENDPOINT_URL": "<url>"}),
    read(
        "endpoint of a profile",
        {"region_name": REGION, **KEYS},
        files={"config": "[default]\nendpoint_url = <url>\n"},
        environment=CONFIG,
    ),
    read(
        "endpoint of a profile's services",
        {"region_name": REGION, **KEYS},
        files={"config": "[default]\nservices = s\n[services s]\nsecrets_manager =\n  endpoint_url = <url>\n"},
        environment=CONFIG,
    ),
    read(
        "endpoint variable before the profile",
        {"region_name": REGION, **KEYS},
        files={"config": "[default]\nendpoint_url = http://127.0.0.1:9\n"},
        environment={**CONFIG, "AWS_ENDPOINT_URL": "<url>"},
    ),
    read(
        "service_config is for STS",
        {**PLACE, **KEYS, "service_config": {"secretsmanager": {"endpoint_url": "http://127.0.0.1:9"}}},
    ),
    read("endpoint with a slash", {**PLACE, **KEYS, "endpoint_url": "<url>/"}),
    impossible("endpoint without a scheme", {**PLACE, **KEYS, "endpoint_url": "nonsense"}),
    impossible("endpoint empty", {**PLACE, **KEYS, "endpoint_url": ""}),
    impossible(
        "endpoint refused",
        {**PLACE, **KEYS, "endpoint_url": "http://127.0.0.1:9"},
        environment={"AWS_MAX_ATTEMPTS": "1"},
    ),
    impossible(
        "endpoint of no host",
        {**PLACE, **KEYS, "endpoint_url": "http://nowhere.invalid"},
        environment={"AWS_MAX_ATTEMPTS": "1"},
    ),
    refused(
        "plain http through a proxy",
        {"region_name": REGION, **KEYS, "use_ssl": False},
        environment={"HTTP_PROXY": "<url>"},
    ),
    read("use_ssl beside an endpoint", {**PLACE, **KEYS, "use_ssl": True}),
    read("use_ssl null", {**PLACE, **KEYS, "use_ssl": None}),
    read("no_proxy", {**PLACE, **KEYS}, environment={"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}),
    impossible(
        "proxy refused", {**PLACE, **KEYS}, environment={"HTTP_PROXY": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    ),
    read("api_version", {**PLACE, **KEYS, "api_version": "2017-10-17"}),
    read("api_version null", {**PLACE, **KEYS, "api_version": None}),
    impossible("api_version unknown", {**PLACE, **KEYS, "api_version": "2014-01-01"}),
    impossible("api_version nonsense", {**PLACE, **KEYS, "api_version": "x"}),
    read("verify false beside http", {**PLACE, **KEYS, "verify": False}),
    read("verify null", {**PLACE, **KEYS, "verify": None}),
    read("config_kwargs", {**PLACE, **KEYS, "config_kwargs": {"retries": {"max_attempts": 1}}}),
    impossible("config_kwargs unknown", {**PLACE, **KEYS, "config_kwargs": {"nonsense": 1}}),
    read("keys of other hooks", {**PLACE, **KEYS, "aws_account_id": "1", "aws_iam_role": "r", "external_id": "e"}),
    read("unknown keys", {**PLACE, **KEYS, "nonsense": {"a": 1}}),
]

SECURE = [
    impossible("unknown authority", {**PLACE, **KEYS}, environment={"AWS_MAX_ATTEMPTS": "1"}),
    read("verify names the authority", {**PLACE, **KEYS, "verify": "<authority>"}),
    read("verify false", {**PLACE, **KEYS, "verify": False}),
    impossible("verify true", {**PLACE, **KEYS, "verify": True}, environment={"AWS_MAX_ATTEMPTS": "1"}),
    impossible(
        "verify names nothing", {**PLACE, **KEYS, "verify": "/nowhere/ca.pem"}, environment={"AWS_MAX_ATTEMPTS": "1"}
    ),
    read("AWS_CA_BUNDLE", {**PLACE, **KEYS}, environment={"AWS_CA_BUNDLE": "<authority>"}),
    read("REQUESTS_CA_BUNDLE", {**PLACE, **KEYS}, environment={"REQUESTS_CA_BUNDLE": "<authority>"}),
    read(
        "verify false before AWS_CA_BUNDLE",
        {**PLACE, **KEYS, "verify": False},
        environment={"AWS_CA_BUNDLE": "/nowhere"},
    ),
    read(
        "verify before AWS_CA_BUNDLE",
        {**PLACE, **KEYS, "verify": "<authority>"},
        environment={"AWS_CA_BUNDLE": "/nowhere"},
    ),
    read(
        "ca_bundle of a profile",
        {**PLACE, **KEYS},
        files={"config": "[default]\nca_bundle = <authority>\n"},
        environment=CONFIG,
    ),
]

CASES = [*CREDENTIALS, *FILES, *ROLES, *PLACES]


def check(comparison: Comparison, case: Case, folder: Path) -> None:
    """Both halves, after checking that the official one did what the case is about."""
    official, ours = comparison.run(case, folder)
    assert (official.ending, bool(official.asked)) == (case.ends, case.asks), repr(official.error)
    assert_as_agreed(case.id, official, ours)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_client(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """The same credentials at the same place, or an error in both."""
    check(comparison, case, tmp_path)


@pytest.fixture(scope="module")
def secure(comparison: Comparison, tls: Certificate) -> Comparison:
    """The same comparison behind https."""
    return dataclasses.replace(comparison, words={**comparison.words, "<authority>": str(tls.authority)})


@pytest.mark.parametrize("case", SECURE, ids=lambda case: case.id)
def test_tls(secure: Comparison, tls: Certificate, case: Case, tmp_path: Path) -> None:
    """The same certificates are trusted."""
    with counting_proxy(secure.server.url, tls) as counter:
        check(dataclasses.replace(secure, counter=counter, clients={}), case, tmp_path)


def test_a_null_prefix_needs_no_client() -> None:
    """Nothing is built for a kind that is off, so nothing can be wrong with it."""
    for cls in (Official, Ours):
        backend = cls(variables_prefix=None, profile_name="nowhere")
        assert outcome(partial(ask, backend, Case("null"))).ending == "none"
