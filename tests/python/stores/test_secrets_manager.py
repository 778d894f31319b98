"""AWS Secrets Manager against a server that checks signatures and policies."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend
from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    InvalidNameError,
    LookupTimeoutError,
    MalformedSecretError,
    StrongroomError,
    ThrottledError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.python.backends import READ
from tests.python.backends import aws_backend as backend
from tests.servers.aws import REGION, Credentials, MiniStack, allow, deny
from tests.servers.counting import Counter, counting_proxy
from tests.servers.faults import Faults
from tests.servers.silent import silent_server
from tests.servers.tls import Certificate

CANARY = "canary-2b7e151628"


def test_connection_variable_and_config_are_read(aws: MiniStack) -> None:
    aws.put_secrets(
        {
            "airflow/connections/uri": "postgres://u:p@h:5432/db",
            "airflow/connections/fields": (
                '{"username": "first", "login": "second", "engine": "mysql", "host": "h\\u00e9"}'
            ),
            "airflow/variables/hello": "wörld",
            "airflow/config/smtp": "  spaces kept \n",
        }
    )
    reader = backend(aws.url, aws.user(READ))
    assert reader.get_conn_value("uri") == "postgres://u:p@h:5432/db"
    assert reader.get_conn_value("fields") == (
        '{"login": "first", "password": null, "host": "h\\u00e9", "port": null, "schema": null, '
        '"conn_type": "mysql", "extra": null}'
    )
    assert reader.get_variable("hello") == "wörld"
    assert reader.get_config("smtp") == "  spaces kept \n"
    assert reader.get_variable("missing") is None


def test_extra_words_are_aliases(aws: MiniStack) -> None:
    aws.put_secrets({"airflow/connections/c": '{"usr": "u", "url": "h"}'})
    words = {"user": ["usr"], "host": ["url"]}
    for given in (words, json.dumps(words)):
        value = backend(aws.url, aws.user(READ), extra_conn_words=given).get_conn_value("c")
        assert json.loads(value or "")["login"] == "u"
        assert json.loads(value or "")["host"] == "h"


def test_a_binary_secret_is_absent(aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/binary": b"\x00\x01"})
    assert backend(aws.url, aws.user(READ)).get_variable("binary") is None


def test_broken_json_is_an_error_that_shows_nothing(aws: MiniStack) -> None:
    aws.put_secrets({"airflow/connections/broken": f'{{"login": "{CANARY}", }}'})
    with pytest.raises(MalformedSecretError) as caught:
        backend(aws.url, aws.user(READ)).get_conn_value("broken")
    assert CANARY not in f"{caught.value!r}"


@pytest.mark.parametrize(
    ("options", "team", "asked"),
    [
        ({}, None, ["airflow/connections/c1"]),
        ({}, "T", ["airflow/connections/T--c1", "airflow/connections/c1"]),
        ({"connections_prefix": "a/b/"}, None, ["a/b/c1"]),
        ({"connections_prefix": "a//"}, "T", ["a/T--c1", "a/c1"]),
        ({"connections_prefix": ""}, "T", ["c1"]),
        ({"connections_prefix": "/"}, None, ["c1"]),
        ({"connections_prefix": None}, "T", []),
        ({"connections_prefix": "pre-", "sep": "--"}, "T", ["pre--T--c1", "pre--c1"]),
        ({"connections_prefix": "p", "sep": ""}, "T", ["pT--c1", "pc1"]),
        ({"connections_lookup_pattern": "d"}, None, []),
    ],
)
def test_names_are_those_of_the_official_class(
    counted: Counter, aws: MiniStack, options: dict[str, Any], team: str | None, asked: list[str]
) -> None:
    reader = backend(counted.url, aws.user(allow("secretsmanager:GetSecretValue", "*")), **options)
    assert reader.get_conn_value("c1", team) is None
    assert counted.names() == asked


def test_calls_are_exact(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    user = aws.user(READ)
    for _ in range(100):
        # A new backend for every lookup, as Airflow does.
        assert backend(counted.url, user).get_variable("hello") == "world"
        assert backend(counted.url, user).get_variable("missing") is None
    assert counted.names() == ["airflow/variables/hello", "airflow/variables/missing"]
    assert counted.connections == 1


def test_without_a_cache_every_lookup_asks(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    reader = backend(counted.url, aws.user(READ), cache_ttl=0)
    for _ in range(3):
        assert reader.get_variable("hello") == "world"
        assert reader.get_variable("missing") is None
    assert len(counted.names()) == 6


def test_sixty_four_threads_on_one_cold_secret_are_one_call(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    user, answers, start = aws.user(READ), [], threading.Barrier(64)

    def ask() -> None:
        reader = backend(counted.url, user)
        start.wait(30)
        answers.append(reader.get_variable("hello"))

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == ["world"] * 64
    assert counted.names() == ["airflow/variables/hello"]


def test_a_denied_secret_raises_and_names_the_missing_permission(
    aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put_secrets({"airflow/variables/hello": CANARY, "airflow/variables/other": CANARY})
    reader = backend(aws.url, aws.user(READ, deny("secretsmanager:GetSecretValue", "airflow/variables/other*")))
    assert reader.get_variable("hello") == CANARY
    with pytest.raises(AccessDeniedError, match="secretsmanager:GetSecretValue") as caught:
        reader.get_variable("other")
    assert caught.value.store == "aws_secrets_manager"
    assert caught.value.code == "AccessDeniedException"
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert "airflow/variables/other" in warning.getMessage()
    assert CANARY not in caplog.text


@pytest.mark.parametrize("problem", ["wrong secret key", "unknown key", "missing token"])
def test_credentials_that_the_server_refuses(aws: MiniStack, problem: str) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    user = aws.user(READ)
    refused = {
        "wrong secret key": Credentials(user.access_key, CANARY),
        "unknown key": Credentials("AKIAXXXXXXXXXXXXXXXX", CANARY),
        "missing token": Credentials("ASIAXXXXXXXXXXXXXXXX", CANARY),
    }[problem]
    with pytest.raises(UnauthenticatedError) as caught:
        backend(aws.url, refused).get_variable("hello")
    assert CANARY not in f"{caught.value!r} {caught.value}"


def test_no_credentials_at_all(aws: MiniStack) -> None:
    with pytest.raises(UnauthenticatedError):
        backend(aws.url).get_variable("hello")


def test_no_region() -> None:
    reader = SecretsManagerBackend(aws_access_key_id="a", aws_secret_access_key="b")
    with pytest.raises(ConfigurationError, match="region"):
        reader.get_variable("hello")


def test_the_region_order_is_that_of_boto3(aws: MiniStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number, region in enumerate(["us-east-1", "us-east-2", "us-west-1", "us-west-2"]):
        aws.client("secretsmanager", region=region).create_secret(Name="airflow/variables/r", SecretString=str(number))
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    user = aws.user(statement)
    config = tmp_path / "config"
    monkeypatch.setenv("AWS_REGION", "us-west-2")

    def read(**options: Any) -> str | None:
        return SecretsManagerBackend(endpoint_url=aws.url, **user.options(), **options).get_variable("r")

    assert read() == "3"
    config.write_text("[default]\nregion = us-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert read() == "2"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    assert read() == "1"
    assert read(region_name="us-east-1") == "0"


def test_credentials_from_the_environment(aws: MiniStack, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    for name, value in aws.user(READ).environment().items():
        monkeypatch.setenv(name, value)
    assert backend(aws.url).get_variable("hello") == "world"


def write_profile(folder: Path, name: str, **entries: str) -> Path:
    """Adds a profile to the shared config file and returns the file."""
    path = folder / "config"
    section = "default" if name == "default" else f"profile {name}"
    lines = [f"[{section}]", *(f"{key} = {value}" for key, value in entries.items()), ""]
    path.write_text((path.read_text() if path.exists() else "") + "\n".join(lines))
    return path


def test_credentials_from_a_profile(aws: MiniStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    config = write_profile(tmp_path, "reader", **aws.user(READ).options())
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert backend(aws.url, profile_name="reader").get_variable("hello") == "world"
    monkeypatch.setenv("AWS_PROFILE", "reader")
    assert backend(aws.url).get_variable("hello") == "world"
    with pytest.raises(ConfigurationError, match="unknown"):
        backend(aws.url, profile_name="unknown").get_variable("hello")


def test_a_changed_profile_starts_a_new_client(aws: MiniStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    config = write_profile(tmp_path, "default", aws_access_key_id="AKIAWRONG", aws_secret_access_key="wrong")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    reader = backend(aws.url)
    with pytest.raises(UnauthenticatedError):
        reader.get_variable("hello")
    config.unlink()
    write_profile(tmp_path, "default", **aws.user(READ).options())
    assert reader.get_variable("hello") == "world"


def test_credentials_from_a_process(aws: MiniStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    user = aws.user(READ)
    answer = {"Version": 1, "AccessKeyId": user.access_key, "SecretAccessKey": user.secret_key}
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    config = write_profile(tmp_path, "default", credential_process=f"cat {tmp_path / 'answer.json'}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert backend(aws.url).get_variable("hello") == "world"


def test_a_session_token_is_sent(aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    caller = aws.user({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    assumed = aws.assume(aws.role(READ), caller)
    assert backend(aws.url, assumed).get_variable("hello") == "world"
    with pytest.raises(UnauthenticatedError):
        backend(aws.url, Credentials(assumed.access_key, assumed.secret_key)).get_variable("hello")


def test_a_role_is_assumed_once(aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/hello": "world", "airflow/variables/other": "too"})
    caller = aws.user({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    role = aws.role(READ, external_id="EXT-1")
    with counting_proxy(aws.url) as sts:
        options = {
            "role_arn": role,
            "assume_role_kwargs": {"ExternalId": "EXT-1", "RoleSessionName": "mine", "DurationSeconds": 1200},
            "service_config": {"sts": {"endpoint_url": sts.url}},
        }
        assert backend(aws.url, caller, **options).get_variable("hello") == "world"
        assert backend(aws.url, caller, **options).get_variable("other") == "too"
        assert len(sts.calls) == 1
        wrong = options | {"assume_role_kwargs": {"ExternalId": "EXT-2"}}
        with pytest.raises(AccessDeniedError, match="role"):
            backend(aws.url, caller, **wrong).get_variable("hello")


def test_a_role_of_a_profile_is_assumed(aws: MiniStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    caller = aws.user({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    write_profile(tmp_path, "base", **caller.options())
    role = aws.role(READ, external_id="EXT-1")
    config = write_profile(tmp_path, "role", role_arn=role, source_profile="base", external_id="EXT-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.url)
    assert backend(aws.url, profile_name="role").get_variable("hello") == "world"


def test_mfa_is_refused_with_the_reason(aws: MiniStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_profile(tmp_path, "base", aws_access_key_id="a", aws_secret_access_key="b")
    role = {"role_arn": "arn:aws:iam::000000000000:role/x", "source_profile": "base"}
    config = write_profile(tmp_path, "mfa", mfa_serial="arn:aws:iam::000000000000:mfa/me", **role)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(ConfigurationError, match=r"(?i)mfa"):
        backend(aws.url, profile_name="mfa").get_variable("hello")


@pytest.mark.parametrize(
    ("code", "status", "outcome", "tries"),
    [
        ("ResourceNotFoundException", 400, None, 1),
        ("InvalidParameterException", 400, None, 1),
        ("InvalidRequestException", 400, None, 1),
        ("DecryptionFailure", 400, None, 1),
        ("InternalServiceError", 500, None, 3),
        ("AccessDeniedException", 400, AccessDeniedError, 1),
        ("AccessDeniedException", 403, AccessDeniedError, 1),
        ("UnrecognizedClientException", 400, UnauthenticatedError, 1),
        ("ExpiredTokenException", 400, UnauthenticatedError, 1),
        ("ValidationException", 400, InvalidNameError, 1),
        ("ThrottlingException", 400, ThrottledError, 2),
        ("TooManyRequestsException", 429, ThrottledError, 2),
        ("ServiceUnavailable", 503, UnreachableError, 3),
    ],
)
def test_every_error_has_its_outcome(
    faults: Faults, aws: MiniStack, code: str, status: int, outcome: type[StrongroomError] | None, tries: int
) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    faults.error(code, status)
    attempts = 2 if outcome is ThrottledError else 3
    reader = backend(faults.url, aws.user(READ), max_attempts=attempts)
    if outcome is None:
        assert reader.get_variable("hello") is None
    else:
        with pytest.raises(outcome) as caught:
            reader.get_variable("hello")
        assert caught.value.hint
    assert len(faults.asked.names()) == tries
    # An error is never remembered as absence.
    faults.clear()
    expected = None if code == "ResourceNotFoundException" else "world"
    assert reader.get_variable("hello") == expected


def test_a_passing_fault_is_retried(faults: Faults, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    faults.error("InternalServiceError", 500, times=1)
    assert backend(faults.url, aws.user(READ)).get_variable("hello") == "world"
    assert len(faults.asked.names()) == 2


def test_a_connection_that_breaks_is_retried(faults: Faults, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    faults.rule(times=1, reset=True)
    assert backend(faults.url, aws.user(READ)).get_variable("hello") == "world"


def test_an_invalid_answer_is_an_error_and_not_cached(faults: Faults, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/hello": CANARY})
    faults.rule(times=1, response={"truncate_frac": 0.5})
    reader = backend(faults.url, aws.user(READ))
    with pytest.raises(MalformedSecretError) as caught:
        reader.get_variable("hello")
    assert CANARY[:8] not in f"{caught.value!r}"
    assert reader.get_variable("hello") == CANARY


def test_a_server_that_never_answers_ends_in_the_deadline() -> None:
    with silent_server() as url:
        reader = backend(url, Credentials("a", "b"), timeout="1s")
        start = time.monotonic()
        with pytest.raises(LookupTimeoutError):
            reader.get_variable("hello")
        assert time.monotonic() - start < 5


def test_a_refused_port_ends_soon() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        reader = backend(f"http://127.0.0.1:{unused.getsockname()[1]}", Credentials("a", "b"))
        with pytest.raises(UnreachableError):
            reader.get_variable("hello")


def test_a_private_authority_is_trusted_when_named(aws: MiniStack, tls: Certificate) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    user = aws.user(READ)
    with counting_proxy(aws.url, tls) as secure:
        with pytest.raises(UnreachableError, match=r"(?i)certificate"):
            backend(secure.url, user).get_variable("hello")
        for options in ({"verify": str(tls.authority)}, {"ca_bundle": str(tls.authority)}, {"verify": False}):
            assert backend(secure.url, user, **options).get_variable("hello") == "world"
        with pytest.raises(ConfigurationError, match="nowhere"):
            backend(secure.url, user, verify="/nowhere/ca.pem").get_variable("hello")


def test_aws_ca_bundle_is_honoured(aws: MiniStack, tls: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    user = aws.user(READ)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tls.authority))
    with counting_proxy(aws.url, tls) as secure:
        assert backend(secure.url, user).get_variable("hello") == "world"


def test_endpoints_from_the_environment(aws: MiniStack, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.put_secrets({"airflow/variables/hello": "world"})
    user = aws.user(READ)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.url)
    assert SecretsManagerBackend(region_name=REGION, **user.options()).get_variable("hello") == "world"
    monkeypatch.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    assert SecretsManagerBackend(region_name=REGION, **user.options()).get_variable("hello") == "world"


def test_config_kwargs_are_honoured(faults: Faults, aws: MiniStack) -> None:
    faults.error("InternalServiceError", 500)
    reader = backend(faults.url, aws.user(READ), config_kwargs={"retries": {"max_attempts": 0}})
    assert reader.get_variable("hello") is None
    assert len(faults.asked.names()) == 1


@pytest.mark.parametrize("policy", ["official", "raise", "miss"])
def test_on_error(faults: Faults, aws: MiniStack, policy: str) -> None:
    reader = backend(faults.url, aws.user(READ), on_error=policy)
    faults.error("AccessDeniedException")
    with contextlib.nullcontext() if policy == "miss" else pytest.raises(AccessDeniedError):
        assert reader.get_variable("a") is None
    faults.clear()
    faults.error("DecryptionFailure")
    with pytest.raises(StrongroomError) if policy == "raise" else contextlib.nullcontext():
        assert reader.get_variable("b") is None


@contextlib.contextmanager
def closing_server(idle: float) -> Iterator[str]:
    """A server that answers one request per connection, and closes the connection ``idle`` seconds later."""
    body = json.dumps({"Name": "n", "SecretString": "world"}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {len(body)}\r\n\r\n"

    def serve(connection: socket.socket) -> None:
        with connection:
            if connection.recv(65536):
                connection.sendall(head.encode() + body)
                time.sleep(idle)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("idle", [0.0, 0.01])
def test_no_call_is_lost_when_a_server_closes_idle_connections(idle: float) -> None:
    with closing_server(idle) as url:
        # A request that is sent again on another connection counts as the second attempt.
        reader = backend(url, Credentials("a", "b"), cache_ttl=0, max_attempts=2)
        for number in range(60):
            assert reader.get_variable("hello") == "world"
            # The pauses end before, during and after the close.
            time.sleep(number % 4 * 0.005)
