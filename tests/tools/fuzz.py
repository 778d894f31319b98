"""Runs the targets of ``fuzz/`` with cargo-fuzz, each for some time, beginning with texts from ``tests/golden``.

    python3 -m tests.tools.fuzz                      # every target, a minute each
    python3 -m tests.tools.fuzz --seconds 600 json   # one, ten minutes

It needs a nightly toolchain (``rustup toolchain install nightly``). cargo-fuzz is installed into ``.cache/`` in a
pinned version. What a target finds stays in ``.cache/fuzz``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping

from tests.tools.venvs import CACHE, REPOSITORY

CARGO = shutil.which("cargo") or "cargo"
VERSION = "0.13.2"
TOOL = CACHE / "cargo-fuzz" / VERSION
WORK = CACHE / "fuzz"
TARGETS = (
    "connection",
    "database_url",
    "duration",
    "import",
    "json",
    "local",
    "options",
    "pattern",
    "reference",
    "sealed",
    "stores_file",
)
NO_NIGHTLY = "fuzzing needs a nightly toolchain: run `rustup toolchain install nightly`"

#: Texts that are not in a golden file.
SEEDS: Mapping[str, tuple[str, ...]] = {
    "database_url": (
        "jdbc:postgresql://h1,h2:5433,[::1]:6/d?user=a&password=b%40&sslmode=verify-full",
        "postgresql+psycopg2://a:b%2F@h:5432/d?sslmode=require",
        "jdbc:mariadb:sequential://h1,h2:3307/d?sslMode=VERIFY_CA",
    ),
    "duration": ("60", "0.5", "500ms", "3s", "10m", "1h", "1d", "PT60S", "PT1H30M"),
    # The first byte of an input chooses the tool.
    "import": (
        '({"auth_type": "IAM_ROLE", "roleArn": "a", "awsRegion": "b", "tagKey": "c"}',
        '({"type": "HASHICORP_VAULT", "config": {"vault_address": "a", "role_id": "b", "secret_id": "c"}}',
        '({"kestra": {"secret": {"type": "vault", "vault": {"address": "a", "appRole": {"roleId": "b"}}}}}',
        "(secret:\n  type: azure-key-vault\n  azure-key-vault:\n    clientSecret:\n      tenantId: a\n",
        "(secret:\n  type: doppler\n  doppler: {token: a}\n  cache: {enabled: true, expire-after-write: 60s}\n",
    ),
    "options": (
        '{"cache_ttl": "60s", "strict": true, "on_error": "deny", "cache": {"enabled": false, "maximum_size": 5}}',
        '{"secrets": {"a/b": {"c": [1, 2.5, null]}}, "sep": "--", "connections_prefix": null, "timeout": "PT5S"}',
        '{"variables_file_path": "v.json", "max_attempts": "2", "variables_lookup_pattern": "^a(?=b)"}',
    ),
    "reference": ("secret_coordinate::vault:db/prod#password", '{"a": "secret_coordinate::x#y%23z"}'),
    # The first byte of an input says whether `strict` is set.
    "stores_file": (
        '0[[stores]]\nname = "near"\nstore = "memory"\nkinds = ["variables"]\n[stores.secrets]\n"a/b" = "c"\n',
        '1[[stores]]\nstore = "local"\nvariables_file_path = "v"\nteams = ["a", ""]\nids = "x"\non_error = "next"\n',
        '0[[stores]]\nclass = "a.B"\nkwargs = {x = 1, y = [1979-05-27, 2.5, true]}\n\n[[stores]]\nstore = "memory"\n',
        '1[[stores]]\nname = "k"\nconfig = {type = "vault", vault = {address = "a"}}\nreferences = [["k", "x"]]\n',
    ),
    "sealed": (
        '{"format": 1, "kind": "variable", "name": "a", "version": 1, "key_id": "1", "sealed": '
        '"AAAAAAAAAAAAAAAAqO9tkYgcdU1PI+KIpkvckfcRZGlRuz3BAAAAAA=="}',
        '{"format": 2, "kind": "config", "name": "b/c", "version": 9, "key_id": "2", "sealed": ""}',
    ),
    "pattern": ("^team_[a-z]+$team_a", r"(?!internal)(.)\1*\Zaaa", "[^]$]{2,}(?i:x|y)xy", r"(a+)+\baaaaaaaaaaab"),
}
#: The first byte of an input chooses the format.
FILES = {
    "0": "# comment\nname=text\nurl=postgres://u:p@h:5/s?a=b\nname=again\n",
    "1": '{"name": "text", "db": {"conn_type": "mysql", "port": 3306, "extra": {"a": "b"}}, "list": ["mysql://h"]}',
    "2": "name: &a text\ndb:\n  conn_type: mysql\n  extra: {a: b}\nagain: *a\nblock: |\n  two\n  lines\n",
    "3": (
        "airflow:\n  connections:\n    - conn_id: name\n      conn_type: pg\n      conn_extra: {a: b}\n"
        "  variables:\n    - variable_name: name\n      variable_value: 5\n"
    ),
}


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Runs the fuzz targets.")
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs (default: 60)")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="all of them if none is named")
    given = parser.parse_args(arguments)
    if not _has_nightly():
        print(NO_NIGHTLY, file=sys.stderr)
        return 1
    _install()
    failed = [target for target in given.targets or TARGETS if not _run(target, given.seconds)]
    if failed:
        print(f"failed: {', '.join(failed)}; inputs that fail are in {WORK / 'artifacts'}", file=sys.stderr)
    return bool(failed)


def _has_nightly() -> bool:
    asked = [CARGO, "+nightly", "--version"]
    return subprocess.run(asked, capture_output=True, timeout=600, check=False).returncode == 0


def _install() -> None:
    """Installs cargo-fuzz if it is missing."""
    if not (TOOL / "bin" / "cargo-fuzz").exists():
        command = [CARGO, "install", "--quiet", "--locked", "--version", VERSION, "--root", str(TOOL), "cargo-fuzz"]
        subprocess.run(command, cwd=REPOSITORY, check=True, timeout=1800)


def _run(target: str, seconds: int) -> bool:
    """Runs one target; the coverage that it finds is the start of its next run."""
    corpus, artifacts = WORK / "corpus" / target, WORK / "artifacts" / target
    for folder in (corpus, artifacts, WORK / "files"):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds(target):
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    print(f"{target}: {seconds} s, beginning with {sum(1 for _ in corpus.iterdir())} inputs", flush=True)
    build = [CARGO, "+nightly", "fuzz", "run", "--target-dir", str(WORK / "target"), target, str(corpus)]
    limits = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", f"-artifact_prefix={artifacts}/"]
    folders = f"{TOOL / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    command = [*build, "--", *limits, "-print_final_stats=1", "-verbosity=0"]
    return (
        subprocess.run(
            command, cwd=REPOSITORY, env={**os.environ, "PATH": folders, "TMPDIR": str(WORK / "files")}, check=False
        ).returncode
        == 0
    )


def seeds(target: str) -> Iterator[bytes]:
    """The first inputs of a target."""
    golden = (REPOSITORY / "tests" / "golden" / "connections.jsonl").read_text().splitlines()
    texts = [json.loads(line)["input"] for line in golden]
    if target == "connection":
        # The first byte is not part of the text.
        yield from (b"\0" + text.encode("utf-8", "surrogatepass") for text in texts)
    elif target == "json":
        yield from (text.encode("utf-8", "surrogatepass") for text in texts if text.lstrip().startswith("{"))
    elif target == "local":
        yield from ((choice + content).encode() for choice, content in FILES.items())
    yield from (text.encode() for text in SEEDS.get(target, ()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
