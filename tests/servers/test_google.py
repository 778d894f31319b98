"""Google's own clients accept the double, and its answers have the form of the discovery document."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.servers.google import PROJECT, READER, GoogleServer, google
from tests.servers.process import ask, program

CONTRACT = json.loads(Path(__file__).with_name("google_contract.json").read_text())
TARGET = f"target@{PROJECT}.iam.gserviceaccount.com"
TYPES: dict[str, type] = {"string": str, "integer": int, "array": list, "object": dict, "boolean": bool}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleServer]:
    """An empty double."""
    with google(tmp_path_factory.mktemp("google")) as started:
        yield started


@pytest.fixture(scope="module")
def report(server: GoogleServer) -> Any:
    """The report of the vendor's clients for Python, made once."""
    server.reset()
    server.set(creators=[[READER, TARGET]])
    client = Path(__file__).with_name("google_client.py")
    command = [program("python"), "-I", str(client), server.url, json.dumps(server.key)]
    # google-auth reads these when it is imported.
    host = server.url.removeprefix("http://")
    environment = {"PATH": "", "GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return json.loads(done.stdout)


def test_the_vendors_clients_accept_it(report: Any) -> None:
    assert report["outcomes"] == {
        "again": "Conflict ALREADY_EXISTS",
        "bad name": "BadRequest INVALID_ARGUMENT",
        "latest": "two",
        "first": "one",
        "no such version": "NotFound NOT_FOUND",
        "disabled": "BadRequest FAILED_PRECONDITION",
        "enabled": "two",
        "destroyed": "BadRequest FAILED_PRECONDITION",
        "no version": "NotFound NOT_FOUND",
        "no secret": "NotFound NOT_FOUND",
        "listed": "a-2 a-1",
        "described": "d-1 {'team': 'data'} 2099",
        "not described": "NotFound NOT_FOUND",
        "version described": "2 DESTROYED",
        "signed for the service": "value",
        "signed for scopes": "value",
        "jwt bearer": "value",
        "other scope": "Forbidden PERMISSION_DENIED",
        "stranger": "Unauthorized UNAUTHENTICATED",
        "user": "value",
        "old login": "RefreshError",
        "federation": "value",
        "metadata": "value",
        "impersonation": "value",
        "impersonation of another": "RefreshError",
    }


def test_its_answers_have_the_form_of_the_discovery_document(report: Any) -> None:
    met = set()
    for answer in report["bodies"]:
        name, method = method_of(answer["method"], urlsplit(answer["path"]).path)
        check(answer["body"], method["response"], name)
        met.add(name.removeprefix("secretmanager.projects.secrets."))
    assert met >= {"list", "get", "create", "addVersion", "versions.access", "versions.disable", "versions.enable"}
    assert "versions.get" in met


def method_of(verb: str, path: str) -> tuple[str, Any]:
    """The method of the discovery document that a request is for."""
    for name, method in CONTRACT["methods"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/:]+", re.escape(method["path"]))
        if method["method"] == verb and re.fullmatch(pattern, path.lstrip("/")):
            return name, method
    raise AssertionError(f"the document has no {verb} {path}")


def check(value: dict[str, Any], schema: str, where: str) -> None:
    """Checks that the document names every member, and that each has its type."""
    for key in value:
        member: Any = value[key]
        rule = CONTRACT["schemas"][schema].get(key)
        assert rule, f"{where}: {schema} has no {key}"
        if "ref" in rule:
            if rule["ref"] in CONTRACT["schemas"]:
                check(member, rule["ref"], where)
            continue
        kind: Any = TYPES[rule["type"]]
        assert isinstance(member, kind), f"{where}: {key}"
        if rule.get("format") == "int64":
            assert re.fullmatch(r"-?\d+", member)
        if rule.get("enum"):
            assert member in rule["enum"]
        if rule.get("items") in CONTRACT["schemas"]:
            for item in member:
                check(item, rule["items"], where)


def test_the_checksum_is_crc_32c(server: GoogleServer) -> None:
    """The check value of the Castagnoli polynomial, from the catalogue of parametrised CRC algorithms."""
    server.reset()
    server.put("check", "123456789")
    server.order("set", lifetime=60)
    token = json.loads(metadata(server, "instance/service-accounts/default/token"))["access_token"]
    import urllib.request

    request = urllib.request.Request(f"{server.url}/v1/projects/{PROJECT}/secrets/check/versions/latest:access")
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert json.load(answer)["payload"]["dataCrc32c"] == str(0xE3069283)


def metadata(server: GoogleServer, path: str) -> bytes:
    """What the metadata server answers to a request with the required header."""
    import urllib.request

    request = urllib.request.Request(f"{server.url}/computeMetadata/v1/{path}", headers={"Metadata-Flavor": "Google"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        content: bytes = answer.read()
        return content


def test_metadata_requires_the_header(server: GoogleServer) -> None:
    assert metadata(server, "project/project-id") == b"metadata"
    with pytest.raises(OSError, match="403"):
        ask(f"{server.url}/computeMetadata/v1/project/project-id")
