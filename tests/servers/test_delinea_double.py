"""Delinea's own client for Python accepts the double, in the run in which our class reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.delinea import SecretServerBackend
from tests.servers.delinea import DOMAIN, PASSWORD, USER, SecretServer
from tests.servers.double import Double, serving
from tests.servers.process import program
from tests.servers.tls import Certificate

NAME = "airflow/variables/a"
VALUE = "é value"


@pytest.fixture(params=["Secret Server", "Platform"])
def served(request: pytest.FixtureRequest, tls: Certificate) -> Iterator[tuple[SecretServer, Double]]:
    """The double with two secrets, over https."""
    delinea = SecretServer()
    delinea.reset()
    delinea.secrets = {NAME: VALUE, "airflow/variables/empty": ""}
    delinea.is_platform = request.param == "Platform"
    with serving(delinea.answer, tls) as double:
        delinea.url = double.url
        yield delinea, double


CLIENT = """
import json, sys
from delinea.secrets.server import PasswordGrantAuthorizer, SecretServer, SecretServerError, ServerSecret
url, user, password, domain, number, path = sys.argv[1:]
server = SecretServer(url, PasswordGrantAuthorizer(url, user, password, domain=domain or None))
secret = server.get_secret(int(number))
by_path = server.get_secret_by_path(path)
folder = server.get_folder_by_path(path.rpartition("/")[0])
found = json.loads(server.search_secrets({"filter.searchText": "a", "filter.isExactMatch": "true"}))["records"]
refused = []
for ask in (lambda: server.get_secret(9999), lambda: server.get_secret_by_path(path + "/gone")):
    try:
        ask()
    except SecretServerError as error:
        refused.append(error.message)
fields = {slug: field.value for slug, field in ServerSecret(**secret).fields.items()}
print(json.dumps([fields, by_path["id"], folder["id"], [record["name"] for record in found], refused]))
"""


def sdk(double: Double, authority: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of the client."""
    command = [program("python"), "-I", "-c", CLIENT, double.url, *arguments]
    environment = {"REQUESTS_CA_BUNDLE": str(authority), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, capture_output=True, timeout=60, check=False, text=True, env=environment)


def test_the_client_reads_by_id_and_path_and_searches(served: tuple[SecretServer, Double], tls: Certificate) -> None:
    delinea, double = served
    number = delinea.number(NAME)
    for domain in ("", DOMAIN):
        done = sdk(double, tls.authority, USER, PASSWORD, domain, str(number), NAME)
        assert done.returncode == 0, done.stderr[-2000:]
        fields, by_path, folder, found, refused = json.loads(done.stdout)
        assert (fields["password"], fields["username"], by_path) == (VALUE, "", number)
        assert (folder, found) == (delinea.folders()["airflow/variables"], ["a"])
        assert refused == ["Access Denied"] * 2


def test_the_client_reports_a_wrong_password(served: tuple[SecretServer, Double], tls: Certificate) -> None:
    delinea, double = served
    refused = sdk(double, tls.authority, USER, "another", "", str(delinea.number(NAME)), NAME)
    assert (refused.returncode, "SecretServerClientError" in refused.stderr) == (1, True)


def test_our_class_reads_the_same(served: tuple[SecretServer, Double], tls: Certificate) -> None:
    delinea, double = served
    login: dict[str, Any] = {"address": double.url, "username": USER, "password": PASSWORD}
    reader = SecretServerBackend(**login, platform=delinea.is_platform, ca_bundle=str(tls.authority))
    assert [reader.get_variable(key) for key in ("a", "empty", "gone")] == [VALUE, "", None]
