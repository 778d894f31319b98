"""CyberArk's own client accepts the double, in the run in which our class reads it; its answers have their shapes."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.cyberark import ConjurBackend
from tests.servers.conjur import ACCOUNT, HOST, JWT, KEY, PASSWORD, SERVICE, USER, Conjur
from tests.servers.double import Double, Request, serving
from tests.servers.process import program
from tests.servers.shapes import fits
from tests.servers.tls import Certificate

PLACE = "airflow/variables/"
VALUES = {f"{PLACE}a": "é value", f"{PLACE}with space": "b"}


@pytest.fixture
def served(tls: Certificate) -> Iterator[tuple[Conjur, Double]]:
    """The double with some variables, over https."""
    conjur = Conjur()
    conjur.reset()
    conjur.secrets = dict(VALUES)
    conjur.empty = {f"{PLACE}unset"}
    with serving(conjur.answer, tls) as double:
        yield conjur, double


DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
FULL_ID = re.compile(r"[^ :]+:[a-z]+:.+")
TOKEN_SHAPE = {"protected": str, "payload": str, "signature": str}
#: `Resource` of the contract; what is only there for other kinds is left out.
RESOURCE_SHAPE = {
    "id": FULL_ID,
    "created_at": DATE,
    "owner": FULL_ID,
    "policy?": FULL_ID,
    "permissions": [{"privilege": str, "role": FULL_ID, "policy?": FULL_ID}],
    "annotations": [{"name": str, "value": str, "policy": FULL_ID}],
    "secrets": [{"version": int, "expires_at": (str, type(None))}],
}
ERROR_SHAPE = {"error": {"code": str, "message": str}}
VARIABLE = f"/{ACCOUNT}/variable/airflow%2Fvariables%2F"
IDS = "%2C".join(f"{ACCOUNT}%3Avariable%3A{PLACE.replace('/', '%2F')}{name}" for name in ("a", "with+space"))


@pytest.mark.parametrize(
    ("target", "status", "shape"),
    [
        (f"/secrets{VARIABLE}a", 200, None),
        (f"/secrets{VARIABLE}gone", 404, ERROR_SHAPE),
        (f"/secrets?variable_ids={IDS}", 200, {f"{ACCOUNT}:variable:{name}": str for name in VALUES}),
        (f"/secrets?variable_ids={IDS}%2C{ACCOUNT}%3Avariable%3Agone", 404, ERROR_SHAPE),
        (f"/secrets?variable_ids={IDS}%2C{IDS}", 422, ERROR_SHAPE),
        (f"/resources{VARIABLE}a", 200, RESOURCE_SHAPE),
        (f"/resources{VARIABLE}gone", 404, ERROR_SHAPE),
        (f"/resources/{ACCOUNT}/variable?limit=2&offset=1", 200, [RESOURCE_SHAPE]),
        (f"/resources/{ACCOUNT}?kind=variable", 200, [RESOURCE_SHAPE]),
    ],
)
def test_the_answers_have_the_shapes_of_the_contract(
    served: tuple[Conjur, Double], target: str, status: int, shape: Any
) -> None:
    conjur, _ = served
    conjur.annotations = {f"{PLACE}a": {"team": "data"}}
    path = f"/authn/{ACCOUNT}/host%2Fairflow/authenticate"
    assert fits(json.loads(conjur.answer(Request("POST", path, {}, KEY.encode())).content()), TOKEN_SHAPE)
    granted = conjur.answer(Request("POST", path, {"accept-encoding": "base64"}, KEY.encode())).content().decode()
    assert fits(json.loads(base64.b64decode(granted)), TOKEN_SHAPE)
    assert conjur.answer(Request("GET", target, {}, b"")).status == 401
    answer = conjur.answer(Request("GET", target, {"authorization": f'Token token="{granted}"'}, b""))
    assert answer.status == status
    assert shape is None or fits(json.loads(answer.content()), shape), answer.content()


CLIENT = """
import json, sys
from conjur_api import Client
from conjur_api.errors.errors import HttpStatusError
from conjur_api.models import ConjurConnectionInfo, CredentialsData, SslVerificationMode
from conjur_api.providers import AuthnAuthenticationStrategy, JWTAuthenticationStrategy, SimpleCredentialsProvider
url, account, authority, login, proof, secret, *names = sys.argv[1:]
if proof == "jwt":
    strategy = JWTAuthenticationStrategy(secret)
    about = ConjurConnectionInfo(conjur_url=url, account=account, cert_file=authority, service_id=login)
else:
    provider = SimpleCredentialsProvider()
    provider.save(CredentialsData(username=login, machine=url, **{proof: secret}))
    strategy = AuthnAuthenticationStrategy(provider)
    about = ConjurConnectionInfo(conjur_url=url, account=account, cert_file=authority)
client = Client(about, authn_strategy=strategy, ssl_verification_mode=SslVerificationMode.CA_BUNDLE, async_mode=False)
refused = []
for name in ("airflow/variables/gone", "airflow/variables/unset"):
    try:
        client.get(name)
    except HttpStatusError as error:
        refused.append(error.status)
found = {name: client.get(name).decode() for name in names}
listed = client.list({"kind": "variable", "limit": 2, "offset": 1})
whole = client.get_resource("variable", names[0])
print(json.dumps([found, client.get_many(*names), listed, whole["secrets"][0]["version"], refused]))
"""


def client(double: Double, authority: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of the client."""
    given = [double.url, ACCOUNT, str(authority), *arguments]
    command = [program("python"), "-I", "-W", "ignore", "-c", CLIENT, *given]
    return subprocess.run(
        command, capture_output=True, timeout=60, check=False, text=True, env={"PATH": "/usr/bin:/bin"}
    )


@pytest.mark.parametrize(
    "login",
    [(HOST, "api_key", KEY), (USER, "password", PASSWORD), (SERVICE, "jwt", JWT)],
    ids=["API key", "password", "JWT"],
)
def test_the_client_reads_one_variable_many_and_lists(
    served: tuple[Conjur, Double], tls: Certificate, login: tuple[str, str, str]
) -> None:
    _, double = served
    done = client(double, tls.authority, *login, *VALUES)
    assert done.returncode == 0, done.stderr[-2000:]
    found, many, listed, version, refused = json.loads(done.stdout)
    assert found == many == VALUES
    assert listed == [f"{ACCOUNT}:variable:{PLACE}{name}" for name in ("unset", "with space")]
    assert (version, refused) == (1, [404, 404])


def test_the_client_reports_a_wrong_key(served: tuple[Conjur, Double], tls: Certificate) -> None:
    refused = client(served[1], tls.authority, HOST, "api_key", "another", *VALUES)
    assert (refused.returncode, "401" in refused.stderr) == (1, True)


def test_our_class_reads_the_same(served: tuple[Conjur, Double], tls: Certificate) -> None:
    _, double = served
    login = {"address": double.url, "account": ACCOUNT, "login": HOST, "api_key": KEY, "on_error": "raise"}
    reader = ConjurBackend(**login, ca_bundle=str(tls.authority))
    assert [reader.get_variable(key) for key in ("a", "with space", "gone", "unset")] == ["é value", "b", None, None]
