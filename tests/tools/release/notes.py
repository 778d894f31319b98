"""What the changelog says of a version, as the notes of its release.

python3 -m tests.tools.release.notes v0.1.0
"""

from __future__ import annotations

import re
import sys

import tomllib

from tests.tools.venvs import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["urls"]["Source"]


def version() -> str:
    """The version that is built."""
    return str(tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["package"]["version"])


def section(changelog: str, wanted: str) -> str:
    """The section of a version, without its heading."""
    found = re.search(
        rf"^## \[{re.escape(wanted)}\] - ([^\n]+)\n(.*?)(?=^## \[|\Z)", changelog, re.DOTALL | re.MULTILINE
    )
    if not found:
        raise SystemExit(f"CHANGELOG.md has no section for {wanted}: write one, `## [{wanted}] - YYYY-MM-DD`")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", found[1]):
        raise SystemExit(f"CHANGELOG.md dates {wanted} with '{found[1]}': write the day of the release, YYYY-MM-DD")
    return found[2].strip()


def notes(tag: str) -> str:
    """The notes of a release, with links that work outside of the repository."""
    wanted = tag.removeprefix("v")
    if wanted != version():
        raise SystemExit(f"the tag {tag} does not fit the version {version()} of Cargo.toml")
    text = section((REPOSITORY / "CHANGELOG.md").read_text(), wanted)
    return re.sub(r"\]\((?!https?:|#)([^)]+)\)", rf"]({PROJECT}/blob/{tag}/\1)", text)


if __name__ == "__main__":
    print(notes(sys.argv[1]))
