"""lint, doctor and get on local files: whatever a file contains that no lookup can return."""

from __future__ import annotations

from tests.command_line.shell import DONE, NO, STORE, Shell

CANARY = "canary-41d7aa"
MISTAKEN = f"""
airflow:
  connections:
    - {{conn_id: c, conn_type: http, host: {CANARY}}}
    - {{conn_id: d, conn_type: http, conn_uri: "http://{CANARY}"}}
    - {{conn_host: {CANARY}}}
  variable:
    - {{variable_name: v, variable_value: {CANARY}}}
"""


def settings(shell: Shell, content: str, **options: object) -> None:
    """A backend on a settings file."""
    shell.secrets.append(CANARY)
    path = shell.home / "airflow_settings.yaml"
    path.write_text(content)
    path.chmod(0o600)
    shell.backend("local", settings_file_path=str(path), **options)


def test_lint_and_doctor_name_what_is_not_read(shell: Shell) -> None:
    settings(shell, MISTAKEN)
    found = shell.run("lint", "--json")
    path = str(shell.home / "airflow_settings.yaml")
    checks = {(each["id"], each["check"]) for each in found.json["findings"]}
    assert found.code == NO
    assert checks == {("c", "unknown_field"), ("d", "dropped"), (path, "skipped"), (path, "unknown_field")}
    doctor = shell.run("doctor", "--json").json["findings"]
    warned = [each["check"] for each in doctor if each["severity"] == "warning"]
    assert sorted(warned) == ["dropped", "skipped", "unknown_field", "unknown_field"]
    assert "Write `conn_host`" in [each["remedy"] for each in doctor]


def test_a_command_warns_of_it_as_a_lookup_does(shell: Shell) -> None:
    settings(shell, MISTAKEN)
    done = shell.run("get", "connection", "c")
    assert done.code == DONE
    assert "warning: Part of a local file is not read" in done.err
    assert "`variable` is unknown" in done.err


def test_strict_is_an_error_of_every_command(shell: Shell) -> None:
    settings(shell, MISTAKEN, strict=True)
    for command in (("lint",), ("get", "connection", "c"), ("explain", "variable", "v")):
        done = shell.run(*command)
        assert done.code == STORE, done
        assert "which `strict` refuses" in done.out + done.err


def test_names_in_other_files(shell: Shell) -> None:
    path = shell.home / "connections.env"
    path.write_text("AIRFLOW_CONN_DB=http://h\nexport a=http://h\nb=http://h\n")
    shell.backend("local", connections_file_path=str(path))
    found = shell.run("lint", "--json").json["findings"]
    assert [each["id"] for each in found if each["check"] == "name"] == ["AIRFLOW_CONN_DB", "export a"]
