"""Several stores in one backend: order, routing, exact calls, the page's set-ups, and what is wrong with a chain."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.exceptions import AccessDeniedError, ConfigurationError
from tests.python.backends import READ, messages
from tests.servers.aws import REGION, MiniStack, deny
from tests.servers.counting import Counter
from tests.servers.silent import silent_server

PAGE = Path(__file__).parents[3] / "docs" / "several-stores.md"


def memory(name: str, secrets: dict[str, str], **options: Any) -> dict[str, Any]:
    """A member in memory."""
    return {"name": name, "store": "memory", "secrets": secrets, **options}


def variables(**values: str) -> dict[str, str]:
    """Variables by their full names."""
    return {f"airflow/variables/{key}": value for key, value in values.items()}


def manager(url: str, aws: MiniStack, *denied: str, **options: Any) -> dict[str, Any]:
    """A member on the server at ``url``."""
    user = aws.user(READ, *[deny("secretsmanager:GetSecretValue", name) for name in denied])
    place = {"region_name": REGION, "endpoint_url": url, "max_attempts": 1, **user.options()}
    return {"name": "manager", "store": "aws_secrets_manager", **place, **options}


def test_the_first_store_that_has_it_answers_with_no_call_too_many(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/both": "remote", "airflow/variables/remote": "remote"})
    backend = ChainBackend(stores=[memory("near", variables(both="near")), manager(counted.url, aws)])
    for _ in range(3):
        assert [backend.get_variable(key) for key in ("both", "remote", "gone")] == ["near", "remote", None]
    assert counted.names() == ["airflow/variables/remote", "airflow/variables/gone"]
    backend.refresh("remote")
    assert backend.get_variable("remote") == "remote"
    assert counted.names()[2:] == ["airflow/variables/remote"]


def test_a_member_out_of_question_gets_no_call(counted: Counter, aws: MiniStack) -> None:
    for routing in ({"kinds": ["config"]}, {"ids": "prod_"}, {"teams": ["a"]}, {"variables_prefix": None}):
        backend = ChainBackend(stores=[manager(counted.url, aws, **routing), memory("last", variables(db="last"))])
        assert backend.get_variable("db", team_name="b") == "last"
    assert counted.names() == []


def test_no_lookup_of_one_team_asks_for_the_name_of_another(
    counted: Counter, aws: MiniStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "true")
    for teams in (None, ["a"], ["b"], ["a", "b"], [None]):
        for key in ("db", "a--db", "b--db"):
            backend = ChainBackend(stores=[manager(counted.url, aws, teams=teams), memory("last", {})])
            counted.clear()
            assert backend.get_variable(key, team_name="a") is None
            is_asked = key == "db" and (teams is None or "a" in teams)
            assert counted.names() == (["airflow/variables/a--db", "airflow/variables/db"] if is_asked else [])


@pytest.mark.parametrize(
    ("on_error", "answer"),
    [("official", None), ("next", "last"), ("raise", None), ("miss", "last"), ("deny", None), ("stop", None)],
)
def test_what_a_denied_member_means_for_the_rest(
    on_error: str, answer: str | None, counted: Counter, aws: MiniStack, caplog: pytest.LogCaptureFixture
) -> None:
    denied = manager(counted.url, aws, "airflow/variables/*", on_error=on_error)
    backend = ChainBackend(stores=[denied, memory("last", variables(db="last"))])
    if answer is None:
        with pytest.raises(AccessDeniedError, match="member `manager`: "):
            backend.get_variable("db")
    else:
        assert backend.get_variable("db") == answer
    (warning,) = [text for text in messages(caplog) if "no exception that ends" not in text]
    assert "member `manager`: " in warning
    assert ("The next store is asked." in warning) == (answer is not None)


def test_a_member_that_hangs_leaves_time_for_the_next() -> None:
    with silent_server() as url:
        hanging = {"name": "slow", "store": "hashicorp_vault", "url": url, "token": "t", "on_error": "next"}
        backend = ChainBackend(stores=[hanging, memory("last", variables(db="last"))], timeout="2s")
        assert backend.get_variable("db") == "last"


def test_an_event_loop_gets_the_same(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/remote": "remote"})
    backend = ChainBackend(stores=[memory("near", {}), manager(counted.url, aws)])
    assert asyncio.run(backend.aget_variable("remote")) == "remote"
    assert asyncio.run(backend.aget_variable("remote")) == "remote"
    assert counted.names() == ["airflow/variables/remote"]


def test_a_child_asks_anew_and_does_not_hang(counted: Counter, aws: MiniStack) -> None:
    aws.put_secrets({"airflow/variables/remote": "remote"})
    backend = ChainBackend(stores=[memory("near", {}), manager(counted.url, aws)])
    for _ in range(200):
        assert backend.get_variable("remote") == "remote"
        child = os.fork()
        if child == 0:
            os._exit(0 if backend.get_variable("remote") == "remote" else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert len(counted.names()) == 201


def test_the_audit_names_the_member(tmp_path: Path) -> None:
    stores = [memory("near", {}), memory("far", variables(db="x"))]
    backend = ChainBackend(stores=stores, audit_path=str(tmp_path / "audit.jsonl"))
    assert backend.get_variable("db") == "x"
    line = json.loads((tmp_path / "audit.jsonl").read_text())
    assert (line["member"], line["store"], line["outcome"]) == ("far", "memory", "value")


def test_what_is_written_as_text_in_the_environment_is_the_same() -> None:
    backend = ChainBackend(stores=json.dumps([memory("near", variables(env="yes"))]))
    assert backend.get_variable("env") == "yes"


def test_what_could_work_does_and_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    stores = [memory("one", variables(ok="1"), knds=["config"]), {"name": "two", "store": "valt"}]
    backend = ChainBackend(stores=stores)
    assert backend.get_variable("ok") == "1"
    with pytest.raises(ConfigurationError, match="member `two`: this build has no store `valt`"):
        backend.get_variable("other")
    warnings = messages(caplog)
    assert "member `one`: the unknown key `knds` is ignored. Did you mean `kinds`?" in warnings
    assert any("Did you mean `vault`?" in warning for warning in warnings)
    with pytest.raises(ConfigurationError, match="Did you mean `kinds`"):
        ChainBackend(stores=stores, strict=True)


def test_a_store_that_is_never_of_use_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    secrets = variables(shadow="1")
    ChainBackend(stores=[memory("one", secrets), memory("two", secrets, kinds="config"), memory("three", {}, teams=[])])
    warnings = messages(caplog)
    assert any("`two`: it is never of use, since `one` asks" in warning for warning in warnings)
    assert any("`three`: it is never asked" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("stores", "text"),
    [
        (None, "there is no store in the chain"),
        ([], "there is no store in the chain"),
        ("not JSON canary", "neither a list nor valid JSON"),
        ([memory("a", {}), memory("a", {})], "two stores of the chain have the name `a`"),
        ([{"store": "valt"}], "this build has no store `valt`"),
        ([memory("arn", {})], "`arn` cannot be the name"),
        ([{}], "neither `store` nor `name`"),
    ],
)
def test_what_can_never_work_is_refused(stores: Any, text: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(text)) as raised:
        ChainBackend(stores=stores)
    assert "canary" not in str(raised.value)


def test_no_value_is_shown() -> None:
    backend = ChainBackend(stores=[memory("near", variables(db="canary-61"))])
    assert "canary" not in f"{backend!r} {vars(backend)}"


def test_every_set_up_of_the_page_can_be_constructed() -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 5
    for block in blocks:
        assert ChainBackend(**json.loads(block), strict=True) is not None
