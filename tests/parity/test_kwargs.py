"""Every official keyword with every type of JSON value: if the official class reads a secret with it, so does ours.

Where the official class reads nothing ours may read more: it reads a number as the text that was intended. The keywords
of Google and Azure are in their folders.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.parity.comparison import PARAMETER_STORE, Case, Comparison, open_comparison
from tests.parity.vault_comparison import VaultComparison
from tests.servers.aws import MiniStack

#: Numbers, booleans, texts, lists, objects and null: true and false ones of each.
VALUES: list[Any] = [0, 1, 5, -1, 2.0, 0.0, 7.4, 123456789012, True, False, "", "5", "x", [], ["x"], {}, {"x": 1}, None]

AWS_KEYS = [
    "aws_session_token",
    "session_kwargs",
    "region_name",
    "profile_name",
    "role_arn",
    "assume_role_method",
    "assume_role_kwargs",
    "assume_role_with_saml",
    "assume_role_with_web_identity_federation",
    "assume_role_with_web_identity_token_file",
    "assume_role_with_web_identity_federation_audience",
    "verify",
    "service_config",
    "config_kwargs",
    "profile",
    "s3_config_file",
    "aws_account_id",
    "external_id",
    "connections_prefix",
    "variables_prefix",
    "config_prefix",
    "connections_lookup_pattern",
    "variables_lookup_pattern",
    "config_lookup_pattern",
    "sep",
    "extra_conn_words",
    "full_url_mode",
]

VAULT_KEYS = [
    "connections_path",
    "variables_path",
    "config_path",
    "use_team_secrets_path",
    "global_secrets_path",
    "auth_mount_point",
    "mount_point",
    "kv_engine_version",
    "token_path",
    "username",
    "password",
    "key_id",
    "secret_id",
    "role_id",
    "assume_role_kwargs",
    "region",
    "kubernetes_role",
    "kubernetes_jwt_path",
    "gcp_key_path",
    "gcp_keyfile_dict",
    "gcp_scopes",
    "azure_tenant_id",
    "azure_resource",
    "radius_host",
    "radius_secret",
    "radius_port",
    "jwt_role",
    "jwt_token",
    "jwt_token_path",
    "verify",
    "cert",
    "proxies",
    "timeout",
    "allow_redirects",
    "namespace",
    "strict_http",
    "request_header",
    "ignore_exceptions",
]


def cases(keys: Sequence[str]) -> Iterator[Case]:
    """Each key with each value; keys of names for each getter."""
    for key, value in itertools.product(keys, VALUES):
        # `open(5)` would read, and close, the file of this process with that descriptor.
        if key == "token_path" and isinstance(value, int):
            continue
        of_names = key.endswith(("_prefix", "_path", "_pattern", "_words")) or key == "sep"
        for lookup in ("var", "conn", "config") if of_names else ("var",):
            yield Case(f"{lookup} {key}={value!r}", {key: value}, lookup, "hello")


@pytest.fixture(scope="module")
def parameters(aws_server: MiniStack) -> Iterator[Comparison]:
    """The parameter store, with its users."""
    with open_comparison(aws_server, PARAMETER_STORE) as opened:
        yield opened


def check(comparison: Comparison | VaultComparison, all_cases: Iterator[Case], folder: Path) -> None:
    """All cases together, since a server is filled once for all of them; every difference is named."""
    wrong = []
    for case in all_cases:
        official, ours = comparison.run(case, folder)
        if official.ending == "value" and (ours.ending, ours.value) != (official.ending, official.value):
            wrong.append(f"{case.id}: official {official.value!r}, ours {ours.ending} {ours.value!r} {ours.error!r}")
    assert wrong == [], "\n".join(wrong)


def test_secrets_manager(comparison: Comparison, tmp_path: Path) -> None:
    """There are secrets with names below a prefix and bare ones."""
    named = {f"airflow/{kind}/hello": "postgres://h" for kind in ("connections", "config")}
    with comparison.holding({"hello": "bare", "5/hello": "five", **named}):
        check(comparison, cases(AWS_KEYS), tmp_path)


def test_parameter_store(parameters: Comparison, tmp_path: Path) -> None:
    """The same for parameters."""
    named = {f"/airflow/{kind}/hello": "postgres://h" for kind in ("connections", "config")}
    with parameters.holding({"/hello": "bare", **named}):
        check(parameters, cases(AWS_KEYS), tmp_path)


def test_vault(vault_comparison: VaultComparison, tmp_path: Path) -> None:
    """With a token, in a mount with a number for a name, and below paths with other names."""
    vault_comparison.server.mount("77")
    paths = ["secret/data/connections/hello", "secret/data/config/hello", "secret/data/hello", "secret/data/x/hello"]
    with vault_comparison.holding({path: {"value": path, "conn_uri": path} for path in paths}):
        check(vault_comparison, cases(VAULT_KEYS), tmp_path)
