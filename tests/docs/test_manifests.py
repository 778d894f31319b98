"""The manifests of Kubernetes on the pages fit together, and what they mount is read as the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from strongroom.files import MountedFilesBackend
from tests.docs.pages import Block, blocks
from tests.servers.mounts import Mount

MANIFESTS = [block for block in blocks("yaml") if block.text.startswith("apiVersion:")]
#: What a key of a Secret may have.
KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
MOUNTING = next(block for block in MANIFESTS if block.page == "docs/mounted-files.md")


def documents(block: Block) -> dict[str, list[dict[str, Any]]]:
    """The objects of a block by their kinds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for document in yaml.safe_load_all(block.text):
        found.setdefault(document["kind"], []).append(document)
    return found


@pytest.mark.parametrize("block", MANIFESTS, ids=lambda block: block.name)
def test_every_object_has_a_name_and_every_key_may_be_one(block: Block) -> None:
    for kind, objects in documents(block).items():
        for each in objects:
            assert re.fullmatch("[a-z0-9-]{1,63}", each["metadata"]["name"]), kind
            data = {**each.get("stringData", {}), **each.get("data", {})}
            assert [key for key in data if not KEY.fullmatch(key)] == []
            assert all(isinstance(value, str) for value in data.values())


def mounted(pod: dict[str, Any], secrets: dict[str, dict[str, str]], root: Path) -> list[Mount]:
    """Mounts the volumes of the pod below ``root``, as the kubelet does."""
    volumes = {volume["name"]: volume["secret"] for volume in pod["spec"]["volumes"]}
    (container,) = pod["spec"]["containers"]
    assert {each["name"] for each in container["volumeMounts"]} == set(volumes)
    mounts = []
    for each in container["volumeMounts"]:
        volume, data = volumes[each["name"]], secrets[volumes[each["name"]]["secretName"]]
        assert volume["defaultMode"] == 0o440
        items = volume.get("items", [{"key": key, "path": key} for key in data])
        assert all(not item["path"].startswith(("/", "..")) for item in items)
        files = {item["path"]: data[item["key"]].encode() for item in items}
        mounts.append(Mount(root / each["mountPath"].lstrip("/"), files))
    return mounts


def test_the_pod_reads_what_is_mounted(tmp_path: Path) -> None:
    found = documents(MOUNTING)
    secrets = {each["metadata"]["name"]: each["stringData"] for each in found["Secret"]}
    (pod,) = found["Pod"]
    mounts = mounted(pod, secrets, tmp_path)
    (container,) = pod["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    kwargs = json.loads(variables["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    kwargs["path"] = f"{tmp_path}{kwargs['path']}"
    reader = MountedFilesBackend(**kwargs, strict=True, on_error="raise")
    assert reader.get_conn_value("my_db") == secrets["airflow-connections"]["my_db"]
    assert reader.get_conn_value("team/api") == secrets["airflow-connections"]["api.json"]
    assert [reader.get_variable(key) for key in ("region", "thresholds")] == ["eu", '{"warn": 3}']
    mounts[1].put("region", b"us")
    assert reader.get_variable("region") == "us"
