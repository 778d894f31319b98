"""Texts that users may have stored as a connection, a variable or a config value."""

from __future__ import annotations

import itertools
import json

FIELDS = {
    "login": ["login", "user", "username", "user_name"],
    "password": ["password", "pass", "key"],
    "host": ["host", "remote_host", "server"],
    "port": ["port"],
    "schema": ["database", "schema"],
    "conn_type": ["conn_type", "conn_id", "connection_type", "engine"],
    "extra": ["extra"],
}

URIS = {
    "uri full": "postgres://user:p%40ss%2F@host.example.com:5432/db?sslmode=require&x=1",
    "uri driver": "postgresql+psycopg2://u:p@h/db",
    "uri only type": "aws://",
    "uri no slashes": "aws:",
    "uri upper": "PostGres://User@HOST:1/DB",
    "uri dashes": "google-cloud-platform://",
    "uri extra json": "http://?__extra__=%7B%22a%22%3A%20%7B%22b%22%3A%201%7D%7D",
    "uri extra not json": "http://h?__extra__=abc",
    "uri two query values": "http://h?a=1&a=2&b=true&c=%5B1%5D&d=",
    "uri host with scheme": "https://https%3A%2F%2Fexample.com%2Fpath/schema",
    "uri nested scheme": "http://https://host:80/s",
    "uri unicode": "mysql://ü:pé@hôst/名?k=ß",
    "uri percent broken": "mysql://u:p%zz%@h",
    "uri ipv6": "mysql://u@[::1]:3306/d",
    "uri ipv6 broken": "mysql://u@[::1:3306/d",
    "uri port 0": "mysql://h:0",
    "uri port too big": "mysql://h:65536",
    "uri port text": "mysql://h:abc",
    "uri port empty": "mysql://h:/x",
    "uri at in password": "mysql://u:p@ss@h",
    "uri colon in password": "mysql://u:a:b@h",
    "uri user only": "mysql://u@h",
    "uri password only": "mysql://:p@h",
    "uri fragment": "mysql://h/s#frag?x=1",
    "uri plus": "mysql://u:a+b@h?k=a+b",
    "uri space around": "  mysql://h/s \n",
    "uri tab within": "mysql://h\t/s",
    "uri no type": "//h:1/s",
    "uri not one": "just some text",
    "uri semicolons": "mysql://h?a=1;b=2",
    "uri path deep": "s3://bucket/a/b/c",
}

JSONS = {
    "json empty": "{}",
    "json all": json.dumps({name: "5432" if name == "port" else "{}" if name == "extra" else name for name in FIELDS}),
    "json all compact": (
        '{"conn_type":"pg","host":"h","login":"l","password":"p","schema":"s","port":1,"extra":{"a":1}}'
    ),
    "json space around": ' \t\r\n{"host": "h"}\n\n ',
    "json no-break space": '\u00a0{"host": "h"}',
    "json space behind": '{"host": "h"}\u00a0',
    "json separator in front": '\x1c{"host": "h"}',
    "json byte order mark": '\ufeff{"host": "h"}',
    "json unknown keys": '{"host": "h", "description": "d", "Host": "x", "dbname": "y", "a": {"b": []}}',
    "json upper": '{"LOGIN": "l", "Login": "m"}',
    "json nested extra": (
        '{"conn_type": "x", "extra": {"a": {"b": [1, 2.0, null, true, "ü", {"c": {}}]}, "z": "", "a2": []}}'
    ),
    "json extra text": '{"conn_type": "x", "extra": "{\\"a\\": \\"b\\"}"}',
    "json extra no json": '{"conn_type": "x", "extra": "notjson"}',
    "json extra array": '{"conn_type": "x", "extra": [1, 2]}',
    "json extra number": '{"conn_type": "x", "extra": 5}',
    "json extra null": '{"conn_type": "x", "extra": null}',
    "json extra empty": '{"conn_type": "x", "extra": ""}',
    "json extra empty object": '{"conn_type": "x", "extra": {}}',
    "json extra unicode": '{"conn_type": "x", "extra": {"ключ": "значение"}}',
    "json extra duplicate keys": '{"conn_type": "x", "extra": {"a": 1, "b": 2, "a": 3}}',
    "json unicode": '{"host": "hôst", "password": "pässwörd-名前-\U0001f600"}',
    "json escapes": r'{"host": "\u00e9\ud83d\ude00\/\b\f\n\r\t\"\\", "login": "\u0000\u007f\u0080\u2028"}',
    "json lone surrogate": r'{"host": "a\ud83db", "login": "\udc00"}',
    "json lone surrogate in key": r'{"host": "h", "\ud83d": 1}',
    "json swapped surrogates": r'{"host": "\udc00\ud83d"}',
    "json delete": '{"host": "a\x7fb"}',
    "json control": '{"host": "a\x01b"}',
    "json raw newline": '{"host": "a\nb"}',
    "json separators raw": '{"host": "a\u2028b\u2029"}',
    "json nan": '{"port": NaN}',
    "json infinity": '{"port": Infinity, "host": -Infinity}',
    "json nan in extra": '{"conn_type": "x", "extra": {"a": NaN, "b": [Infinity, -Infinity]}}',
    "json big integer": '{"port": 123456789012345678901234567890}',
    "json huge integer": '{"host": ' + "9" * 4300 + "}",
    "json integer beyond the limit": '{"host": ' + "9" * 4301 + "}",
    "json big integer in extra": '{"conn_type": "x", "extra": {"a": 18446744073709551616, "b": -9223372036854775809}}',
    "json floats": (
        '{"conn_type": "x", "extra": [1.0, 1e5, 1E+2, 1e16, 1e-7, 0.1,'
        " -0.0, 1.5e300, 5e-324, 123456789.123456789, 1e22, 1e23]}"
    ),
    "json float overflow": '{"conn_type": "x", "extra": {"a": 1e400, "b": -1e400}}',
    "json minus zero": '{"conn_type": "x", "extra": {"a": -0}}',
    "json port float": '{"port": 5432.0}',
    "json port float broken": '{"port": 5432.7}',
    "json port text": '{"port": "5432"}',
    "json port text spaces": '{"port": " 5432 "}',
    "json port text underscore": '{"port": "5_432"}',
    "json port text arabic": '{"port": "٥٤٣٢"}',
    "json port text plus": '{"port": "+5432"}',
    "json port empty": '{"port": ""}',
    "json port zero": '{"port": 0}',
    "json port zero text": '{"port": "0"}',
    "json port negative": '{"port": -1}',
    "json port true": '{"port": true}',
    "json port false": '{"port": false}',
    "json port letters": '{"port": "abc"}',
    "json port list": '{"port": [5432]}',
    "json duplicate keys": '{"host": "first", "login": "l", "host": "second"}',
    "json duplicate keys move": '{"user": "u", "login": "l", "user": "u2"}',
    "json null values": '{"login": null, "user": "u", "host": null}',
    "json numbers as text fields": '{"login": 1, "password": 2.5, "host": true, "schema": null, "conn_type": 7}',
    "json lists as text fields": '{"login": ["a"], "password": {"b": 1}}',
    "json conn_type dashes": '{"conn_type": "google-cloud-platform"}',
    "json conn_type postgresql": '{"conn_type": "postgresql", "host": "h"}',
    "json conn_type empty": '{"conn_type": "", "host": "h"}',
    "json host with scheme": '{"conn_type": "http", "host": "https://h:8/x"}',
    "json percent": '{"password": "p%2Fq%zz+", "login": "a%40b"}',
    "json key empty": '{"": 1, "host": "h"}',
    "json deep": '{"host": "h", "extra": ' + "[" * 150 + "]" * 150 + "}",
    "json rds": (
        '{"username": "u", "password": "p", "engine": "postgres", "host": "h",'
        ' "port": 5432, "dbname": "d", "dbInstanceIdentifier": "i"}'
    ),
}

