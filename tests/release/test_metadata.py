"""The metadata of the installed package for the index, installers and Airflow."""

from __future__ import annotations

import importlib.metadata
import re

import tomllib

from tests.servers.process import REPOSITORY
from tests.stores import described

FOUND = importlib.metadata.metadata("strongroom")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def test_the_addresses_of_the_project() -> None:
    urls = dict(entry.split(", ", 1) for entry in FOUND.get_all("Project-URL") or [])
    assert urls == PROJECT["urls"]
    assert {"Documentation", "Source", "Issues", "Changelog"} <= urls.keys()


def test_every_store_is_among_the_keywords() -> None:
    keywords = FOUND["Keywords"].split(",")
    stores = [store.feature for store in described().values() if store.name != "memory"]
    assert [store for store in stores if not any(store in keyword for keyword in keywords)] == []


def test_classifiers_name_what_is_tested() -> None:
    classifiers = FOUND.get_all("Classifier") or []
    assert {"Framework :: Apache Airflow :: Provider", "Typing :: Typed", "Operating System :: MacOS"} <= set(
        classifiers
    )
    assert not [name for name in classifiers if "Windows" in name]
    oldest = FOUND["Requires-Python"].removeprefix(">=")
    pythons = [name.rpartition(" ")[2] for name in classifiers if re.search(r":: 3\.\d+$", name)]
    assert pythons[0] == oldest


def test_links_of_the_description_work_on_any_site() -> None:
    description = importlib.metadata.distribution("strongroom").read_text("METADATA") or ""
    links = re.findall(r"\]\(([^)\s]*)\)", description)
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_it_needs_no_other_package() -> None:
    assert FOUND.get_all("Requires-Dist") is None
