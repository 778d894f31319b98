"""Every login to Vault: it works, costs one request, gives a useful hint when refused, and shows no credential."""

from __future__ import annotations

import contextlib
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import StrongroomError, UnauthenticatedError
from strongroom.hashicorp import VaultBackend
from tests.python.vault import backend_at, refusal
from tests.servers import vault_logins
from tests.servers.directories import Cluster
from tests.servers.tls import Certificate
from tests.servers.vault import Vault
from tests.servers.vault_login_fixtures import Place
from tests.servers.vault_logins import Login, new_secret

READ = "GET /v1/secret/data/variables/"


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides any credentials of the caller's."""
    monkeypatch.setenv("HOME", "/nonexistent")
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


#: Fixtures of ``tests/servers/vault_login_fixtures.py``. ``cert`` needs its own connection and follows further down.
LOGINS = ["approle", "userpass", "jwt", "jwt_of_a_key_set", "kubernetes", "ldap", "radius"]
LOGINS += ["aws_iam", "azure", "gcp", "github"]


@pytest.fixture(params=LOGINS)
def login(request: pytest.FixtureRequest) -> Login:
    """Each login in turn."""
    found: Login = request.getfixturevalue(f"{request.param}_login")
    return found


def test_it_costs_one_request_for_all_lookups(vault_place: Place, login: Login) -> None:
    backend = backend_at(vault_place, login.options)
    assert backend.get_variable("a") == "value of a"
    assert vault_place.asked() == [f"POST /v1/{login.path}", f"{READ}a"]
    assert [backend.get_variable(name) for name in ("b", "a")] == ["value of b", "value of a"]
    assert vault_place.asked() == [f"{READ}b"]
    assert backend_at(vault_place, login.options).get_variable("c") == "value of c", "another instance shares the login"
    assert vault_place.asked() == [f"{READ}c"]


