"""The vendor's own clients accept the double of Azure: what they can do with it, and what it refuses."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import (
    CertificateCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.keyvault.secrets import ApiVersion, SecretClient

from tests.servers.azure import (
    APP_SERVICE_HEADER,
    CLIENT,
    MANAGED,
    OTHER_TENANT,
    SECRET,
    TENANT,
    VAULT,
    Application,
    Azure,
    azure,
)
from tests.servers.azure_contract import API_VERSIONS, ContractError, check_answer, operation
from tests.servers.azure_tokens import BadTokenError, claims, new_identity, new_key, sign

SUBJECT = "system:serviceaccount:airflow:worker"
AUDIENCE = "https://vault.azure.net"


@pytest.fixture(scope="module")
def running_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """One start for all tests of this file."""
    with azure(tmp_path_factory.mktemp("azure")) as double:
        yield double


@pytest.fixture
def cloud(running_azure: Azure, monkeypatch: pytest.MonkeyPatch) -> Azure:
    """The double under the real names of Azure."""
    running_azure.reset()
    monkeypatch.setenv("HTTPS_PROXY", running_azure.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running_azure.tls.authority))
    return running_azure


def vault(credential: Any, **options: Any) -> SecretClient:
    """The vendor's client, without retries."""
    return SecretClient(vault_url=VAULT, credential=credential, retry_total=0, **options)


def by_secret(**changes: str) -> ClientSecretCredential:
    """A service principal."""
    given = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET, **changes}
    return ClientSecretCredential(**given)


def test_secrets_are_written_read_listed_changed_and_deleted(cloud: Azure) -> None:
    client = vault(by_secret())
    for number in range(60):
        client.set_secret(f"name-{number:02}", str(number))
    assert client.get_secret("NAME-07").value == "7"
    assert [found.name for found in client.list_properties_of_secrets()] == [f"name-{n:02}" for n in range(60)]
    client.update_secret_properties("name-07", enabled=False)
    with pytest.raises(HttpResponseError) as disabled:
        client.get_secret("name-07")
    assert disabled.value.status_code == 403
    assert '"SecretDisabled"' in str(disabled.value)
    client.begin_delete_secret("name-08").wait()
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("name-08")
    with pytest.raises(ResourceExistsError):
        client.set_secret("name-08", "again")


def test_versions_and_deleted_secrets_are_listed_without_values(cloud: Azure) -> None:
    client = vault(by_secret())
    for number in range(30):
        client.set_secret("name", str(number), tags={"number": str(number)}, content_type="text/plain")
    versions = list(client.list_properties_of_secret_versions("name"))
    newest = max(versions, key=lambda found: str(found.created_on))
    assert (len(versions), newest.version) == (30, client.get_secret("name").properties.version)
    assert (newest.tags, newest.content_type) == ({"number": "29"}, "text/plain")
    assert list(client.list_properties_of_secret_versions("unknown")) == []
    client.begin_delete_secret("name").wait()
    assert [found.name for found in client.list_deleted_secrets()] == ["name"]
    assert client.get_deleted_secret("name").scheduled_purge_date is not None
    with pytest.raises(ResourceNotFoundError):
        client.get_deleted_secret("unknown")
    client.begin_recover_deleted_secret("name").wait()
    assert client.get_secret("name").value == "29"


@pytest.mark.parametrize("version", [*ApiVersion])
def test_every_version_of_the_vendors_client_is_supported(cloud: Azure, version: ApiVersion) -> None:
    if version.value not in API_VERSIONS:
        pytest.fail(f"{version.value} is missing in the contract")
    cloud.put("hello", "world")
    assert vault(by_secret(), api_version=version).get_secret("hello").value == "world"


def federated(cloud: Azure, folder: Path) -> WorkloadIdentityCredential:
    """A workload's token."""
    path = folder / "token"
    path.write_text(cloud.federated_token(SUBJECT))
    return WorkloadIdentityCredential(tenant_id=TENANT, client_id=CLIENT, token_file_path=str(path))


def certified(cloud: Azure, folder: Path) -> CertificateCredential:
    """A certificate of the application."""
    identity = new_identity()
    cloud.applications[CLIENT].certificates = [identity]
    return CertificateCredential(TENANT, CLIENT, certificate_data=identity.pem())


