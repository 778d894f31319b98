"""The notes of a release, from the changelog."""

from __future__ import annotations

import pytest

from tests.tools.release import notes

CHANGELOG = """# Changelog

## [0.2.0] - 2027-01-31

### Added

- This, see [the page](docs/cache.md).

## [0.1.0] - Unreleased

- That.
"""


def test_a_section_ends_at_the_next() -> None:
    assert notes.section(CHANGELOG, "0.2.0") == "### Added\n\n- This, see [the page](docs/cache.md)."


def test_a_version_without_a_section_or_a_date_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"no section for 0\.3\.0"):
        notes.section(CHANGELOG, "0.3.0")
    with pytest.raises(SystemExit, match=r"dates 0\.1\.0 with 'Unreleased'"):
        notes.section(CHANGELOG, "0.1.0")


def test_a_tag_must_fit_the_version() -> None:
    with pytest.raises(SystemExit, match=rf"v9\.9\.9 does not fit the version {notes.version()}"):
        notes.notes("v9.9.9")


def test_links_lead_to_the_files_of_the_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    dated = (
        f"## [{notes.version()}] - 2027-01-31\n\nSee [a page](docs/cache.md#limits), [a site](https://example.com).\n"
    )
    monkeypatch.setattr(notes, "section", lambda _text, _version: dated)
    said = notes.notes(f"v{notes.version()}")
    assert f"]({notes.PROJECT}/blob/v{notes.version()}/docs/cache.md#limits)" in said
    assert "](https://example.com)" in said
