"""import-config: what comes out of the examples of other tools' documentation, and what a backend makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomllib

from strongroom.chain import ChainBackend
from tests.command_line.shell import CONFIGURATION, DONE, Shell

EXAMPLES = Path(__file__).parents[1] / "golden" / "import"
#: The secrets of the examples.
SECRETS = {
    "airbyte-aws-keys.json": ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
    "airbyte-azure.json": ["your-client-secret-value-here"],
    "kestra-aws.yaml": ["mysuperaccesskey", "mysupersecretkey", "mysupersessiontoken"],
    "kestra-vault-approle.yaml": ["<your-secret-id>"],
    "kestra-vault-token.yaml": ["<your-secret-token>"],
    "kestra-vault-root-engine.yaml": ["YOUR_TOKEN"],
    "kestra-vault-userpass.yaml": ["foo"],
    "kestra-doppler.yaml": ["YOUR_TOKEN"],
    "kestra-1password.yaml": ["YOUR_TOKEN"],
    "kestra-delinea.yaml": ["YOUR_PASSWORD"],
    "kestra-beyondtrust.yaml": ["YOUR_API_KEY"],
}
STORES = {
    "airbyte-aws-role.json": "aws_secrets_manager",
    "airbyte-aws-keys.json": "aws_secrets_manager",
    "airbyte-azure.json": "azure_key_vault",
    "kestra-aws.yaml": "aws_secrets_manager",
    "kestra-azure.yaml": "azure_key_vault",
    "kestra-google.yaml": "google_secret_manager",
    "kestra-vault-approle.yaml": "hashicorp_vault",
    "kestra-vault-kubernetes.yaml": "hashicorp_vault",
    "kestra-vault-root-engine.yaml": "hashicorp_vault",
    "kestra-vault-token.yaml": "hashicorp_vault",
    "kestra-vault-userpass.yaml": "hashicorp_vault",
    "kestra-doppler.yaml": "doppler",
    "kestra-1password.yaml": "onepassword_connect",
    "kestra-delinea.yaml": "delinea",
    "kestra-beyondtrust.yaml": "beyondtrust",
}
LATER = ["cyberark", "elasticsearch", "jdbc"]
CANARY = "canary-70b1d4"


@pytest.mark.parametrize("example", STORES)
def test_an_example_becomes_options_in_both_forms(example: str, shell: Shell) -> None:
    shell.secrets += SECRETS.get(example, [])
    path = str(EXAMPLES / example)
    masked = shell.run("import-config", path)
    has_secret = example in SECRETS or example in ("kestra-google.yaml", "kestra-azure.yaml")
    assert (masked.code, "***" in masked.out) == (DONE, has_secret)
    shell.secrets.clear()
    options = json.loads(shell.run("import-config", "--reveal", path).out)
    found = tomllib.loads(shell.run("import-config", "--reveal", "--format", "toml", "--name", "a", path).out)
    assert found == {"stores": [{"name": "a", "store": STORES[example], **options}]}
    assert all(secret in options.values() for secret in SECRETS.get(example, []))


@pytest.mark.parametrize("word", LATER)
def test_a_store_that_there_is_not_yet_is_named(word: str, shell: Shell) -> None:
    run = shell.run("import-config", str(EXAMPLES / f"kestra-{word}.yaml"))
    assert (run.code, run.out) == (CONFIGURATION, "")
    assert run.err.startswith(f"strongroom: the store `{word}` of Kestra (")
    assert run.err.endswith("is not supported yet\n")


def test_standard_input_and_notes(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    given = {
        "auth_type": "iam_role",
        "roleArn": "arn:aws:iam::1:role/r",
        "awsRegion": "r",
        "tagKey": CANARY,
        "awsRegoin": 5,
    }
    run = shell.run("import-config", stdin=json.dumps(given))
    assert json.loads(run.out) == {"role_arn": "arn:aws:iam::1:role/r", "region_name": "r"}
    for part in ("`awsRegoin`", "`tagKey`", "strongroom.aws.SecretsManagerBackend"):
        assert part in run.err
    assert shell.run("import-config", "--strict", stdin=json.dumps(given)).code == CONFIGURATION


def test_all_faults_are_reported_at_once_and_show_nothing(shell: Shell) -> None:
    shell.secrets.append(CANARY)
    given = {
        "secret": {
            "type": "vault",
            "vault": {"token": {"token": [CANARY]}, "appRole": {"secretId": CANARY}, CANARY[:6]: 1},
        }
    }
    run = shell.run("import-config", "--json", stdin=json.dumps(given))
    message = run.json["error"]["message"]
    assert run.code == CONFIGURATION
    for part in ("`address` in `secret.vault` is missing", "is a list, not a text", "`role-id`", "two logins"):
        assert part in message, message


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\xff\xfe", b"- a", b"5", b"{", b"a: [", b"&a [*a]", b'{"kestra": ' * 500, b"x" * 2_000_000],
)
def test_files_of_any_kind_are_refused_in_words(content: bytes, shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    run = shell.run("import-config", str(path))
    assert (run.code, run.out, run.err.startswith("strongroom: ")) == (CONFIGURATION, "", True), run.err
    assert "panic" not in run.err


def test_a_folder_and_an_absent_file_are_named(shell: Shell, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        assert str(path) in shell.run("import-config", str(path)).err


def test_a_member_of_a_chain_takes_it_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    variables = tmp_path / "v.json"
    variables.write_text('{"region": "eu"}')
    storage = {
        "vaultUrl": "https://v-1.vault.azure.net",
        "tenantId": "t",
        "clientId": "c",
        "clientSecret": CANARY,
        "tags": "a=b",
    }
    chain = ChainBackend(
        stores=[{"store": "local", "variables_file_path": str(variables)}, {"name": "airbyte", "config": storage}]
    )
    assert chain.get_variable("region") == "eu"
    assert "member `airbyte`: `tags` in Airbyte's configuration of Azure Key Vault has no effect" in caplog.text
    assert CANARY not in caplog.text
