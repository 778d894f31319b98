"""Local files: core's class compared with ours."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from airflow.secrets.local_filesystem import LocalFilesystemBackend as Official

from strongroom.local import LocalFilesystemBackend as Ours
from tests.parity.chain_of_one import ours_in_both_forms
from tests.parity.differences import ONE_BAD, assert_as_agreed
from tests.parity.outcomes import CONNECTION_CLASSES, Outcome, outcome
from tests.parity.values import URIS

ABSENT = "absent"


@dataclass(frozen=True)
class File:
    """A file of one kind, and the names to look up in it, in addition to ``absent``."""

    id: str
    kind: str
    name: str
    content: str | bytes | None
    names: tuple[str, ...] = ("a",)
    #: The entry ``a`` is not a valid connection. In the official class that breaks all others too.
    bad: bool = False


def look_up(backend: Any, kind: str, name: str) -> object:
    """Looks up one entry; a connection has core's class, the only one that core's backend supports."""
    if kind == "variables":
        return backend.get_variable(name)
    if kind == "configs":
        return backend.get_config(name)
    backend._set_connection_class(CONNECTION_CLASSES["core"])
    return backend.get_connection(name)


def env(label: str, content: str | bytes, *names: str, kind: str = "variables") -> File:
    """An ``.env`` file."""
    return File(f"env {label}", kind, "x.env", content, names or ("a",))


def yaml(label: str, content: str, *names: str, kind: str = "variables") -> File:
    """A YAML file."""
    return File(f"yaml {label}", kind, "x.yaml", content, names or ("a",))


def text(label: str, content: str | bytes, *names: str, kind: str = "variables") -> File:
    """A JSON file, by its text."""
    return File(f"json {label}", kind, "x.json", content, names or ("a",))


def conn(label: str, value: object) -> File:
    """A connection in a JSON file."""
    return text(f"connection {label}", json.dumps({"a": value}), kind="connections")


def bad(label: str, value: object) -> File:
    """An invalid connection in a JSON file."""
    return replace(conn(label, value), bad=True)


ENV = [
    env("plain", "a=1\nb=two\n", "a", "b"),
    env("no newline at the end", "a=1\nb=2", "b"),
    env("equal signs", "a=b=c==\n"),
    env("spaces kept", " a = b \na=c \n", " a ", "a", "a "),
    env("quotes kept", "a=\"x y\"\nb='z'\n", "a", "b"),
    env("export kept", "export a=1\n", "a", "export a"),
    env("comments", "# c\n  # d\na=1#x\n#b=2\n \t#\n", "a", "b", "#b"),
    env("empty lines", "\n\na=1\n\n", "a"),
    env("line of spaces", "   \na=1\n"),
    env("empty file", ""),
    env("only comments", "# a=1\n"),
    env("windows", "a=1\r\nb=2\r\n", "a", "b"),
    env("old mac", "a=1\rb=2\r", "a", "b"),
    env("form feed", "a=1\x0cb=2\n", "a", "b"),
    env("vertical tab", "a=1\x0bb=2\n", "a", "b"),
    env("separators", "a=1\x1cb=2\x1dc=3\x1ed=4\x1fe\n", "a", "b", "c", "d"),
    env("next line", "a=1\x85b=2\n", "a", "b"),
    env("line separator", "a=1\u2028b=2\u2029c=3\n", "a", "b", "c"),
    env("unicode", "ключ=значение\nü=名前\U0001f600\n", "ключ", "ü"),
    env("escapes kept", "a=\\n\\u00e9 $b ${c} %(d)s\n"),
    env("no equal sign", "a=1\nnonsense\n"),
    env("empty key", "=1\n"),
    env("empty value", "a=\n"),
    env("value of a space", "a= \n"),
    env("twice", "a=1\na=2\n"),
    env("twice elsewhere", "b=1\nb=2\na=1\n"),
    env("not utf-8", b"a=\xff\n"),
    env("nul", "a=x\0y\n"),
    env("byte order mark", "\ufeffa=1\nb=2\n", "a", "\ufeffa", "b"),
    env("connection", "a=postgres://u:p%40@h:5432/s?x=1\n", kind="connections"),
    replace(env("connection twice", "a=aws://\na=aws://\n", kind="connections"), bad=True),
    env("connection as json", 'a={"conn_type": "aws"}\n', kind="connections"),
    env("configs", "a=1\nb=x=y\n", "a", "b", kind="configs"),
    env("configs twice", "a=1\na=2\n", kind="configs"),
]

JSON_TYPES = {
    "s": "x",
    "empty": "",
    "i": 1,
    "f": 1.5,
    "t": True,
    "n": None,
    "l": [1, "a", None],
    "d": {"k": [{}]},
    "z": 0,
    "e": [],
    "o": {},
}
JSON = [
    text("types", json.dumps(JSON_TYPES), *JSON_TYPES),
    text(
        "types of configs",
        json.dumps({name: value for name, value in JSON_TYPES.items() if name not in "le"}),
        *JSON_TYPES,
        kind="configs",
    ),
    text("config of one", '{"a": ["x"], "b": [["y"]]}', "a", "b", kind="configs"),
    text("config of two", '{"a": ["x", "y"], "b": "z"}', "a", "b", kind="configs"),
    text("config of none", '{"a": [], "b": "z"}', "a", "b", kind="configs"),
    text(
        "numbers",
        '{"a": NaN, "b": -Infinity, "c": 1e400, "d": 123456789012345678901234567890, "e": 1.0, "f": -0, "g": 1E5}',
        *"abcdefg",
    ),
    text("within", '{"a": {"b": [NaN, 1e16, 2.50, "\\ud83d", "é"]}}'),
    text("duplicate keys", '{"a": 1, "b": 2, "a": 3}', "a", "b"),
    text("escapes", r'{"a": "\u00e9\ud83d\ude00\n\/", "\u0061b": "x"}', "a", "ab"),
    text("unicode", '{"ü": "名前"}', "ü"),
    text("empty key", '{"": "x"}', ""),
    text("empty object", "{}"),
    text("white space", ' \n{"a": "x"}\t '),
    text("empty file", ""),
    text("only white space", "  \n"),
    text("array", '["a"]'),
    text("string", '"a"'),
    text("null", "null"),
    text("broken", '{"a": "x"'),
    text("trailing comma", '{"a": "x",}'),
    text("comment", '{"a": "x"} // c'),
    text("control", '{"a": "x\ty"}'),
    text("windows", '{\r\n"a": "x"\r\n}\r\n'),
    text("byte order mark", '\ufeff{"a": "x"}'),
    text("not utf-8", b'{"a": "\xff"}'),
    text("deep", '{"a": ' + "[" * 100 + "]" * 100 + "}"),
]

BAD_URIS = {"uri extra not json", "uri ipv6 broken", "uri port too big", "uri port text"}
CONNECTIONS = [
    *[bad(label, uri) if label in BAD_URIS else conn(label, uri) for label, uri in URIS.items()],
    conn("empty text", ""),
    conn("text of a space", " "),
    conn("json in a text", '{"conn_type": "aws", "host": "h"}'),
    conn(
        "object",
        {"conn_type": "pg", "host": "h", "login": "l", "password": "p", "schema": "s", "port": 5432, "extra": {"a": 1}},
    ),
    conn("object, description", {"conn_type": "pg", "description": "d"}),
    conn("object, empty", {}),
    conn("object, nulls", {"conn_type": None, "host": None, "port": None, "extra": None}),
    conn("object, extra text", {"conn_type": "pg", "extra": '{"a": "b"}'}),
    bad("object, extra no json", {"conn_type": "pg", "extra": "x"}),
    conn("object, extra empty", {"conn_type": "pg", "extra": ""}),
    bad("object, extra list", {"conn_type": "pg", "extra": [1]}),
    bad("object, extra number", {"conn_type": "pg", "extra": 5}),
    conn("object, extra_dejson", {"conn_type": "pg", "extra_dejson": {"a": {"b": "ü"}}}),
    conn("object, extra_dejson empty", {"conn_type": "pg", "extra_dejson": {}}),
    bad("object, extra_dejson null", {"conn_type": "pg", "extra_dejson": None}),
    bad("object, extra_dejson text", {"conn_type": "pg", "extra_dejson": "x"}),
    bad("object, both extras", {"extra": "{}", "extra_dejson": {}}),
    bad("object, illegal key", {"conn_type": "pg", "nonsense": 1}),
    bad("object, alias", {"user": "u"}),
    conn("object, own id", {"conn_id": "a", "conn_type": "pg"}),
    bad("object, other id", {"conn_id": "b", "conn_type": "pg"}),
    conn("object, uri", {"uri": "pg://u@h/s"}),
    bad("object, uri and host", {"uri": "pg://u@h/s", "host": "x"}),
    bad("object, uri and extra", {"uri": "pg://h?x=1", "extra": {"a": 1}}),
    conn("object, uri null", {"uri": None, "host": "x"}),
    conn("object, team", {"conn_type": "pg", "team_name": "T"}),
    conn("object, port text", {"conn_type": "pg", "port": "5432"}),
    conn("object, port letters", {"conn_type": "pg", "port": "abc"}),
    conn("object, port float", {"conn_type": "pg", "port": 1.5}),
    conn("object, port zero", {"conn_type": "pg", "port": 0}),
    conn("object, port true", {"conn_type": "pg", "port": True}),
    conn("object, host with scheme", {"conn_type": "http", "host": "https://h:1/x"}),
    conn("object, conn_type dashes", {"conn_type": "google-cloud-platform"}),
    conn("object, conn_type postgresql", {"conn_type": "postgresql"}),
    conn("object, login number", {"login": 5}),
    bad("object, password number", {"conn_type": "pg", "password": 5}),
    conn("object, unicode", {"conn_type": "pg", "password": "pässwörd-名前-\U0001f600"}),
    conn("list of one", ["pg://h"]),
    conn("list of an object", [{"conn_type": "pg"}]),
    bad("list of two", ["pg://h", "pg://i"]),
    conn("list empty", []),
    bad("list of a list", [["pg://h"]]),
    bad("number", 1),
    bad("null", None),
    bad("true", True),
    text("bad beside good", '{"a": "pg://h", "b": {"nonsense": 1}}', "a", "b", kind="connections"),
]

YAML = [
    yaml("plain", "a: x\nb: 'y'\nc: \"z\\n\\u00e9\"\n", "a", "b", "c"),
    yaml(
        "types",
        "a: 1\nb: 1.5\nc: true\nd: null\ne: ~\nf:\ng: [1, x]\nh: {i: j}\n"
        "k: 0x1F\nl: 0o17\nm: 017\nn: 1_000\no: .inf\np: .nan\nq: 1e3\nr: 1.0e+3\ns: +1\nt: 1:30\n",
        *"abcdefghklmnopqrst",
    ),
    yaml("booleans", "a: yes\nb: No\nc: ON\nd: off\ne: y\nf: TRUE\n", *"abcdef"),
    yaml("block texts", "a: |\n  x\n   y\n\nb: >\n  x\n  y\n\n  z\nc: |-\n  x\nd: >+\n  x\n\ne: 1\n", *"abcde"),
    yaml("texts over lines", 'a: x\n  y\n\n  z\nb: "x\\\n  y"\n', "a", "b"),
    yaml("anchors", "a: &x {k: v}\nb: *x\nc:\n  <<: *x\n  l: w\n", "a", "b", "c"),
    yaml("comments", "# c\na: x # d\nb: x#y\n", "a", "b"),
    yaml("document start", "---\na: x\n...\n"),
    yaml("two documents", "a: x\n---\na: y\n"),
    yaml("directive", "%YAML 1.1\n---\na: x\n"),
    yaml("duplicate keys", "a: x\na: y\n"),
    yaml("json", '{"a": "x", "b": [1]}', "a", "b"),
    yaml("unicode", "ü: 名前\n", "ü"),
    yaml("tag str", "a: !!str 1\nb: !!int '2'\nc: !!float '3'\n", "a", "b", "c"),
    yaml("tag unknown", "a: !nonsense x\n"),
    yaml("tag python", "a: !!python/object/apply:os.getcwd []\n"),
    yaml("dates", "a: 2001-12-14\nb: 2001-12-14t21:59:43.10-05:00\n", "a", "b"),
    yaml("binary", "a: !!binary aGVsbG8=\n"),
    yaml("set", "a: !!set {x, y}\n"),
    yaml("keys that are no text", "1: x\ntrue: y\n2.5: z\n", "1", "true", "2.5"),
    yaml("keys within that are no text", "a: {1: x, true: y, null: z}\n"),
    yaml("complex key", "? [a, b]\n: x\na: y\n"),
    yaml("empty file", ""),
    yaml("only comments", "# c\n"),
    yaml("list", "- a\n"),
    yaml("text", "a\n"),
    yaml("tab", "a:\n\tb: c\n"),
    yaml("broken", "a: [1\n"),
    yaml("unknown alias", "a: *x\n"),
    yaml("byte order mark", "\ufeffa: x\n"),
    yaml("control", "a: x\x01\n"),
    yaml("windows", "a: x\r\nb: |\r\n  y\r\n  z\r\n", "a", "b"),
    yaml("next line", "a: x\x85b: y\n", "a", "b"),
    yaml("connection", "a: pg://u@h/s?x=1\n", kind="connections"),
    yaml(
        "connection object", "a:\n  conn_type: pg\n  port: 5432\n  extra_dejson:\n    k: [1, yes]\n", kind="connections"
    ),
    yaml("connection list", "a:\n  - conn_type: pg\n    host: h\n", kind="connections"),
    yaml("connection with a date", "a:\n  conn_type: pg\n  extra: {d: 2001-12-14}\n", kind="connections"),
    yaml("configs", "a: x\nb: [y]\nc: 1\n", "a", "b", "c", kind="configs"),
]

PATHS = [
    File("path yml", "variables", "x.yml", "a: x\n"),
    File("path upper", "variables", "x.JSON", '{"a": "x"}'),
    File("path two dots", "variables", "x.json.env", "a=x\n"),
    File("path unknown extension", "variables", "x.txt", "a=x\n"),
    File("path without extension", "variables", "x", "a=x\n"),
    File("path only an extension", "variables", ".env", "a=x\n"),
    File("path to nothing", "variables", "x.json", None),
    File("path to nothing, connections", "connections", "x.yaml", None),
    File("path to nothing, configs", "configs", "x.env", None),
]

FILES = [*ENV, *JSON, *CONNECTIONS, *YAML, *PATHS]


def half(cls: type, file: File, folder: Path, name: str) -> Outcome:
    """One class on one file."""
    path = {f"{file.kind}_file_path": str(folder / file.name)}
    return outcome(lambda: look_up(cls(**path), file.kind, name))


def ours_half(file: File, folder: Path, name: str) -> Outcome:
    """Our class on one file."""
    kwargs = {f"{file.kind}_file_path": str(folder / file.name), "cache_ttl": 0}
    return ours_in_both_forms(Ours, kwargs, lambda backend: look_up(backend, file.kind, name), outcome)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.id)
def test_files(file: File, tmp_path: Path) -> None:
    """The same value of the same type, the same connection, or an error in both, for every name."""
    if isinstance(file.content, str):
        (tmp_path / file.name).write_text(file.content, encoding="utf-8", newline="")
    elif file.content is not None:
        (tmp_path / file.name).write_bytes(file.content)
    for name in (*file.names, ABSENT):
        official, ours = half(Official, file, tmp_path, name), ours_half(file, tmp_path, name)
        if file.bad and name == ABSENT:
            assert (official.ending, ours.ending) == ("raises", "none"), ONE_BAD
        else:
            assert_as_agreed(f"{file.id}: {name}", official, ours)


@pytest.mark.parametrize("kind", ["variables", "connections", "configs"])
@pytest.mark.parametrize("path", [None, ""], ids=["null", "empty"])
def test_a_kind_without_a_file(kind: str, path: str | None) -> None:
    """Nothing is found."""
    paths: Any = {f"{kind}_file_path": path}
    for cls in (Official, Ours):
        assert look_up(cls(**paths), kind, "a") is None
        assert look_up(cls(), kind, "a") is None


def test_a_team_makes_no_difference(tmp_path: Path) -> None:
    """The name is the same for every team."""
    (tmp_path / "x.env").write_text("a=1\na--b=2\n")
    for cls in (Official, Ours):
        backend = cls(variables_file_path=str(tmp_path / "x.env"))
        assert [backend.get_variable(name, team_name="a") for name in ("a", "b", "a--b")] == ["1", None, "2"]


def test_the_official_class_has_no_text_of_a_connection(tmp_path: Path) -> None:
    """Intended: ours has it."""
    (tmp_path / "x.env").write_text("a=aws://\n")
    path = str(tmp_path / "x.env")
    with pytest.raises(NotImplementedError):
        Official(connections_file_path=path).get_conn_value("a")
    assert Ours(connections_file_path=path).get_conn_value("a") == "aws://"


def test_unknown_keys() -> None:
    """Intended: ours warns, as its other classes do."""
    unknown: Any = {"nonsense": 1}
    with pytest.raises(TypeError):
        Official(**unknown)
    assert Ours(**unknown).get_variable("a") is None
