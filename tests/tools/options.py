"""Generates from the declarations of the options: `python/strongroom/options.py`, schemas, and the tables of the pages.

    python -m tests.tools.options            # reports what differs, as `make check` does
    python -m tests.tools.options --write    # writes it: `make options`

The declarations are the `OptionSpec` of the native core, so this runs where the package is installed. A table
on a page is between `<!-- options of NAME -->`, for those of a store, or `<!-- options KEY KEY ... -->`, for some that
every store has, and `<!-- end of options -->`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import strongroom
from strongroom import _native
from tests.tools.venvs import REPOSITORY

TYPES = REPOSITORY / "python" / "strongroom" / "options.py"
DOCS = REPOSITORY / "docs"
SCHEMAS = DOCS / "schema"
WIDTH = 110

HEAD = '''"""The keyword arguments of the backend classes, for editors and type checkers.

They are what `backend_kwargs` may hold. Every value may also come as text, as
`AIRFLOW__SECRETS__BACKEND_KWARG__<KEY>` delivers it. `make options` writes this file from the declarations in
the native core.
"""

from __future__ import annotations

from typing import Any, TypedDict
'''

#: The Python types for the kinds of the native core.
PYTHON_TYPES = {
    "text": "str",
    "secret": "str",
    "choice": "str",
    "text or null": "str | None",
    "text, list or null": "str | list[str] | None",
    "boolean": "bool | str",
    "boolean or path": "bool | str",
    "count": "int | str",
    "duration": "float | str",
    "rate": "int | str",
    "object": "dict[str, Any] | str",
    "secret object": "dict[str, Any] | str",
    "object of durations": "dict[str, float | str] | str",
    "JSON": "Any",
    "secret JSON": "Any",
    "ignored": "Any",
}

#: A table of a page, with the words that select its options.
TABLE = re.compile(r"<!-- options ([^>]*?) -->\n(.*?)<!-- end of options -->\n", re.DOTALL)
#: Words with a capital letter even within a sentence.
NAMES = ("Airflow", "Astro")

Option = dict[str, Any]


class Declared:
    """The options of every store, and those of each."""

    def __init__(self, stores: Iterable[Any]) -> None:
        """Sorts the options of the native core."""
        self.stores = {store["name"]: store for store in stores}
        lists = [{option["key"] for option in store["options"]} for store in self.stores.values()]
        self._everywhere = set.intersection(*lists)
        first = next(iter(self.stores.values()))["options"]
        self.common: list[Option] = [option for option in first if option["key"] in self._everywhere]

    def own(self, name: str) -> list[Option]:
        """The options that only this store has."""
        return [option for option in self.stores[name]["options"] if option["key"] not in self._everywhere]

    def of_module(self, module: str) -> list[Option]:
        """The options that all stores of a Python module have, if there are several."""
        own = [self.own(name) for name, store in self.stores.items() if _module(store) == module]
        return [option for option in own[0] if all(option in others for others in own)] if len(own) > 1 else []

    def named(self, words: str) -> list[Option]:
        """The options that the comment before a table asks for: a store's, or keys that every store has."""
        if words.startswith("of "):
            return self.own(words.removeprefix("of "))
        by_key = {option["key"]: option for option in self.common}
        return [by_key[key] for key in words.split()]


def types(declared: Declared) -> str:
    """The whole of `options.py`."""
    classes = {"CommonOptions": _class("CommonOptions", "TypedDict", "every backend takes", declared.common)}
    for name, store in declared.stores.items():
        backend = store["python_class"].rpartition(".")[2]
        title, bases = backend.removesuffix("Backend") + "Options", "CommonOptions"
        if shared := declared.of_module(_module(store)):
            base = _module(store).capitalize() + "Options"
            classes[base] = _class(base, "TypedDict", f"every backend of `strongroom.{_module(store)}` takes", shared)
            bases += f", {base}"
        own = [option for option in declared.own(name) if option not in shared]
        classes[title] = _class(title, bases, f"`{backend}` takes", own)
    return HEAD + "".join(classes.values())


def _module(store: dict[str, Any]) -> str:
    """The Python module of a store's class: `aws` of `strongroom.aws.SecretsManagerBackend`."""
    return str(store["python_class"].split(".")[1])


def _class(name: str, base: str, whose: str, options: list[Option]) -> str:
    fields = "\n".join(_field(option) for option in options)
    return f'\n\nclass {name}({base}, total=False):\n    """What {whose}."""\n\n{fields}'


def _field(option: Option) -> str:
    default = f" (default `{option['default']}`)" if option["default"] else ""
    sentence = option["doc"].removesuffix(".") + default + "."
    lines = textwrap.wrap(f'"""{sentence}"""', WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join([f"    {option['key']}: {PYTHON_TYPES[option['kind']]}", *(f"    {line}" for line in lines), ""])


def page(text: str, declared: Declared) -> str:
    """A page with its tables updated."""
    return TABLE.sub(lambda match: _table(match[1], declared.named(match[1])), text)


def _table(words: str, options: list[Option]) -> str:
    rows = [f"| `{option['key']}` | {_default(option)} | {_meaning(option)} |" for option in options]
    lines = [f"<!-- options {words} -->", "", "| key | default | meaning |", "|---|---|---|", *rows, ""]
    return "\n".join([*lines, "<!-- end of options -->", ""])


def _default(option: Option) -> str:
    if option["kind"] == "ignored":
        return ""
    return f"`{option['default']}`" if option["default"] else "none"


def _meaning(option: Option) -> str:
    sentence = option["doc"].removesuffix(".").replace("|", "\\|")
    if not sentence.startswith(NAMES) and not sentence[1:2].isupper():
        sentence = sentence[0].lower() + sentence[1:]
    return f"no effect: {sentence}; {option['why_ignored']}" if option["kind"] == "ignored" else sentence


def wanted(declared: Declared) -> dict[Path, str]:
    """Every generated file, with its correct contents."""
    files = {TYPES: types(declared)}
    for path in sorted(DOCS.glob("*.md")):
        files[path] = page(path.read_text(), declared)
    for name in (*declared.stores, "stores_file"):
        files[SCHEMAS / f"{name}.json"] = schema(name)
    return files


def schema(name: str) -> str:
    """The JSON schema of a store, of the chain, or of its file."""
    command = [sys.executable, "-m", "strongroom", "schema", name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    print(f"written: {path.relative_to(REPOSITORY)}")


def _differs(path: Path, _text: str) -> None:
    print(f"{path.relative_to(REPOSITORY)} does not match the declarations of the options: run `make options`")


def main(arguments: list[str]) -> int:
    """Compares or writes; returns the exit code."""
    act: Callable[[Path, str], None] = _write if "--write" in arguments else _differs
    files = wanted(Declared([*strongroom.stores(), _native.chain()]))
    changed = [(path, text) for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path, text in changed:
        act(path, text)
    return int(bool(changed) and act is _differs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
