"""Intended differences, by the id of the case: the reason, and the outcome of ours.

Every entry has a line in ``docs/differences.md``. An entry that is no longer different fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from strongroom.exceptions import (
    AccessDeniedError,
    ConfigurationError,
    ConnectionFormatError,
    MalformedSecretError,
    UnauthenticatedError,
    UnreachableError,
)
from tests.parity.outcomes import Outcome, assert_parity


@dataclass(frozen=True)
class Difference:
    """The outcome of ours, and its reason.

    Without ``asked`` the requests are the same. Of a connection, ``value`` names the fields that matter.
    """

    reason: str
    ending: str
    value: object = None
    error: type[Exception] | None = None
    asked: tuple[str, ...] | None = None


def assert_as_agreed(case_id: str, official: Outcome, ours: Outcome) -> None:
    """Parity, or the agreed difference."""
    difference = DIFFERENCES.get(case_id)
    if difference is None:
        assert_parity(official, ours)
        return
    assert ours != official, f"no longer different, so no longer to be listed: {official}"
    assert (ours.ending, _named(ours.value, difference.value)) == (difference.ending, difference.value), repr(
        ours.error
    )
    assert ours.asked == (official.asked if difference.asked is None else difference.asked)
    if difference.error:
        assert isinstance(ours.error, difference.error), repr(ours.error)


def _named(value: object, expected: object) -> object:
    """``value``, without the fields of a connection that are not named."""
    if isinstance(value, dict) and isinstance(expected, dict):
        return {name: value.get(name) for name in expected}
    return value


def raises(reason: str, error: type[Exception] = ConfigurationError, asked: tuple[str, ...] | None = ()) -> Difference:
    """An error; without a request unless ``asked`` says otherwise."""
    return Difference(reason, "raises", error=error, asked=asked)


def gives(reason: str, value: object, asked: tuple[str, ...] | None = None) -> Difference:
    """A value."""
    return Difference(reason, "value", value, asked=asked)


def nothing(reason: str, asked: tuple[str, ...] | None = None) -> Difference:
    """None."""
    return Difference(reason, "none", asked=asked)


def connection(reason: str, **fields: object) -> Difference:
    """A connection with these fields."""
    return gives(reason, {name: repr(value) for name, value in fields.items()})


HELLO = "airflow/variables/hello"
VAULT_HELLO = "GET /v1/secret/data/variables/hello"
TEAMS_HELLO = "airflow/variables/T--hello"

REGION_LAST = "AWS_REGION is read last: it turns an error into an answer, and changes nothing else"
ONE_ASSUMPTION = "a role is assumed once a lookup; the official class builds its client again to name the exceptions"
LAST_FIFTH = "a session under 75 minutes is renewed in its last fifth, not at every call"
TEAM_ERROR = "an error on a team's own name does not lead to the shared name"
CUT = "an answer that was cut does not mean that the secret is absent"
ONE_BAD = "a bad connection breaks only itself"
JSON_TEXT = "a connection as JSON in a string is read as intended"
BYTE_ORDER = "a byte order mark is not part of the first key"
YAML_TYPES = "a secret is text or JSON, so other YAML types become one of these"

EMPTY_REGION = "boto3 signs for a region without a name"
ENGINE = "the engine behind lookup patterns reads this in its own way, not in Python's"
LENIENT = "the engine behind lookup patterns accepts what Python's refuses"
FIELDS = "core's class uses the fields of an object unchanged; ours reads them as connection JSON"
RETRIED = "tried again where botocore does not"
VENDOR_FILES = "AWS files are read by the vendor's parser, which does not support quoted names"


VAULT_SEGMENTS = "`.` and `..` do not name a secret: a client on the way follows them to another path"
VAULT_CONTROL = "a character that is invalid in a path is distinguished from an outage before any request"
VAULT_MOUNT = "an id that begins with a slash does not name a mount"
VAULT_VERSION_TEXT = "an option may come as text, out of AIRFLOW__SECRETS__BACKEND_KWARG__*"
VAULT_ENVIRONMENT = "VAULT_NAMESPACE and VAULT_CACERT mean here what they mean to `vault`"
VAULT_PAIR = "JSON has lists and no tuples, and requests cannot use a list of two files"
VAULT_UNKNOWN = "an unknown option is named in a WARNING, or refused where `strict` is true"
VAULT_LOGIN_MOUNT = "a login that does not exist is not an absent secret"
VAULT_PROXY = "a 404 that is not from Vault does not mean absent"
VAULT_EMPTY_TEAM = "a team without a name has no folder: the official class reads those of all teams"
TEAM_DASH = "for one team, an id that begins like the separator makes the name of another team's secret"
VAULT_AUTH_TYPE = "`auth_type` is accepted in any case, since its meaning is clear"
VAULT_203 = "a proxy on the way may return a valid answer with 203"

#: Logins that `strongroom get` masks and `airflow connections get` shows, by the secret.
TOKEN_AS_LOGIN = "the user of a web address without a password, or with a meaningless one, may be a token"
MASKED_LOGINS: dict[str, str] = {
    "https://ghp0token@git.example": TOKEN_AS_LOGIN,
    "https://ghp0token:x-oauth-basic@git.example": TOKEN_AS_LOGIN,
    '{"conn_type": "http", "host": "h", "login": "token"}': TOKEN_AS_LOGIN,
}

#: Faults that are retried, so that ours makes more requests than hvac: by the case, exactly how many more. hvac
#: sends a read four times in all after 412, 500, 502 and 503, and everything else once; ours sends each 5 times.
MORE_OFTEN = {
    "vault: status 412": 1,
    "vault: status 500": 1,
    "vault: status 502": 1,
    "vault: status 429": 4,
    "vault: status 472": 4,
    "vault: status 473": 4,
    "vault: status 504": 4,
    "vault: quota": 4,
    "vault: login 429": 4,
    # Which kind of 503 is a seal: one more request for each try.
    "vault: login 503": 9,
    "vault: status 503": 6,
    "vault: sealed": 6,
}

#: Throttling means longer waits, and the time of a lookup (10 s) may end before its last attempt: an upper bound.
FEWER_IN_TIME = {"vault: quota", "vault: status 429", "vault: login 429"}


def of_vault(labels: Sequence[str], difference: Difference, kinds: str = "conn var config") -> dict[str, Difference]:
    """The same for several kinds of lookups of Vault."""
    return {f"vault: {kind} {label}": difference for kind in kinds.split() for label in labels}


def vault_names() -> Iterator[tuple[str, Difference]]:
    """Ids that no secret can have, with teams on and off; both then refuse an id with a slash and no team."""
    for reason, labels in (
        (VAULT_SEGMENTS, ("dots", "dot segments", "dot", "dot within", "dots within")),
        (VAULT_CONTROL, ("newline", "nul", "delete", "tab")),
    ):
        for label in labels:
            yield from of_vault([label], nothing(reason, ())).items()
            kinds = "var" if label in ("dot segments", "dot within", "dots within") else "conn var"
            yield from of_vault([f"{label}, teams on"], nothing(reason, ()), kinds).items()


def dashes() -> Iterator[tuple[str, Difference]]:
    """Ids that begin like the separator, with teams on: of AWS, then of Key Vault."""
    for kind in ("conn", "var"):
        for team in ("", ", team T"):
            yield f"{kind} dash in front, teams on{team}", nothing(TEAM_DASH, ())
        for label in ("dash in front", "underscore in front"):
            yield f"{kind} {label}, teams True", nothing(TEAM_DASH, ())


def pattern(kind: str, name: str) -> Difference:
    """A name that is requested, although the pattern is invalid."""
    return nothing(LENIENT, (f"airflow/{kind}/{name}",))


#: Agreed, and listed in docs/differences.md.
DIFFERENCES: dict[str, Difference] = {
    "vault: 404 of another kind, name of a team": nothing(TEAM_ERROR, ("airflow-variables-T--c1",)),
    "vault: 404 of a proxy, name of a team": nothing(TEAM_ERROR, ("airflow-variables-T--c1",)),
    "vault: no value, name of a team": nothing(TEAM_ERROR, ("airflow-variables-T--c1",)),
    "no region but AWS_REGION": gives(REGION_LAST, "world", (HELLO,)),
    "key without its secret": raises("half a pair of keys is undefined"),
    "config_kwargs unknown": gives("words without effect are named in a WARNING", "world", (HELLO,)),
    "role with further words": gives(LAST_FIFTH, "world", ("sts", HELLO)),
    "role with the wrong external id": raises(ONE_ASSUMPTION, AccessDeniedError, ("sts",)),
    "role without the external id": raises(ONE_ASSUMPTION, AccessDeniedError, ("sts",)),
    "role by one without rights": raises(ONE_ASSUMPTION, AccessDeniedError, ("sts",)),
    "name of a team: InvalidParameterException": nothing(TEAM_ERROR, (TEAMS_HELLO,)),
    "name of a team: InvalidRequestException": nothing(TEAM_ERROR, (TEAMS_HELLO,)),
    "name of a team: DecryptionFailure": nothing(TEAM_ERROR, (TEAMS_HELLO,)),
    "cut at 0.0": raises(CUT, MalformedSecretError, None),
    "cut at 0.3": raises(CUT, MalformedSecretError, None),
    "cut at 0.9": raises(CUT, MalformedSecretError, None),
    "env byte order mark: a": gives(BYTE_ORDER, "1"),
    "env byte order mark: \ufeffa": nothing(BYTE_ORDER),
    "json byte order mark: a": gives(BYTE_ORDER, "x"),
    "json byte order mark: absent": nothing(BYTE_ORDER),
    "env connection as json: a": connection(JSON_TEXT, conn_type="aws", schema=None),
    "json connection json in a text: a": connection(JSON_TEXT, conn_type="aws", host="h", schema=None),
    "json bad beside good: a": connection(ONE_BAD, conn_type="pg", host="h"),
    "json bad beside good: absent": nothing(ONE_BAD),
    "yaml dates: a": gives(YAML_TYPES, "2001-12-14"),
    "yaml dates: b": gives(YAML_TYPES, "2001-12-14t21:59:43.10-05:00"),
    "yaml binary: a": gives(YAML_TYPES, "aGVsbG8="),
    "yaml set: a": gives(YAML_TYPES, "['x', 'y']"),
    "yaml keys within that are no text: a": gives(YAML_TYPES, "{'1': 'x', 'true': 'y', 'null': 'z'}"),
    "yaml connection with a date: a": connection(YAML_TYPES, extra='{"d": "2001-12-14"}'),
    "yaml connection with a date: absent": nothing(YAML_TYPES),
    "region empty": raises(EMPTY_REGION),
    "region variable empty": raises(EMPTY_REGION),
    "InternalServiceError 400": nothing(RETRIED, (HELLO, HELLO)),
    "NobodyKnowsThis 501": raises(RETRIED, UnreachableError, (HELLO, HELLO)),
    "parameters: InternalServerError 400": raises(RETRIED, UnreachableError, (f"/{HELLO}", f"/{HELLO}")),
    "config (?a)\\w+$ on <e9>": nothing(ENGINE, ("airflow/config/é",)),
    "conn <131> on i": nothing(ENGINE, ()),
    "var \\N{LATIN SMALL LETTER C} on c": nothing(ENGINE, ()),
    "var [a--b] on a": pattern("variables", "a"),
    "var \\p{L} on c1": pattern("variables", "c1"),
    "config \\h on c1": pattern("config", "c1"),
    "conn (?P<x>a)(?P<x>b) on c1": nothing(LENIENT),
    "var a(?i)b on c1": nothing(LENIENT),
    "config (?<x>a) on c1": nothing(LENIENT),
    "var x{2,1} on c1": nothing(LENIENT),
    "json connection object, extra empty: a": connection(FIELDS, extra=None),
    "json connection object, port text: a": connection(FIELDS, port=5432),
    "json connection object, port letters: a": raises(FIELDS, ConnectionFormatError),
    "json connection object, port float: a": connection(FIELDS, port=1),
    "json connection object, port zero: a": connection(FIELDS, port=None),
    "json connection object, port true: a": connection(FIELDS, port=1),
    "json connection object, conn_type dashes: a": connection(FIELDS, conn_type="google_cloud_platform"),
    "json connection object, conn_type postgresql: a": connection(FIELDS, conn_type="postgres"),
    "yaml next line: a": raises("our YAML takes U+0085 for a letter, not for the end of a line", MalformedSecretError),
    "yaml next line: b": raises("our YAML takes U+0085 for a letter, not for the end of a line", MalformedSecretError),
    "yaml next line: absent": raises("our YAML takes U+0085 for a letter", MalformedSecretError),
    "profile in quotes": raises(VENDOR_FILES),
    **dict(vault_names()),
    **dict(dashes()),
    "vault: auth_type in capitals": gives(VAULT_AUTH_TYPE, "world", (VAULT_HELLO,)),
    "vault: namespace of the environment": gives(VAULT_ENVIRONMENT, "inner world"),
    "vault: tls, authority of Vault": gives(VAULT_ENVIRONMENT, "world"),
    "vault: tls, certificate in two files": gives(VAULT_PAIR, "world"),
    "vault: unknown option": gives(VAULT_UNKNOWN, "world", (VAULT_HELLO,)),
    "vault: login 404": raises(VAULT_LOGIN_MOUNT, UnauthenticatedError),
    "vault: body data within null": raises(CUT, MalformedSecretError, (VAULT_HELLO,)),
    "vault: body 404 without JSON": raises(VAULT_PROXY, MalformedSecretError, (VAULT_HELLO,)),
    "vault: body 203": gives(VAULT_203, "world"),
    **of_vault(
        [f"nested {name}, team '', by team True" for name in ("T/c1", "a/b/c", "/c1", "c1/")],
        nothing(VAULT_EMPTY_TEAM, ()),
        "conn var",
    ),
    **of_vault(["mount null, slash in front"], nothing(VAULT_MOUNT, ())),
    **{
        f"vault: {kind} version as text": nothing(VAULT_VERSION_TEXT, (f"GET /v1/secret/data/{folder}/c1",))
        for kind, folder in (("conn", "connections"), ("var", "variables"), ("config", "config"))
    },
}