@pytest.mark.parametrize("make", [federated, certified])
def test_assertions_of_the_vendors_clients_are_accepted(
    cloud: Azure, tmp_path: Path, make: Callable[[Azure, Path], Any]
) -> None:
    cloud.put("hello", "world")
    cloud.applications[CLIENT] = Application(secrets=set(), federated={SUBJECT})
    assert vault(make(cloud, tmp_path)).get_secret("hello").value == "world"


@pytest.mark.parametrize("client", [None, MANAGED])
def test_the_metadata_services_are_those_that_the_vendors_client_asks(
    cloud: Azure, monkeypatch: pytest.MonkeyPatch, client: str | None
) -> None:
    cloud.put("hello", "world")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", cloud.proxy)
    assert vault(ManagedIdentityCredential(client_id=client)).get_secret("hello").value == "world"
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud.proxy}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", APP_SERVICE_HEADER)
    assert vault(ManagedIdentityCredential(client_id=client)).get_secret("hello").value == "world"
    assert (cloud.count("imds"), cloud.count("app-service")) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_secret": "wrong"}, 7000215),
        ({"client_id": "unknown"}, 700016),
        ({"tenant_id": "nowhere"}, 90002),
        ({"tenant_id": OTHER_TENANT}, 700016),
    ],
)
def test_a_wrong_principal_gets_no_token(cloud: Azure, changes: dict[str, str], number: int) -> None:
    with pytest.raises(ClientAuthenticationError, match=f"AADSTS{number}"):
        by_secret(**changes).get_token(f"{AUDIENCE}/.default")


def test_an_unknown_certificate_and_workload_get_no_token(cloud: Azure, tmp_path: Path) -> None:
    stranger = CertificateCredential(TENANT, CLIENT, certificate_data=new_identity().pem())
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000"):
        stranger.get_token(f"{AUDIENCE}/.default")
    with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
        federated(cloud, tmp_path).get_token(f"{AUDIENCE}/.default")


def answer(cloud: Azure, token: str, path: str = "/secrets/hello?api-version=7.6") -> tuple[int, Any]:
    """The vault's answer to a token."""
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(cloud.proxy + path, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as found:
            return found.status, json.load(found)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_token_is_verified(cloud: Azure) -> None:
    cloud.put("hello", "world")
    assert answer(cloud, cloud.token(CLIENT, TENANT, AUDIENCE))[1]["value"] == "world"
    now = int(time.time())
    claimed = {"aud": AUDIENCE, "iss": f"https://sts.windows.net/{TENANT}/", "appid": CLIENT, "exp": now + 60}
    bad = [
        sign(new_key(), claimed),
        sign(cloud.key, {**claimed, "exp": now - 1}),
        sign(cloud.key, {**claimed, "aud": "https://management.azure.com"}),
        cloud.token(CLIENT, OTHER_TENANT, AUDIENCE),
        "no.token.atall",
        "nonsense",
    ]
    assert [answer(cloud, token)[0] for token in bad] == [401] * len(bad)
    assert answer(cloud, cloud.token("unknown", TENANT, AUDIENCE))[0] == 403


@pytest.mark.parametrize(
    "path", ["/secrets/a.b?api-version=7.6", "/secrets/a?api-version=0.1", "/secrets/a?x=1", "/secrets?maxresults=26"]
)
def test_a_request_outside_the_contract_is_refused(cloud: Azure, path: str) -> None:
    status, content = answer(cloud, cloud.token(CLIENT, TENANT, AUDIENCE), path)
    assert (status, content["error"]["code"]) == (400, "BadParameter")


def test_an_answer_outside_the_contract_is_detected() -> None:
    check_answer("GetSecret", 200, {"value": "x", "id": "y", "attributes": {"enabled": True, "exp": 1}})
    for wrong in ({"value": 1}, {"values": "x"}, {"attributes": {"enabled": "yes"}}):
        with pytest.raises(ContractError):
            check_answer("GetSecret", 200, wrong)
    with pytest.raises(ContractError):
        operation("GET", "/keys/k", {})


def test_a_signature_is_that_of_the_key(cloud: Azure) -> None:
    token = cloud.federated_token()
    audience = "api://AzureADTokenExchange"
    assert claims(token, cloud.platform.public_key(), audience=audience)["sub"] == SUBJECT
    for key, wanted in ((cloud.key, audience), (cloud.platform, "another")):
        with pytest.raises(BadTokenError):
            claims(token, key.public_key(), audience=wanted)
