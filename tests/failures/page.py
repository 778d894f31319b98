"""The table as a page of the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import strongroom
from tests.conformance.harness import Harness
from tests.failures.row import Row
from tests.failures.way import Way
from tests.servers.process import REPOSITORY
from tests.stores import described

PAGE = REPOSITORY / "docs" / "failures.md"
INTRODUCTION = """\
# Failures

What a lookup does when its store fails: its result, how old that is, how many requests it makes, how long it takes and
what it logs. Every row was measured by the tests, and the tests fail when a row changes. To measure again:
`python -m pytest tests/failures --write-failures`.

The rules behind the rows:

- **The store does not answer** (throttled, unreachable, timed out, 5xx): the read is tried again, at most
  `max_attempts` times. If that fails too, a value that is not older than `cache_ttl` + `cache_max_stale` is served,
  with a WARNING that says why. Without such a value the lookup ends with the error.
- **The store answers** that the secret does not exist or may not be read, or its answer is invalid: that counts at
  once, and an old value is dropped. A revoked or deleted secret is not served from memory.
- **An error is never cached as absent**, and the result is None only if the store says that the secret does not exist.
  The exceptions are errors for which the official class returns None; they come with a WARNING.

The rows are for a backend with `timeout: 3s`, `max_attempts: 2`, `cache_ttl: 200ms`, and otherwise defaults, such as
`on_error: official`. The default `timeout` is 10 s, `max_attempts` 5 and `cache_ttl` 60 s. With another value of
`on_error` the calls and the times are the same, and old values are served as here.

| column | meaning |
|---|---|
| known | *nothing read yet* in this process; or *an expired value*, read before and past its `cache_ttl` |
| served | the value, None, or the exception |
| age | *fresh*, *past its ttl*, or - where the store gave no answer |
| asked | requests that the server saw; - where they are not counted |
| counted | calls in `strongroom.stats()`, which also has those that never reached the server |
| took | *at once* is under half a second; waits between attempts are random, so *< 2.5 s* may be shorter |
| log | the highest level, and which of the texts below the table |
"""
HEAD = "| failure | known | served | age | asked | counted | took | log |\n|---|---|---|---|---|---|---|---|"


def failing() -> Mapping[type[Harness], Sequence[Way]]:
    """The ways in which each store can fail, on the server that shows most of them."""
    return {store.failing or store.harnesses[0]: store.ways for store in described().values()}


def title(kind: type[Harness]) -> str:
    """The title of a store's section."""
    return {str(store["name"]): str(store["title"]) for store in strongroom.stores()}[kind.store]


def sections(page: str) -> tuple[str, dict[str, str]]:
    """The introduction of the page, and its sections by title."""
    introduction, *parts = page.split("\n## ")
    return introduction, {part.partition("\n")[0]: f"## {part}" for part in parts}


def with_section(page: str, kind: type[Harness], section: str) -> str:
    """The page with a new section for one store and the others unchanged, in the order of the stores."""
    known = {**sections(page)[1], title(kind): section}
    return "\n".join([INTRODUCTION, *(known[each] for each in map(title, failing()) if each in known)])


def section(title: str, rows: Sequence[Row], ways: Sequence[Way]) -> str:
    """The rows of a store, and the notes about them."""
    texts = list(dict.fromkeys(row.text for row in rows if row.text))
    lines = [f"## {title}", "", HEAD, *(_line(row, texts) for row in rows), ""]
    notes = [fill(f"- **{way.what}**: {way.note}", 120, subsequent_indent="  ") for way in ways if way.note]
    if notes:
        lines += ["Notes:", "", *notes, ""]
    if texts:
        lines += ["Log messages:", "", *(f"{number}. `{_code(text)}`" for number, text in enumerate(texts, 1)), ""]
    return "\n".join(lines)


def _line(row: Row, texts: Sequence[str]) -> str:
    log = f"{row.level} {texts.index(row.text) + 1}" if row.text else row.level
    served = row.served if row.served == "the value" else f"`{row.served}`"
    cells = (row.what, row.phase.value, served, row.age, row.asked, str(row.counted), row.took, log)
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """A code span cannot contain backticks."""
    return text.replace("`", "'")
