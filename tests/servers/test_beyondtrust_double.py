"""BeyondTrust's own client for Python accepts the double, in the run in which our class reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.beyondtrust import SecretsSafeBackend
from tests.servers.beyondtrust import BASE, CLIENT, KEY, SECRET, USER, SecretsSafe, guid
from tests.servers.double import Double, serving
from tests.servers.process import program
from tests.servers.tls import Certificate

PLACE = "airflow/variables"
VALUES = {"text": "é value", "credential": "pass", "file": "é file"}
LOGINS: dict[str, dict[str, str]] = {
    "key": {"api_key": f"{KEY};runas={USER};"},
    "client": {"client_id": CLIENT, "client_secret": SECRET},
}


@pytest.fixture(params=["3.0", "3.1", "3.2"])
def served(request: pytest.FixtureRequest, tls: Certificate) -> Iterator[tuple[SecretsSafe, Double]]:
    """The double with a secret of each form, over https, and a version of the API."""
    safe = SecretsSafe()
    safe.reset()
    safe.secrets = {f"{PLACE}/{title}": value for title, value in VALUES.items()}
    safe.forms = {f"{PLACE}/credential": "Credential", f"{PLACE}/file": "File"}
    safe.files = {f"{PLACE}/file": VALUES["file"].encode()}
    safe.version = request.param
    with serving(safe.answer, tls) as double:
        safe.url = double.url
        yield safe, double


#: The client reads by path and by id, in one session, and signs out.
CLIENT_RUN = """
import json, sys
import requests
from secrets_safe_library import authentication, exceptions, secrets_safe
url, authority, version, paths, secret, login = sys.argv[1:]
session = authentication.Authentication(
    req=requests.Session(), api_url=url, verify_ca=authority, api_version=version, timeout_connection=5,
    timeout_request=5, **json.loads(login),
)
signed = session.get_api_access()
if signed.status_code != 200:
    sys.exit(f"not signed in: {signed.status_code}")
safe = secrets_safe.SecretsSafe(authentication=session)
found = safe.get_secrets(json.loads(paths))
by_id = safe.get_secret_by_id(secret)["Title"]
text = safe.get_text_secret_by_id(secret)["Text"]
listed = safe.list_secrets(path="airflow/variables", separator="/")
listed = listed["Data"] if isinstance(listed, dict) else listed
try:
    safe.get_secret("airflow/variables/gone")
    refused = ""
except exceptions.LookupError as error:
    refused = str(error)
titles = sorted(each["Title"] for each in listed)
again = session.get_api_access().status_code
print(json.dumps([found, by_id, text, titles, refused, again, session.sign_app_out()]))
"""


def sdk(served: tuple[SecretsSafe, Double], authority: Path, **login: str) -> subprocess.CompletedProcess[str]:
    """A run of the client."""
    safe, double = served
    paths = json.dumps(list(safe.secrets))
    given = [f"{double.url}{BASE}".rstrip("/"), str(authority), safe.version, paths, guid(f"{PLACE}/text")]
    command = [program("python"), "-I", "-c", CLIENT_RUN, *given, json.dumps(login)]
    environment = {"REQUESTS_CA_BUNDLE": str(authority), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, timeout=60, check=False, text=True, env=environment)


@pytest.mark.parametrize("login", LOGINS)
def test_the_client_reads_by_path_and_id_and_signs_out(
    served: tuple[SecretsSafe, Double], tls: Certificate, login: str
) -> None:
    done = sdk(served, tls.authority, **LOGINS[login])
    assert done.returncode == 0, done.stderr[-2000:]
    found, by_id, text, listed, refused, again, is_out = json.loads(done.stdout)
    assert found == {f"{PLACE}/{title}": value for title, value in VALUES.items()}
    assert (by_id, text, listed) == ("text", VALUES["text"], sorted(VALUES))
    assert ("Secret was not found" in refused, again, is_out) == (True, 200, True)
    # It signed in twice, and out of the last session.
    assert len(served[0].sessions) == 1


def test_the_client_reports_a_wrong_key(served: tuple[SecretsSafe, Double], tls: Certificate) -> None:
    done = sdk(served, tls.authority, api_key=f"{'0' * 128};runas={USER};")
    assert (done.returncode, "not signed in: 401" in done.stderr) == (1, True), done.stderr[-2000:]


@pytest.mark.parametrize("login", LOGINS)
def test_our_class_reads_the_same(served: tuple[SecretsSafe, Double], tls: Certificate, login: str) -> None:
    safe, double = served
    options: dict[str, Any] = {"address": double.url, "ca_bundle": str(tls.authority), "api_version": safe.version}
    reader = SecretsSafeBackend(**options, **LOGINS[login])
    assert {title: reader.get_variable(title) for title in VALUES} == VALUES
    assert reader.get_variable("gone") is None
