"""Tasks without a store: Airflow's server asks its own backend, once for each of its processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.airflow.canaries import Canaries
from tests.airflow.classes import SECRETS_MANAGER
from tests.airflow.components import SERVERS, WORKERS, components
from tests.airflow.conftest import connection_uri
from tests.airflow.session import Airflow, backend_environment
from tests.airflow.standalone import DAG_FILE, ended_runs
from tests.airflow.test_executor import PLACES, digests, read_notes
from tests.airflow.versions import AIRFLOW, can
from tests.servers.aws import REGION, Credentials, MiniStack, allow, deny
from tests.servers.counting import Counter, counting_proxy
from tests.servers.process import wait_until

pytestmark = [pytest.mark.ours, pytest.mark.needs("a trigger with secrets")]

SERVER = "strongroom.server.ServerBackend"
REFUSED = DAG_FILE.with_name("strongroom_refused.py")
CONNECTION, VARIABLE = "airflow/connections/paths_db", "airflow/variables/paths_token"
LOGS = "airflow/connections/paths_logs"
#: Airflow 3.2 refuses the supervisor, which asks with the token that starts a task, and the supervisor remembers that.
SUPERVISORS_MAY_ASK = AIRFLOW[:2] != (3, 2)
#: Who reads where, by the process that the store is asked by.
ASKED_BY = {
    "api-server": {"templates", "task", "task-callback", "after-deferral"},
    "dag-processor": {"top-level", "dag-callback"},
    "triggerer": {"trigger"},
}


@pytest.fixture(scope="module")
def server_user(aws_server: MiniStack, canaries: Canaries) -> Credentials:
    """Who may read all but one of the secrets that are there."""
    uri = connection_uri(canaries)
    aws_server.put_secrets(
        {
            "airflow/connections/served_db": uri,
            "airflow/variables/served_token": canaries.token,
            LOGS: uri,
            "airflow/connections/refused_db": "postgres://the-store",
        }
    )
    for name, value in ((CONNECTION, uri), (VARIABLE, canaries.token)):
        _put(aws_server, name, value)
    read = "secretsmanager:GetSecretValue"
    return aws_server.user(allow(read, "airflow/*"), deny(read, "airflow/connections/refused*"))


def _put(server: MiniStack, name: str, value: str) -> None:
    """Another test of the session may have made it."""
    client = server.client("secretsmanager")
    try:
        client.create_secret(Name=name, SecretString=value)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=value)


@pytest.fixture
def counters(aws_server: MiniStack) -> Iterator[dict[str, Counter]]:
    """A counting proxy for each program that asks the store."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(counting_proxy(aws_server.url)) for name in SERVERS}


def store(url: str, user: Credentials, **kwargs: str) -> dict[str, str]:
    """What a process of the server gets to know."""
    options = {"region_name": REGION, "endpoint_url": url, "cache_ttl": "10m", "cache_negative_ttl": "10m", **kwargs}
    return {**backend_environment(SECRETS_MANAGER, options), **user.environment()}


def test_each_process_of_the_server_asks_once_and_no_task_has_a_credential(
    tmp_path: Path, counters: dict[str, Counter], server_user: Credentials, canaries: Canaries
) -> None:
    airflow, notes = Airflow(tmp_path / "home"), tmp_path / "notes"
    notes.mkdir()
    everywhere = {
        "AIRFLOW__WORKERS__SECRETS_BACKEND": SERVER,
        "AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": "strongroom_remote_logs.LOGGING_CONFIG",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(airflow.home / "logs"),
        "STRONGROOM_PATHS": str(notes),
    }
    environments = {
        name: {**everywhere, **store(counter.url, server_user, on_error="deny")} for name, counter in counters.items()
    }
    environments["api-server"]["AIRFLOW_CONN_REFUSED_DB"] = "postgres://the-environment"
    # An option of this host that would take its value from a backend.
    environments[WORKERS] = {**everywhere, "AIRFLOW__SENTRY__SENTRY_DSN_SECRET": "strongroom_example_dsn"}
    with components(airflow, tmp_path, environments, [DAG_FILE, REFUSED]):
        wait_until(lambda: len(ended_runs(airflow)) == 2, "the end of both runs", timeout=300)
        assert ended_runs(airflow) == ["success", "success"]
        wait_until(lambda: "dag-callback" in read_notes(notes), "the callback of the run", timeout=60)
        asked = counters["api-server"].names
        if SUPERVISORS_MAY_ASK:
            wait_until(lambda: LOGS in asked(), "the supervisor's question for the connection of its logs", timeout=60)
    found = read_notes(notes)
    both = digests(canaries.password, canaries.token)
    assert found.keys() - {"remote-logging"} == PLACES | {"config"}
    for place in PLACES:
        assert {tuple(note["digests"]) for note in found[place]} == {tuple(both)}, place
    uploaded = {tuple(note["digests"]) for note in found.get("remote-logging", [])}
    assert uploaded == ({tuple(both[:1])} if SUPERVISORS_MAY_ASK else set())
    # The option keeps its default.
    assert {tuple(note["digests"]) for note in found["config"]} == {tuple(digests(""))}
    for place in ASKED_BY["api-server"]:
        assert not any(note["has_credentials"] for note in found[place]), place
    # The boundary is none against the code of DAG files and triggers.
    for place in ASKED_BY["dag-processor"] | ASKED_BY["triggerer"]:
        assert any(note["has_credentials"] for note in found[place]), place
    for name, counter in counters.items():
        names = counter.names()
        assert {name: names.count(name) for name in (CONNECTION, VARIABLE)} == {CONNECTION: 1, VARIABLE: 1}, name
        assert names.count(LOGS) <= 1
    assert counters["api-server"].names().count(LOGS) == SUPERVISORS_MAY_ASK
    refused = "Token type not allowed for endpoint" in (tmp_path / "api-server.log").read_text()
    assert refused or SUPERVISORS_MAY_ASK, "what keeps Airflow 3.2 from it is another thing"
    a_refusal_is_told(tmp_path, counters["api-server"])


