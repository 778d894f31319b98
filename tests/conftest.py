"""What every Python test shares: the servers as fixtures, and the check that every skip is on the list."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["tests.servers.fixtures", "tests.servers.vault_fixtures", "tests.servers.vault_login_fixtures"]

ALLOWED_SKIPS = Path(__file__).with_name("allowed_skips.txt")
SKIPS = pytest.StashKey[dict[str, str]]()


def allowed_skips(text: str) -> set[str]:
    """The test ids of a list of ``test id | reason`` lines; a line without a reason is an error."""
    allowed = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        test_id, _, reason = (part.strip() for part in line.partition(" | "))
        if not reason:
            raise pytest.UsageError(f"{ALLOWED_SKIPS.name}:{number}: write `test id | reason`")
        allowed.add(test_id)
    return allowed


class SkipGuard:
    """Fails a run in which a test was skipped, or failed as expected, without being on the list."""

    def __init__(self) -> None:
        self.allowed = allowed_skips(ALLOWED_SKIPS.read_text())
        self.refused: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for set-up, call and tear-down of each test."""
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A whole module can be skipped too."""
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and report.nodeid not in self.allowed:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.refused[report.nodeid] = reason

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turns a green run red."""
        if self.refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Lists the tests, and says where to allow a skip."""
        if self.refused:
            terminalreporter.section(f"skipped, but not listed in tests/{ALLOWED_SKIPS.name}", red=True)
            for test_id, reason in self.refused.items():
                terminalreporter.line(f"{test_id} | {reason}")


def pytest_configure(config: pytest.Config) -> None:
    """Registers the guard."""
    config.pluginmanager.register(SkipGuard(), "skip-guard")
