"""doctor on Google Secret Manager and Azure Key Vault: common problems, and their remedies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command_line.clouds import CALLS, CANARY, DAY, URI, Cloud, OnAzure, OnGoogle, checks, finding
from tests.command_line.shell import DONE, NO
from tests.servers.azure import CLIENT, OTHER_TENANT, SECRET, TENANT, VAULT, Application, login_error, vault_error
from tests.servers.azure_tokens import new_identity
from tests.servers.google import PROJECT, READER, api_error


def test_a_correct_set_up_has_no_problem_and_takes_few_calls(cloud: Cloud) -> None:
    cloud.put("connections", "db")
    cloud.calls()
    found = cloud.shell.run("doctor", "--json")
    assert found.code == DONE, found.out
    result = checks(found)
    assert {result[check] for check in ("identity", "read", "list", "describe", "clock")} == {"ok"}
    assert result["static_keys"] == "warning"
    assert result.get("certificates") == ("ok" if cloud.store == "azure" else None)
    read, page, _, not_described, _ = CALLS[cloud.store]
    deleted = ["GetDeletedSecrets"] if cloud.store == "azure" else []
    assert cloud.calls() == read * 3 + page * 3 + not_described + deleted
    assert cloud.shell.run("doctor", "--strict").code == NO
    cloud.calls()
    cloud.shell.run("doctor", "--offline")
    assert cloud.calls() == []


def test_the_identity_is_shown_without_a_secret(google: OnGoogle, azure: OnAzure) -> None:
    google.configure(impersonation_chain="target@proj-1.iam.gserviceaccount.com", iam_endpoint_url=google.server.url)
    result = google.shell.run("explain", "connection", "x", "--json").json["backends"][0]["identity"]
    assert result == (
        f"target@proj-1.iam.gserviceaccount.com, impersonated by {READER}, key {google.server.key['private_key_id']} "
        f"(gcp_keyfile_dict) in project {PROJECT} at {google.server.url}"
    )
    azure.configure()
    result = azure.shell.run("explain", "connection", "x", "--json").json["backends"][0]["identity"]
    assert result == f"the application {CLIENT} of tenant {TENANT} (client secret from backend_kwargs) at {VAULT}"
    azure.configure(tenant_id=None, client_id=None, client_secret=None)
    result = azure.shell.run("doctor", "--json")
    assert "the managed identity of this machine" in finding(result, "identity")["evidence"]


def test_an_address_that_contains_a_secret_is_not_shown(google: OnGoogle, azure: OnAzure) -> None:
    commands = (["doctor"], ["explain", "connection", "x"], ["list"], ["describe", "connection", "x"])
    for end in (f"?token={CANARY}", f"#{CANARY}", f"/{CANARY}/"):
        google.configure(endpoint_url=f"{google.server.url}{end}", max_attempts=1)
        for command in commands:
            google.shell.run(*command)
            google.shell.run(*command, "--json")
        azure.configure(vault_url=f"{VAULT}{end}", max_attempts=1)
        for command in commands:
            azure.shell.run(*command)
            azure.shell.run(*command, "--json")


@pytest.mark.parametrize("ahead", [60, 600])
def test_a_wrong_clock_is_reported(cloud: Cloud, ahead: int) -> None:
    if isinstance(cloud, OnGoogle):
        cloud.server.set(ahead=ahead)
    else:
        cloud.server.ahead = ahead
    result = finding(cloud.shell.run("doctor", "--json"), "clock")
    assert result["severity"] == ("problem" if ahead > 300 else "warning")


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


#: The fault, the check that reports it, and a part of the remedy.
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
def test_common_problems_are_reported_with_their_remedies(
    request: pytest.FixtureRequest, store: str, bring_about: Callable[[Any], None], check: str, remedy: str
) -> None:
    cloud: Cloud = request.getfixturevalue(store)
    bring_about(cloud)
    found = cloud.shell.run("doctor", "--json")
    result = finding(found, check)
    if check == "identity":
        result = next(each for each in found.json["findings"] if each["check"] == check and each["severity"] != "ok")
    assert (found.code, result["severity"]) == (NO, "problem")
    assert remedy in result["remedy"]


def test_a_new_role_works_a_moment_later(cloud: Cloud) -> None:
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


def test_permission_to_read_is_enough(google: OnGoogle, azure: OnAzure) -> None:
    """What listings and descriptions need is reported, and lookups do not need it."""
    azure.server.applications[CLIENT].permissions = {"get"}
    azure.server.denial = "AccessDenied"
    azure.configure()
    found = azure.shell.run("doctor", "--json")
    assert found.code == DONE
    for check in ("list", "describe"):
        result = finding(found, check)
        assert (result["severity"], "secret permission `list`" in result["remedy"]) == ("note", True)
    permissions = {"list": "secretmanager.secrets.list", "describe": "secretmanager.secrets.get"}
    google.server.set(forbidden=[*permissions.values(), "secretmanager.versions.get"])
    google.configure()
    found = google.shell.run("doctor", "--json")
    assert found.code == DONE
    for check, permission in permissions.items():
        result = finding(found, check)
        assert (result["severity"], permission in result["remedy"]) == ("note", True)


@pytest.mark.parametrize(("days", "severity"), [(-1, "problem"), (10, "warning"), (99, "ok")])
@pytest.mark.parametrize("form", ["pem", "pfx"])
def test_the_expiry_of_a_client_certificate_is_reported(
    azure: OnAzure, tmp_path: Path, days: int, severity: str, form: str
) -> None:
    identity = new_identity(days)
    azure.server.applications[CLIENT] = Application(certificates=[identity])
    path = tmp_path / f"app.{form}"
    path.write_bytes(identity.pem() if form == "pem" else identity.pfx(CANARY.encode()))
    password = {} if form == "pem" else {"client_certificate_password": CANARY}
    azure.configure(client_secret=None, client_certificate_path=str(path), **password)
    found = azure.shell.run("doctor", "--json")
    result = finding(found, "client_certificate")
    assert (result["severity"], str(path) in result["evidence"]) == (severity, True)
    assert found.code == (NO if severity == "problem" else DONE)
    environment = {
        "AZURE_TENANT_ID": TENANT,
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_CERTIFICATE_PATH": str(path),
        "AZURE_CLIENT_CERTIFICATE_PASSWORD": CANARY,
    }
    azure.configure(tenant_id=None, client_id=None, client_secret=None)
    result = finding(azure.shell.run("doctor", "--json", variables=environment), "client_certificate")
    assert result["severity"] == severity


def test_tokens_of_another_cloud_are_reported(azure: OnAzure) -> None:
    azure.configure(authority="https://login.microsoftonline.us")
    found = azure.shell.run("doctor", "--offline", "--json")
    assert (finding(found, "cloud")["severity"], found.code) == ("warning", DONE)


def test_secrets_that_soon_cannot_be_read_are_reported(google: OnGoogle, azure: OnAzure) -> None:
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


def test_a_key_is_reported_without_its_age(google: OnGoogle, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(google.server.key))
    key_id = google.server.key["private_key_id"]
    google.configure(gcp_keyfile_dict=None)
    google.shell.variables["GOOGLE_APPLICATION_CREDENTIALS"] = str(path)
    result = finding(google.shell.run("doctor", "--json"), "static_keys")
    assert (key_id in result["evidence"], "its age is not in it" in result["evidence"]) == (True, True)
    google.configure(gcp_keyfile_dict=None, project_id="proj-2")
    assert finding(google.shell.run("doctor", "--json"), "project")["severity"] == "note"
