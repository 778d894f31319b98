"""What the command line says about a chain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

STORES: list[dict[str, Any]] = [
    {"name": "conns", "store": "memory", "secrets": {"airflow/variables/v": "canary-1"}, "kinds": ["connections"]},
    {"name": "near", "store": "memory", "secrets": {"airflow/variables/v": "canary-2"}},
    {
        "name": "far",
        "store": "memory",
        "secrets": {"airflow/variables/v": "canary-3", "airflow/variables/w": "canary-4"},
    },
    {"name": "odd", "store": "memroy"},
]


def strongroom(*arguments: str, stores: list[dict[str, Any]] = STORES, **options: Any) -> tuple[int, str]:
    """The exit code and both outputs of a command on a chain of ``stores``."""
    configured = {
        "AIRFLOW_HOME": "/nonexistent",
        "AIRFLOW__SECRETS__BACKEND": "strongroom.chain.ChainBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"stores": stores, **options}),
    }
    command = [sys.executable, "-m", "strongroom", *arguments]
    ended = subprocess.run(command, env={**os.environ, **configured}, capture_output=True, text=True, check=False)
    assert "canary" not in ended.stdout + ended.stderr
    return ended.returncode, ended.stdout + ended.stderr


def test_explain_shows_every_member_and_why_it_was_passed_over() -> None:
    code, text = strongroom("explain", "variable", "v")
    assert code == 0
    places = [
        "`conns` (Memory): passed over: its `kinds` leave variables out",
        "`near` (Memory): value",
        "airflow/variables/v: value",
        "`far` (Memory): not asked: the search was over before",
        "`odd` (not configured): not asked",
    ]
    assert [text.index(place) for place in places] == sorted(text.index(place) for place in places)


def test_list_merges_the_members_and_names_the_one_that_answers() -> None:
    code, text = strongroom("list", "variable", "--json", stores=STORES[:3])
    assert code == 0
    listed = json.loads(text)["secrets"]
    assert [(secret["id"], secret["member"]) for secret in listed] == [("v", "near"), ("w", "far")]


def test_doctor_checks_each_member_and_reports_a_useless_one() -> None:
    code, text = strongroom("doctor", stores=[STORES[1], {**STORES[1], "name": "again"}])
    assert code == 0
    assert "`again`: it is never of use, since `near` asks the same store" in text
    assert "`near`: " in text
    assert "`again`: " in text


def test_get_looks_up_along_the_chain() -> None:
    assert strongroom("get", "variable", "w", stores=STORES[:3])[0] == 0
    assert strongroom("get", "variable", "x", stores=STORES[:3])[0] == 1


def test_a_command_on_one_store_refuses_a_chain() -> None:
    code, text = strongroom("lint")
    assert code not in (0, 1)
    assert "looks at a single store" in text


def test_doctor_and_explain_know_the_agent_of_a_chain() -> None:
    options = {"agent": "/nonexistent/agent.sock"}
    stores = [FOREIGN, *STORES[1:3]]
    code, text = strongroom("agent", "status", stores=stores, **options)
    assert (code, "no agent of this user listens at /nonexistent/agent.sock" in text) == (1, True)
    code, text = strongroom("doctor", stores=stores, **options)
    assert "no agent of this user listens at /nonexistent/agent.sock" in text
    code, text = strongroom("explain", "variable", "v", stores=stores, **options)
    assert code == 0
    assert "Airflow's lookups ask the agent, which may hold an older answer" in text
    assert "is asked by the process itself: `Backend`" in text


def test_a_policy_is_of_the_member_that_reads_the_store() -> None:
    vault = {"store": "vault", "url": "http://127.0.0.1:1", "token": "t", "variables_path": "only-here"}
    code, text = strongroom("policy", "vault", stores=[STORES[1], vault])
    assert code == 0
    assert "only-here" in text
    code, text = strongroom("policy", "vault", stores=[vault, {**vault, "name": "second"}])
    assert code not in (0, 1)
    assert "`vault`, `second` of the chain read this store" in text


FOREIGN = {"class": "tests.python.chain.company.Backend", "kwargs": {"v": "canary-5"}}


def test_a_class_of_another_package_is_named() -> None:
    stores = [FOREIGN, *STORES[1:3]]
    code, text = strongroom("explain", "variable", "v", stores=stores)
    assert (code, "`Backend` (Class of another package): value\n      variables/v: value" in text) == (0, True)
    code, text = strongroom("explain", "variable", "raises", stores=stores)
    assert "`tests.python.chain.company.Backend` raised RuntimeError" in text
    code, text = strongroom("doctor", stores=stores)
    assert code == 0
    assert "`Backend`: Class of another package answered" in text
    code, text = strongroom("get", "variable", "v", stores=stores)
    assert code == 0


def test_the_other_members_are_listed_beside_it() -> None:
    code, text = strongroom("list", "variable", "--json", stores=[FOREIGN, *STORES[1:3]])
    assert code == 0
    assert [secret["id"] for secret in json.loads(text[: text.rindex("}") + 1])["secrets"]] == ["v", "w"]
    assert "warning: member `Backend`: Class of another package cannot list its secrets" in text
