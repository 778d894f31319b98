"""Every login to Vault: it reads, costs one request, says what helps when it is refused, and shows no credential."""

from __future__ import annotations

import contextlib
import json
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from strongroom.exceptions import StrongroomError, UnauthenticatedError, UnreachableError
from strongroom.hashicorp import VaultBackend
from tests.servers import vault_front, vault_logins
from tests.servers.aws import Credentials, MiniStack, allow
from tests.servers.cloud_identity import IAM_HOST, Entra, Google, entra_double, google_doubles, tunnel
from tests.servers.counting import Counter, counting_proxy
from tests.servers.directories import Cluster, Directory
from tests.servers.double import Answer, Double, serving
from tests.servers.signer import Signer
from tests.servers.tls import Certificate, certificate
from tests.servers.vault import Vault
from tests.servers.vault_front import Method
from tests.servers.vault_logins import Login, new_secret

SERVER_ID = "vault.example.org"
RESOURCE = "https://vault.example.org"
#: A subscription and a group of resources, as the metadata of the machine has them.
GROUP = ("subscription", "group")
READ = "GET /v1/secret/data/variables/"


@dataclass
class Place:
    """A Vault with three variables, and how its logins are reached."""

    vault: Vault
    policy: str
    counter: Counter
    #: Logins that OpenBao has not, by their mount; filled before the first lookup.
    methods: dict[str, Method] = field(default_factory=dict)

    def backend(self, options: Mapping[str, Any], **changed: Any) -> VaultBackend:
        """A backend that goes through the counting proxy."""
        return VaultBackend(**{"url": self.counter.url, **options, **changed})

    def asked(self) -> list[str]:
        """What was asked since the last time, as ``METHOD path``."""
        calls = [f"{call.method} {call.path}" for call in self.counter.calls]
        self.counter.clear()
        return calls


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credential of the caller's is found."""
    monkeypatch.setenv("HOME", "/nonexistent")
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS", "IDENTITY_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place(vault: Vault) -> Iterator[Place]:
    """OpenBao behind the front with the logins of clouds, behind a counting proxy."""
    for name in ("a", "b", "c"):
        vault.put(f"variables/{name}", {"value": f"value of {name}"})
    policy = vault.policy({"secret/data/variables/*": ["read"]})
    methods: dict[str, Method] = {}
    with vault_front.vault_front(vault, policy, methods) as front, counting_proxy(front.url) as counter:
        yield Place(vault, policy, counter, methods)


@pytest.fixture(scope="module")
def entra() -> Entra:
    """A tenant of Azure's."""
    return Entra()


@pytest.fixture(scope="module")
def google() -> Google:
    """A service account of Google's."""
    return Google()


@pytest.fixture(scope="module")
def caller(aws_server: MiniStack) -> tuple[Credentials, str]:
    """A user of AWS, and how STS calls it."""
    user = aws_server.user()
    return user, str(aws_server.client("sts", user).get_caller_identity()["Arn"])


@pytest.fixture
def azure(place: Place, entra: Entra, monkeypatch: pytest.MonkeyPatch) -> Iterator[Login]:
    """An application with a secret."""
    place.methods["azure"] = vault_front.azure(entra.signer, RESOURCE, "airflow", entra.principal)
    with entra_double(entra) as double:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", double.url)
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", double.url)
        options = {"auth_type": "azure", "azure_tenant_id": entra.tenant, "azure_resource": RESOURCE}
        options |= {"role_id": "airflow", "key_id": entra.client_id, "secret_id": entra.client_secret}
        wrong = {"secret_id": new_secret()}
        yield Login("auth/azure/login", options, wrong, (entra.client_secret,))


@pytest.fixture
def gcp(place: Place, google: Google) -> Login:
    """A service account by its key."""
    place.methods["gcp"] = vault_front.gcp(google.signer, google.email, "airflow")
    options = {"auth_type": "gcp", "gcp_scopes": "scope", "role_id": "airflow", "gcp_keyfile_dict": google.key_file()}
    stranger = Google(Signer(google.signer.name), google.email)
    body = google.signer.private_pem().split("\n")[1:3]
    return Login("auth/gcp/login", options, {"gcp_keyfile_dict": stranger.key_file()}, tuple(body))


@pytest.fixture
def aws_iam(place: Place, aws_server: MiniStack, caller: tuple[Credentials, str]) -> Login:
    """A user of AWS, at a Vault that wants its own name to be signed."""
    user, arn = caller
    place.methods["aws"] = vault_front.aws(aws_server, "airflow", arn, SERVER_ID)
    options = {"auth_type": "aws_iam", "role_id": "airflow", "iam_server_id": SERVER_ID}
    options |= {"key_id": user.access_key, "secret_id": user.secret_key, "region": "us-east-1"}
    return Login("auth/aws/login", options, {"secret_id": new_secret()}, (user.secret_key,))


