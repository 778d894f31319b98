"""HashiCorp Vault: names, values and teams."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parity.aws_secrets_manager.test_names import IDS
from tests.parity.comparison import Case
from tests.parity.outcomes import CONNECTION_CLASSES, short
from tests.parity.vault_comparison import VaultComparison, assert_alike, can_hold, stored_at

PATH_OF = {"conn": "connections_path", "var": "variables_path", "config": "config_path"}
FOLDER_OF = {"conn": "connections", "var": "variables", "config": "config"}

#: ``...`` leaves the path out.
PATHS: dict[str, Any] = {
    "default": ...,
    "text": "a",
    "nested": "a/b",
    "slash at the end": "a/b/",
    "slashes at the end": "a//",
    "slash in front": "/a",
    "slashes within": "a//b",
    "empty": "",
    "slash": "/",
    "slashes": "///",
    "null": None,
    "empty list": [],
    "list of one": ["a"],
    "list of three": ["a", "b/", "/c"],
    "list with the same twice": ["a", "a"],
    "list with an empty one": ["", "a"],
    "space": "a b",
    "unicode": "préfixe/ü",
    "percent": "a%2Fb",
    "question": "a?b",
}
OFF = {"null", "empty list"}

#: Mount, version and id, and whether a request is made.
MOUNTS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "version 1": ({"mount_point": "kv1", "kv_engine_version": 1}, "c1", True),
    "version 1, nested": ({"mount_point": "kv1", "kv_engine_version": 1}, "a/b/c", True),
    "version null": ({"kv_engine_version": None}, "c1", True),
    "version 0": ({"kv_engine_version": 0}, "c1", True),
    "version 3": ({"kv_engine_version": 3}, "c1", False),
    "version as text": ({"kv_engine_version": "2"}, "c1", False),
    "version true": ({"kv_engine_version": True}, "c1", True),
    "version 2 of a plain store": ({"mount_point": "kv1"}, "c1", True),
    "version 1 of a versioned store": ({"kv_engine_version": 1}, "c1", True),
    "mount in slashes": ({"mount_point": "/secret/"}, "c1", True),
    "mount with slashes at the end": ({"mount_point": "secret//"}, "c1", True),
    "mount in two parts": ({"mount_point": "secret/data"}, "c1", True),
    "mount unknown": ({"mount_point": "nowhere"}, "c1", True),
    "mount null": ({"mount_point": None}, "secret/c1", True),
    "mount null, nested": ({"mount_point": None}, "secret/a/b", True),
    "mount null, not in the id": ({"mount_point": None}, "c1", False),
    "mount null, slash in front": ({"mount_point": None}, "/c1", True),
    "mount null, nothing behind": ({"mount_point": None}, "secret/", True),
    "mount empty": ({"mount_point": ""}, "secret/c1", True),
    "mount empty, version 1": ({"mount_point": "", "kv_engine_version": 1}, "kv1/c1", True),
}

GLOBAL: dict[str, dict[str, Any]] = {
    "global": {"global_secrets_path": "all"},
    "global with a slash": {"global_secrets_path": "all/"},
    "global empty": {"global_secrets_path": ""},
    "global alone": {"global_secrets_path": "all", **dict.fromkeys(PATH_OF.values(), None)},
    "global behind a list": {"global_secrets_path": "all", **{option: ["a", "b"] for option in PATH_OF.values()}},
}

#: In addition to those that are tried with Secrets Manager.
MORE_IDS = {
    "empty": "",
    "slashes in front": "//a",
    "nothing but a slash": "/",
    "tilde": "a~b",
    "semicolon": "a;b",
    "dot at the end": "a.",
    "dots at the end": "a..",
    "percent escape": "%2e%2e",
    "dot": ".",
    "dot within": "a/./b",
    "dots within": "a/../b",
    "tab": "a\tb",
    "like a store's own path": "data/a",
    "nested deep": "/".join("abcdefgh"),
}


def path_cases() -> Iterator[Case]:
    """Every path for every kind."""
    for (label, path), kind in itertools.product(PATHS.items(), PATH_OF):
        kwargs = {} if path is ... else {PATH_OF[kind]: path}
        yield Case(f"{kind} {label}", kwargs, kind, "c1", asks=label not in OFF)


def mount_cases() -> Iterator[Case]:
    """Every mount, and the paths that all kinds share."""
    for label, (kwargs, name, asks) in MOUNTS.items():
        for kind in PATH_OF:
            yield Case(f"{kind} {label}", kwargs, kind, name, asks=asks)
    for (label, kwargs), kind in itertools.product(GLOBAL.items(), PATH_OF):
        yield Case(f"{kind} {label}", kwargs, kind, "c1")


def id_cases() -> Iterator[Case]:
    """Every id, with teams on and off."""
    for (label, name), multi_team in itertools.product({**IDS, **MORE_IDS}.items(), (False, True)):
        for kind, team in (("conn", None), ("var", "T"), ("config", None)):
            if multi_team and kind == "config":
                continue  # teams do not apply to it: test_teams
            refused = multi_team and kind == "conn" and "/" in name
            suffix = ", teams on" if multi_team else ""
            yield Case(f"{kind} {label}{suffix}", {}, kind, name, team, multi_team=multi_team, asks=not refused)


@pytest.mark.parametrize("case", [*path_cases(), *mount_cases(), *id_cases()], ids=lambda case: case.id)
def test_names(vault_comparison: VaultComparison, case: Case, tmp_path: Path) -> None:
    """With no secret, with one of the last name, and with one of each name."""
    official, ours = vault_comparison.run(case, tmp_path)
    assert_alike(case, official, ours)
    paths = [path for path in stored_at(official) if can_hold(vault_comparison.server, path)]
    if official.ending != "none" or not paths:
        return
    for there in (paths[-1:], paths)[: len(paths)]:
        secrets = {path: {"value": f"{number}", "host": f"{number}"} for number, path in enumerate(there)}
        official, ours = vault_comparison.run(dataclasses.replace(case, secrets=secrets), tmp_path)
        assert_alike(case, official, ours)


#: The fields of a connection.
CONNECTIONS: dict[str, dict[str, Any]] = {
    "uri": {"conn_uri": "postgres://u:p%40@h:5432/db?x=1"},
    "uri beside fields": {"conn_uri": "aws://", "host": "h"},
    "uri empty": {"conn_uri": "", "host": "h"},
    "uri null": {"conn_uri": None, "host": "h"},
    "uri false": {"conn_uri": False, "host": "h"},
    "uri zero": {"conn_uri": 0, "host": "h"},
    "uri number": {"conn_uri": 5},
    "uri list": {"conn_uri": ["aws://"]},
    "uri object": {"conn_uri": {"a": 1}},
    "uri with spaces": {"conn_uri": "  aws:// \n"},
    "uri that is JSON": {"conn_uri": '{"conn_type": "aws"}'},
    "invalid uri": {"conn_uri": "just words"},
    "fields": {"conn_type": "pg", "host": "h", "login": "l", "password": "p", "schema": "s", "port": 5432},
    "fields as text": {"conn_type": "pg", "host": "h", "port": "5432", "extra": '{"a": 1}'},
    "extra object": {"conn_type": "pg", "extra": {"a": {"b": [1, 2.5, None, True]}}},
    "extra list": {"conn_type": "pg", "extra": [1]},
    "description": {"conn_type": "pg", "description": "d"},
    "unknown field": {"conn_type": "pg", "bogus": "x"},
    "name in the way": {"conn_id": "other", "conn_type": "pg"},
    "uri under another name": {"uri": "aws://u:p@h"},
    "empty": {},
    "value": {"value": "aws://"},
    "unicode": {"conn_type": "pg", "host": "hôst", "password": "名前-\U0001f600"},
    "quotes": {"conn_type": "pg", "password": "a\"b'c\\d\n\t/\u2028<&>"},
    "numbers": {"conn_type": "pg", "port": 1, "login": 12345678901234567890},
    "dashes": {"conn_type": "google-cloud-platform"},
    "fields null": {"conn_type": "pg", "host": None, "port": None, "extra": None},
    "order": {"z": "1", "a": "2", "m": "3"},
}

#: The fields of a variable or a config value.
VALUES: dict[str, dict[str, Any]] = {
    "text": {"value": "v"},
    "empty text": {"value": ""},
    "spaces": {"value": "  v \n"},
    "unicode": {"value": "é-名前-\U0001f600"},
    "null": {"value": None},
    "number": {"value": 5},
    "zero": {"value": 0},
    "float": {"value": 2.5},
    "whole float": {"value": 2.0},
    "large number": {"value": 12345678901234567890},
    "exponent": {"value": 1e22},
    "small": {"value": 1e-7},
    "true": {"value": True},
    "false": {"value": False},
    "list": {"value": [1, "a", None]},
    "object": {"value": {"a": {"b": 1}, "0": []}},
    "text of JSON": {"value": '{"a": 1}'},
    "beside others": {"value": "v", "other": "o"},
    "under another key": {"val": "v"},
    "upper case": {"Value": "v"},
    "empty secret": {},
    "large": {"value": "x" * 100_000},
}


def value_cases() -> Iterator[Case]:
    """Every value in a versioned store, and in a plain one."""
    plain = {"mount_point": "kv1", "kv_engine_version": 1}
    tried = [(label, lookup, "connections", value) for label, value in CONNECTIONS.items() for lookup in ("conn",)]
    tried += [
        (label, lookup, "connections", value) for label, value in CONNECTIONS.items() for lookup in CONNECTION_CLASSES
    ]
    tried += [
        (label, lookup, FOLDER_OF[lookup], value) for label, value in VALUES.items() for lookup in ("var", "config")
    ]
    for label, lookup, folder, value in tried:
        yield Case(f"{lookup} {label}", {}, lookup, "c1", secrets={f"secret/data/{folder}/c1": value})
        if lookup in FOLDER_OF and value:
            secrets = {f"kv1/{folder}/c1": value}
            yield Case(f"{lookup} {label}, version 1", plain, lookup, "c1", secrets=secrets)


@pytest.mark.parametrize("case", list(value_cases()), ids=lambda case: case.id)
def test_values(vault_comparison: VaultComparison, case: Case, tmp_path: Path) -> None:
    """The same value, of the same type."""
    official, ours = vault_comparison.run(case, tmp_path)
    assert_alike(case, official, ours)


def first_wins_cases() -> Iterator[Case]:
    """Lists of paths: what ends the search, and what continues it."""
    first: dict[str, dict[str, Any]] = {
        "empty": {},
        "without the key": {"other": "x"},
        "null": {"value": None, "conn_uri": None},
        "there": {"value": "first", "conn_uri": "aws://first"},
    }
    for (label, value), kind in itertools.product(first.items(), PATH_OF):
        secrets = {"secret/data/a/c1": value, "secret/data/b/c1": {"value": "second", "conn_uri": "aws://second"}}
        yield Case(f"{kind} first of two {label}", {PATH_OF[kind]: ["a", "b"]}, kind, "c1", secrets=secrets)


@pytest.mark.parametrize("case", list(first_wins_cases()), ids=lambda case: case.id)
def test_the_first_existing_secret_counts(vault_comparison: VaultComparison, case: Case, tmp_path: Path) -> None:
    """Even an empty secret ends the search."""
    official, ours = vault_comparison.run(case, tmp_path)
    assert_alike(case, official, ours)


@pytest.mark.parametrize("kind", PATH_OF)
@pytest.mark.parametrize("fate", ["deleted", "destroyed", "undeleted", "without any version", "new version"])
def test_versions(vault_comparison: VaultComparison, fate: str, kind: str, tmp_path: Path) -> None:
    """The latest version, unless it is deleted; an older one is never read instead."""
    path = f"{FOLDER_OF[kind]}/c1"
    server = vault_comparison.server
    for value in ("first", "second"):
        server.put(path, {"value": value, "conn_uri": f"aws://{value}"})
    latest = {"versions": [2]}
    if fate in ("deleted", "undeleted"):
        server.delete(f"secret/data/{path}")
    if fate == "undeleted":
        server.write(f"secret/undelete/{path}", latest)
    if fate == "destroyed":
        server.write(f"secret/destroy/{path}", latest)
    if fate == "without any version":
        server.delete(f"secret/metadata/{path}")
        server.write(f"secret/metadata/{path}", {"custom_metadata": {"a": "b"}})
    case = Case(f"{kind} {fate}", {}, kind, "c1", ends="value" if fate in ("undeleted", "new version") else "none")
    try:
        official, ours = vault_comparison.run(case, tmp_path)
    finally:
        server.delete(f"secret/metadata/{path}")
    assert_alike(case, official, ours)
    assert case.ends == "none" or "second" in str(official.value)


def team_cases() -> Iterator[Case]:
    """Every place in which a secret of a team, or a shared one, may be."""
    places = {
        "team's own": {"T/c1": "team", "c1": "shared"},
        "team only": {"T/c1": "team"},
        "shared": {"c1": "shared"},
        "another team's": {"U/c1": "other"},
        "below the id": {"T/c1/x": "below", "c1/T": "below"},
    }
    switches = itertools.product((True, False), (True, False), (None, "T", ""))
    for (multi_team, by_team, team), (label, held), kind in itertools.product(switches, places.items(), PATH_OF):
        if not multi_team and not by_team:
            continue  # off twice
        folder = FOLDER_OF[kind]
        secrets = {
            f"secret/data/{folder}/{name}": {"value": value, "conn_uri": f"aws://{value}"}
            for name, value in held.items()
        }
        words = f"{kind} {label}, team {team!r}, teams {'on' if multi_team else 'off'}, by team {by_team}"
        kwargs = {} if by_team else {"use_team_secrets_path": False}
        yield Case(words, kwargs, kind, "c1", team, secrets, multi_team)


@pytest.mark.parametrize("case", list(team_cases()), ids=lambda case: case.id)
def test_teams(vault_comparison: VaultComparison, case: Case, tmp_path: Path) -> None:
    """A team's own place, and never another team's."""
    official, ours = vault_comparison.run(case, tmp_path)
    assert_alike(case, official, ours)


NESTED = [
    Case(f"{kind} nested {short(name)}, team {team!r}, by team {by_team}", kwargs, kind, name, team, multi_team=True)
    for kind in PATH_OF
    for name in ("T/c1", "a/b/c", "/c1", "c1/")
    for team in (None, "T", "")
    for by_team, kwargs in ((True, {}), (False, {"use_team_secrets_path": False}))
]


@pytest.mark.parametrize("case", NESTED, ids=lambda case: case.id)
def test_a_nested_id_does_not_reach_a_team(vault_comparison: VaultComparison, case: Case, tmp_path: Path) -> None:
    """An id with a slash and no team is not looked up where teams have places."""
    refused = case.kwargs == {} and case.team is None and case.lookup != "config"
    case = dataclasses.replace(case, asks=not refused)
    official, ours = vault_comparison.run(case, tmp_path)
    assert_alike(case, official, ours)