def a_refusal_is_told(folder: Path, counter: Counter) -> None:
    """The task stops at once where Airflow lets it, and else is answered from the next place; the log says why."""
    report = json.loads((folder / "notes" / "refused.report").read_text())
    log = (folder / "api-server.log").read_text()
    assert counter.names().count("airflow/connections/refused_db") == 1
    assert "refused_db" in log
    assert "is not authorized to perform" in log
    if can("an exception that ends the search"):
        assert "AirflowSecretsBackendAccessDenied" in report["got"]
        assert "Airflow is told to stop its search." in log
    else:
        assert report["got"] == ["the-environment"]
        assert "`on_error` cannot stop a server of this Airflow" in log
    assert report["seconds"] < 5, "as long as it takes Airflow to repeat a question"


#: What the task's supervisor does with the answer of the server's route, both within one process.
ASK = """
import json, sys, time
from airflow.api_fastapi.execution_api.app import InProcessExecutionAPI
from airflow.sdk.api.client import Client

client = Client(base_url=None, token="", dry_run=True, transport=InProcessExecutionAPI().transport)
client.base_url = "http://in-process.invalid./"
client.variables.get("first")  # loads the rest of Airflow
found = {}
for name, get in (("connection", client.connections.get), ("variable", client.variables.get)):
    began = time.monotonic()
    found[name] = [str(getattr(get("wanted"), "error", "answered")), time.monotonic() - began]
print(json.dumps(found))
"""


@pytest.mark.parametrize("policy", ["deny", "stop"])
def test_what_the_route_makes_of_a_refusal(
    airflow: Airflow, aws_server: MiniStack, server_user: Credentials, policy: str
) -> None:
    broken = "http://127.0.0.1:9" if policy == "stop" else aws_server.url
    nobody = Credentials(server_user.access_key, "wrong")
    environment = store(broken, nobody, on_error=policy, max_attempts="1", variables_lookup_pattern="wanted")
    environment |= {"AIRFLOW_CONN_WANTED": "x://the-environment", "AIRFLOW_VAR_FIRST": "", "AIRFLOW_VAR_WANTED": "it"}
    result = airflow.python(ASK, environment).must()
    found = result.json()
    printed = result.out + result.err
    for name, word in (("connection", "Connection"), ("variable", "Variable")):
        outcome, seconds = found[name]
        assert seconds < 5, "as long as it takes Airflow to repeat a question"
        if can("an exception that ends the search"):
            assert outcome == "ErrorType.PERMISSION_DENIED", name
            assert f'{word} "wanted" (asked for' in printed
        else:
            assert outcome == "answered", name
            assert f'{word} "wanted": ' in printed
            assert printed.count("`on_error` cannot stop a server of this Airflow") >= 2


@pytest.mark.needs("options of the Task SDK")
def test_an_option_that_nothing_answers_keeps_its_default_and_is_warned_of_once(airflow: Airflow) -> None:
    environment = {"AIRFLOW__WORKERS__SECRETS_BACKEND": SERVER, "AIRFLOW__SENTRY__SENTRY_DSN_SECRET": "sentry/dsn"}
    code = (
        "from airflow.sdk.configuration import conf\nfor _ in range(3): print(repr(conf.get('sentry', 'sentry_dsn')))"
    )
    result = airflow.python(code, environment).must()
    assert result.out.splitlines()[-3:] == ["''"] * 3
    printed = result.out + result.err
    assert printed.count("Config 'sentry/dsn' was asked for by AIRFLOW__SENTRY__SENTRY_DSN_SECRET.") == 1


def test_commands_ask_the_servers_backend_and_a_host_of_tasks_has_none(
    airflow: Airflow, aws_server: MiniStack, server_user: Credentials, canaries: Canaries
) -> None:
    commands = [
        ["connections", "get", "served_db", "--output", "json"],
        ["variables", "get", "served_token"],
    ]
    of_tasks = {"AIRFLOW__WORKERS__SECRETS_BACKEND": SERVER}
    connection, variable = airflow.run(commands, {**of_tasks, **store(aws_server.url, server_user)})
    assert connection.must().json()[0]["password"] == canaries.password
    assert variable.must().out.splitlines()[-1] == canaries.token
    connection, variable = airflow.run(commands, of_tasks)
    assert "Connection not found." in connection.must(1).out + connection.err
    assert "Variable served_token does not exist" in variable.must(1).out + variable.err