NOT_JSON = {
    "broken trailing comma": '{"host": "h",}',
    "broken unclosed": '{"host": "h"',
    "broken only brace": "{",
    "broken single quotes": "{'host': 'h'}",
    "broken text behind": '{"host": "h"} x',
    "broken two objects": "{}{}",
    "broken comment": '{"host": "h"} // c',
    "broken literal": '{"host": True}',
    "broken number": '{"port": 01}',
    "broken number dot": '{"port": 1.}',
    "broken plus": '{"port": +1}',
    "broken nan": '{"port": nan}',
    "broken escape": r'{"host": "\x41"}',
    "broken unicode escape": r'{"host": "\u12"}',
    "broken unicode escape sign": r'{"host": "\u+123"}',
    "broken template": "{{ host }}",
    "broken no key": '{: "h"}',
    "broken form feed": '{\x0c"host": "h"}',
}

OTHERS = {
    "empty": "",
    "space": " ",
    "spaces and newlines": " \t\r\n ",
    "no-break space": "\u00a0",
    "array": '[{"host": "h"}]',
    "array space": " [1, 2] ",
    "number": "42",
    "float": "1.50",
    "json text": '"postgres://h"',
    "null": "null",
    "true": "true",
    "newline at the end": "value\n",
    "carriage returns": "a\r\nb\r",
    "nul": "a\0b",
    "control": "".join(map(chr, range(1, 32))),
    "unicode": "wörld 名前 \U0001f600 e\u0301",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "byte order mark": "\ufefftext",
    "escapes stay": r"\u00e9 \n %20 &amp; +",
    "multi line": "-----BEGIN KEY-----\nAAAA\nBBBB\n-----END KEY-----\n",
}

LARGE = {
    "60 KiB": "0123456789abcdef" * (60 * 64),
    "60 KiB unicode": "é" * (30 * 1024),
    "60 KiB json": json.dumps({"conn_type": "x", "extra": {f"k{number}": "v" * 12000 for number in range(5)}}),
}


def alias_values() -> dict[str, str]:
    """Every alias alone, and every pair of aliases of a field in both orders."""
    found = {}
    for aliases in FIELDS.values():
        for alias in aliases:
            value: object = 5432 if alias == "port" else {"a": "b"} if alias == "extra" else f"of {alias}"
            found[f"alias {alias}"] = json.dumps({alias: value})
        for first, second in itertools.permutations(aliases, 2):
            found[f"alias {first} then {second}"] = json.dumps({first: "first", "x": 1, second: "second"})
    return found


CONNECTIONS = {**URIS, **JSONS, **NOT_JSON, **OTHERS}

#: These are compared as connection objects too.
THROUGH = {
    label: text
    for label, text in CONNECTIONS.items()
    if label in {"uri full", "uri unicode", "json all", "json nested extra", "json escapes", "json lone surrogate"}
    or label in {"json port letters", "broken unclosed", "empty", "space", "array", "number", "json empty"}
}
