"""The official Python client accepts the double over https, in the run in which our class reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from strongroom.kubernetes import KubernetesSecretsBackend
from tests.docs.pages import Block
from tests.docs.test_manifests import MANIFESTS
from tests.servers.double import serving
from tests.servers.kubernetes import LABELS, NAMESPACE, TEAM, Kubernetes, service_account
from tests.servers.process import program
from tests.servers.tls import Certificate

NARROW = "eyJhbGciOiJSUzI1NiJ9.canary5Wd1made6up.sig"

CLIENT = """
import base64, json, os, sys
from kubernetes import client, config
from kubernetes.client.rest import ApiException
from kubernetes.config import incluster_config

url, account, namespace, team, label, narrow = sys.argv[1:]
incluster_config.SERVICE_TOKEN_FILENAME = os.path.join(account, "token")
incluster_config.SERVICE_CERT_FILENAME = os.path.join(account, "ca.crt")
host, port = url.removeprefix("https://").rsplit(":", 1)
os.environ.update(KUBERNETES_SERVICE_HOST=host, KUBERNETES_SERVICE_PORT=port)
config.load_incluster_config()
api = client.CoreV1Api()

def failed(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except ApiException as error:
        return [error.status, json.loads(error.body)["reason"]]

def secret(name, value="text", version=None, **labels):
    data = {"value": base64.b64encode(value.encode()).decode()}
    metadata = client.V1ObjectMeta(name=name, labels={label: labels.get("id", name)}, resource_version=version)
    return client.V1Secret(metadata=metadata, data=data)

created = api.create_namespaced_secret(namespace, secret("first"))
found = {"version": created.metadata.resource_version}
found["read"] = base64.b64decode(api.read_namespaced_secret("first", namespace).data["value"]).decode()
found["absent"] = failed(api.read_namespaced_secret, "gone", namespace)
found["twice"] = failed(api.create_namespaced_secret, namespace, secret("first"))
replaced = api.replace_namespaced_secret("first", namespace, secret("first", "new", created.metadata.resource_version))
found["stale"] = failed(
    api.replace_namespaced_secret, "first", namespace, secret("first", "x", created.metadata.resource_version)
)
found["bad name"] = failed(api.create_namespaced_secret, namespace, secret("Bad_Name", id="bad"))
found["too large"] = failed(api.create_namespaced_secret, namespace, secret("large", "a" * (1 << 20) + "b"))
for number in range(5):
    api.create_namespaced_secret(namespace, secret(f"page-{number}"))
pages, token = [], None
while token != "":
    page = api.list_namespaced_secret(namespace, label_selector=f"{label},!{team}", limit=2, _continue=token)
    pages.append([item.metadata.name for item in page.items])
    token = page.metadata._continue or ""
found["pages"] = pages
chosen = api.list_namespaced_secret(namespace, label_selector=f"{label}=first,!{team}", resource_version="0")
found["chosen"] = [base64.b64decode(item.data["value"]).decode() for item in chosen.items]
found["none"] = len(api.list_namespaced_secret("elsewhere", label_selector=label).items)
found["no selector"] = failed(api.list_namespaced_secret, namespace, label_selector=f"{label}=a b")
api.delete_namespaced_secret("page-4", namespace)

def with_token(token):
    mine = client.Configuration.get_default_copy()
    mine.api_key = {"BearerToken": f"bearer {token}"}
    mine.refresh_api_key_hook = None
    return client.CoreV1Api(client.ApiClient(mine))

one = with_token(narrow)
found["narrow"] = one.read_namespaced_secret("first", namespace).metadata.name
found["narrow other"] = failed(one.read_namespaced_secret, "page-1", namespace)
found["narrow list"] = failed(one.list_namespaced_secret, namespace)
found["unknown"] = failed(with_token("unknown").list_namespaced_secret, namespace)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def kubernetes(tls: Certificate) -> Iterator[Kubernetes]:
    """The double over https."""
    double = Kubernetes()
    double.reset()
    double.narrow = {NARROW: "first"}
    with serving(double.answer, tls) as served:
        double.url = served.url
        yield double


@pytest.fixture(scope="module")
def found(kubernetes: Kubernetes, tls: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the official client finds."""
    account = service_account(tmp_path_factory.mktemp("account"), kubernetes.token, tls)
    arguments = [kubernetes.url, str(account), NAMESPACE, TEAM, LABELS["variable"], NARROW]
    command = [program("python"), "-I", "-c", CLIENT, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_the_official_client_meets_what_a_real_server_answers(found: Any) -> None:
    assert (found["read"], found["chosen"], found["none"]) == ("text", ["new"], 0)
    assert found["absent"] == [404, "NotFound"]
    assert (found["twice"], found["stale"]) == ([409, "AlreadyExists"], [409, "Conflict"])
    assert (found["bad name"], found["too large"]) == ([422, "Invalid"], [422, "Invalid"])
    assert found["no selector"] == [400, "BadRequest"]
    assert found["pages"] == [["first", "page-0"], ["page-1", "page-2"], ["page-3", "page-4"]]
    assert (found["narrow"], found["narrow other"]) == ("first", [403, "Forbidden"])
    assert (found["narrow list"], found["unknown"]) == ([403, "Forbidden"], [401, "Unauthorized"])


def test_our_class_reads_the_same_as_a_pod(
    kubernetes: Kubernetes, tls: Certificate, found: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found["read"] == "text"
    account = service_account(tmp_path, kubernetes.token, tls)
    host, port = kubernetes.url.removeprefix("https://").rsplit(":", 1)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    reader = KubernetesSecretsBackend(service_account_path=str(account), on_error="raise")
    assert [reader.get_variable(key) for key in ("first", "page-0", "page-4")] == ["new", "text", None]


MODELS = """
import json, sys, yaml
from kubernetes import client

api = client.ApiClient()
for document in json.load(sys.stdin):
    model = "V1" + document["kind"]
    class Response:
        data = json.dumps(document)
    read = api.sanitize_for_serialization(api.deserialize(Response, model))
    assert read == document, [model, read]
print("read")
"""


@pytest.mark.parametrize("block", MANIFESTS, ids=lambda block: block.name)
def test_the_official_client_knows_every_field_of_the_manifests_on_the_pages(block: Block) -> None:
    documents = list(yaml.safe_load_all(block.text))
    command = [program("python"), "-I", "-c", MODELS]
    done = subprocess.run(command, input=json.dumps(documents), capture_output=True, timeout=60, check=False, text=True)
    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr[-2000:]
