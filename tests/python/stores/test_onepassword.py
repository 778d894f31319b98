"""1Password Connect: what only this store has, and how many requests it gets."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from strongroom.chain import ChainBackend
from strongroom.exceptions import AccessDeniedError, ConfigurationError, MalformedSecretError, UnauthenticatedError
from strongroom.onepassword import OnePasswordConnectBackend
from tests.python.scripts import run
from tests.python.stores.doubles import alone, counting, empty
from tests.python.stores.doubles import asked as asked_of
from tests.servers.counting import Counter
from tests.servers.double import Answer, Request, serving
from tests.servers.onepassword import ITEMS, NAME, VAULT, VAULTS, OnePassword, custom, login, made, of_text

SEARCH, ITEM, LIST, FIND_VAULT = "search", "item", "list", "vaults"
CANARY = "canary-4b81c6"
DATABASE = [
    custom("type", "postgresql", type="MENU"),
    custom("server", "db.example"),
    custom("port", "5432"),
    custom("database", "sales"),
    *login(username="app", password=CANARY, notesPlain="ours"),
    custom("sslmode", "require", "extra"),
]

onepassword = empty(OnePassword)
counted = counting("onepassword")


def backend(url: str, **options: Any) -> OnePasswordConnectBackend:
    """A backend of its own."""
    own = {"token": OnePassword.token, "address": url, "vault": VAULT}
    return OnePasswordConnectBackend(**{**own, **alone(), **options})


def fill(onepassword: OnePassword, *keys: str) -> list[str]:
    """Variables whose value is their key; returns the keys."""
    onepassword.secrets |= {f"airflow/variables/{key}": key for key in keys}
    return list(keys)


def asked(counter: Counter) -> list[str]:
    """What was asked for since the last time."""
    return asked_of(counter, lambda path, query: {VAULTS: FIND_VAULT, ITEMS: SEARCH if query else LIST}.get(path, ITEM))


def test_a_cold_lookup_is_two_requests_a_warm_one_none_and_an_absent_one_one(
    onepassword: OnePassword, counted: Counter
) -> None:
    fill(onepassword, "a")
    options = alone()
    assert [backend(counted.url, **options).get_variable("a") for _ in range(10_000)] == ["a"] * 10_000
    assert asked(counted) == [SEARCH, ITEM]
    assert [backend(counted.url, **options).get_variable("gone") for _ in range(10)] == [None] * 10
    assert asked(counted) == [SEARCH]


@pytest.mark.parametrize("written", [{"vault": NAME}, {"vault": None, "vaultId": NAME}, {"vault": None}])
def test_a_vault_that_is_not_named_by_its_id_is_looked_up_once(
    onepassword: OnePassword, counted: Counter, written: dict[str, Any]
) -> None:
    fill(onepassword, "a", "b")
    reader = backend(counted.url, **written)
    assert (reader.get_variable("a"), reader.get_variable("b")) == ("a", "b")
    assert asked(counted) == [FIND_VAULT, SEARCH, ITEM, SEARCH, ITEM]


def test_address_token_and_vault_may_be_variables(
    onepassword: OnePassword, counted: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(onepassword, "a")
    for name, value in {"CONNECT_HOST": counted.url, "CONNECT_TOKEN": OnePassword.token, "VAULT_ID": NAME}.items():
        monkeypatch.setenv(f"OP_{name}", value)
    assert backend("", token=None, vault=None).get_variable("a") == "a"


@pytest.mark.parametrize(
    ("vaults", "written", "text"),
    [
        ({VAULT: NAME}, "Other", r"may read no vault with the name `Other`"),
        ({VAULT: NAME}, "airflow", r"may read no vault with the name `airflow`"),
        ({VAULT: NAME, "b" * 26: NAME}, NAME, rf"several vaults have the name `Airflow`: `{VAULT}`, `b+`"),
        ({VAULT: NAME, "b" * 26: "B"}, None, r"no vault is named, and the token may read several: `Airflow`, `B`"),
        ({}, None, r"the token may read no vault"),
        ({VAULT: NAME}, "c" * 26, r"vault `c+` does not exist"),
    ],
)
def test_a_vault_that_is_not_certain_is_an_error_of_the_configuration(
    onepassword: OnePassword, vaults: dict[str, str], written: str | None, text: str
) -> None:
    onepassword.vaults = vaults
    with pytest.raises(ConfigurationError, match=text):
        backend(onepassword.url, vault=written).get_variable("a")


def test_without_an_address_a_lookup_says_so() -> None:
    with pytest.raises(ConfigurationError, match=r"no address of 1Password Connect.*OP_CONNECT_HOST"):
        backend("").get_variable("a")
    with pytest.raises(ConfigurationError, match="`address` is not an address"):
        backend("connect")


def test_a_vault_outside_of_the_scope_is_a_denial(onepassword: OnePassword, counted: Counter) -> None:
    onepassword.foreign = {VAULT}
    with pytest.raises(AccessDeniedError, match=rf"may not read vault `{VAULT}`.*`strongroom policy onepassword`"):
        backend(counted.url).get_variable("a")
    assert asked(counted) == [f"{SEARCH} 403"]


def test_a_vault_that_was_replaced_is_found_again(onepassword: OnePassword, counted: Counter) -> None:
    fill(onepassword, "a")
    reader = backend(counted.url, vault=NAME, cache_ttl=0, cache_negative_ttl=0)
    onepassword.vaults = {"b" * 26: NAME}
    assert reader.get_variable("gone") is None
    onepassword.vaults = {VAULT: NAME}
    with pytest.raises(ConfigurationError):
        reader.get_variable("a")
    assert reader.get_variable("a") == "a"
    assert asked(counted) == [FIND_VAULT, ITEM, f"{ITEM} 404", FIND_VAULT, SEARCH, ITEM]


def test_an_item_may_be_named_by_its_id(onepassword: OnePassword, counted: Counter) -> None:
    item = made("Mail of the team", login(password="p"))
    titled_like_an_id = made("z" * 26, login(password="q"))
    onepassword.items = [item, titled_like_an_id]
    reader = backend(counted.url, variables_prefix="")
    assert reader.get_variable(item["id"]) == "p"
    assert asked(counted) == [ITEM]
    assert reader.get_variable("z" * 26) == "q"
    assert asked(counted) == [f"{ITEM} 404", SEARCH, ITEM]
    assert reader.get_variable("y" * 26) is None
    assert asked(counted) == [f"{ITEM} 404", SEARCH]
    assert reader.get_variable("Mail of the team") == "p"
    assert asked(counted) == [SEARCH, ITEM]


@pytest.mark.parametrize("prefetch", [None, {"variables": ["a", "b"]}, {"variables": ["*"]}])
def test_two_items_of_one_title_are_an_error_that_names_both(onepassword: OnePassword, prefetch: Any) -> None:
    fill(onepassword, "b")
    twins = [made("airflow/variables/a", login(password=CANARY), number) for number in (1, 2)]
    onepassword.items = twins
    with pytest.raises(MalformedSecretError, match=r"several items have this title.*Rename or archive") as raised:
        backend(onepassword.url, prefetch=prefetch).get_variable("a")
    assert all(twin["id"] in str(raised.value) for twin in twins)
    assert CANARY not in str(raised.value)
    twins[0]["state"] = "ARCHIVED"
    assert backend(onepassword.url, prefetch=prefetch).get_variable("a") == CANARY


@pytest.mark.parametrize("state", ["ARCHIVED", "DELETED"])
@pytest.mark.parametrize("prefix", ["airflow/variables", ""])
def test_an_archived_item_is_absent(onepassword: OnePassword, counted: Counter, state: str, prefix: str) -> None:
    item = {**of_text("airflow/variables/a", CANARY), "state": state}
    onepassword.items = [item]
    reader = backend(counted.url, variables_prefix=prefix)
    assert reader.get_variable("a" if prefix else item["id"]) is None
    assert asked(counted) == ([SEARCH] if prefix else [ITEM, SEARCH])


def test_titles_are_compared_exactly(onepassword: OnePassword) -> None:
    onepassword.items = [of_text("airflow/variables/A", "capital"), of_text("airflow/variables/a", "small")]
    reader = backend(onepassword.url)
    assert (reader.get_variable("A"), reader.get_variable("a")) == ("capital", "small")


@pytest.mark.parametrize("id", ['a "b" c', "a\\b", "a\\", 'a" or title pr "', "a\nb", "é + & = % #", "名"])
def test_a_title_may_be_any_text(onepassword: OnePassword, id: str) -> None:
    fill(onepassword, id, "other")
    assert backend(onepassword.url).get_variable(id) == id


def test_many_names_are_one_list_and_a_request_for_each_item(onepassword: OnePassword, counted: Counter) -> None:
    keys = fill(onepassword, *(f"k{number}" for number in range(60)))
    onepassword.items = [{**of_text("airflow/variables/old", CANARY), "state": "ARCHIVED"}]
    absent = ["gone", "away", "old"]
    reader = backend(counted.url, prefetch={"variables": [*keys, *absent]})
    assert [reader.get_variable(key) for key in [*keys, *absent]] == [*keys, *[None] * 3]
    assert sorted(asked(counted)) == [ITEM] * 60 + [LIST]


def test_a_pattern_is_the_same(onepassword: OnePassword, counted: Counter) -> None:
    keys = fill(onepassword, "s3_a", "s3_b")
    fill(onepassword, "other")
    reader = backend(counted.url, prefetch={"variables": ["s3_*"]})
    assert [reader.get_variable(key) for key in keys] == keys
    assert asked(counted) == [LIST, ITEM, ITEM]


@pytest.mark.parametrize("prefetch", [None, {"variables": ["a", "b"]}, {"variables": ["*"]}])
def test_a_denial_is_an_error_however_names_are_read(onepassword: OnePassword, prefetch: Any) -> None:
    fill(onepassword, "a", "b")
    onepassword.tokens[OnePassword.token] = False
    reader = backend(onepassword.url, prefetch=prefetch)
    for key in ("a", "gone"):
        with pytest.raises(AccessDeniedError):
            reader.get_variable(key)
    onepassword.heal()
    assert reader.get_variable("a") == "a"


def test_the_name_of_a_team_is_searched_before_the_shared_one(onepassword: OnePassword, counted: Counter) -> None:
    fill(onepassword, "shared", "own", "ops--own")
    reader = backend(counted.url)
    assert reader.get_variable("shared", "ops") == "shared"
    assert asked(counted) == [SEARCH, SEARCH, ITEM]
    assert reader.get_variable("own", "ops") == "ops--own"
    assert asked(counted) == [SEARCH, ITEM]


def test_an_item_that_was_renamed_after_a_list_is_looked_for_again(onepassword: OnePassword) -> None:
    keys = fill(onepassword, "a", "b")
    first = of_text("airflow/variables/a", "old")
    del onepassword.secrets["airflow/variables/a"]
    onepassword.items = [first]

    def answer(request: Request) -> Answer:
        listed = onepassword.answer(request)
        if request.target == ITEMS:
            onepassword.items = [{**first, "title": "other"}, made("airflow/variables/a", [custom("value", "new")], 1)]
        return listed

    with serving(answer) as double:
        reader = backend(double.url, prefetch={"variables": keys})
        assert (reader.get_variable("a"), reader.get_variable("b")) == ("new", "b")


@pytest.mark.parametrize("is_deleted", [True, False])
def test_what_happens_between_search_and_read_is_the_answer(onepassword: OnePassword, is_deleted: bool) -> None:
    """The item is deleted: absent. The token is revoked: an error, and not absent; it passes with a new token."""
    fill(onepassword, "a")

    def answer(request: Request) -> Answer:
        found = onepassword.answer(request)
        if "filter=" in request.target:
            onepassword.secrets, before = {}, onepassword.secrets
            if not is_deleted:
                onepassword.secrets, onepassword.tokens = before, {}
        return found

    with serving(answer) as double:
        reader = backend(double.url)
        if is_deleted:
            assert reader.get_variable("a") is None
            return
        with pytest.raises(UnauthenticatedError, match=r"does not accept the token.*OP_CONNECT_TOKEN"):
            reader.get_variable("a")
        assert double.paths()[0] == f"GET {ITEMS}"
        assert len(double.paths()) == 2
        onepassword.heal()
    assert backend(onepassword.url).get_variable("a") == "a"


def test_a_lookup_that_is_throttled_in_the_middle_begins_again_after_the_wait(onepassword: OnePassword) -> None:
    fill(onepassword, "a")
    refusals = [Answer(429, headers={"Retry-After": "1"})]

    def answer(request: Request) -> Answer:
        is_item = request.path.startswith(f"{ITEMS}/")
        return refusals.pop() if is_item and refusals else onepassword.answer(request)

    with serving(answer) as double:
        start = time.monotonic()
        assert backend(double.url).get_variable("a") == "a"
        assert time.monotonic() - start > 0.9
        item = f"GET {ITEMS}/{of_text('airflow/variables/a', 'a')['id']}"
        assert double.paths() == [f"GET {ITEMS}", item] * 2


def test_a_connection_is_one_text_or_one_field_for_each_part(onepassword: OnePassword) -> None:
    uri = f"postgres://app:{CANARY}@db.example:5432/sales"
    onepassword.items = [
        made("airflow/connections/text", [*login(username="x"), custom("conn_uri", uri)]),
        made("airflow/connections/password", login(password=uri)),
        made("airflow/connections/parts", DATABASE, category="DATABASE"),
        made("airflow/connections/untyped", [*login(password=CANARY), custom("host", "h")]),
    ]
    reader = backend(onepassword.url)
    assert [reader.get_conn_value(id) for id in ("text", "password")] == [uri, uri]
    assert json.loads(reader.get_conn_value("parts") or "") == {
        "conn_type": "postgresql",
        "host": "db.example",
        "login": "app",
        "password": CANARY,
        "schema": "sales",
        "port": "5432",
        "extra": {"sslmode": "require"},
    }
    with pytest.raises(MalformedSecretError, match="no field `conn_type`") as raised:
        reader.get_conn_value("untyped")
    assert CANARY not in str(raised.value)


def test_a_field_and_a_section_can_be_chosen(onepassword: OnePassword) -> None:
    fields = [custom("API key", "test", "Test"), custom("API key", "prod", "Production"), custom("value", "v")]
    onepassword.items = [made("airflow/variables/a", fields)]
    assert backend(onepassword.url).get_variable("a") == "v"
    with pytest.raises(MalformedSecretError, match=r"several fields `api key`.*`section`"):
        backend(onepassword.url, field="api key").get_variable("a")
    chosen = backend(onepassword.url, field="api key", section="production")
    assert chosen.get_variable("a") == "prod"
    with pytest.raises(MalformedSecretError, match=r"no field `other`.*`field`"):
        backend(onepassword.url, field="other").get_variable("a")
    with pytest.raises(MalformedSecretError, match="none of the fields `value`, `password`"):
        backend(onepassword.url, section="test").get_variable("a")


def test_a_bundle_is_an_item_with_a_field_for_each_id(onepassword: OnePassword) -> None:
    onepassword.items = [made("All", [*login(), custom("db", "x://h"), custom("smtp", "y://h", "Mail")])]
    reader = backend(onepassword.url, bundle={"connections": "All"})
    assert [reader.get_conn_value(id) for id in ("db", "smtp", "gone")] == ["x://h", "y://h", None]


def test_keys_as_kestra_writes_them(onepassword: OnePassword) -> None:
    onepassword.secrets = {"kestra/airflow/variables/a": "1"}
    written: dict[str, Any] = {"vault": None, "vaultId": VAULT, "secretNamePrefix": "kestra", "strict": True}
    assert backend(onepassword.url, **written).get_variable("a") == "1"
    kebab: dict[str, Any] = {"vault": None, "vault-id": VAULT, "secret-name-prefix": "kestra", "strict": True}
    assert backend(onepassword.url, **kebab).get_variable("a") == "1"


def test_children_read_for_themselves(onepassword: OnePassword) -> None:
    fill(onepassword, "a", "b")
    body = """
        from strongroom.onepassword import OnePasswordConnectBackend
        warnings.simplefilter("ignore")
        reader = OnePasswordConnectBackend(address=sys.argv[1], token=sys.argv[2], cache_ttl=0)
        assert reader.get_variable("a") == "a"

        def work():
            assert reader.get_variable("b") == "b"

        for number in range(50):
            assert ended(child(work)) == 0, number
        fork_under_load([reads(reader, "a", "a"), reads(reader, "b", "b")], 100)
    """
    run(body, onepassword.url, OnePassword.token)


def test_the_token_goes_into_one_header_of_each_request_and_nowhere_else(onepassword: OnePassword) -> None:
    fill(onepassword, "a", "b")
    with serving(onepassword.answer) as double:
        assert backend(double.url, vault=NAME, prefetch={"variables": ["a*", "b"]}).get_variable("a") == "a"
        assert backend(double.url).get_variable("gone") is None
    for request in double.requests:
        headers = {name for name, value in request.headers.items() if OnePassword.token in value}
        print(f"{request.method} {request.path}: {', '.join(headers)}, over {double.url.partition(':')[0]}")
        assert (headers, request.bearer) == ({"authorization"}, OnePassword.token)
        assert OnePassword.token not in request.target
        assert request.body == b""
    assert {request.path for request in double.requests} == {VAULTS, ITEMS} | {
        f"{ITEMS}/{of_text(f'airflow/variables/{key}', key)['id']}" for key in ("a", "b")
    }


def test_a_token_that_is_revoked_in_the_middle_of_a_lookup_is_an_error(onepassword: OnePassword) -> None:
    """A token of Connect has no session that could be renewed."""
    fill(onepassword, "a")

    def answer(request: Request) -> Answer:
        answered = onepassword.answer(request)
        onepassword.tokens.clear()
        return answered

    with serving(answer) as double, pytest.raises(UnauthenticatedError, match="does not accept the token"):
        backend(double.url, on_error="raise").get_variable("a")


def test_a_member_of_a_chain_answers_what_the_first_lacks(onepassword: OnePassword, counted: Counter) -> None:
    fill(onepassword, "a")
    members = [
        {"store": "memory", "secrets": {"airflow/variables/first": "1"}},
        {"store": "onepassword", "address": counted.url, "token": OnePassword.token, "vault": VAULT},
    ]
    chain = ChainBackend(stores=members, on_error="raise")
    assert [chain.get_variable(key) for key in ("first", "a", "gone", "a")] == ["1", "a", None, "a"]
    assert asked(counted) == [SEARCH, ITEM, SEARCH]
