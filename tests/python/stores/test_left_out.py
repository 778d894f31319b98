"""Secrets that are left out by their tags or names, on stores that have tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from strongroom.aws import SecretsManagerBackend, SystemsManagerParameterStoreBackend
from strongroom.azure import AzureKeyVaultBackend
from strongroom.doppler import DopplerBackend
from strongroom.exceptions import AccessDeniedError, ConfigurationError
from strongroom.google import CloudSecretManagerBackend
from strongroom.hashicorp import VaultBackend
from tests.python.backends import READ, READ_PARAMETERS, aws_backend, memory_backend, parameter_backend
from tests.servers.aws import MiniStack, allow, allow_parameters
from tests.servers.azure import CLIENT, SECRET, TENANT, VAULT, Azure
from tests.servers.counting import Counter
from tests.servers.google import GoogleServer
from tests.servers.vault import Vault

#: Two that match, then one without the tag, one with another value and one that is excluded.
TAGS: dict[str, dict[str, str]] = {
    "a": {"team": "data"},
    "b": {"team": "data", "env": "prod"},
    "c": {},
    "d": {"team": "other"},
    "e": {"team": "data", "draft": "yes"},
}
RULES: dict[str, Any] = {"filter_on_tags": {"team": "data"}, "excluded_tags": ["draft"]}
FOUND = {"a": "of a", "b": "of b", "c": None, "d": None, "e": None, "gone": None}


def read(backend: Any) -> dict[str, Any]:
    """Every variable, and one that does not exist."""
    return {name: backend.get_variable(name) for name in FOUND}


def test_secrets_manager(aws: MiniStack, counted: Counter) -> None:
    """Cold two requests for a secret and one for what is left out; warm none."""
    client = aws.client("secretsmanager")
    for name, tags in TAGS.items():
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        client.create_secret(Name=f"airflow/variables/{name}", SecretString=f"of {name}", Tags=listed)
    user = aws.user(READ, allow("secretsmanager:DescribeSecret", "airflow/*"))
    backend: SecretsManagerBackend = aws_backend(counted.url, user, **RULES)
    assert read(backend) == FOUND
    assert read(backend) == FOUND
    assert counted.operations() == ["DescribeSecret", "GetSecretValue"] * 2 + ["DescribeSecret"] * 4
    assert counted.names() == ["airflow/variables/a", "airflow/variables/b"]


def test_a_missing_permission_to_describe_is_an_error(aws: MiniStack) -> None:
    """And not an absence: other stores must not answer in its place."""
    aws.put_secrets({"airflow/variables/a": "x"})
    with pytest.raises(AccessDeniedError, match="DescribeSecret"):
        aws_backend(aws.url, aws.user(READ), on_error="raise", **RULES).get_variable("a")


def test_parameter_store(aws: MiniStack) -> None:
    """Their tags need a request of their own, and not the right to list all parameters."""
    client = aws.client("ssm")
    for name, tags in TAGS.items():
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        client.put_parameter(Name=f"/airflow/variables/{name}", Value=f"of {name}", Type="SecureString", Tags=listed)
    user = aws.user(READ_PARAMETERS, allow_parameters("ssm:ListTagsForResource", "airflow/*"))
    backend: SystemsManagerParameterStoreBackend = parameter_backend(aws.url, user, **RULES)
    assert read(backend) == FOUND


def test_google(google_server: GoogleServer) -> None:
    google = google_server
    google.reset()
    for name, tags in TAGS.items():
        google.put(f"airflow-variables-{name}", f"of {name}")
        google.describe(f"airflow-variables-{name}", labels=tags)
    assert read(CloudSecretManagerBackend(**google.options(), **RULES)) == FOUND


def test_azure(azure_server: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    azure_server.reset()
    monkeypatch.setenv("HTTPS_PROXY", azure_server.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure_server.tls.authority))
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    for name, tags in TAGS.items():
        azure_server.put(f"airflow-variables-{name}", f"of {name}", {"tags": tags})
    principal = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET}
    assert read(AzureKeyVaultBackend(vault_url=VAULT, **principal, **RULES)) == FOUND


def test_vault(vault: Vault) -> None:
    for name, tags in TAGS.items():
        vault.put(f"variables/{name}", {"value": f"of {name}"})
        vault.write(f"secret/metadata/variables/{name}", {"custom_metadata": tags})
    rules = {"secret/data/*": ["read"], "secret/metadata/*": ["read"]}
    backend = VaultBackend(url=vault.plain_url, token=vault.token(vault.policy(rules)), **RULES)
    assert read(backend) == FOUND


def test_a_prefix_costs_no_request_and_keeps_batches(aws: MiniStack, counted: Counter) -> None:
    aws.put_secrets({f"{begin}/variables/{name}": f"of {begin} {name}" for begin in ("p", "q") for name in "ab"})
    user = aws.user(allow("secretsmanager:GetSecretValue", "*"))
    backend = aws_backend(counted.url, user, variables_prefix="q/variables", filter_on_prefix="p/")
    assert [backend.get_variable(name) for name in "ab"] == [None, None]
    assert counted.operations() == []
    within = aws_backend(
        counted.url, user, variables_prefix="variables", filter_on_prefix={"prefix": "p/", "keep_prefix": False}
    )
    assert [within.get_variable(name) for name in ("a", "b", "gone")] == ["of p a", "of p b", None]
    assert counted.names() == ["p/variables/a", "p/variables/b", "p/variables/gone"]


def test_a_store_without_tags_has_nothing_to_show() -> None:
    backend = memory_backend({"airflow/variables/a": "x"}, on_error="raise", **RULES)
    assert backend.get_variable("a") is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("filter_on_tags", "team"),
        ("excluded_tags", {"team": ["canary-a"]}),
        ("filter_on_prefix", {"keep_prefix": True}),
        ("filter_on_prefix", 5),
    ],
)
def test_what_no_filter_can_be_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=rf"`{key}` in backend_kwargs") as raised:
        memory_backend({}, **{key: value})
    assert "canary" not in str(raised.value)


def test_a_filter_may_be_written_as_text() -> None:
    """As an environment variable for one key has it."""
    with pytest.raises(ConfigurationError, match="filter_on_tags"):
        DopplerBackend(token="dp.st.dev.0123456789012345678901234567890123456789", filter_on_tags="[1]")
    assert memory_backend({"a": "x"}, variables_prefix="", filter_on_prefix="a").get_variable("a") == "x"
