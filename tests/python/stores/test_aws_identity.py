"""Where AWS credentials come from, against a server that plays all those sources: each outcome, and its calls."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend, SystemsManagerParameterStoreBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    LookupTimeoutError,
    MalformedSecretError,
    StrongroomError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.python.processes import dead_children, ignores_sigchld, ignoring_sigchld, none_lives
from tests.servers.aws import REGION
from tests.servers.aws_identity_stub import Answer, IdentityStub, sts_error
from tests.servers.process import free_port

CANARY = "canary-3c4fcf09"
SECRET = "secretsmanager.GetSecretValue"
PARAMETER = "AmazonSSM.GetParameter"
ROLE_ARN = "arn:aws:iam::000000000000:role/reader"
SESSION = "work"


@pytest.fixture
def stub() -> Iterator[IdentityStub]:
    with IdentityStub() as server:
        yield server


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


class Setting:
    """What a test sets up: the server, the environment and a folder that is the home directory."""

    def __init__(self, stub: IdentityStub, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        self.stub = stub
        self.home = home
        self.set = monkeypatch.setenv
        self.unset = monkeypatch.delenv

    def backend(self, **options: Any) -> SecretsManagerBackend:
        """A backend without a cache, so that each lookup is signed."""
        given = {"region_name": REGION, "endpoint_url": self.stub.url, "cache_ttl": 0, "timeout": 20}
        return SecretsManagerBackend(**{**given, **options})

    def profile(self, **lines: str) -> None:
        """Makes the config file with a profile `default` and a session for single sign-on."""
        text = "".join(f"{key} = {value}\n" for key, value in lines.items())
        session = f"[sso-session {SESSION}]\nsso_start_url = https://x.awsapps.com/start\nsso_region = {REGION}\n"
        (self.home / "config").write_text(f"[default]\n{text}{session}")
        self.set("AWS_CONFIG_FILE", str(self.home / "config"))

    def login(self, text: str = "cached", expires_in: float = 3600.0, key: str = SESSION, **more: str) -> Path:
        """Creates the file that `aws sso login` leaves behind."""
        folder = self.home / ".aws/sso/cache"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()}.json"
        file.write_text(json.dumps({"accessToken": text, "expiresAt": moment(expires_in), **more}))
        return file

    def process(self, script: str) -> Path:
        """A profile whose credentials come from a program; returns the file that counts its runs."""
        program, runs = self.home / "program", self.home / "runs"
        program.write_text(f"#!/bin/sh\necho run >> {runs}\n{script}\n")
        program.chmod(0o700)
        self.profile(credential_process=str(program))
        return runs


@pytest.fixture
def setting(stub: IdentityStub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Setting:
    return Setting(stub, monkeypatch, tmp_path)


def moment(seconds: float) -> str:
    """The time in so many seconds, as AWS writes it."""
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def instance(setting: Setting) -> None:
    setting.unset("AWS_EC2_METADATA_DISABLED")
    setting.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", setting.stub.url)


def container(setting: Setting) -> None:
    setting.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{setting.stub.url}/container/credentials?v=1")


def pod(setting: Setting) -> None:
    container(setting)
    (setting.home / "token").write_text("pod-token")
    setting.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(setting.home / "token"))


def single_sign_on(setting: Setting) -> None:
    setting.set("AWS_ENDPOINT_URL_SSO", setting.stub.url)
    setting.set("AWS_ENDPOINT_URL_SSO_OIDC", setting.stub.url)
    setting.profile(sso_session=SESSION, sso_account_id="111122223333", sso_role_name="Reader")
    setting.login()


def web_identity_of_environment(setting: Setting) -> None:
    setting.set("AWS_ENDPOINT_URL_STS", setting.stub.url)
    (setting.home / "jwt").write_text("jwt-1\n")
    setting.set("AWS_WEB_IDENTITY_TOKEN_FILE", str(setting.home / "jwt"))
    setting.set("AWS_ROLE_ARN", ROLE_ARN)
    setting.set("AWS_ROLE_SESSION_NAME", "pod")


def web_identity_of_profile(setting: Setting) -> None:
    setting.set("AWS_ENDPOINT_URL_STS", setting.stub.url)
    (setting.home / "jwt").write_text("jwt-1\n")
    setting.profile(web_identity_token_file=str(setting.home / "jwt"), role_arn=ROLE_ARN)


Source = Callable[[Setting], None]
SOURCES = {
    "instance": (instance, "imds-credentials", "ASIAIMDS"),
    "container": (container, "container", "ASIACONTAINER"),
    "pod": (pod, "container", "ASIACONTAINER"),
    "sso": (single_sign_on, "sso", "ASIASSO"),
    "web-identity-environment": (web_identity_of_environment, "AssumeRoleWithWebIdentity", "ASIAWEB"),
    "web-identity-profile": (web_identity_of_profile, "AssumeRoleWithWebIdentity", "ASIAWEB"),
}
each_source = pytest.mark.parametrize(("source", "place", "key"), SOURCES.values(), ids=SOURCES)


@each_source
def test_one_login_for_many_lookups(setting: Setting, source: Source, place: str, key: str) -> None:
    source(setting)
    reader = setting.backend()
    assert [reader.get_variable(f"v{number}") for number in range(5)] == [f"signed by {key}"] * 5
    assert (setting.stub.count(place), setting.stub.count(SECRET)) == (1, 5)


@each_source
def test_credentials_are_renewed_before_they_expire(setting: Setting, source: Source, place: str, key: str) -> None:
    setting.stub.lifetime = 3.0
    source(setting)
    reader = setting.backend()
    assert reader.get_variable("first") == f"signed by {key}"
    time.sleep(2.5)  # credentials of 3 s are due, and still valid
    assert reader.get_variable("second") == f"signed by {key}"
    assert setting.stub.count(place) == 2


@each_source
def test_an_outage_is_temporary_and_tried_again(setting: Setting, source: Source, place: str, key: str) -> None:
    source(setting)
    setting.stub.script(place, *[Answer(status=503, body=CANARY)] * 5)
    reader = setting.backend()
    with pytest.raises(UnreachableError) as caught:
        reader.get_variable("hello")
    assert setting.stub.count(place) == 5
    assert CANARY not in f"{caught.value!r}"
    assert reader.get_variable("hello") == f"signed by {key}"


@each_source
def test_a_temporary_fault_is_retried(setting: Setting, source: Source, place: str, key: str) -> None:
    source(setting)
    setting.stub.script(place, Answer(status=500))
    assert setting.backend().get_variable("hello") == f"signed by {key}"
    assert setting.stub.count(place) == 2


@each_source
def test_a_throttled_login(setting: Setting, source: Source, place: str, key: str) -> None:
    source(setting)
    setting.stub.script(place, *[Answer(status=429)] * 5)
    with pytest.raises(ThrottledError):
        setting.backend().get_variable("hello")


@each_source
def test_a_refusal_is_final(setting: Setting, source: Source, place: str, key: str) -> None:
    source(setting)
    setting.stub.script(place, Answer(status=401, body=CANARY))
    with pytest.raises(UnauthenticatedError) as caught:
        setting.backend().get_variable("hello")
    assert (setting.stub.count(place), setting.stub.count(SECRET)) == (1, 0)
    assert CANARY not in f"{caught.value!r}"


@each_source
def test_an_invalid_answer_is_not_shown(setting: Setting, source: Source, place: str, key: str) -> None:
    source(setting)
    setting.stub.script(place, *[Answer(body=f'{{"AccessKeyId": "{CANARY}"}}')] * 3)
    with pytest.raises(StrongroomError) as caught:
        setting.backend().get_variable("hello")
    assert CANARY not in f"{caught.value!r}"
    assert setting.stub.count(SECRET) == 0


@each_source
def test_after_a_failed_renewal_the_old_credentials_are_used(
    setting: Setting, source: Source, place: str, key: str
) -> None:
    setting.stub.lifetime = 8.0
    source(setting)
    reader = setting.backend()
    assert reader.get_variable("first") == f"signed by {key}"
    time.sleep(6.5)  # credentials of 8 s are due, and still valid
    setting.stub.script(place, *[Answer(status=503)] * 5)
    assert reader.get_variable("second") == f"signed by {key}"


REFUSALS = ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"]
EXPIRED = Answer(status=400, body='{"__type": "ExpiredTokenException"}')


@pytest.mark.parametrize("code", REFUSALS)
def test_credentials_that_the_service_refuses_are_replaced_within_the_lookup(setting: Setting, code: str) -> None:
    container(setting)
    reader = setting.backend()
    setting.stub.script(SECRET, Answer(status=400, body=json.dumps({"__type": code})))
    assert reader.get_variable("hello") == "signed by ASIACONTAINER"
    assert (setting.stub.count("container"), setting.stub.count(SECRET)) == (2, 2)


def test_parameters_are_read_with_replaced_credentials_too(setting: Setting) -> None:
    container(setting)
    reader = SystemsManagerParameterStoreBackend(region_name=REGION, endpoint_url=setting.stub.url, cache_ttl=0)
    good = Answer(body=json.dumps({"Parameter": {"Name": "/airflow/variables/hello", "Value": "world"}}))
    setting.stub.script(PARAMETER, EXPIRED, good)
    assert reader.get_variable("hello") == "world"
    assert (setting.stub.count("container"), setting.stub.count(PARAMETER)) == (2, 2)


def test_new_credentials_that_are_refused_too_are_not_renewed_again(setting: Setting) -> None:
    container(setting)
    reader = setting.backend()
    setting.stub.script(SECRET, *[EXPIRED] * 4)
    for _ in range(3):
        with pytest.raises(UnauthenticatedError):
            reader.get_variable("hello")
    assert (setting.stub.count("container"), setting.stub.count(SECRET)) == (2, 4)


def test_keys_that_cannot_be_renewed_are_refused_at_once(setting: Setting) -> None:
    reader = setting.backend(aws_access_key_id="AKIA", aws_secret_access_key="x")
    setting.stub.script(SECRET, EXPIRED)
    with pytest.raises(UnauthenticatedError):
        reader.get_variable("hello")
    assert setting.stub.count(SECRET) == 1


def test_the_login_behind_a_role_is_replaced_within_the_lookup(setting: Setting) -> None:
    container(setting)
    setting.set("AWS_ENDPOINT_URL_STS", setting.stub.url)
    setting.stub.script("AssumeRole", Answer(status=403, body=sts_error("ExpiredTokenException")))
    assert setting.backend(role_arn=ROLE_ARN).get_variable("hello") == "signed by ASIAROLE"
    assert (setting.stub.count("container"), setting.stub.count("AssumeRole")) == (2, 2)


def test_two_backends_of_one_process_use_their_own_containers(setting: Setting) -> None:
    with IdentityStub() as other:
        container(setting)
        first = setting.backend()
        setting.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{other.url}/container/other")
        setting.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-of-the-other")
        second = setting.backend()
        for reader in (first, second, first):
            assert reader.get_variable("hello") == "signed by ASIACONTAINER"
        assert (setting.stub.count("container"), other.count("container")) == (1, 1)
        assert "authorization" not in setting.stub.last("container").headers
        assert other.last("container").headers["authorization"] == "token-of-the-other"


@pytest.mark.parametrize(
    "body", ["{}", '{"VersionId": "x"}', '{"SecretString": null}', '{"message": "hello from a proxy"}']
)
def test_an_answer_without_a_secret_does_not_count_as_absent(setting: Setting, body: str) -> None:
    container(setting)
    reader = setting.backend(cache_ttl="1ms", max_attempts=1)
    assert reader.get_variable("hello", team_name="t") == "signed by ASIACONTAINER"
    time.sleep(0.01)  # past the time to live
    setting.stub.script(SECRET, Answer(body=body))
    with pytest.raises(MalformedSecretError):
        reader.get_variable("hello", team_name="t")
    assert setting.stub.count(SECRET) == 2, "the shared name is not requested instead of the team's"


@pytest.mark.parametrize("body", ['{"Name": "n"}', '{"ARN": "a"}', '{"Name": "n", "SecretBinary": "eA=="}'])
def test_a_secret_without_text_is_absent(setting: Setting, body: str) -> None:
    container(setting)
    setting.stub.script(SECRET, Answer(body=body))
    assert setting.backend().get_variable("hello") is None


def test_the_instance_speaks_version_two(setting: Setting) -> None:
    instance(setting)
    setting.backend().get_variable("hello")
    assert [setting.stub.count(f"imds-{place}") for place in ("token", "role", "credentials")] == [1, 1, 1]
    assert setting.stub.last("imds-token").method == "PUT"


def test_an_instance_without_a_role(setting: Setting) -> None:
    instance(setting)
    setting.stub.script("imds-role", Answer(status=404))
    with pytest.raises(UnauthenticatedError, match="has no role"):
        setting.backend().get_variable("hello")


def test_no_metadata_service_means_no_credentials(setting: Setting) -> None:
    instance(setting)
    setting.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnauthenticatedError, match="no AWS credentials were found"):
        setting.backend().get_variable("hello")


def test_a_silent_metadata_service_is_waited_for_one_second(setting: Setting) -> None:
    instance(setting)
    setting.stub.script("imds-token", Answer(delay=5))
    start = time.monotonic()
    with pytest.raises(UnauthenticatedError, match="no AWS credentials were found"):
        setting.backend().get_variable("hello")
    assert time.monotonic() - start < 3
    assert setting.stub.count("imds-token") == 1


def test_a_disabled_metadata_service_is_not_asked(setting: Setting) -> None:
    instance(setting)
    setting.set("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UnauthenticatedError):
        setting.backend().get_variable("hello")
    assert setting.stub.requests == []


def test_the_relative_address_takes_precedence_over_the_full_one(setting: Setting) -> None:
    pod(setting)
    setting.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials")
    # If anything answers at 169.254.170.2, it is not ours.
    with pytest.raises(StrongroomError):
        setting.backend(timeout=3).get_variable("hello")
    assert setting.stub.count("container") == 0


def test_the_pod_shows_its_token_and_reads_it_each_time(setting: Setting) -> None:
    setting.stub.lifetime = 3.0
    pod(setting)
    reader = setting.backend()
    reader.get_variable("first")
    assert setting.stub.last("container").headers["authorization"] == "pod-token"
    assert setting.stub.last("container").path == "/container/credentials?v=1"
    (setting.home / "token").write_text("next-token")
    time.sleep(2.5)  # credentials of 3 s are due
    reader.get_variable("second")
    assert setting.stub.last("container").headers["authorization"] == "next-token"


def test_a_missing_token_of_a_pod(setting: Setting) -> None:
    pod(setting)
    (setting.home / "token").unlink()
    with pytest.raises(UnauthenticatedError, match="token of the container cannot be read"):
        setting.backend().get_variable("hello")


@pytest.mark.parametrize("address", ["http://192.0.2.1/credentials", "http://169.254.169.254/x", "nonsense"])
def test_a_token_is_not_sent_to_an_unknown_host(setting: Setting, address: str) -> None:
    pod(setting)
    setting.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)
    with pytest.raises(ConfigurationError, match="AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        setting.backend().get_variable("hello")


def test_the_cached_login_is_shown_to_the_portal(setting: Setting) -> None:
    single_sign_on(setting)
    setting.backend().get_variable("hello")
    asked = setting.stub.last("sso")
    assert asked.headers["x-amz-sso_bearer_token"] == "cached"
    assert "role_name=Reader" in asked.path
    assert "account_id=111122223333" in asked.path
    assert setting.stub.count("sso-token") == 0


def test_a_profile_without_a_session_uses_its_start_url(setting: Setting) -> None:
    single_sign_on(setting)
    url = "https://y.awsapps.com/start"
    setting.profile(sso_start_url=url, sso_region=REGION, sso_account_id="1", sso_role_name="r")
    setting.login("by-url", key=url)
    assert setting.backend().get_variable("hello") == "signed by ASIASSO"
    assert setting.stub.last("sso").headers["x-amz-sso_bearer_token"] == "by-url"


def test_a_login_that_ends_soon_is_renewed_and_saved(setting: Setting) -> None:
    single_sign_on(setting)
    registration = {"clientId": "c", "clientSecret": "s", "registrationExpiresAt": moment(9999)}
    file = setting.login("old", expires_in=60, refreshToken="r", **registration)
    assert setting.backend().get_variable("hello") == "signed by ASIASSO"
    assert setting.stub.count("sso-token") == 1
    assert setting.stub.last("sso").headers["x-amz-sso_bearer_token"] == "renewed"
    assert json.loads(file.read_text())["refreshToken"] == "next"
    assert file.stat().st_mode & 0o077 == 0


def test_no_login_is_cached(setting: Setting) -> None:
    single_sign_on(setting)
    setting.login().unlink()
    with pytest.raises(UnauthenticatedError, match="there is no login to IAM Identity Center"):
        setting.backend().get_variable("hello")
    assert setting.stub.requests == []


def test_an_expired_login_and_a_new_one(setting: Setting) -> None:
    single_sign_on(setting)
    setting.login(CANARY, expires_in=-60)
    reader = setting.backend()
    with pytest.raises(UnauthenticatedError, match="has expired") as caught:
        reader.get_variable("hello")
    assert CANARY not in f"{caught.value!r}"
    setting.login("revoked")
    setting.stub.script("sso", Answer(status=401, headers={"x-amzn-ErrorType": "UnauthorizedException:http://x/"}))
    with pytest.raises(UnauthenticatedError, match="aws sso login"):
        reader.get_variable("hello")
    setting.login("new")
    assert reader.get_variable("hello") == "signed by ASIASSO"
    assert setting.stub.last("sso").headers["x-amz-sso_bearer_token"] == "new"


def test_a_role_that_the_login_may_not_use(setting: Setting) -> None:
    single_sign_on(setting)
    setting.stub.script("sso", Answer(status=403, headers={"x-amzn-ErrorType": "ForbiddenException"}))
    with pytest.raises(AccessDeniedError):
        setting.backend().get_variable("hello")


def test_the_identity_token_is_read_each_time(setting: Setting) -> None:
    setting.stub.lifetime = 3.0
    web_identity_of_environment(setting)
    reader = setting.backend()
    reader.get_variable("first")
    form = setting.stub.last("AssumeRoleWithWebIdentity").form
    assert (form["WebIdentityToken"], form["RoleArn"], form["RoleSessionName"]) == ("jwt-1", ROLE_ARN, "pod")
    (setting.home / "jwt").write_text("jwt-2")
    time.sleep(2.5)  # credentials of 3 s are due
    reader.get_variable("second")
    assert setting.stub.last("AssumeRoleWithWebIdentity").form["WebIdentityToken"] == "jwt-2"


def test_a_role_that_the_token_may_not_assume(setting: Setting) -> None:
    web_identity_of_environment(setting)
    setting.stub.script("AssumeRoleWithWebIdentity", Answer(status=403, body=sts_error("AccessDenied")))
    with pytest.raises(AccessDeniedError, match="sts:AssumeRoleWithWebIdentity"):
        setting.backend().get_variable("hello")


def test_a_role_on_top_of_a_container(setting: Setting) -> None:
    container(setting)
    setting.set("AWS_ENDPOINT_URL_STS", setting.stub.url)
    reader = setting.backend(role_arn=ROLE_ARN)
    assert [reader.get_variable(name) for name in "abc"] == ["signed by ASIAROLE"] * 3
    assert (setting.stub.count("container"), setting.stub.count("AssumeRole")) == (1, 1)
    assert setting.stub.last("AssumeRole").access_key_id == "ASIACONTAINER"


ANSWER = '{{"Version": 1, "AccessKeyId": "ASIAPROC", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "{}"}}'


def runs(file: Path) -> int:
    """How often the program has run."""
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_a_program_runs_once_for_many_lookups(setting: Setting) -> None:
    counted = setting.process(f"echo '{ANSWER.format(moment(3600))}'")
    reader = setting.backend()
    assert [reader.get_variable(name) for name in "abc"] == ["signed by ASIAPROC"] * 3
    assert runs(counted) == 1


def test_a_program_runs_while_sigchld_is_ignored(setting: Setting) -> None:
    setting.process(f"echo '{ANSWER.format(moment(3600))}'")
    reader = setting.backend()
    with ignoring_sigchld():
        assert [reader.get_variable(name) for name in "ab"] == ["signed by ASIAPROC"] * 2
        assert ignores_sigchld()


def test_a_program_runs_again_before_its_credentials_expire(setting: Setting) -> None:
    counted = setting.process(f"echo '{ANSWER.format(moment(3))}'")
    reader = setting.backend()
    reader.get_variable("first")
    time.sleep(2.5)  # credentials of 3 s are due, and still valid
    reader.get_variable("second")
    assert runs(counted) == 2


@pytest.mark.parametrize(
    "script",
    [
        f"echo {CANARY}; echo {CANARY} >&2; exit 3",
        f"echo {CANARY}",
        f'echo \'{{"Version": 1, "AccessKeyId": "{CANARY}"}}\'',
        f'echo \'{{"Version": 2, "AccessKeyId": "{CANARY}", "SecretAccessKey": "{CANARY}"}}\'',
    ],
    ids=["failing", "garbage", "incomplete", "other version"],
)
def test_a_program_without_credentials(
    setting: Setting, script: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    counted = setting.process(script)
    with pytest.raises(UnauthenticatedError, match="credential_process of the AWS profile `default`") as caught:
        setting.backend().get_variable("hello")
    output = "".join(capfd.readouterr())
    assert CANARY not in f"{caught.value!r} {caught.value} {caplog.text} {output}"
    assert runs(counted) == 1


def test_a_program_that_hangs_ends_in_the_deadline(setting: Setting) -> None:
    counted = setting.process("sleep 600 & sleep 600; :")
    with pytest.raises(LookupTimeoutError):
        setting.backend(timeout=1).get_variable("hello")
    assert runs(counted) == 1
    assert dead_children() == 0
    assert none_lives("AWS_CONFIG_FILE", os.environ["AWS_CONFIG_FILE"])
