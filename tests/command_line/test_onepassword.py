"""Commands on 1Password Connect: archived items, its health, and items that are no connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.command_line.shell import DONE, NO, STORE, Shell
from tests.command_line.store_shell import StoreShell, open_store
from tests.servers.onepassword import HEALTH, OnePassword, custom, login, made, of_text

CANARY = "canary-2d90e7"


@pytest.fixture
def double(guarded_servers: Callable[[type[OnePassword]], OnePassword]) -> OnePassword:
    """The server of the tests below."""
    return guarded_servers(OnePassword)


@pytest.fixture
def onepassword(request: pytest.FixtureRequest, shell: Shell, double: OnePassword) -> Iterator[StoreShell]:
    """An empty vault."""
    shell.secrets.append(CANARY)
    with open_store("onepassword", shell, request) as opened:
        yield opened


def found(onepassword: StoreShell, **options: Any) -> dict[str, str]:
    """Severity and text by check."""
    findings = onepassword.run("doctor", "--json", **options).json["findings"]
    return {each["check"]: f"{each['severity']}: {each['evidence']}" for each in findings}


def test_explain_says_that_an_absent_item_is_archived(onepassword: StoreShell, double: OnePassword) -> None:
    item = {**of_text("airflow/variables/a", CANARY), "state": "ARCHIVED"}
    double.items = [item]
    run = onepassword.run("explain", "variable", "a")
    assert run.code == NO
    said = " ".join(run.out.split())
    assert f"the item `airflow/variables/a` ({item['id']}) is archived, and lookups do not return it" in said
    (listed,) = onepassword.run("list", "variables", "--json").json["secrets"]
    assert (listed["id"], listed["state"], listed["store_id"]) == ("a", "archived", item["id"])
    described = onepassword.run("describe", "variable", "a", "--json")
    assert (described.code, described.json["state"]) == (DONE, "archived")


def test_an_item_is_described_by_category_version_dates_and_tags(onepassword: StoreShell, double: OnePassword) -> None:
    double.items = [made("airflow/variables/a", login(password=CANARY), version=7, tags=["team=data", "x"])]
    described = onepassword.run("describe", "variable", "a", "--json").json
    assert (described["form"], described["version"], described["tags"]) == ("LOGIN", "7", {"team": "data", "x": ""})
    assert described["created"].startswith("2026-03-01T12:30:00")
    assert found(onepassword)["describe"].startswith("ok")


@pytest.mark.parametrize(
    ("status", "severity"), [("ACTIVE", "ok"), ("TOKEN_NEEDED", "note"), ("ERROR", "warning"), (None, None)]
)
def test_doctor_shows_the_health_of_the_server(
    onepassword: StoreShell, double: OnePassword, status: str | None, severity: str | None
) -> None:
    sync = {"service": "sync", "status": status, "message": CANARY}
    double.health = {**HEALTH, "dependencies": [sync]} if status else {}
    health = found(onepassword).get("health")
    expected = f"{severity}: version 1.7.3 of the Connect server: sync {status}"
    assert health == (expected if status else None)


def test_doctor_names_an_uncertain_vault_and_a_missing_address(onepassword: StoreShell, double: OnePassword) -> None:
    assert found(onepassword)["identity"].startswith("ok: the store is asked as a token, for vault `")
    double.vaults["b" * 26] = "B"
    onepassword.options["vault"] = None
    assert found(onepassword)["read"].endswith("the token may read several: `Airflow`, `B` (onepassword_connect read)")
    del onepassword.options["address"]
    assert found(onepassword)["address"] == "problem: there is no address of 1Password Connect"


def test_other_names_of_the_store_and_its_options_are_known(onepassword: StoreShell) -> None:
    for word in ("onepassword", "1password", "onepassword_connect"):
        (store,) = onepassword.shell.run("stores", word, "--json").json
        assert store["name"] == "onepassword_connect"
    warned = onepassword.run("doctor", "--offline", url=CANARY, vault_uuid=CANARY).out
    assert "Did you mean `address`?" in warned
    assert "Did you mean `vault_id`?" in warned


def test_lint_finds_fields_that_are_no_part_of_a_connection(onepassword: StoreShell, double: OnePassword) -> None:
    fields = [custom("conn_type", "postgres"), custom("host", "h"), custom("sslmode", CANARY)]
    double.items = [
        made("airflow/connections/parts", fields),
        *(made("airflow/connections/twins", [], number) for number in (1, 2)),
    ]
    run = onepassword.run("lint", "--json")
    assert run.code == NO
    (dropped,) = [each for each in run.json["findings"] if each["check"] == "dropped"]
    assert (dropped["id"], "`sslmode`" in str(dropped)) == ("parts", True)
    assert {"parts", "twins"} <= {each["id"] for each in run.json["findings"]}
    twins = onepassword.run("get", "connection", "twins", "--json")
    assert (twins.code, "several items have this title" in twins.json["error"]["message"]) == (STORE, True)


def test_two_items_of_one_title_are_both_listed(onepassword: StoreShell, double: OnePassword) -> None:
    twins = [made("airflow/variables/a", login(password=CANARY), number) for number in (1, 2)]
    double.items = [
        *twins,
        {**made("airflow/variables/b", [], 3), "state": "ARCHIVED"},
        made("airflow/variables/b", [], 4),
    ]
    run = onepassword.run("list", "variables", "--json")
    listed = [(each["id"], each["store_id"]) for each in run.json["secrets"]]
    ids = [item["id"] for item in double.items]
    assert sorted(listed) == sorted(zip("aabb", ids, strict=True))
    assert f"2 secrets in the store have the name `airflow/variables/a`: {ids[0]}, {ids[1]}. Rename or" in run.err
    # An archived item is none that a lookup could take for the other one.
    assert run.err.count("secrets in the store have the name") == 1
    assert len(onepassword.run("list", "variables").out.splitlines()) == 5
    assert onepassword.run("get", "variable", "a").code == STORE
