"""Logins to Vault by AWS, Azure and Google: every source of an identity, and what is sent."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import (
    ConfigurationError,
    StrongroomError,
    UnauthenticatedError,
    UnreachableError,
    UnsupportedOperationError,
)
from strongroom.hashicorp import VaultBackend
from tests.python.vault import backend_at, refusal
from tests.servers import vault_front
from tests.servers.aws import Credentials, MiniStack, allow
from tests.servers.cloud_identity import IAM_HOST, Entra, Google, entra_double, google_doubles, tunnel
from tests.servers.double import Answer, Double, serving
from tests.servers.tls import certificate
from tests.servers.vault_login_fixtures import RESOURCE, Place
from tests.servers.vault_logins import Login

#: The subscription and resource group in the metadata of the machine.
GROUP = ("subscription", "group")
READ = "GET /v1/secret/data/variables/"


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides any credentials of the caller's."""
    monkeypatch.setenv("HOME", "/nonexistent")
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


# AWS


def test_keys_of_the_environment(
    vault_place: Place, aws_iam_login: Login, aws_caller: tuple[Credentials, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws_caller[0].environment().items():
        monkeypatch.setenv(name, value)
    backend = backend_at(vault_place, aws_iam_login.options, key_id=None, secret_id=None)
    assert backend.get_variable("a") == "value of a"


def test_an_assumed_role(
    vault_place: Place, aws_server: MiniStack, aws_caller: tuple[Credentials, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    user, role = (
        aws_server.user(allowed),
        aws_server.role(allow("secretsmanager:GetSecretValue", "*"), external_id="EXT-1"),
    )
    arn = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/airflow"
    vault_place.methods["aws"] = vault_front.aws(aws_server, "airflow", arn)
    for name, value in user.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws_server.url)
    assumed = {"RoleArn": role, "RoleSessionName": "airflow", "ExternalId": "EXT-1"}
    options = {"auth_type": "aws_iam", "role_id": "airflow", "region": "us-east-1", "assume_role_kwargs": assumed}
    assert backend_at(vault_place, options).get_variable("a") == "value of a"
    wrong = {**options, "assume_role_kwargs": {**assumed, "ExternalId": "other"}}
    assert isinstance(refusal(backend_at(vault_place, wrong).get_variable), StrongroomError)


@pytest.mark.parametrize("server_id", [None, "another"])
def test_the_name_of_the_server_is_signed(vault_place: Place, aws_iam_login: Login, server_id: str | None) -> None:
    error = refusal(backend_at(vault_place, aws_iam_login.options, iam_server_id=server_id).get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert "iam_server_id" in str(error)


# Azure


@pytest.mark.parametrize("scale_set", ["", "scale-set"])
def test_the_identity_of_a_machine(
    vault_place: Place, azure_login: Login, entra_tenant: Entra, scale_set: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(entra_tenant.machine, "vmScaleSetName", scale_set)
    vault_place.methods["azure"] = vault_front.azure(
        entra_tenant.signer, RESOURCE, "airflow", entra_tenant.principal, GROUP
    )
    backend = backend_at(vault_place, azure_login.options, key_id=None, secret_id=None)
    assert backend.get_variable("a") == "value of a"
    assert vault_place.asked() == [f"POST /v1/{azure_login.path}", f"{READ}a"]


def test_the_identity_of_an_app_service(
    vault_place: Place, azure_login: Login, entra_tenant: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    with entra_double(entra_tenant) as double:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{double.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", entra_tenant.header)
        assert (
            backend_at(vault_place, azure_login.options, key_id=None, secret_id=None).get_variable("a") == "value of a"
        )
        assert double.paths() == ["GET /msi/token"]


def test_the_identity_of_a_pod(
    vault_place: Place, azure_login: Login, entra_tenant: Entra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(entra_tenant.federated_token())
    monkeypatch.setenv("AZURE_CLIENT_ID", entra_tenant.client_id)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    backend = backend_at(vault_place, azure_login.options, key_id=None, secret_id=None)
    assert backend.get_variable("a") == "value of a"


def test_an_application_of_the_environment(
    vault_place: Place, azure_login: Login, entra_tenant: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_ID", entra_tenant.client_id)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", entra_tenant.client_secret)
    backend = backend_at(vault_place, azure_login.options, key_id=None, secret_id=None)
    assert backend.get_variable("a") == "value of a"


@pytest.mark.parametrize(("name", "chosen"), [("az", "AzureCliCredential"), ("azd", "AzureDeveloperCliCredential")])
def test_the_login_of_a_person(
    vault_place: Place,
    azure_login: Login,
    entra_tenant: Entra,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    chosen: str,
) -> None:
    token = entra_tenant.signer.token(3600, aud=RESOURCE, oid=entra_tenant.principal, tid=entra_tenant.tenant)
    end = int(time.time()) + 3600
    answers = {
        "az": {"accessToken": token, "expires_on": end, "tokenType": "Bearer"},
        "azd": {"token": token, "expiresOn": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))},
    }
    program = tmp_path / name
    program.write_text(f"#!/bin/sh\necho '{json.dumps(answers[name])}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", chosen)
    backend = backend_at(vault_place, azure_login.options, key_id=None, secret_id=None)
    assert backend.get_variable("a") == "value of a"


def test_without_an_identity_the_hint_names_the_options_of_vault(
    vault_place: Place, azure_login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    error = refusal(backend_at(vault_place, azure_login.options, key_id=None, secret_id=None).get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert "azure_tenant_id" in str(error)
    assert error.operation == "login"


def test_a_login_service_without_tls_is_refused(
    vault_place: Place, azure_login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "http://127.0.0.1:1")
    error = refusal(backend_at(vault_place, azure_login.options).get_variable)
    assert isinstance(error, ConfigurationError)
    assert "AZURE_AUTHORITY_HOST" in str(error)


def test_a_resource_that_the_mount_does_not_expect(vault_place: Place, azure_login: Login) -> None:
    # Vault's own plugin answers 500 to a token that it does not accept, so this looks like a failure of the server.
    error = refusal(
        backend_at(vault_place, azure_login.options, azure_resource="https://other", max_attempts=1).get_variable
    )
    assert isinstance(error, UnreachableError)
    assert (error.code, error.operation) == ("500", "login")


# Google


@pytest.mark.parametrize("named_by", ["gcp_key_path", "environment"])
def test_a_key_file(
    vault_place: Place,
    gcp_login: Login,
    google_account: Google,
    named_by: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(google_account.key_file()))
    given: dict[str, Any] = {"gcp_keyfile_dict": None}
    if named_by == "environment":
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    else:
        given[named_by] = str(file)
    assert backend_at(vault_place, gcp_login.options, **given).get_variable("a") == "value of a"


def test_the_service_account_of_a_machine(
    vault_place: Place, gcp_login: Login, google_account: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certificate(tmp_path, IAM_HOST)
    with google_doubles(google_account, tls) as (metadata, iam), tunnel(iam) as proxy:
        monkeypatch.setenv("GCE_METADATA_HOST", metadata.url.removeprefix("http://"))
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.authority))
        assert backend_at(vault_place, gcp_login.options, gcp_keyfile_dict=None).get_variable("a") == "value of a"
        assert len(iam.requests) == 1


def test_a_federated_workload_signs_as_the_account_that_it_impersonates(
    vault_place: Place, gcp_login: Login, google_account: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, file, subject = certificate(tmp_path, IAM_HOST), tmp_path / "federation.json", tmp_path / "subject"
    subject.write_text(google_account.subject)
    with (
        google_doubles(google_account, tls) as (_, iam),
        tunnel(iam) as proxy,
        serving(google_account.federation) as sts,
    ):
        file.write_text(json.dumps(google_account.credentials_file(f"{sts.url}/v1/token", str(subject))))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.authority))
        backend = backend_at(vault_place, gcp_login.options, gcp_keyfile_dict=None)
        assert backend.get_variable("a") == "value of a"
        assert [path.rpartition(":")[2] for path in iam.paths()] == ["generateAccessToken", "signJwt"]
        # Another key of the same account, in a file that is read again after it has changed.
        file.write_text(json.dumps(google_account.key_file()))
        assert backend.get_variable("b") == "value of b"


def test_a_person_cannot_sign(
    vault_place: Place, gcp_login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "person.json"
    names = ("client_id", "client_secret", "refresh_token")
    file.write_text(json.dumps({"type": "authorized_user", **dict.fromkeys(names, "canary")}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    error = refusal(backend_at(vault_place, gcp_login.options, gcp_keyfile_dict=None).get_variable)
    assert isinstance(error, UnsupportedOperationError)
    assert "canary" not in str(error)


def test_a_role_of_another_name(vault_place: Place, gcp_login: Login) -> None:
    error = refusal(backend_at(vault_place, gcp_login.options, role_id="other").get_variable)
    assert isinstance(error, UnauthenticatedError)


# What is sent


@pytest.fixture
def refusing() -> Iterator[Double]:
    """A server that refuses every request."""
    with serving(lambda request: Answer(403, {"errors": []})) as double:
        yield double


CLOUDS = {
    "azure": {"role", "jwt"},
    "gcp": {"role", "jwt"},
    "github": {"token"},
    "aws_iam": {"role", "iam_http_request_method", "iam_request_url", "iam_request_body", "iam_request_headers"},
}


@pytest.mark.parametrize("name", CLOUDS)
def test_a_login_sends_these_fields_and_no_token(refusing: Double, name: str, request: pytest.FixtureRequest) -> None:
    login: Login = request.getfixturevalue(f"{name}_login")
    refusal(VaultBackend(**{"url": refusing.url, **login.options}).get_variable)
    asked = refusing.requests[0]
    assert (asked.method, asked.path, set(asked.json)) == ("POST", f"/v1/{login.path}", CLOUDS[name])
    assert asked.headers.get("x-vault-request") == "true"
    assert "x-vault-token" not in asked.headers