@pytest.fixture
def github(place: Place) -> Login:
    """The owner of a personal token."""
    token = new_secret()
    place.methods["github"] = vault_front.github(token)
    return Login("auth/github/login", {"auth_type": "github", "token": token}, {"token": new_secret()}, (token,))


@pytest.fixture
def approle(place: Place) -> Login:
    """A role with a secret id."""
    return vault_logins.approle(place.vault, place.policy)


@pytest.fixture
def userpass(place: Place) -> Login:
    """A user at a mount of another name."""
    login = vault_logins.userpass(place.vault, place.policy, "people")
    return Login(login.path, {**login.options, "auth_mount_point": "people"}, login.wrong, login.canaries)


@pytest.fixture
def jwt(place: Place, signer: Signer) -> Login:
    """A token that Vault knows the key of."""
    return vault_logins.jwt(place.vault, place.policy, signer)


@pytest.fixture
def jwt_of_a_key_set(place: Place, signer: Signer) -> Iterator[Login]:
    """A token whose key Vault fetches."""
    with serving(lambda request: Answer(200, signer.key_set())) as keys:
        yield vault_logins.jwt(place.vault, place.policy, signer, jwks_url=f"{keys.url}/keys")


@pytest.fixture
def kubernetes(place: Place, kubernetes_cluster: Cluster, tls: Certificate, tmp_path: Path) -> Login:
    """The service account of a pod."""
    return vault_logins.kubernetes(place.vault, place.policy, kubernetes_cluster, tls.authority, tmp_path)


@pytest.fixture
def ldap(place: Place, ldap_users: Directory) -> Login:
    """A user of a directory."""
    return vault_logins.ldap(place.vault, place.policy, ldap_users)


@pytest.fixture
def radius(place: Place, radius_users: Directory) -> Login:
    """A user of a RADIUS server, whose own secret is in the options too, as the official class wants it."""
    return vault_logins.radius(place.vault, place.policy, radius_users)


#: The fixtures above. ``cert`` needs a connection of its own and comes further down.
LOGINS = ["approle", "userpass", "jwt", "jwt_of_a_key_set", "kubernetes", "ldap", "radius"]
LOGINS += ["aws_iam", "azure", "gcp", "github"]


@pytest.fixture(params=LOGINS)
def login(request: pytest.FixtureRequest) -> Login:
    """Each login in turn."""
    found: Login = request.getfixturevalue(request.param)
    return found


def refusal(look_up: Callable[[str], object], name: str = "a") -> StrongroomError:
    """The error of a lookup."""
    with pytest.raises(StrongroomError) as caught:
        look_up(name)
    return caught.value


def test_it_costs_one_request_for_all_lookups(place: Place, login: Login) -> None:
    backend = place.backend(login.options)
    assert backend.get_variable("a") == "value of a"
    assert place.asked() == [f"POST /v1/{login.path}", f"{READ}a"]
    assert [backend.get_variable(name) for name in ("b", "a")] == ["value of b", "value of a"]
    assert place.asked() == [f"{READ}b"]
    assert place.backend(login.options).get_variable("c") == "value of c", "another instance shares the login"
    assert place.asked() == [f"{READ}c"]


