"""The commands on Google Secret Manager and Azure Key Vault: exact calls, what operators meet, and no secret shown."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celpy import Environment
from celpy.adapter import json_to_cel

from tests.command_line.shell import CONFIGURATION, DONE, NO, STORE, Run, Shell
from tests.servers.azure import (
    CLIENT,
    OTHER_TENANT,
    SECRET,
    TENANT,
    VAULT,
    Application,
    Azure,
    login_error,
    vault_error,
)
from tests.servers.azure_tokens import new_identity
from tests.servers.google import PROJECT, READER, GoogleServer, api_error

CANARY = "canary-c41d07"
URI = f"postgres://app:{CANARY}@db.example:5432/sales"
DAY = 86_400


class OnGoogle:
    """A backend on the double of Google."""

    store = "google"

    def __init__(self, shell: Shell, server: GoogleServer) -> None:
        server.reset()
        self.shell, self.server = shell, server
        shell.secrets += [CANARY, server.key["private_key"].splitlines()[5]]
        self.configure()

    def configure(self, **options: Any) -> None:
        """With other options than usual."""
        self.shell.backend("google", **{**self.server.options(), **options})

    def put(self, kind: str, secret_id: str, value: str = URI) -> None:
        """One secret."""
        self.server.put(f"airflow-{kind}-{secret_id}", value)

    def calls(self) -> list[str]:
        """What Secret Manager was asked since the last time."""
        return [place for place in self.server.places() if place != "metadata"]


class OnAzure:
    """A backend on the double of Azure, under Azure's own names."""

    store = "azure"

    def __init__(self, shell: Shell, server: Azure) -> None:
        server.reset()
        self.shell, self.server = shell, server
        shell.secrets += [CANARY, SECRET]
        shell.variables |= {"HTTPS_PROXY": server.proxy, "REQUESTS_CA_BUNDLE": str(server.tls.authority)}
        self.configure()

    def configure(self, **options: Any) -> None:
        """With other options than usual."""
        usual = {"vault_url": VAULT, "tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET}
        self.shell.backend("azure", **{**usual, **options})

    def put(self, kind: str, secret_id: str, value: str = URI, **attributes: Any) -> None:
        """One secret."""
        self.server.put(f"airflow-{kind}-{secret_id}", value, **attributes)

    def calls(self) -> list[str]:
        """What the vault was asked since the last time."""
        found = [asked for asked in self.server.log() if asked.startswith(("Get", "unknown"))]
        self.server.asked.clear()
        return [asked for asked in found if asked != "unknown"]


Cloud = OnGoogle | OnAzure


@pytest.fixture
def google(shell: Shell, google_server: GoogleServer) -> OnGoogle:
    """An empty project."""
    return OnGoogle(shell, google_server)


@pytest.fixture
def azure(shell: Shell, azure_server: Azure) -> OnAzure:
    """An empty vault."""
    return OnAzure(shell, azure_server)


@pytest.fixture(params=["google", "azure"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Each in turn."""
    found: Cloud = request.getfixturevalue(request.param)
    return found


#: A read; a page of a list; a description; a description of nothing; why nothing is there.
CALLS = {
    "google": (["access"], ["list"], ["secret", "version"], ["secret"], ["secret"]),
    "azure": (
        ["GetSecret"],
        ["GetSecrets"],
        ["GetSecretVersions"],
        ["GetSecretVersions", "GetDeletedSecret"],
        ["GetDeletedSecret"],
    ),
}


def test_each_command_makes_its_calls_and_no_other(cloud: Cloud) -> None:
    read, page, described, not_described, why = CALLS[cloud.store]
    cloud.put("connections", "db")
    cloud.put("variables", "v", CANARY)
    run = cloud.shell.run
    cloud.calls()
    got = run("get", "connection", "db", "--json")
    assert (got.code, got.json["fields"]["host"], cloud.calls()) == (DONE, "db.example", read)
    assert (run("get", "connection", "nobody").code, cloud.calls()) == (NO, read)
    revealed = run("reveal", "variable", "v")
    assert (revealed.code, revealed.out.strip(), cloud.calls()) == (DONE, CANARY, read)
    listed = run("list", "connections", "--json")
    assert [secret["id"] for secret in listed.json["secrets"]] == ["db"]
    assert cloud.calls() == page
    found = run("describe", "connection", "db", "--json")
    assert (found.code, found.json["found"], found.json["state"], found.err) == (DONE, True, "enabled", "")
    assert cloud.calls() == described
    missing = run("describe", "connection", "nobody", "--json")
    assert (missing.code, missing.json["found"], cloud.calls()) == (NO, False, not_described)
    assert (run("explain", "connection", "db").code, cloud.calls()) == (DONE, read)
    assert (run("explain", "connection", "nobody").code, cloud.calls()) == (NO, read + why)
    linted = run("lint")
    assert (linted.code, cloud.calls()) == (DONE, page + read)


def test_a_thousand_names_take_as_many_calls_as_pages(google: OnGoogle, azure: OnAzure) -> None:
    names = [f"projects/{PROJECT}/secrets/airflow-variables-v{number:04}" for number in range(2_001)]
    google.server.set(secrets={name: [{"state": "ENABLED", "data": ""}] for name in [*names, "projects/p/secrets/x"]})
    google.configure()
    google.calls()
    listed = google.shell.run("list", "variables", "--json")
    assert (len(listed.json["secrets"]), google.calls()) == (2_001, ["list"] * 3)
    for number in range(1_000):
        azure.put("variables", f"v{number:04}", CANARY)
    azure.configure()
    listed = azure.shell.run("list", "variables", "--json")
    assert (len(listed.json["secrets"]), azure.calls()) == (1_000, ["GetSecrets"] * 40)


def test_what_google_tells_of_a_secret_is_told(google: OnGoogle) -> None:
    key = "projects/p/locations/global/keyRings/r/cryptoKeys/k"
    google.server.describe(
        "airflow-connections-db",
        labels={"team": "data"},
        annotations={"owner": "me"},
        versionAliases={"live": "1"},
        expireTime="2099-01-01T00:00:00Z",
        replication={"automatic": {"customerManagedEncryption": {"kmsKeyName": key}}},
    )
    google.put("connections", "db")
    google.put("connections", "db")
    told = google.shell.run("describe", "connection", "db", "--json").json
    assert (told["name"], told["version"], told["state"]) == ("airflow-connections-db", "2", "enabled")
    assert (told["key"], told["form"], told["deleted"]) == (key, "replicated automatically", "2099-01-01T00:00:00Z")
    assert told["tags"] == {"team": "data", "annotations/owner": "me", "aliases/live": "1"}
    assert google.shell.run("list", "--json").json["secrets"][0]["tags"] == told["tags"]
    version = f"projects/{PROJECT}/secrets/airflow-connections-db/versions/2"
    google.server.order("change", name=version, verb="disable")
    assert google.shell.run("describe", "connection", "db", "--json").json["state"] == "disabled"


def test_regional_secrets_of_google_are_described_and_listed(google: OnGoogle) -> None:
    parent = f"projects/{PROJECT}/locations/europe-west3"
    google.server.put("airflow-connections-db", URI, parent)
    google.configure(location="europe-west3")
    found = google.shell.run("describe", "connection", "db", "--json")
    assert (found.json["store_id"], found.json["version"]) == (f"{parent}/secrets/airflow-connections-db", "1")
    assert [secret["id"] for secret in google.shell.run("list", "--json").json["secrets"]] == ["db"]
    assert "region europe-west3" in google.shell.run("explain", "connection", "db").out


def test_what_key_vault_tells_of_a_secret_is_told(azure: OnAzure) -> None:
    now = int(time.time())
    for number in range(30):
        azure.put("connections", "db", more={"tags": {"n": str(number)}, "contentType": "text/plain"}, exp=now + DAY)
    told = azure.shell.run("describe", "connection", "db", "--json").json
    newest = azure.server.secrets["airflow-connections-db"]["version"]
    assert (told["name"], told["version"], told["state"]) == ("airflow-connections-db", newest, "enabled")
    assert (told["form"], told["tags"]) == ("text/plain", {"n": "29"})
    assert told["expires"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + DAY))
    assert azure.calls() == ["GetSecretVersions"] * 2
    assert "GetSecret" not in azure.server.log()
    azure.put("connections", "off", enabled=False)
    assert "STATE" in azure.shell.run("list").out
    states = {secret["id"]: secret["state"] for secret in azure.shell.run("list", "--json").json["secrets"]}
    assert states == {"db": "enabled", "off": "disabled"}
    linted = azure.shell.run("lint", "--json")
    assert linted.code == NO
    assert "since the secret is disabled" in linted.json["findings"][0]["text"]


def test_a_deleted_secret_of_key_vault_says_so(azure: OnAzure) -> None:
    azure.put("connections", "db")
    azure.server.delete("airflow-connections-db")
    told = azure.shell.run("describe", "connection", "db", "--json")
    assert (told.code, told.json["state"]) == (DONE, "deleted")
    assert told.json["deleted"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert azure.shell.run("get", "connection", "db").code == NO
    explained = azure.shell.run("explain", "connection", "db", "--json")
    (backend,) = explained.json["backends"]
    assert [because["check"] for because in backend["absent_because"]] == ["deleted"]
    assert "az keyvault secret recover --name airflow-connections-db" in explained.json["remedy"]
    assert "was deleted and can still be brought back" in azure.shell.run("explain", "connection", "db").out
    assert finding(azure.shell.run("doctor", "--json"), "deleted")["severity"] == "warning"


def test_a_secret_of_google_without_a_version_says_so(google: OnGoogle) -> None:
    google.server.describe("airflow-connections-db", labels={})
    assert google.shell.run("describe", "connection", "db", "--json").json["state"] == "without a version"
    explained = google.shell.run("explain", "connection", "db", "--json")
    assert explained.json["backends"][0]["absent_because"][0]["check"] == "no_version"
    assert "gcloud secrets versions add airflow-connections-db" in explained.json["remedy"]


def test_a_store_that_may_not_tell_why_is_no_failure(google: OnGoogle, azure: OnAzure) -> None:
    google.server.set(forbidden=["secretmanager.secrets.get"])
    google.configure()
    explained = google.shell.run("explain", "connection", "nobody")
    assert (explained.code, "is not there is not known" in explained.out) == (NO, True)
    assert "secretmanager.secrets.get" in explained.out


def test_a_description_that_is_denied_names_the_permission(google: OnGoogle, azure: OnAzure) -> None:
    azure.put("connections", "db")
    azure.server.denial = "AccessDenied"
    azure.server.applications[CLIENT].permissions = {"get"}
    azure.configure()
    denied = azure.shell.run("describe", "connection", "db")
    assert (denied.code, "secret permission `list`" in denied.err) == (STORE, True)
    google.put("connections", "db")
    google.configure()
    google.server.set(forbidden=["secretmanager.versions.get"])
    partly = google.shell.run("describe", "connection", "db", "--json")
    assert (partly.code, partly.json["version"], partly.json["state"]) == (DONE, None, None)
    assert "secretmanager.versions.get" in partly.err
    google.server.set(forbidden=["secretmanager.secrets.get"])
    denied = google.shell.run("describe", "connection", "db")
    assert (denied.code, "secretmanager.secrets.get" in denied.err) == (STORE, True)


def test_pages_that_lead_elsewhere_are_not_followed(azure: OnAzure) -> None:
    for _ in range(30):
        azure.put("connections", "db")
    azure.server.link_elsewhere = True
    led = azure.shell.run("describe", "connection", "db")
    assert (led.code, "sent us to another host" in led.err) == (CONFIGURATION, True)
    assert azure.shell.run("doctor").code == DONE


def test_versions_of_one_second_are_not_told_apart(azure: OnAzure) -> None:
    for _ in range(2):
        azure.put("connections", "db", created=1, updated=1)
    told = azure.shell.run("describe", "connection", "db", "--json")
    assert (told.json["version"], "in one second" in told.err) == (None, True)


# -- doctor ---------------------------------------------------------------------------------------------------


def finding(run: Run, check: str) -> dict[str, str]:
    """What was found of one kind; nothing at all is a failure."""
    found: list[dict[str, str]] = [each for each in run.json["findings"] if each["check"] == check]
    assert found, run.out
    return found[0]


def checks(run: Run) -> dict[str, str]:
    """Check to severity."""
    return {each["check"]: each["severity"] for each in run.json["findings"]}


def test_a_sound_set_up_has_no_problem_and_takes_few_calls(cloud: Cloud) -> None:
    cloud.put("connections", "db")
    cloud.calls()
    found = cloud.shell.run("doctor", "--json")
    assert found.code == DONE, found.out
    told = checks(found)
    assert {told[check] for check in ("identity", "read", "list", "describe", "clock")} == {"ok"}
    assert told["static_keys"] == "warning"
    read, page, _, not_described, _ = CALLS[cloud.store]
    deleted = ["GetDeletedSecrets"] if cloud.store == "azure" else []
    assert cloud.calls() == read + page * 3 + not_described + deleted
    assert cloud.shell.run("doctor", "--strict").code == NO
    cloud.calls()
    cloud.shell.run("doctor", "--offline")
    assert cloud.calls() == []


def test_the_identity_is_told_without_a_secret(google: OnGoogle, azure: OnAzure) -> None:
    google.configure(impersonation_chain="target@proj-1.iam.gserviceaccount.com", iam_endpoint_url=google.server.url)
    told = google.shell.run("explain", "connection", "x", "--json").json["backends"][0]["identity"]
    assert told == (
        f"target@proj-1.iam.gserviceaccount.com, impersonated by {READER}, key {google.server.key['private_key_id']} "
        f"(gcp_keyfile_dict) in project {PROJECT} at {google.server.url}"
    )
    azure.configure()
    told = azure.shell.run("explain", "connection", "x", "--json").json["backends"][0]["identity"]
    assert told == f"the application {CLIENT} of tenant {TENANT} (client secret from backend_kwargs) at {VAULT}"
    azure.configure(tenant_id=None, client_id=None, client_secret=None)
    told = azure.shell.run("doctor", "--json")
    assert "the managed identity of this machine" in finding(told, "identity")["evidence"]


@pytest.mark.parametrize("ahead", [60, 600])
def test_a_clock_that_is_wrong_is_told(cloud: Cloud, ahead: int) -> None:
    if isinstance(cloud, OnGoogle):
        cloud.server.set(ahead=ahead)
    else:
        cloud.server.ahead = ahead
    told = finding(cloud.shell.run("doctor", "--json"), "clock")
    assert told["severity"] == ("problem" if ahead > 300 else "warning")


def google_denied(cloud: OnGoogle) -> None:
    cloud.server.set(denied=[READER])


def google_disabled(cloud: OnGoogle) -> None:
    cloud.server.set(disabled_projects=[PROJECT])


def google_wrong_project(cloud: OnGoogle) -> None:
    fault = api_error(403, "PERMISSION_DENIED", "CONSUMER_INVALID", "Permission denied on resource project other.")
    cloud.server.set(faults={place: {"status": 403, "body": fault} for place in ("access", "list", "secret")})
    cloud.configure(project_id="other")


def google_dead_key(cloud: OnGoogle) -> None:
    cloud.server.order("disable-keys")


def google_impersonation(cloud: OnGoogle) -> None:
    cloud.configure(impersonation_chain="other@proj-1.iam.gserviceaccount.com", iam_endpoint_url=cloud.server.url)


def azure_denied(cloud: OnAzure) -> None:
    cloud.server.applications[CLIENT].permissions = set()


def azure_firewall(cloud: OnAzure) -> None:
    cloud.server.firewall = True


def azure_expired(cloud: OnAzure) -> None:
    cloud.server.applications[CLIENT] = Application(expired={SECRET})


def azure_tenant(cloud: OnAzure) -> None:
    cloud.configure(tenant_id=OTHER_TENANT)


def azure_no_tenant(cloud: OnAzure) -> None:
    cloud.configure(tenant_id="nowhere")


def azure_tenant_of_vault(cloud: OnAzure) -> None:
    cloud.server.vault_tenant = OTHER_TENANT


def azure_outage(cloud: OnAzure) -> None:
    cloud.server.vault_fault = vault_error(503, "ServiceUnavailable")
    cloud.configure(max_attempts=1)


def azure_login_outage(cloud: OnAzure) -> None:
    cloud.server.login_fault = login_error(503, "temporarily_unavailable", 90033)
    cloud.configure(max_attempts=1)


def azure_address(cloud: OnAzure) -> None:
    cloud.configure(vault_url="http://reader.vault.azure.net")


def azure_no_scheme(cloud: OnAzure) -> None:
    cloud.configure(vault_url="reader.vault.azure.net")


def azure_separator(cloud: OnAzure) -> None:
    cloud.configure(sep="_")


#: What happens, the check that tells it, and a part of the remedy.
WAYS: list[tuple[str, Callable[[Any], None], str, str]] = [
    ("google", google_denied, "read", "roles/secretmanager.secretAccessor"),
    ("google", google_denied, "read", "takes some minutes"),
    ("google", google_disabled, "read", "gcloud services enable secretmanager.googleapis.com"),
    ("google", google_wrong_project, "read", "There is no project `other`"),
    ("google", google_dead_key, "identity", "the key is still enabled"),
    ("google", google_impersonation, "identity", "roles/iam.serviceAccountTokenCreator"),
    ("azure", azure_denied, "read", "Key Vault Secrets User"),
    ("azure", azure_denied, "read", "takes up to ten minutes"),
    ("azure", azure_firewall, "read", "The firewall of reader.vault.azure.net"),
    ("azure", azure_expired, "identity", "client secret"),
    ("azure", azure_tenant, "identity", "The tenant has no application with this `client_id`"),
    ("azure", azure_no_tenant, "identity", "`tenant_id`"),
    ("azure", azure_tenant_of_vault, "identity", OTHER_TENANT),
    ("azure", azure_outage, "reach", ""),
    ("azure", azure_login_outage, "identity", ""),
    ("azure", azure_address, "vault_url", "https://NAME.vault.azure.net"),
    ("azure", azure_no_scheme, "vault_url", "https://NAME.vault.azure.net"),
    ("azure", azure_separator, "names", "Correct the prefix and `sep`"),
]


@pytest.mark.parametrize(("store", "bring_about", "check", "remedy"), WAYS)
def test_what_operators_meet_is_told_with_its_remedy(
    request: pytest.FixtureRequest, store: str, bring_about: Callable[[Any], None], check: str, remedy: str
) -> None:
    cloud: Cloud = request.getfixturevalue(store)
    bring_about(cloud)
    found = cloud.shell.run("doctor", "--json")
    told = finding(found, check)
    if check == "identity":
        told = next(each for each in found.json["findings"] if each["check"] == check and each["severity"] != "ok")
    assert (found.code, told["severity"]) == (NO, "problem")
    assert remedy in told["remedy"]


def test_a_role_that_was_just_given_works_a_moment_later(cloud: Cloud) -> None:
    if isinstance(cloud, OnGoogle):
        google_denied(cloud)
    else:
        azure_denied(cloud)
    assert cloud.shell.run("doctor").code == NO
    if isinstance(cloud, OnGoogle):
        cloud.server.set(denied=[])
    else:
        cloud.server.applications[CLIENT] = Application()
    assert cloud.shell.run("doctor").code == DONE


def test_who_may_read_alone_has_no_problem(google: OnGoogle, azure: OnAzure) -> None:
    """What listings and descriptions take is named, and no lookup needs it."""
    azure.server.applications[CLIENT].permissions = {"get"}
    azure.server.denial = "AccessDenied"
    azure.configure()
    found = azure.shell.run("doctor", "--json")
    assert found.code == DONE
    for check in ("list", "describe"):
        told = finding(found, check)
        assert (told["severity"], "secret permission `list`" in told["remedy"]) == ("note", True)
    permissions = {"list": "secretmanager.secrets.list", "describe": "secretmanager.secrets.get"}
    google.server.set(forbidden=[*permissions.values(), "secretmanager.versions.get"])
    google.configure()
    found = google.shell.run("doctor", "--json")
    assert found.code == DONE
    for check, permission in permissions.items():
        told = finding(found, check)
        assert (told["severity"], permission in told["remedy"]) == ("note", True)


@pytest.mark.parametrize(("days", "severity"), [(-1, "problem"), (10, "warning"), (99, "ok")])
@pytest.mark.parametrize("form", ["pem", "pfx"])
def test_the_end_of_a_client_certificate_is_told(
    azure: OnAzure, tmp_path: Path, days: int, severity: str, form: str
) -> None:
    identity = new_identity(days)
    azure.server.applications[CLIENT] = Application(certificates=[identity])
    path = tmp_path / f"app.{form}"
    path.write_bytes(identity.pem() if form == "pem" else identity.pfx(CANARY.encode()))
    password = {} if form == "pem" else {"client_certificate_password": CANARY}
    azure.configure(client_secret=None, client_certificate_path=str(path), **password)
    found = azure.shell.run("doctor", "--json")
    told = finding(found, "client_certificate")
    assert (told["severity"], str(path) in told["evidence"]) == (severity, True)
    assert found.code == (NO if severity == "problem" else DONE)
    environment = {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_CERTIFICATE_PATH": str(path),
        "AZURE_CLIENT_CERTIFICATE_PASSWORD": CANARY,
    }
    azure.configure(tenant_id=None, client_id=None, client_secret=None)
    told = finding(azure.shell.run("doctor", "--json", variables=environment), "client_certificate")
    assert told["severity"] == severity


def test_tokens_of_another_cloud_are_told(azure: OnAzure) -> None:
    azure.configure(authority="https://login.microsoftonline.us")
    found = azure.shell.run("doctor", "--offline", "--json")
    assert (finding(found, "cloud")["severity"], found.code) == ("warning", DONE)


def test_secrets_that_cannot_be_read_for_long_are_told(google: OnGoogle, azure: OnAzure) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + DAY))
    google.server.describe("airflow-connections-db", expireTime=soon)
    google.put("connections", "db")
    google.configure()
    assert "`db`" in finding(google.shell.run("doctor", "--json"), "expired")["evidence"]
    azure.put("connections", "off", enabled=False)
    azure.put("connections", "old", exp=1)
    azure.configure()
    found = azure.shell.run("doctor", "--json")
    assert "`off`" in finding(found, "state")["evidence"]
    assert "`old`" in finding(found, "expired")["evidence"]


def test_two_ids_of_airflow_are_one_name_in_key_vault(azure: OnAzure) -> None:
    azure.put("connections", "my-db")
    azure.shell.variables["AIRFLOW_CONN_MY_DB"] = URI
    found = azure.shell.run("doctor", "--json")
    assert "`my_db`" in finding(found, "two_places")["evidence"]
    note = finding(found, "names")
    assert (note["severity"], "`my-db`" in note["evidence"]) == ("note", True)
    for secret_id in ("my-db", "my_db"):
        assert azure.shell.run("get", "connection", secret_id).code == DONE
    explained = azure.shell.run("explain", "connection", "my_db", "--json").json
    assert explained["answered_by"] == "the backend of [secrets]"


def test_a_key_is_told_without_its_age(google: OnGoogle, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(google.server.key))
    key_id = google.server.key["private_key_id"]
    google.configure(gcp_keyfile_dict=None)
    google.shell.variables["GOOGLE_APPLICATION_CREDENTIALS"] = str(path)
    told = finding(google.shell.run("doctor", "--json"), "static_keys")
    assert (key_id in told["evidence"], "its age is not in it" in told["evidence"]) == (True, True)
    google.configure(gcp_keyfile_dict=None, project_id="proj-2")
    assert finding(google.shell.run("doctor", "--json"), "project")["severity"] == "note"


# -- policy ---------------------------------------------------------------------------------------------------


def allows(expression: str, name: str) -> bool:
    """What a condition of IAM makes of the name of a secret, by an evaluator of Google's expression language."""
    environment = Environment()
    program = environment.program(environment.compile(expression))
    return bool(program.evaluate({"resource": json_to_cel({"name": name})}))


@pytest.mark.parametrize("mode", ["read", "manage"])
def test_the_condition_of_google_is_true_below_the_prefixes_alone(google: OnGoogle, mode: str) -> None:
    google.configure(connections_prefix="mine-conn", variables_prefix=None, bundle={"config": "mine-all"})
    printed = google.shell.run("policy", "gcp", "--account", "42", "--mode", mode, "--json")
    bindings = {binding["role"]: binding for binding in printed.json["bindings"]}
    conditioned = ["roles/secretmanager.secretAccessor"]
    if mode == "manage":
        conditioned += ["roles/secretmanager.secretVersionManager", "projects/PROJECT_ID/roles/SECRET_EDITOR"]
    below = "projects/42/secrets"
    for role in conditioned:
        expression = bindings[role]["condition"]["expression"]
        for name in ("mine-conn-db", "mine-conn-db/versions/3", "mine-all", "mine-all/versions/latest"):
            assert allows(expression, f"{below}/{name}"), name
        for name in ("mine-con", "mine-connections", "airflow-variables-v", "mine-all-others", "x-mine-conn-db"):
            assert not allows(expression, f"{below}/{name}"), name
        assert not allows(expression, "projects/43/secrets/mine-conn-db")
        assert not allows(expression, f"projects/42/locations/l/{below}/mine-conn-db")
    # What holds for the whole project reads no value and changes nothing that is there.
    whole = {role for role, binding in bindings.items() if "condition" not in binding}
    creator = {"projects/PROJECT_ID/roles/SECRET_CREATOR"} if mode == "manage" else set()
    assert whole == {"roles/secretmanager.viewer"} | creator


def test_the_condition_of_google_names_the_region(google: OnGoogle) -> None:
    google.configure(location="europe-west3")
    printed = google.shell.run("policy", "gcp", "--account", "42", "--json")
    expression = printed.json["bindings"][0]["condition"]["expression"]
    assert allows(expression, "projects/42/locations/europe-west3/secrets/airflow-config-x/versions/1")
    assert not allows(expression, "projects/42/secrets/airflow-config-x/versions/1")


def test_no_prefix_makes_a_condition_wider(google: OnGoogle) -> None:
    for prefix in ('mine") || true || ("', "mine\\", "mine\n"):
        printed = google.shell.run("policy", "gcp", "--account", "42", "--prefix", prefix, "--json")
        expression = printed.json["bindings"][0]["condition"]["expression"]
        assert allows(expression, f"projects/42/secrets/{prefix}x")
        assert not allows(expression, "projects/42/secrets/other")


def test_a_project_that_is_no_number_is_refused(google: OnGoogle) -> None:
    refused = google.shell.run("policy", "gcp", "--account", "my-project")
    assert (refused.code, "gcloud projects describe" in refused.err) == (CONFIGURATION, True)


@pytest.mark.parametrize(
    ("mode", "role"),
    [("read", "4633458b-17de-408a-b874-0445c86b69e6"), ("manage", "b86a8fe4-44ce-4948-aee5-eccb2c155cd7")],
)
def test_the_template_of_azure_assigns_one_role_on_one_vault(azure: OnAzure, mode: str, role: str) -> None:
    vault = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"
    template = azure.shell.run("policy", "azure", "--mode", mode, "--account", vault, "--json").json
    assert set(template) == {"$schema", "contentVersion", "resources"}
    (assignment,) = template["resources"]
    assert set(assignment) == {"type", "apiVersion", "name", "scope", "properties"}
    assert (assignment["type"], assignment["scope"]) == ("Microsoft.Authorization/roleAssignments", vault)
    wanted = f"[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '{role}')]"
    assert assignment["properties"]["roleDefinitionId"] == wanted
    assert assignment["name"] == f"[guid('{vault}', 'PRINCIPAL_ID', '{role}')]"


def test_a_prefix_that_azure_cannot_keep_is_refused(azure: OnAzure) -> None:
    refused = azure.shell.run("policy", "azure", "--prefix", "mine-")
    assert (refused.code, refused.out) == (CONFIGURATION, "")
    assert "no condition on names" in refused.err
