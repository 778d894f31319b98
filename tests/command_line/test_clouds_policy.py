"""The documents for Google and Azure, checked with an evaluator of Google's expression language and part by part."""

from __future__ import annotations

import pytest
from celpy import Environment
from celpy.adapter import json_to_cel

from tests.command_line.clouds import OnAzure, OnGoogle
from tests.command_line.shell import CONFIGURATION


def allows(expression: str, name: str) -> bool:
    """The result of an IAM condition for the name of a secret, by an evaluator of Google's expression language."""
    environment = Environment()
    program = environment.program(environment.compile(expression))
    return bool(program.evaluate({"resource": json_to_cel({"name": name})}))


@pytest.mark.parametrize("mode", ["read", "manage"])
def test_the_condition_of_google_is_true_below_the_prefixes_only(google: OnGoogle, mode: str) -> None:
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
    # The permissions on the whole project allow no reading of values and no changes to existing secrets.
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


def test_a_project_without_a_number_is_refused(google: OnGoogle) -> None:
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


def test_a_prefix_for_azure_is_refused(azure: OnAzure) -> None:
    refused = azure.shell.run("policy", "azure", "--prefix", "mine-")
    assert (refused.code, refused.out) == (CONFIGURATION, "")
    assert "no condition on names" in refused.err