def test_wrong_credentials_are_told_from_anything_else(place: Place, login: Login) -> None:
    error = refusal(place.backend(login.options, **login.wrong).get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert error.hint
    assert error.operation == "login"
    # Whom Entra does not know never comes as far as Vault. Nobody is asked twice.
    assert place.asked() in ([f"POST /v1/{login.path}"], [])


def test_an_unknown_mount_is_said(place: Place, login: Login) -> None:
    error = refusal(place.backend(login.options, auth_mount_point="nowhere").get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert "auth/nowhere" in str(error)


@pytest.mark.parametrize("ending", ["good", "refused"])
def test_no_credential_is_shown(place: Place, login: Login, ending: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    options = {**login.options, **(login.wrong if ending == "refused" else {})}
    backend = place.backend(options)
    seen = [repr(backend), repr(vars(backend))]
    try:
        backend.get_variable("a")
    except StrongroomError as error:
        seen += [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    assert (len(seen) > 2) == (ending == "refused")
    seen += [record.getMessage() for record in caplog.records if record.name.startswith("strongroom")]
    canaries = [*login.canaries, *(value for value in login.wrong.values() if str(value).startswith("canary-"))]
    assert not [canary for canary in canaries for text in seen if canary in text]
    place.counter.clear()


def test_a_revoked_token_is_replaced_by_one_login(place: Place, login: Login) -> None:
    backend = place.backend(login.options)
    assert backend.get_variable("a") == "value of a"
    for accessor in place.vault.names("auth/token/accessors"):
        with contextlib.suppress(OSError):
            found = place.vault.write("auth/token/lookup-accessor", {"accessor": accessor})["data"]
            if place.policy in found["policies"]:
                place.vault.write("auth/token/revoke-accessor", {"accessor": accessor})
    place.asked()
    assert backend.get_variable("b") == "value of b"
    asked = place.asked()
    assert asked.count(f"POST /v1/{login.path}") == 1
    assert asked[-1] == f"{READ}b"


# Certificates


def cert_backend(vault: Vault, client: Certificate, **more: Any) -> VaultBackend:
    """A backend that shows a certificate; nothing stands between it and the server."""
    shown = {"cert": [str(client.certificate), str(client.key)], "verify": str(vault.authority)}
    return VaultBackend(**{"url": vault.url, "auth_type": "cert", **shown, **more})


def test_a_certificate(
    place: Place, client_certificate: Certificate, strange_certificate: Certificate, tmp_path: Path
) -> None:
    vault = place.vault
    vault_logins.cert(vault, place.policy, client_certificate, strange_certificate)
    mark = vault.mark()
    backend = cert_backend(vault, client_certificate)
    assert [backend.get_variable(name) for name in ("a", "b")] == ["value of a", "value of b"]
    reads = ["read secret/data/variables/a", "read secret/data/variables/b"]
    assert vault.requests(mark) == ["update auth/cert/login", *reads]
    assert cert_backend(vault, client_certificate, cert_role="airflow").get_variable("a") == "value of a"
    both = tmp_path / "both.pem"
    both.write_text(client_certificate.certificate.read_text() + client_certificate.key.read_text())
    assert cert_backend(vault, client_certificate, cert=str(both)).get_variable("a") == "value of a"


def test_a_strange_certificate_and_none(
    place: Place, client_certificate: Certificate, strange_certificate: Certificate
) -> None:
    vault = place.vault
    vault_logins.cert(vault, place.policy, client_certificate, strange_certificate)
    for backend in (
        cert_backend(vault, strange_certificate),
        cert_backend(vault, client_certificate, cert_role="another"),
    ):
        error = refusal(backend.get_variable)
        assert isinstance(error, UnauthenticatedError)
        assert error.hint
        assert strange_certificate.key.read_text().split("\n")[1] not in repr(error)


# Files are read at each login


def test_the_token_of_a_pod_is_read_at_each_login(place: Place, kubernetes: Login, kubernetes_cluster: Cluster) -> None:
    file = Path(kubernetes.options["kubernetes_jwt_path"])
    file.write_text(kubernetes_cluster.token(lifetime=-60))
    backend = place.backend(kubernetes.options)
    assert isinstance(refusal(backend.get_variable), UnauthenticatedError)
    file.write_text(kubernetes_cluster.token())
    assert backend.get_variable("b") == "value of b"


def test_a_token_in_a_file_is_read_at_each_login(place: Place, jwt: Login, tmp_path: Path) -> None:
    file = tmp_path / "jwt"
    file.write_text(jwt.wrong["jwt_token"])
    options = {**jwt.options, "jwt_token": None, "jwt_token_path": str(file)}
    backend = place.backend(options)
    assert isinstance(refusal(backend.get_variable), UnauthenticatedError)
    file.write_text(f"{jwt.options['jwt_token']}\n")
    assert backend.get_variable("b") == "value of b"
    file.unlink()
    error = refusal(place.backend(options, cache_ttl=0, auth_mount_point="/jwt/", timeout=9).get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert "jwt_token_path" in str(error)


# Namespaces


def test_a_login_within_a_namespace(place: Place) -> None:
    vault = place.vault
    inner = vault.create_namespace("inner", namespace=vault.create_namespace("outer"))
    vault.put("variables/a", {"value": "inner a"}, namespace=inner)
    policy = vault.policy(namespace=inner)
    vault.write("sys/auth/userpass", {"type": "userpass"}, namespace=inner)
    password = new_secret()
    vault.write("auth/userpass/users/airflow", {"password": password, "token_policies": [policy]}, namespace=inner)
    options = {"auth_type": "userpass", "username": "airflow", "password": password}
    assert place.backend(options, namespace=inner).get_variable("a") == "inner a"
    assert isinstance(refusal(place.backend(options).get_variable), UnauthenticatedError)


# AWS


def test_keys_of_the_environment(
    place: Place, aws_iam: Login, caller: tuple[Credentials, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in caller[0].environment().items():
        monkeypatch.setenv(name, value)
    backend = place.backend(aws_iam.options, key_id=None, secret_id=None)
    assert backend.get_variable("a") == "value of a"


def test_an_assumed_role(
    place: Place, aws_server: MiniStack, caller: tuple[Credentials, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    user, role = (
        aws_server.user(allowed),
        aws_server.role(allow("secretsmanager:GetSecretValue", "*"), external_id="EXT-1"),
    )
    arn = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/airflow"
    place.methods["aws"] = vault_front.aws(aws_server, "airflow", arn)
    for name, value in user.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws_server.url)
    assumed = {"RoleArn": role, "RoleSessionName": "airflow", "ExternalId": "EXT-1"}
    options = {"auth_type": "aws_iam", "role_id": "airflow", "region": "us-east-1", "assume_role_kwargs": assumed}
    assert place.backend(options).get_variable("a") == "value of a"
    wrong = {**options, "assume_role_kwargs": {**assumed, "ExternalId": "other"}}
    assert isinstance(refusal(place.backend(wrong).get_variable), StrongroomError)


@pytest.mark.parametrize("server_id", [None, "another"])
def test_the_name_of_the_server_is_signed(place: Place, aws_iam: Login, server_id: str | None) -> None:
    error = refusal(place.backend(aws_iam.options, iam_server_id=server_id).get_variable)
    assert isinstance(error, UnauthenticatedError)
    assert "iam_server_id" in str(error)


# Azure


@pytest.mark.parametrize("scale_set", ["", "scale-set"])
def test_the_identity_of_a_machine(
    place: Place, azure: Login, entra: Entra, scale_set: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(entra.machine, "vmScaleSetName", scale_set)
    place.methods["azure"] = vault_front.azure(entra.signer, RESOURCE, "airflow", entra.principal, GROUP)
    backend = place.backend(azure.options, key_id=None, secret_id=None)
    assert backend.get_variable("a") == "value of a"
    assert place.asked() == [f"POST /v1/{azure.path}", f"{READ}a"]


def test_the_identity_of_an_app_service(
    place: Place, azure: Login, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    with entra_double(entra) as double:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{double.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", entra.header)
        assert place.backend(azure.options, key_id=None, secret_id=None).get_variable("a") == "value of a"
        assert double.paths() == ["GET /msi/token"]


def test_the_identity_of_a_pod(
    place: Place, azure: Login, entra: Entra, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(entra.federated_token())
    monkeypatch.setenv("AZURE_CLIENT_ID", entra.client_id)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    backend = place.backend(azure.options, key_id=None, secret_id=None)
    assert backend.get_variable("a") == "value of a"


def test_a_resource_that_the_mount_does_not_expect(place: Place, azure: Login) -> None:
    # Vault's own plugin answers 500 to a token that it does not take, so this looks like a failure of the server.
    error = refusal(place.backend(azure.options, azure_resource="https://other", max_attempts=1).get_variable)
    assert isinstance(error, UnreachableError)
    assert (error.code, error.operation) == ("500", "login")


# Google


@pytest.mark.parametrize("named_by", ["gcp_key_path", "environment"])
def test_a_key_file(
    place: Place, gcp: Login, google: Google, named_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(google.key_file()))
    given: dict[str, Any] = {"gcp_keyfile_dict": None}
    if named_by == "environment":
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    else:
        given[named_by] = str(file)
    assert place.backend(gcp.options, **given).get_variable("a") == "value of a"


def test_the_service_account_of_a_machine(
    place: Place, gcp: Login, google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certificate(tmp_path, IAM_HOST)
    with google_doubles(google, tls) as (metadata, iam), tunnel(iam) as proxy:
        monkeypatch.setenv("GCE_METADATA_HOST", metadata.url.removeprefix("http://"))
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.authority))
        assert place.backend(gcp.options, gcp_keyfile_dict=None).get_variable("a") == "value of a"
        assert len(iam.requests) == 1


def test_a_role_of_another_name(place: Place, gcp: Login) -> None:
    error = refusal(place.backend(gcp.options, role_id="other").get_variable)
    assert isinstance(error, UnauthenticatedError)


# What is sent


@pytest.fixture
def refusing() -> Iterator[Double]:
    """A server that refuses whatever it is asked."""
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
    login: Login = request.getfixturevalue(name)
    refusal(VaultBackend(**{"url": refusing.url, **login.options}).get_variable)
    asked = refusing.requests[0]
    assert (asked.method, asked.path, set(asked.json)) == ("POST", f"/v1/{login.path}", CLOUDS[name])
    assert asked.headers.get("x-vault-request") == "true"
    assert "x-vault-token" not in asked.headers
