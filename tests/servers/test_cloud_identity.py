"""The double of Azure's and Google's identity services, tested with the vendors' own clients."""

from __future__ import annotations

import json
import time
from pathlib import Path

import google.auth.jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from google.auth import compute_engine, identity_pool
from google.auth.compute_engine import _metadata
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import service_account

from tests.servers.cloud_identity import IAM_HOST, Entra, Google, entra_double, google_doubles
from tests.servers.double import serving
from tests.servers.tls import Certificate

SCOPE = "https://vault.example.org/.default"
RESOURCE = "https://vault.example.org"


@pytest.fixture(scope="module")
def entra() -> Entra:
    """A tenant."""
    return Entra()


@pytest.fixture(scope="module")
def account() -> Google:
    """A service account."""
    return Google()


def test_an_application_with_a_secret(entra: Entra, tls: Certificate) -> None:
    with entra_double(entra, tls) as double:

        def credential(secret: str) -> ClientSecretCredential:
            return ClientSecretCredential(
                entra.tenant,
                entra.client_id,
                secret,
                authority=double.url,
                disable_instance_discovery=True,
                connection_verify=str(tls.authority),
            )

        token = credential(entra.client_secret).get_token(SCOPE).token
        assert entra.signer.claims(token)["aud"] == RESOURCE
        with pytest.raises(ClientAuthenticationError):
            credential("wrong").get_token(SCOPE)


def test_the_identity_of_a_pod(entra: Entra, tls: Certificate, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(entra.federated_token())
    with entra_double(entra, tls) as double:
        credential = WorkloadIdentityCredential(
            tenant_id=entra.tenant,
            client_id=entra.client_id,
            token_file_path=str(tmp_path / "token"),
            authority=double.url,
            disable_instance_discovery=True,
            connection_verify=str(tls.authority),
        )
        assert entra.signer.claims(credential.get_token(SCOPE).token)["aud"] == RESOURCE


@pytest.mark.parametrize("where", ["machine", "service"])
def test_managed_identities(entra: Entra, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with entra_double(entra) as double:
        if where == "service":
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"{double.url}/msi/token")
            monkeypatch.setenv("IDENTITY_HEADER", entra.header)
        else:
            monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", double.url)
        token = ManagedIdentityCredential().get_token(SCOPE).token
    assert entra.signer.claims(token)["oid"] == entra.principal


def test_a_key_file_signs(account: Google) -> None:
    credentials = service_account.Credentials.from_service_account_info(account.key_file())
    now = int(time.time())
    claims = {"sub": account.email, "aud": "vault/airflow", "iat": now, "exp": now + 900}
    token = google.auth.jwt.encode(credentials.signer, claims).decode()
    assert account.signer.claims(token)["aud"] == "vault/airflow"


def test_a_federated_workload(
    account: Google, tls: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.authority))
    (tmp_path / "subject").write_text(account.subject)
    with google_doubles(account, tls) as (_, iam), serving(account.federation) as sts:
        info = account.credentials_file(f"{sts.url}/v1/token", str(tmp_path / "subject"))
        place = str(info["service_account_impersonation_url"]).replace(f"https://{IAM_HOST}", iam.url)
        credentials = identity_pool.Credentials.from_info(
            {**info, "service_account_impersonation_url": place},
            scopes=["https://www.googleapis.com/auth/cloud-platform"],
        )
        credentials.refresh(Request())
    assert credentials.token == account.token


def test_the_account_of_a_machine(account: Google, tls: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    with google_doubles(account, tls) as (metadata, iam):
        # google-auth reads the variable for it when it is imported.
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", metadata.url.removeprefix("http://"))
        credentials = compute_engine.Credentials()
        credentials.refresh(Request())
        assert (credentials.service_account_email, credentials.token) == (account.email, account.token)
        now = int(time.time())
        payload = {"sub": account.email, "aud": "vault/airflow", "iat": now, "exp": now + 900}
        answer = AuthorizedSession(credentials).post(
            f"{iam.url}/v1/projects/-/serviceAccounts/{account.email}:signJwt",
            json={"payload": json.dumps(payload)},
            verify=str(tls.authority),
        )
    assert account.signer.claims(answer.json()["signedJwt"])["aud"] == "vault/airflow"
