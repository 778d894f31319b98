"""The double of Doppler behind Prism, which holds requests and answers against Doppler's own OpenAPI document.

The document comes with Doppler's package for npm. It says that a value is text, where the service gives null for an
absent name; that is changed in a copy. It has no answers but 200 and 204, so errors are not held against it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from strongroom.doppler import DopplerBackend
from tests.servers.doppler import CONFIG, PATH, PROJECT, Doppler
from tests.servers.double import Answer, Double, serving
from tests.servers.process import LOOPBACK, free_port, running
from tests.tools import node

DOCUMENT = Path("@dopplerhq", "mcp-server", "doppler-openapi.json")
PLACE = {"project": PROJECT, "config": CONFIG}
SECRETS = {"AIRFLOW_VARIABLES_A": "a é ${USER}", "AIRFLOW_VARIABLES_B": "b", "USER": "brian"}


def document() -> dict[str, Any]:
    """The document, with what is known to be otherwise."""
    found: dict[str, Any] = json.loads((node.folder() / DOCUMENT).read_text())
    answer = found["paths"][PATH]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    for name, schema in answer["properties"]["value"]["properties"].items():
        assert schema["type"] == "string", name
        schema["type"] = ["string", "null"]
    return found


@pytest.fixture(scope="module")
def packages(pytestconfig: pytest.Config) -> Path:
    """The packages of npm."""
    if not (node.folder() / DOCUMENT).exists():
        reason = "the packages of npm are missing: install npm, and run `python3 -m tests.tools.node`"
        assert "STRONGROOM_CI" not in os.environ, reason
        pytest.skip(reason)
    return node.folder()


@pytest.fixture(scope="module")
def behind(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[Answer], Double]]:
    """The address of Prism, answers in place of the double's own, and what the double was asked."""
    folder = tmp_path_factory.mktemp("prism")
    (folder / "doppler.json").write_text(json.dumps(document()))
    doppler = Doppler()
    doppler.reset()
    doppler.secrets = dict(SECRETS)
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    instead: list[Answer] = []
    with serving(lambda request: instead.pop() if instead else doppler.answer(request)) as double:
        command = ["node", str(packages / ".bin" / "prism"), "proxy", "--errors", "-h", LOOPBACK, "-p", str(port)]
        environment = {"HOME": str(folder)}

        def ready() -> bool:
            with contextlib.suppress(OSError):
                return ask(url, "s/names", **PLACE)[0] == 200
            return False

        with running([*command, str(folder / "doppler.json"), double.url], environment, folder / "log", ready):
            yield url, instead, double


def ask(url: str, path: str, **query: str) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    target = f"{url}{PATH}{path}?" + "&".join(f"{key}={value}" for key, value in query.items())
    request = Request(target, headers={"Authorization": f"Bearer {Doppler.token}"})
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("", {"name": "AIRFLOW_VARIABLES_A"}),
        ("", {"name": "GONE"}),
        ("s", {}),
        ("s", {"secrets": "USER"}),
        ("s/names", {}),
        ("s/download", {"format": "json"}),
        ("s/download", {"format": "json", "secrets": "USER,GONE"}),
    ],
)
def test_the_answers_are_those_of_the_document(
    behind: tuple[str, list[Answer], Double], path: str, query: dict[str, str]
) -> None:
    status, answer = ask(behind[0], path, **PLACE, **query)
    assert status == 200, answer


def test_prism_holds_both_sides_against_the_document(behind: tuple[str, list[Answer], Double]) -> None:
    url, instead, _ = behind
    assert ask(url, "", **PLACE)[0] == 422
    instead.append(Answer(200, {"name": "NUMBER", "value": {"raw": 1, "computed": "1", "note": ""}}))
    status, answer = ask(url, "", name="NUMBER", **PLACE)
    assert (status, "value.raw must be string" in str(answer)) == (500, True)


def test_our_class_asks_as_the_document_says(behind: tuple[str, list[Answer], Double]) -> None:
    url, _, double = behind
    double.requests.clear()
    options: dict[str, Any] = {"token": Doppler.token, "endpoint_url": url, "on_error": "raise", **PLACE}
    assert [DopplerBackend(**options).get_variable(key) for key in ("a", "gone")] == ["a é brian", None]
    many = DopplerBackend(**options, prefetch={"variables": ["*"]})
    assert [many.get_variable(key) for key in ("a", "b")] == ["a é brian", "b"]
    paths = {request.path.removeprefix(PATH) for request in double.requests}
    assert paths == {"", "s/names", "s/download"}
