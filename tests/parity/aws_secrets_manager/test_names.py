"""Secrets Manager: which names are requested, and when none is."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.parity.comparison import Case, Comparison, holding_in_turn
from tests.parity.differences import assert_as_agreed
from tests.parity.outcomes import short

PREFIX_OF = {"conn": "connections_prefix", "var": "variables_prefix", "config": "config_prefix"}
PATTERN_OF = {
    "conn": "connections_lookup_pattern",
    "var": "variables_lookup_pattern",
    "config": "config_lookup_pattern",
}

#: Prefix and ``sep``; ``...`` leaves the prefix out.
PREFIXES: dict[str, tuple[Any, str | None]] = {
    "default": (..., None),
    "default, sep -": (..., "-"),
    "plain": ("a/b", None),
    "slash at the end": ("a/b/", None),
    "slashes at the end": ("a//", None),
    "slash in front": ("/a", None),
    "slashes within": ("a//b", None),
    "empty": ("", None),
    "slash": ("/", None),
    "slashes": ("///", None),
    "empty, sep -": ("", "-"),
    "null": (None, None),
    "null, sep -": (None, "-"),
    "stripped as a set": ("pre-", "--"),
    "stripped as a set of two": ("a-/-/", "/-"),
    "nothing but the set": ("-/-", "/-"),
    "sep empty": ("p", ""),
    "sep empty, prefix empty": ("", ""),
    "sep empty, slash kept": ("p/", ""),
    "sep word": ("airflow_sep", "_sep_"),
    "sep dot": ("a...", "."),
    "sep space": ("a ", " "),
    "sep unicode": ("p→→", "→"),
    "sep of a character and its mark": ("pe\u0301\u0301", "e\u0301"),
    "unicode": ("préfixe/ü/名前", None),
    "spaces around": (" p ", None),
    "percent": ("a%2Fb%", None),
    "ends in a team's dashes": ("p--", None),
}

IDS = {
    "plain": "c1",
    "space": "my conn",
    "space at the ends": " c ",
    "accents": "é-ünï",
    "combining": "e\u0301",
    "emoji": "\U0001f600",
    "slash": "a/b",
    "slash in front": "/a",
    "slash at the end": "a/",
    "slashes": "a//b",
    "dots": "..",
    "dot segments": "../../x",
    "percent": "a%2Fb%20c%",
    "plus and more": "a+b=c@d.e",
    "question": "a?b=c#d",
    "quotes": "a\"b'c\\d",
    "braces": "{a} %s $x",
    "newline": "a\nb",
    "nul": "a\0b",
    "delete": "a\x7fb\x85c",
    "no-break space": "a\u00a0b\u2028c",
    "upper": "AbC",
    "512": "x" * 512,
    "2048": "x" * 2028,
    "long": "x" * 5000,
    "long in bytes": "é" * 600,
    "like an arn's end": "c1-AbCdEf",
    "empty": "",
    "one dash": "a-b",
    "two dashes": "a--b",
    "three dashes": "a---b",
    "dash in front": "-a",
    "only dashes": "--",
}

#: Pattern, an id, and whether the official class requests it.
PATTERNS: list[tuple[Any, str, bool]] = [
    (None, "c1", True),
    ("", "c1", True),
    (".*", "c1", True),
    (".*", "a\nb", True),
    ("c", "c1", True),
    ("C", "c1", True),
    ("1", "c1", False),
    ("^c1$", "c1", True),
    ("^c1$", "c1\n", True),
    (r"^c1\Z", "c1\n", False),
    (r"c1\Z", "c1", True),
    ("^c$", "c1", False),
    ("a|c", "c1", True),
    ("a|b$", "b1", False),
    ("(?!dev_)", "dev_db", False),
    ("(?!dev_)", "prod_db", True),
    (".*(?<!_dev)$", "db_dev", False),
    (".*(?<!_dev)$", "db", True),
    (".*(?<=_prod)$", "db_prod", True),
    ("(?=.*prod).*db", "my_prod_db", True),
    (r"(\w+)_\1", "ab_ab", True),
    (r"(\w+)_\1$", "ab_cd", False),
    (r"(?P<x>a+)-(?P=x)$", "aa-aa", True),
    (r"(?P<x>a+)-(?P=x)$", "aa-a", False),
    ("(?i)PROD", "prod", True),
    ("(?i:PROD)", "prod", True),
    ("(?-i:PROD)", "prod", False),
    ("(?-i:PROD)", "PROD", True),
    ("(?s)a.b", "a\nb", True),
    ("a.b", "a\nb", False),
    ("(?m)^b", "a\nb", False),
    ("(?x) c  1 # comment", "c1", True),
    ("(?a)\\w+$", "é", False),
    (r"\w+$", "é", True),
    (r"\d+$", "\u0663", True),
    (r"[[:alpha:]]", "a", False),
    (r"[\w-]+$", "a-b", True),
    (r"[^\W\d_]+$", "abc", True),
    ("É", "é", True),
    ("\u017f", "s", True),
    ("\u212a", "k", True),
    ("ß$", "ẞ", True),
    ("\u0131", "i", True),
    ("[a-z]+$", "ABC", True),
    ("[^a-z]+$", "ABC", False),
    (r"c{1}\d{1,2}$", "c12", True),
    ("c{,2}$", "cc", True),
    ("c{x}", "c{x}", True),
    (r"\Ac", "c1", True),
    (r"\bprod\b", "prod-x", True),
    (r"\Bx", "x", False),
    ("(?:a(?:b)?)+$", "abaab", True),
    ("(a)?b(?(1)c|d)$", "abc", True),
    ("(a)?b(?(1)c|d)$", "abd", False),
    ("(a)?b(?(1)c|d)$", "bd", True),
    ("a*+b", "aab", True),
    ("(?>a*)ab", "aab", False),
    (r"\x63\u0031", "c1", True),
    (r"\N{LATIN SMALL LETTER C}", "c", True),
    (r"\/x", "/x", True),
    (r"\-x\_", "-x_", True),
    ("]", "]", True),
    ("[]a]", "]", True),
    ("a]b}c", "a]b}c", True),
    (r"[\b]", "\b", True),
    ("[[a]", "[", True),
    ("[a&&b]", "&", True),
    ("[a--b]", "a", False),
    (r"\012", "\n", True),
    (r"(c)(\1)?1", "c1", True),
    # These raise in both.
    ("(", "c1", False),
    ("[", "c1", False),
    ("*", "c1", False),
    ("a**", "c1", False),
    ("(?<=a+)b", "c1", False),
    (r"\1", "c1", False),
    (r"\p{L}", "c1", False),
    (r"\h", "c1", False),
    ("(?P<x>a)(?P<x>b)", "c1", False),
    ("a(?i)b", "c1", False),
    ("(?<x>a)", "c1", False),
    ("[b-a]", "c1", False),
    ("x{2,1}", "c1", False),
]


#: Ids that are also tried for a team.
TEAM_IDS = {"plain", "space", "accents", "slash", "slash in front", "empty", "2048"}


def prefix_cases() -> list[Case]:
    """Every prefix for every kind, and for a team, an empty team and none."""
    cases = []
    for (label, (prefix, sep)), kind in itertools.product(PREFIXES.items(), PREFIX_OF):
        kwargs = {} if prefix is ... else {PREFIX_OF[kind]: prefix}
        kwargs |= {} if sep is None else {"sep": sep}
        for team in (None, "T", "") if kind == "conn" else (None,):
            who = "" if team is None else f", team {team!r}"
            cases.append(Case(f"{kind} {label}{who}", kwargs, kind, "c1", team, asks=prefix is not None))
    return cases


def id_cases() -> list[Case]:
    """Every id for every kind, bare and for a team, with teams on and off."""
    cases = []
    for (label, name), kind, multi_team in itertools.product(IDS.items(), PREFIX_OF, (False, True)):
        if label not in TEAM_IDS and "dash" not in label and (multi_team or kind != "conn"):
            continue
        refused = multi_team and "--" in name
        for team in (None, "T") if "dash" in label or label in TEAM_IDS else (None,):
            suffix = (", teams on" if multi_team else "") + (f", team {team}" if team else "")
            team = None if kind == "config" else team
            case = Case(f"{kind} {label}{suffix}", {}, kind, name, team, multi_team=multi_team, asks=not refused)
            cases.append(case)
    return cases


def bare_id_cases() -> list[Case]:
    """Ids that are the whole name."""
    names = [("c1", True), ("a/b", True), ("", False), ("arn:aws:secretsmanager:eu-central-1:000000000000:x", True)]
    return [Case(f"bare {short(name)}", {"connections_prefix": ""}, "conn", name, asks=asks) for name, asks in names]


def pattern_cases() -> list[Case]:
    """Every pattern, in turn for each kind."""
    kinds = itertools.cycle(PATTERN_OF)
    cases = []
    for (pattern, name, asks), kind in zip(PATTERNS, kinds, strict=False):
        label = f"{kind} {short(pattern)} on {short(name)}"
        cases.append(Case(label, {PATTERN_OF[kind]: pattern}, kind, name, asks=asks))
    return cases


OTHER_PATTERNS = [
    Case("pattern of another kind", {"variables_lookup_pattern": "x"}, "conn", "c1"),
    Case("team name is not matched", {"connections_lookup_pattern": "T--"}, "conn", "c1", "T", asks=False),
    Case("prefix is not matched", {"connections_lookup_pattern": "airflow"}, "conn", "c1", asks=False),
    Case("matched for a team", {"connections_lookup_pattern": "c"}, "conn", "c1", "T"),
    Case(
        "refused before the pattern fails",
        {"variables_lookup_pattern": "("},
        "var",
        "a--b",
        multi_team=True,
        asks=False,
    ),
    Case("off before the pattern fails", {"variables_lookup_pattern": "(", "variables_prefix": None}, asks=False),
    Case("team with dashes", {}, "conn", "c1", "a--b", multi_team=True),
    Case("team with a slash", {}, "conn", "c1", "a/b", multi_team=True),
    Case("team with a space", {}, "var", "c1", "my team", multi_team=True),
    Case("team with an accent", {}, "var", "c1", "équipe"),
    Case("team while teams are off", {}, "var", "c1", "T", multi_team=False),
]

CASES = [*prefix_cases(), *id_cases(), *bare_id_cases(), *pattern_cases(), *OTHER_PATTERNS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_names(comparison: Comparison, case: Case, tmp_path: Path) -> None:
    """With no secret, with one of the last name, and with one of each name."""
    official, ours = comparison.run(case, tmp_path)
    assert bool(official.asked) == case.asks, official
    assert_as_agreed(case.id, official, ours)
    names = list(dict.fromkeys(official.asked))
    if official.ending != "none" or case.lookup != "conn" or not storable(names) or "pattern" in str(case.kwargs):
        return
    for holding in holding_in_turn(case, names):
        official, ours = comparison.run(holding, tmp_path)
        assert official.ending == "value"
        assert_as_agreed(case.id, official, ours)


def storable(names: list[str]) -> bool:
    """Whether the server would create secrets with these names."""
    return bool(names) and all(0 < len(name) <= 512 and not name.startswith("arn:") for name in names)
