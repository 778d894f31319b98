"""Every link within the repository leads to a file, and to a heading in it; those of the README work on any site."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import tomllib

from tests.docs.pages import PAGES, anchors
from tests.servers.process import REPOSITORY

METADATA = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PROJECT = METADATA["project"]["urls"]["Source"]
#: What leads to a file of the repository from anywhere.
OURS = re.compile(re.escape(PROJECT) + "/(?:blob|tree)/main/")
README = REPOSITORY / "README.md"


def links_of(page: Path) -> list[str]:
    """The targets of a page's links."""
    return re.findall(r"\]\(([^)\s]*)\)", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", [*PAGES, REPOSITORY / "CHANGELOG.md"], ids=lambda page: page.name)
def test_links_have_a_target(page: Path) -> None:
    dead = []
    for address in links_of(page):
        link = OURS.sub(os.path.relpath(REPOSITORY, page.parent) + "/", address)
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(address)
    assert dead == []


def test_the_readme_is_read_elsewhere_too() -> None:
    # It is the description of the package, where a path within the repository leads nowhere.
    assert [link for link in links_of(README) if not link.startswith(("https://", "#"))] == []
    assert [link for link in links_of(README) if link.startswith(PROJECT) and not OURS.match(link)] == []


def test_the_address_of_the_project_is_the_same_everywhere() -> None:
    urls = METADATA["project"]["urls"]
    assert [name for name, url in urls.items() if not f"{url}/".startswith(f"{PROJECT}/")] == []
    cargo = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())
    assert cargo["package"]["repository"] == PROJECT
    named = {re.sub(r"/(blob|tree)/main/", "", url.removeprefix(PROJECT)) for url in urls.values()}
    assert [name for name in named - {"", "/issues"} if not (REPOSITORY / name).exists()] == []


def test_every_page_is_named_in_the_readme() -> None:
    readme = README.read_text()
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"/docs/{page.name})" not in readme] == []
