"""The servers do what the other tests rely on: they refuse what they should, count correctly, and end."""

from __future__ import annotations

import ssl
import urllib.error
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.servers.aws import REGION, Credentials, MiniStack, allow, deny, ministack
from tests.servers.counting import Counter, counting_proxy
from tests.servers.faults import Faults
from tests.servers.process import ask
from tests.servers.tls import Certificate
from tests.servers.vault import Vault, openbao

READ = "secretsmanager:GetSecretValue"


def read(server: MiniStack, credentials: Credentials, name: str) -> str:
    """The value of a secret, in one request."""
    client = server.client("secretsmanager", credentials)
    return str(client.get_secret_value(SecretId=name)["SecretString"])


def error_of(server: MiniStack, credentials: Credentials, name: str) -> str:
    """The error code of a read that must fail."""
    with pytest.raises(ClientError) as caught:
        read(server, credentials, name)
    return str(caught.value.response["Error"]["Code"])


def test_a_user_reads_what_its_policy_allows_and_nothing_else(aws: MiniStack) -> None:
    aws.put_secrets({"airflow/a": "value", "airflow/no": "x", "other": "x"})
    user = aws.user(allow(READ, "airflow/*"), deny(READ, "airflow/no*"))
    assert read(aws, user, "airflow/a") == "value"
    assert error_of(aws, user, "airflow/no") == "AccessDeniedException"
    assert error_of(aws, user, "other") == "AccessDeniedException"


def test_a_wrong_signature_or_key_is_refused(aws: MiniStack) -> None:
    aws.put_secrets({"airflow/a": "value"})
    user = aws.user(allow(READ, "airflow/*"))
    assert error_of(aws, Credentials(user.access_key, "wrong"), "airflow/a") == "InvalidSignatureException"
    assert error_of(aws, Credentials("AKIAUNKNOWN", "wrong"), "airflow/a") == "UnrecognizedClientException"


def test_an_assumed_role_reads(aws: MiniStack) -> None:
    aws.put_secrets({"airflow/a": "value"})
    role = aws.role(allow(READ, "airflow/*"), external_id="external")
    user = aws.user({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role})
    assert read(aws, aws.assume(role, user, ExternalId="external"), "airflow/a") == "value"
    with pytest.raises(ClientError):
        aws.assume(role, user)


def test_a_reset_forgets(aws: MiniStack) -> None:
    aws.put_secrets({"airflow/a": "value"})
    user = aws.user(allow(READ, "airflow/*"))
    aws.reset()
    assert error_of(aws, user, "airflow/a") == "UnrecognizedClientException"


def test_the_open_server_accepts_every_caller(open_aws: MiniStack) -> None:
    open_aws.put_secrets({"a": "value", "binary": b"\x00"}, region=REGION)
    assert read(open_aws, Credentials("any", "thing"), "a") == "value"


def test_a_fault_fires_as_often_as_requested(aws: MiniStack, faults: Faults) -> None:
    aws.put_secrets({"airflow/a": "value"})
    user = aws.user(allow(READ, "airflow/*"))
    faults.error("ThrottlingException", times=1)
    through = MiniStack(faults.url)
    assert read(through, user, "airflow/a") == "value"
    assert [call.status for call in faults.asked.calls] == [400, 200]
    assert faults.reached.names() == ["airflow/a"]
    assert [event["operation"] for event in faults.fired()] == ["GetSecretValue"]


def test_a_dropped_connection_reaches_the_client(aws: MiniStack, faults: Faults) -> None:
    aws.put_secrets({"airflow/a": "value"})
    faults.rule(reset=True, times=1)
    through = MiniStack(faults.url)
    assert read(through, aws.user(allow(READ, "airflow/*")), "airflow/a") == "value"
    assert [call.status for call in faults.asked.calls] == [0, 200]


def test_every_call_is_counted(aws: MiniStack, counted: Counter) -> None:
    aws.put_secrets({"airflow/a": "value"})
    user = aws.user(allow(READ, "airflow/*"))
    client = MiniStack(counted.url).client("secretsmanager", user)
    for _ in range(3):
        client.get_secret_value(SecretId="airflow/a")
    assert counted.names() == ["airflow/a"] * 3
    assert counted.connections == 1
    counted.clear()
    assert counted.names() == []


def test_the_counting_proxy_speaks_tls(aws: MiniStack, tls: Certificate) -> None:
    aws.put_secrets({"airflow/a": "value"})
    user = aws.user(allow(READ, "airflow/*"))
    with counting_proxy(aws.url, tls) as front:
        assert read(MiniStack(front.url, tls.authority), user, "airflow/a") == "value"
        with pytest.raises(urllib.error.URLError) as caught:
            ask(front.url)
        assert isinstance(caught.value.reason, ssl.SSLError)


def test_the_server_speaks_tls_itself_and_ends(tls: Certificate, tmp_path: Path) -> None:
    with ministack(tmp_path, tls=tls) as server:
        server.put_secrets({"airflow/a": "value"})
        assert server.client("secretsmanager").get_secret_value(SecretId="airflow/a")["SecretString"] == "value"
    with pytest.raises(OSError, match="refused"):
        ask(server.url, authority=tls.authority)


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin" / "ministack"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho out of luck\nexit 3\n")
    fake.chmod(0o700)
    monkeypatch.setenv("STRONGROOM_SERVERS", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"ended with 3:\nout of luck"), ministack(tmp_path):
        pass


def test_vault_keeps_versions_policies_and_namespaces_apart(vault: Vault) -> None:
    vault.put("airflow/a", {"value": "1"})
    vault.put("airflow/a", {"value": "2"})
    vault.put("airflow/a", {"value": "3"}, "kv1", version=1)
    inner = vault.create_namespace("inner", namespace=vault.create_namespace("outer"))
    vault.put("airflow/a", {"value": "4"}, namespace=inner)
    reader = vault.token(vault.policy({"secret/data/airflow/*": ["read"]}))
    found = vault.read("secret/data/airflow/a", token=reader)
    assert (found["data"], found["metadata"]["version"]) == ({"value": "2"}, 2)
    assert vault.read("kv1/airflow/a") == {"value": "3"}
    assert vault.read("secret/data/airflow/a", namespace=inner)["data"] == {"value": "4"}
    for path, more in (("kv1/airflow/a", {}), ("secret/data/airflow/a", {"namespace": inner})):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            vault.read(path, token=reader, **more)
    assert "read kv1/airflow/a" in vault.requests()
    ask(f"{vault.url}/v1/sys/health", authority=vault.authority)


def test_vault_forgets(vault: Vault) -> None:
    vault.put("a", {"value": "1"})
    vault.create_namespace("inner", namespace=vault.create_namespace("outer"))
    vault.enable("approle")
    vault.quota(3)
    vault.reset()
    assert vault.names("secret/metadata") == vault.names("sys/namespaces") == []
    assert set(vault.read("sys/auth")) == {"token/"}
    assert all(vault.names("secret/metadata") == [] for _ in range(9)), "without a quota"


def test_vault_refuses_requests_beyond_a_quota(vault: Vault) -> None:
    vault.quota(2, "secret")
    token = vault.token()
    for status in (404, 404, 429, 429):
        with pytest.raises(urllib.error.HTTPError, match=str(status)):
            vault.read("secret/data/a", token=token)


def test_a_sealed_vault(tls: Certificate, tmp_path: Path) -> None:
    with openbao(tmp_path, tls) as server:
        server.seal()
        with pytest.raises(urllib.error.HTTPError, match="503"):
            server.read("secret/data/a")
