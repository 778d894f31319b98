"""get, list, describe, explain, lint on Google Secret Manager and Azure Key Vault: exact calls, and no secret shown."""

from __future__ import annotations

import time

from tests.command_line.clouds import CALLS, CANARY, DAY, URI, Cloud, OnAzure, OnGoogle, finding
from tests.command_line.shell import CONFIGURATION, DONE, NO, STORE
from tests.servers.azure import CLIENT
from tests.servers.google import PROJECT


def test_each_command_makes_exactly_its_calls(cloud: Cloud) -> None:
    read, page, described, not_described, why = CALLS[cloud.store]
    cloud.put("connections", "db")
    cloud.put("variables", "v", CANARY)
    run = cloud.shell.run
    cloud.calls()
    got = run("get", "connection", "db", "--json")
    assert (got.code, got.json["fields"]["host"], cloud.calls()) == (DONE, "db.example", read)
    assert (run("get", "connection", "absent").code, cloud.calls()) == (NO, read + page)
    revealed = run("reveal", "variable", "v")
    assert (revealed.code, revealed.out.strip(), cloud.calls()) == (DONE, CANARY, read)
    listed = run("list", "connections", "--json")
    assert [secret["id"] for secret in listed.json["secrets"]] == ["db"]
    assert cloud.calls() == page
    found = run("describe", "connection", "db", "--json")
    assert (found.code, found.json["found"], found.json["state"], found.err) == (DONE, True, "enabled", "")
    assert cloud.calls() == described
    missing = run("describe", "connection", "absent", "--json")
    assert (missing.code, missing.json["found"], cloud.calls()) == (NO, False, not_described)
    assert (run("explain", "connection", "db").code, cloud.calls()) == (DONE, read)
    assert (run("explain", "connection", "absent").code, cloud.calls()) == (NO, read + why + page)
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


def test_the_metadata_of_google_are_described(google: OnGoogle) -> None:
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
    result = google.shell.run("describe", "connection", "db", "--json").json
    assert (result["name"], result["version"], result["state"]) == ("airflow-connections-db", "2", "enabled")
    assert (result["key"], result["form"], result["deleted"]) == (
        key,
        "replicated automatically",
        "2099-01-01T00:00:00Z",
    )
    assert result["tags"] == {"team": "data", "annotations/owner": "me", "aliases/live": "1"}
    assert google.shell.run("list", "--json").json["secrets"][0]["tags"] == result["tags"]
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


def test_the_metadata_of_key_vault_are_described(azure: OnAzure) -> None:
    now = int(time.time())
    for number in range(30):
        azure.put("connections", "db", more={"tags": {"n": str(number)}, "contentType": "text/plain"}, exp=now + DAY)
    result = azure.shell.run("describe", "connection", "db", "--json").json
    newest = azure.server.secrets["airflow-connections-db"]["version"]
    assert (result["name"], result["version"], result["state"]) == ("airflow-connections-db", newest, "enabled")
    assert (result["form"], result["tags"]) == ("text/plain", {"n": "29"})
    assert result["expires"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + DAY))
    assert azure.calls() == ["GetSecretVersions"] * 2
    assert "GetSecret" not in azure.server.log()
    azure.put("connections", "off", enabled=False)
    assert "STATE" in azure.shell.run("list").out
    states = {secret["id"]: secret["state"] for secret in azure.shell.run("list", "--json").json["secrets"]}
    assert states == {"db": "enabled", "off": "disabled"}
    linted = azure.shell.run("lint", "--json")
    assert linted.code == NO
    assert "since the secret is disabled" in linted.json["findings"][0]["text"]


def test_a_deleted_secret_of_key_vault_is_described(azure: OnAzure) -> None:
    azure.put("connections", "db")
    azure.server.delete("airflow-connections-db")
    result = azure.shell.run("describe", "connection", "db", "--json")
    assert (result.code, result.json["state"]) == (DONE, "deleted")
    assert result.json["deleted"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert azure.shell.run("get", "connection", "db").code == NO
    explained = azure.shell.run("explain", "connection", "db", "--json")
    (backend,) = explained.json["backends"]
    assert [because["check"] for because in backend["absent_because"]] == ["deleted"]
    assert "az keyvault secret recover --name airflow-connections-db" in explained.json["remedy"]
    assert "was deleted and can still be brought back" in azure.shell.run("explain", "connection", "db").out
    assert finding(azure.shell.run("doctor", "--json"), "deleted")["severity"] == "warning"


def test_a_secret_of_google_without_a_version_is_described(google: OnGoogle) -> None:
    google.server.describe("airflow-connections-db", labels={})
    assert google.shell.run("describe", "connection", "db", "--json").json["state"] == "without a version"
    explained = google.shell.run("explain", "connection", "db", "--json")
    assert explained.json["backends"][0]["absent_because"][0]["check"] == "no_version"
    assert "gcloud secrets versions add airflow-connections-db" in explained.json["remedy"]


def test_a_store_that_does_not_say_why_is_not_a_failure(google: OnGoogle, azure: OnAzure) -> None:
    google.server.set(forbidden=["secretmanager.secrets.get"])
    google.configure()
    explained = google.shell.run("explain", "connection", "absent")
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


def test_versions_of_one_second_are_not_distinguished(azure: OnAzure) -> None:
    for _ in range(2):
        azure.put("connections", "db", created=1, updated=1)
    result = azure.shell.run("describe", "connection", "db", "--json")
    assert (result.json["version"], "in one second" in result.err) == (None, True)
