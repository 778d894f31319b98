"""The list of the crates in a wheel, as a CycloneDX document: the same wherever it is made, with no path and no time.

maturin can write one, but with the path of the checkout, the time and a random number in it.
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomllib

NAME = "strongroom.cyclonedx.json"
#: Where a crate comes from that everybody can get.
PUBLIC = "registry+"
JsonObject = dict[str, Any]


def text(source: Path, triple: str) -> str:
    """The document for the wheel of a platform."""
    lock = tomllib.loads((source / "Cargo.lock").read_text())
    return json.dumps(document(metadata(source, triple), lock), indent=1, ensure_ascii=False) + "\n"


def metadata(source: Path, triple: str) -> JsonObject:
    """What cargo knows of the packages of a platform."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", triple]
    found = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=300, check=True)
    answer: JsonObject = json.loads(found.stdout)
    return answer


def document(known: JsonObject, lock: JsonObject) -> JsonObject:
    """The document, from what cargo knows and its lock file."""
    packages = {package["id"]: package for package in known["packages"]}
    needs = dependencies(known["resolve"])
    root = known["resolve"]["root"]
    inside = reached(root, needs)
    checksums = {(crate["name"], crate["version"]): crate.get("checksum") for crate in lock["package"]}
    names = {identity: purl(packages[identity]) for identity in inside}
    ordered = sorted(inside, key=lambda identity: names[identity])
    contents = {
        "metadata": {"component": component(packages[root], None)},
        "components": [
            component(packages[identity], checksums[packages[identity]["name"], packages[identity]["version"]])
            for identity in ordered
            if identity != root
        ],
        "dependencies": [
            {"ref": names[identity], "dependsOn": sorted(names[need] for need in needs[identity])}
            for identity in ordered
        ],
    }
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": serial(contents), "version": 1, **contents}


def serial(contents: JsonObject) -> str:
    """The number of a document, which readers expect: made from what it says, where others take a random one."""
    return uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(contents, sort_keys=True)).urn


def dependencies(resolved: JsonObject) -> dict[str, set[str]]:
    """What each package links: not what only its build script or its tests use."""
    return {
        node["id"]: {need["pkg"] for need in node["deps"] if any(kind["kind"] is None for kind in need["dep_kinds"])}
        for node in resolved["nodes"]
    }


def reached(root: str, needs: dict[str, set[str]]) -> set[str]:
    """The package and all that it links."""
    found: set[str] = set()
    waiting = [root]
    while waiting:
        identity = waiting.pop()
        if identity not in found:
            found.add(identity)
            waiting += needs[identity]
    return found


def component(package: JsonObject, checksum: str | None) -> JsonObject:
    """A package as a part."""
    if package["source"] and not package["source"].startswith(PUBLIC):
        raise SystemExit(f"{package['name']} comes from {package['source']}, not from the public registry")
    licence = [{"expression": package["license"].replace("/", " OR ")}] if package["license"] else []
    return {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "scope": "required",
        **({"hashes": [{"alg": "SHA-256", "content": checksum}]} if checksum else {}),
        "licenses": licence,
        "purl": purl(package),
    }


def purl(package: JsonObject) -> str:
    """The address of a package that all such documents use."""
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def strings(value: object) -> Iterable[str]:
    """Every text in a document."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value
