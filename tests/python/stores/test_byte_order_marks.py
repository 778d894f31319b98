"""A byte order mark in a file with a token, as Windows editors write it: not part of the token, in every store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from strongroom.hashicorp import VaultBackend
from tests.python.stores import test_aws_identity, test_azure, test_google
from tests.python.stores.test_aws_identity import Setting, setting, stub
from tests.python.vault import backend_at
from tests.servers.azure import CLIENT, TENANT, Application, Azure
from tests.servers.counting import Counter
from tests.servers.google import PROJECT, SUBJECT_TOKEN, GoogleServer
from tests.servers.vault import Vault
from tests.servers.vault_login_fixtures import Place
from tests.servers.vault_logins import Login

cloud, server = test_azure.cloud, test_google.server
__all__ = ["cloud", "server", "setting", "stub"]

MARK = "\ufeff"


def marked(path: Path) -> None:
    """Puts the mark before the contents of the file, and a Windows line end after them."""
    path.write_text(f"{MARK}{path.read_text().rstrip()}\r\n", newline="")


def test_a_token_of_vault(vault: Vault, counted_vault: Counter, tmp_path: Path) -> None:
    vault.put("variables/hello", {"value": "world"})
    token = vault.token(vault.policy({"secret/data/variables/*": ["read"]}))
    file = tmp_path / ".vault-token"
    file.write_text(token)
    marked(file)
    assert VaultBackend(url=counted_vault.url, token_path=str(file)).get_variable("hello") == "world"


def test_a_jwt_of_vault(vault_place: Place, jwt_login: Login, tmp_path: Path) -> None:
    file = tmp_path / "jwt"
    file.write_text(jwt_login.options["jwt_token"])
    marked(file)
    backend = backend_at(vault_place, {**jwt_login.options, "jwt_token": None, "jwt_token_path": str(file)})
    assert backend.get_variable("a") == "value of a"


def test_the_token_of_a_service_account_in_kubernetes(vault_place: Place, kubernetes_login: Login) -> None:
    marked(Path(kubernetes_login.options["kubernetes_jwt_path"]))
    assert backend_at(vault_place, kubernetes_login.options).get_variable("a") == "value of a"


def test_the_web_identity_of_aws(setting: Setting) -> None:
    test_aws_identity.web_identity_of_environment(setting)
    marked(setting.home / "jwt")
    assert setting.backend().get_variable("hello") is not None
    assert setting.stub.last("AssumeRoleWithWebIdentity").form["WebIdentityToken"].strip() == "jwt-1"


def test_a_mark_alone_is_an_empty_file(setting: Setting) -> None:
    test_aws_identity.web_identity_of_environment(setting)
    (setting.home / "jwt").write_text(f"{MARK}\n")
    with pytest.raises(Exception, match="is empty"):
        setting.backend().get_variable("hello")


def test_the_token_of_a_pod_in_aws(setting: Setting) -> None:
    test_aws_identity.pod(setting)
    (setting.home / "token").write_text(f"{MARK}pod-token")
    assert setting.backend().get_variable("hello") is not None
    assert "pod-token" in setting.stub.last("container").headers.values()


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_subject_token_of_google(
    server: GoogleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "subject"
    token = SUBJECT_TOKEN
    file.write_text(token if form == "text" else json.dumps({"id_token": token}))
    marked(file)
    source: dict[str, Any] = {"file": str(file)}
    if form == "json":
        source["format"] = {"type": "json", "subject_token_field_name": "id_token"}
    federated = test_google.federated(server, source)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", test_google.saved(tmp_path, federated))
    assert test_google.default(server, project_id=PROJECT).get_variable("hello") == test_google.VALUE


def test_the_federated_token_of_azure(cloud: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cloud.put("airflow-variables-hello", "world")
    cloud.applications[CLIENT] = Application(secrets=set(), federated={test_azure.SUBJECT})
    path = tmp_path / "token"
    path.write_text(cloud.federated_token())
    marked(path)
    test_azure.variables(
        monkeypatch, AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=CLIENT, AZURE_FEDERATED_TOKEN_FILE=str(path)
    )
    assert test_azure.default_backend(cache_ttl=0).get_variable("hello") == "world"
