"""systemd's own tools accept the units of the page about the agent, and find little that they leave open."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers.process import REPOSITORY

PAGE = REPOSITORY / "docs" / "agent.md"
UNIT = re.compile(r"`/etc/systemd/system/([a-z.-]+)`\n\n```systemd\n(.*?)```", re.DOTALL)
PROGRAM = "/opt/airflow/bin/strongroom"
#: Of 100; systemd calls everything up to 20 "safe" and up to 40 "ok".
MOST_EXPOSED = 20

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


@pytest.fixture
def units(tmp_path: Path) -> dict[str, Path]:
    """The units by the ending of their names, with a program that is here."""
    files = {}
    for name, text in UNIT.findall(PAGE.read_text()):
        files[name.rpartition(".")[2]] = file = tmp_path / name
        file.write_text(text.replace(PROGRAM, "/bin/true"))
    return files


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs systemd-analyze."""
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_systemd_accepts_both_units(units: dict[str, Path]) -> None:
    assert set(units) == {"socket", "service"}
    assert f"ExecStart={PROGRAM} agent\n" in PAGE.read_text()
    done = analyze("verify", *units.values())
    assert (done.returncode, done.stderr) == (0, "")


def test_a_word_that_systemd_does_not_know_would_be_found(units: dict[str, Path]) -> None:
    units["service"].write_text(units["service"].read_text().replace("ProtectClock", "ProtectClocks"))
    assert "ProtectClocks" in analyze("verify", units["service"]).stderr


def test_the_service_is_shut_off(units: dict[str, Path]) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", units["service"])
    assert done.returncode == 0, done.stdout
