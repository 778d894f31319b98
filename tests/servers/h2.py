"""H2 with its server for PostgreSQL, where Java is installed; its jar comes from Maven.

One JVM at a time: what makes and fills a database has ended before the server starts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.servers.databases import schema
from tests.servers.process import LOOPBACK, free_port, running

VERSION = "2.5.252"
JAR = Path.home() / ".m2" / "repository" / "com" / "h2database" / "h2" / VERSION / f"h2-{VERSION}.jar"
USER, PASSWORD = "sa", "canary6Rb1made2up"
#: What the server itself opens a database with.
OPTIONS = ";MODE=PostgreSQL;DATABASE_TO_LOWER=TRUE;DEFAULT_NULL_ORDERING=HIGH"


def missing() -> str | None:
    """Why there is no H2 here; in CI that is an error."""
    if JAR.exists() and shutil.which("java"):
        return None
    if shutil.which("java") and (maven := shutil.which("mvn")):
        artifact = [f"-Dartifact=com.h2database:h2:{VERSION}", "-Dtransitive=false"]
        subprocess.run([maven, "-q", "dependency:get", *artifact], check=True, timeout=600)
        return None
    reason = "H2 needs Java and Maven (apt-get install default-jre-headless maven)"
    if os.environ.get("STRONGROOM_CI"):
        raise RuntimeError(reason)
    return reason


def java(*arguments: str) -> list[str]:
    """A command of H2."""
    return ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", str(JAR), *arguments]


def text(value: str) -> str:
    """A literal that needs no quoting."""
    return f"UTF8TOSTRING(X'{value.encode().hex()}')"


def make(folder: Path, name: str, options: str, *records: Mapping[str, Any]) -> None:
    """A database with a table and records."""
    rows = [
        f"INSERT INTO strongroom_secrets (kind, name, version, format, key_id, sealed) VALUES ({text(each['kind'])}, "
        f"{text(each['name'])}, {each['version']}, {each['format']}, {text(each['key_id'])}, {text(each['sealed'])});"
        for each in records
    ]
    script = folder / f"{name}.sql"
    table = schema("h2").partition("GRANT")[0]
    script.write_text("\n".join([table, *rows, "CREATE USER IF NOT EXISTS reader PASSWORD 'reader-password';"]))
    login = ["-user", USER, "-password", PASSWORD]
    run = java("org.h2.tools.RunScript", "-url", f"jdbc:h2:{folder}/{name}{options}", *login, "-script", str(script))
    subprocess.run(run, check=True, timeout=120, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def h2(folder: Path, *records: Mapping[str, Any]) -> Iterator[int]:
    """Runs the server on the database ``vault``; yields its port."""
    make(folder, "vault", OPTIONS, *records)
    port = free_port()
    command = java("org.h2.tools.Server", "-pg", "-pgPort", str(port), "-baseDir", str(folder), "-ifExists")

    def ready() -> bool:
        asked = ["psql", f"host={LOOPBACK} port={port} user={USER} dbname=vault sslmode=disable", "-c", "SELECT 1"]
        known = {**os.environ, "PGPASSWORD": PASSWORD}
        return subprocess.run(asked, env=known, capture_output=True, check=False, timeout=60).returncode == 0

    with running(command, {"HOME": str(folder)}, folder / "h2.log", ready):
        yield port
