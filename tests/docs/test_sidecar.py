"""The manifests of the page about the agent: what they name fits together, and their commands run with real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import blocks
from tests.python.process.agent import Store, ask, configured, until

Part = dict[str, Any]

POD, COMPOSE = (block.text for block in blocks("yaml") if block.page == "docs/agent.md")
PLACE = "/run/strongroom"


def parts_of_pod() -> tuple[Part, Part, Part]:
    """The container of the agent, the other one, and the variables that both have."""
    pod, variables = yaml.safe_load_all(POD)
    (agent,), (other,) = pod["spec"]["initContainers"], pod["spec"]["containers"]
    assert {entry["configMapRef"]["name"] for part in (agent, other) for entry in part["envFrom"]} == {
        variables["metadata"]["name"]
    }
    return agent, other, variables["data"]


def parts_of_compose() -> tuple[Part, Part, Part]:
    """The service of the agent, another one, and the variables that both have."""
    services = yaml.safe_load(COMPOSE)["services"]
    agent, other = services["strongroom"], services["scheduler"]
    assert agent["environment"] == other["environment"]
    return agent, other, agent["environment"]


def test_both_containers_of_the_pod_are_one_user_and_share_memory() -> None:
    pod = yaml.safe_load(POD.partition("---")[0])["spec"]
    agent, other, _ = parts_of_pod()
    assert pod["securityContext"]["runAsUser"] == 50000
    assert not {"runAsUser"} & {*agent["securityContext"], *other["securityContext"]}
    assert agent["restartPolicy"] == "Always"
    assert agent["image"] == other["image"]
    assert agent["volumeMounts"] == other["volumeMounts"] == [{"name": "strongroom", "mountPath": PLACE}]
    assert pod["volumes"][0]["emptyDir"]["medium"] == "Memory"


def test_both_services_are_one_user_and_share_a_volume() -> None:
    agent, other, _ = parts_of_compose()
    whole = yaml.safe_load(COMPOSE)
    for key in ("image", "user", "volumes", "init"):
        assert agent[key] == other[key]
    assert agent["volumes"] == [f"strongroom:{PLACE}"]
    assert whole["volumes"]["strongroom"]["driver_opts"]["type"] == "tmpfs"


@pytest.fixture
def store() -> Iterator[Store]:
    """A store that counts its calls."""
    store = Store()
    yield store
    store.server.shutdown()
    store.server.server_close()


@pytest.mark.parametrize(
    ("parts", "probe"),
    [
        (parts_of_pod, lambda part: part["startupProbe"]["exec"]["command"]),
        (parts_of_compose, lambda part: part["healthcheck"]["test"][1:]),
    ],
    ids=["pod", "compose"],
)
def test_the_commands_run(parts: Any, probe: Any, store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    agent, _, variables = parts()
    # As an `emptyDir` is, and a tmpfs of Compose: open to every user.
    volume = Path(tmp_path_factory.mktemp("v"))
    volume.chmod(0o777)
    kwargs = json.loads(variables["AIRFLOW__SECRETS__BACKEND_KWARGS"])
    assert kwargs["agent"].startswith(f"{PLACE}/")
    options = {**store.options(""), **kwargs, "agent": kwargs["agent"].replace(PLACE, str(volume))}
    environment = configured(volume, options, backend=variables["AIRFLOW__SECRETS__BACKEND"])

    def command(words: list[str]) -> list[str]:
        assert words[0] == "strongroom"
        return [sys.executable, "-m", *words]

    with subprocess.Popen(command(agent["command"]), env=environment) as process:
        try:
            until(lambda: subprocess.run(command(probe(agent)), env=environment, check=False).returncode == 0)
            assert [ask(volume, options, "hello")[0] for _ in range(2)] == [["world"]] * 2
            assert len(store.calls) == 1
        finally:
            process.terminate()
