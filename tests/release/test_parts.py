"""The list of the crates in a wheel."""

from __future__ import annotations

import json
import re

import pytest
import tomllib

from tests.servers.process import REPOSITORY
from tests.tools.release import sbom
from tests.tools.release.notes import version

LINUX, MAC = "x86_64-unknown-linux-gnu", "aarch64-apple-darwin"


@pytest.fixture(scope="module")
def document() -> sbom.JsonObject:
    """The list of the wheel for Linux."""
    found: sbom.JsonObject = json.loads(sbom.text(REPOSITORY, LINUX))
    return found


def test_every_part_is_in_the_lock_file_with_its_checksum(document: sbom.JsonObject) -> None:
    lock = tomllib.loads((REPOSITORY / "Cargo.lock").read_text())["package"]
    known = {(crate["name"], crate["version"], crate.get("checksum")) for crate in lock}
    parts = {(part["name"], part["version"], part["hashes"][0]["content"]) for part in document["components"]}
    assert parts <= known
    assert {"reqwest", "rustls", "ring", "pyo3", "tokio", "aws-sdk-secretsmanager"} <= {name for name, *_ in parts}


def test_what_only_builds_or_tests_it_is_no_part(document: sbom.JsonObject) -> None:
    assert not {"insta", "proptest", "cc", "windows-sys"} & {part["name"] for part in document["components"]}


def test_each_platform_has_its_own_parts() -> None:
    linux, mac = (
        {part["name"] for part in json.loads(sbom.text(REPOSITORY, triple))["components"]} for triple in (LINUX, MAC)
    )
    assert "security-framework" in mac - linux


def test_each_part_has_a_licence_and_a_place_among_the_others(document: sbom.JsonObject) -> None:
    assert [part["name"] for part in document["components"] if not part["licenses"]] == []
    refs = {part["bom-ref"] for part in [document["metadata"]["component"], *document["components"]]}
    assert {entry["ref"] for entry in document["dependencies"]} == refs
    assert {need for entry in document["dependencies"] for need in entry["dependsOn"]} < refs


def test_it_says_nothing_of_the_machine(document: sbom.JsonObject) -> None:
    texts = list(sbom.strings(document))
    assert [text for text in texts if str(REPOSITORY) in text or "file:" in text or text.startswith("/")] == []
    assert [text for text in texts if re.search(r"\d{4}-\d\d-\d\dT", text)] == []
    assert "timestamp" not in document["metadata"]


def test_it_is_the_same_each_time(document: sbom.JsonObject) -> None:
    again = json.loads(sbom.text(REPOSITORY, LINUX))
    assert again == document
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["serialNumber"])
    assert json.loads(sbom.text(REPOSITORY, MAC))["serialNumber"] != document["serialNumber"]


def test_the_wheel_is_named(document: sbom.JsonObject) -> None:
    assert document["metadata"]["component"]["purl"] == f"pkg:cargo/strongroom@{version()}"


def test_a_crate_from_elsewhere_is_refused() -> None:
    package = {"name": "odd", "version": "1.0.0", "source": "git+https://example.com/odd", "license": "MIT"}
    with pytest.raises(SystemExit, match="odd comes from git"):
        sbom.component(package, None)


def test_licences_in_the_old_way_are_expressions() -> None:
    package = {"name": "old", "version": "1.0.0+1", "source": "registry+x", "license": "MIT/Apache-2.0"}
    part = sbom.component(package, "00")
    assert part["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert part["purl"] == "pkg:cargo/old@1.0.0%2B1"