def test_wrong_credentials_are_distinguished_from_other_errors(vault_place: Place, login: Login) -> None:
    error = refusal(backend_at(vault_place, login.options, **login.wrong).get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert error.hint
    assert error.operation == "login"
    # An identity that Entra does not know never reaches Vault. No service is asked twice.
    assert vault_place.asked() in ([f"POST /v1/{login.path}"], [])


def test_an_unknown_mount_is_reported(vault_place: Place, login: Login) -> None:
    error = refusal(backend_at(vault_place, login.options, auth_mount_point="nowhere").get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert "auth/nowhere" in str(error)


@pytest.mark.parametrize("ending", ["good", "refused"])
def test_no_credential_is_shown(
    vault_place: Place, login: Login, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    options = {**login.options, **(login.wrong if ending == "refused" else {})}
    backend = backend_at(vault_place, options)
    seen = [repr(backend), repr(vars(backend))]
    try:
        backend.get_variable("a")
    except StrongroomError as error:
        seen += [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    assert (len(seen) > 2) == (ending == "refused")
    seen += [record.getMessage() for record in caplog.records if record.name.startswith("strongroom")]
    canaries = [*login.canaries, *(value for value in login.wrong.values() if str(value).startswith("canary-"))]
    assert not [canary for canary in canaries for text in seen if canary in text]
    vault_place.counter.clear()


def test_a_revoked_token_is_replaced_by_one_login(vault_place: Place, login: Login) -> None:
    backend = backend_at(vault_place, login.options)
    assert backend.get_variable("a") == "value of a"
    for accessor in vault_place.vault.names("auth/token/accessors"):
        with contextlib.suppress(OSError):
            found = vault_place.vault.write("auth/token/lookup-accessor", {"accessor": accessor})["data"]
            if vault_place.policy in found["policies"]:
                vault_place.vault.write("auth/token/revoke-accessor", {"accessor": accessor})
    vault_place.asked()
    assert backend.get_variable("b") == "value of b"
    asked = vault_place.asked()
    assert asked.count(f"POST /v1/{login.path}") == 1
    assert asked[-1] == f"{READ}b"


# Certificates


def cert_backend(vault: Vault, client: Certificate, **more: Any) -> VaultBackend:
    """A backend that shows a certificate; it is connected to the server directly, without a proxy."""
    shown = {"cert": [str(client.certificate), str(client.key)], "verify": str(vault.authority)}
    return VaultBackend(**{"url": vault.url, "auth_type": "cert", **shown, **more})


def test_a_certificate(
    vault_place: Place, client_certificate: Certificate, untrusted_certificate: Certificate, tmp_path: Path
) -> None:
    vault = vault_place.vault
    vault_logins.cert(vault, vault_place.policy, client_certificate, untrusted_certificate)
    mark = vault.mark()
    backend = cert_backend(vault, client_certificate)
    assert [backend.get_variable(name) for name in ("a", "b")] == ["value of a", "value of b"]
    reads = ["read secret/data/variables/a", "read secret/data/variables/b"]
    assert vault.requests(mark) == ["update auth/cert/login", *reads]
    assert cert_backend(vault, client_certificate, cert_role="airflow").get_variable("a") == "value of a"
    both = tmp_path / "both.pem"
    both.write_text(client_certificate.certificate.read_text() + client_certificate.key.read_text())
    assert cert_backend(vault, client_certificate, cert=str(both)).get_variable("a") == "value of a"


def test_an_unknown_certificate_and_none(
    vault_place: Place, client_certificate: Certificate, untrusted_certificate: Certificate
) -> None:
    vault = vault_place.vault
    vault_logins.cert(vault, vault_place.policy, client_certificate, untrusted_certificate)
    for backend in (
        cert_backend(vault, untrusted_certificate),
        cert_backend(vault, client_certificate, cert_role="another"),
    ):
        error = refusal(backend.get_variable)
        assert isinstance(error, UnauthenticatedError)
        assert error.hint
        assert untrusted_certificate.key.read_text().split("\n")[1] not in repr(error)


# Files are read at each login


def test_the_token_of_a_pod_is_read_at_each_login(
    vault_place: Place, kubernetes_login: Login, kubernetes_cluster: Cluster
) -> None:
    file = Path(kubernetes_login.options["kubernetes_jwt_path"])
    file.write_text(kubernetes_cluster.token(lifetime=-60))
    backend = backend_at(vault_place, kubernetes_login.options)
    assert isinstance(refusal(backend.get_variable), UnauthenticatedError)
    file.write_text(kubernetes_cluster.token())
    assert backend.get_variable("b") == "value of b"


def test_a_token_in_a_file_is_read_at_each_login(vault_place: Place, jwt_login: Login, tmp_path: Path) -> None:
    file = tmp_path / "jwt"
    file.write_text(jwt_login.wrong["jwt_token"])
    options = {**jwt_login.options, "jwt_token": None, "jwt_token_path": str(file)}
    backend = backend_at(vault_place, options)
    assert isinstance(refusal(backend.get_variable), UnauthenticatedError)
    file.write_text(f"{jwt_login.options['jwt_token']}\n")
    assert backend.get_variable("b") == "value of b"
    file.unlink()
    error = refusal(backend_at(vault_place, options, cache_ttl=0, auth_mount_point="/jwt/", timeout=9).get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert "jwt_token_path" in str(error)


# Namespaces


def test_a_login_within_a_namespace(vault_place: Place) -> None:
    vault = vault_place.vault
    inner = vault.create_namespace("inner", namespace=vault.create_namespace("outer"))
    vault.put("variables/a", {"value": "inner a"}, namespace=inner)
    policy = vault.policy(namespace=inner)
    vault.write("sys/auth/userpass", {"type": "userpass"}, namespace=inner)
    password = new_secret()
    vault.write("auth/userpass/users/airflow", {"password": password, "token_policies": [policy]}, namespace=inner)
    options = {"auth_type": "userpass", "username": "airflow", "password": password}
    assert backend_at(vault_place, options, namespace=inner).get_variable("a") == "inner a"
    assert isinstance(refusal(backend_at(vault_place, options).get_variable), UnauthenticatedError)


# Numbers without quotes, as in JSON and YAML: sent as the digits that are written.

NUMBER = 123456


def test_a_user_and_a_password_of_digits(vault_place: Place) -> None:
    vault_logins.userpass(vault_place.vault, vault_place.policy, "77")
    user = {"password": str(NUMBER), "token_policies": [vault_place.policy]}
    vault_place.vault.write("auth/77/users/42", user)
    options = {"auth_type": "userpass", "username": 42, "password": NUMBER, "auth_mount_point": 77}
    assert backend_at(vault_place, options).get_variable("a") == "value of a"
    assert vault_place.asked() == ["POST /v1/auth/77/login/42", f"{READ}a"]
    assert isinstance(refusal(backend_at(vault_place, {**options, "password": 654321}).get_variable), StrongroomError)


def test_a_role_and_its_secret_of_digits(vault_place: Place) -> None:
    vault_logins.approle(vault_place.vault, vault_place.policy)
    vault_place.vault.write("auth/approle/role/airflow/role-id", {"role_id": str(NUMBER)})
    vault_place.vault.write("auth/approle/role/airflow/custom-secret-id", {"secret_id": "987654321098"})
    options = {"auth_type": "approle", "role_id": NUMBER, "secret_id": 987654321098}
    assert backend_at(vault_place, options).get_variable("a") == "value of a"
    error = refusal(backend_at(vault_place, {**options, "secret_id": 1}).get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert str(NUMBER) not in str(error)


def test_a_token_of_digits(vault_place: Place, caplog: pytest.LogCaptureFixture) -> None:
    vault_place.vault.write("auth/token/create", {"id": str(NUMBER), "policies": [vault_place.policy]})
    backend = backend_at(vault_place, {"token": NUMBER})
    assert backend.get_variable("a") == "value of a"
    assert str(NUMBER) not in f"{caplog.text}{backend!r}"


def test_roles_of_digits(vault_place: Place, jwt_login: Login, kubernetes_login: Login) -> None:
    for login, key in ((jwt_login, "jwt_role"), (kubernetes_login, "kubernetes_role")):
        mount = login.path.removesuffix("/login")
        role = vault_place.vault.read(f"{mount}/role/airflow")
        vault_place.vault.write(f"{mount}/role/{NUMBER}", {name: value for name, value in role.items() if value})
        assert backend_at(vault_place, {**login.options, key: NUMBER}).get_variable("a") == "value of a"


@pytest.mark.parametrize("version", [1, 1.0, "1", "1.0", True])
def test_a_mount_called_by_a_number(vault_place: Place, version: Any) -> None:
    vault = vault_place.vault
    vault.mount("77", version=1)
    vault.write("77/5/a", {"value": "numbered"})
    token = vault.token(vault.policy({"77/*": ["read"]}))
    options = {"token": token, "mount_point": 77, "variables_path": 5, "kv_engine_version": version, "verify": 0}
    assert backend_at(vault_place, options).get_variable("a") == "numbered"
    assert vault_place.asked() == ["GET /v1/77/5/a"]
