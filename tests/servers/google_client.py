"""The vendor's own clients against the double: run as a program in the environment of the servers.

It prints one line of JSON: the outcome of each step. It does not import any of our code.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import google.auth
import google.auth.transport.requests
import requests
from google.api_core import exceptions
from google.auth import identity_pool, impersonated_credentials
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

URL = sys.argv[1]
KEY: dict[str, str] = json.loads(sys.argv[2])
PROJECT = f"projects/{KEY['project_id']}"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TARGET = f"target@{KEY['project_id']}.iam.gserviceaccount.com"
BODIES: list[dict[str, Any]] = []


def keep(answer: requests.Response, *_: Any, **__: Any) -> None:
    """Keeps every answer of Secret Manager, for the comparison with the schemas."""
    if answer.ok and "/v1/projects/" in answer.url and "serviceAccounts" not in answer.url:
        BODIES.append({"method": answer.request.method, "path": answer.url, "body": answer.json()})


def client(credentials: Any) -> Any:
    """The client over REST. Its address is plain http, which it only accepts by way of a transport."""
    host = URL.removeprefix("http://")
    transport = SecretManagerServiceRestTransport(host=host, url_scheme="http", credentials=credentials)
    transport._session.hooks["response"].append(keep)
    return secretmanager_v1.SecretManagerServiceClient(transport=transport)


def key(**more: Any) -> Any:
    """The credentials of the key file."""
    return service_account.Credentials.from_service_account_info(KEY, **more)


def outcome(work: Callable[[], Any]) -> str:
    """The result, or the status of the error, or its class if it has no status."""
    try:
        return str(work())
    except exceptions.GoogleAPICallError as error:
        return f"{type(error).__name__} {error.response.json()['error']['status']}"
    except google.auth.exceptions.GoogleAuthError as error:
        return type(error).__name__


def read(found: Any, name: str) -> str:
    """The text of a version."""
    answer = found.access_secret_version(request={"name": f"{PROJECT}/secrets/{name}"}, retry=None)
    return str(answer.payload.data.decode())


def first_read(credentials: Any, asked: Any = None) -> str:
    """The value, with credentials that are refreshed first if ``asked`` is given."""
    if asked:
        credentials.refresh(asked)
    return read(client(credentials), "v/versions/latest")


def written() -> Iterator[tuple[str, str]]:
    """Writes, versions, lists."""
    one = client(key(scopes=[SCOPE]))
    for name in ("a-1", "a-2", "b-1"):
        one.create_secret(parent=PROJECT, secret_id=name, secret={"replication": {"automatic": {}}})
    yield "again", outcome(lambda: one.create_secret(parent=PROJECT, secret_id="a-1", secret={}))
    yield "bad name", outcome(lambda: one.create_secret(parent=PROJECT, secret_id="a.b", secret={}))
    for data in (b"one", b"two"):
        version = one.add_secret_version(parent=f"{PROJECT}/secrets/a-1", payload={"data": data})
    yield "latest", outcome(lambda: read(one, "a-1/versions/latest"))
    yield "first", outcome(lambda: read(one, "a-1/versions/1"))
    yield "no such version", outcome(lambda: read(one, "a-1/versions/9"))
    one.disable_secret_version(name=version.name)
    yield "disabled", outcome(lambda: read(one, "a-1/versions/latest"))
    one.enable_secret_version(name=version.name)
    yield "enabled", outcome(lambda: read(one, "a-1/versions/latest"))
    one.destroy_secret_version(name=version.name)
    yield "destroyed", outcome(lambda: read(one, "a-1/versions/latest"))
    yield "no version", outcome(lambda: read(one, "b-1/versions/latest"))
    yield "no secret", outcome(lambda: read(one, "c-1/versions/latest"))
    more = {"labels": {"team": "data"}, "expire_time": "2099-01-01T00:00:00Z", "replication": {"automatic": {}}}
    one.create_secret(parent=PROJECT, secret_id="d-1", secret=more)
    listed = one.list_secrets(request={"parent": PROJECT, "filter": "name:a-", "page_size": 1})
    yield "listed", " ".join(secret.name.rsplit("/", 1)[-1] for secret in listed)
    described = one.get_secret(name=f"{PROJECT}/secrets/d-1")
    yield "described", f"{described.name.rsplit('/', 1)[-1]} {dict(described.labels)} {described.expire_time.year}"
    yield "not described", outcome(lambda: one.get_secret(name=f"{PROJECT}/secrets/c-1").name)
    latest = one.get_secret_version(name=f"{PROJECT}/secrets/a-1/versions/latest")
    yield "version described", f"{latest.name.rsplit('/', 1)[-1]} {latest.state.name}"
    one.create_secret(parent=PROJECT, secret_id="v", secret={"replication": {"automatic": {}}})
    one.add_secret_version(parent=f"{PROJECT}/secrets/v", payload={"data": b"value"})


def identities() -> Iterator[tuple[str, str]]:
    """Every way to get a token."""
    asked = google.auth.transport.requests.Request()
    ways: dict[str, Any] = {
        "signed for the service": key(always_use_jwt_access=True),
        "signed for scopes": key(scopes=[SCOPE], always_use_jwt_access=True),
        "jwt bearer": key(scopes=[SCOPE]),
        "other scope": key(scopes=["https://www.googleapis.com/auth/devstorage.read_only"]),
        "stranger": service_account.Credentials.from_service_account_info({**KEY, "private_key_id": "other"}),
        "user": user_credentials.Credentials(
            None,
            refresh_token="person@example.com refresh",
            token_uri=f"{URL}/token",
            client_id="client",
            client_secret="client-secret",
        ),
        "old login": user_credentials.Credentials(
            None, refresh_token="x", token_uri=f"{URL}/token", client_id="client", client_secret="client-secret"
        ),
        "federation": identity_pool.Credentials.from_info(
            {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": f"{URL}/sts",
                "credential_source": {"url": f"{URL}/subject"},
            },
            scopes=[SCOPE],
        ),
        "metadata": google.auth.default(scopes=[SCOPE])[0],
    }
    for name, credentials in ways.items():
        if name in ("signed for the service", "stranger"):
            credentials._create_self_signed_jwt("https://secretmanager.googleapis.com/")
        yield name, outcome(functools.partial(first_read, credentials))
    source = ways["jwt bearer"]
    for name, target in (("impersonation", TARGET), ("impersonation of another", "other@p.iam.gserviceaccount.com")):
        account = impersonated_credentials.Credentials(
            source,
            target,
            [SCOPE],
            iam_endpoint_override=f"{URL}/v1/projects/-/serviceAccounts/{target}:generateAccessToken",
        )
        yield name, outcome(functools.partial(first_read, account, asked))


if __name__ == "__main__":
    print(json.dumps({"outcomes": dict([*written(), *identities()]), "bodies": BODIES}))
