"""What the README shows first: its configuration, and what `strongroom doctor` prints for it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.command_line.shell import PROGRAM
from tests.docs.pages import blocks
from tests.servers.aws import REGION, SECRET, Credentials, MiniStack, clean_environment

SECRETS = {
    "airflow/connections/warehouse": "postgres://loader:not-real@db.example.com/sales",
    "airflow/connections/smtp_default": "smtp://mail.example.com:587",
    "airflow/variables/region": "eu",
}
READING = {
    "Effect": "Allow",
    "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
    "Resource": f"{SECRET}airflow/*",
}
LISTING = {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}
CALLING = {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}
#: What is of the test's place and time, and what the page has for it.
REPLACED = [
    (r"/\S+/airflow\.cfg", "/opt/airflow/airflow.cfg"),
    (r" at http://127\.0\.0\.1:\d+", ""),
    (r"in \d+ ms", "in 41 ms"),
    (r"\b\d+ s from", "0 s from"),
    (r"role/role-\d+,", "role/airflow,"),
    (r"assumed-role/[\w-]+/[\w-]+", "assumed-role/airflow/worker"),
    (r"\b0{12}\b", "123456789012"),
]


def sign_in(folder: Path, role: str, user: Credentials) -> None:
    """A profile that takes a role, as an instance or a pod has one."""
    folder.mkdir()
    keys = f"aws_access_key_id = {user.access_key}\naws_secret_access_key = {user.secret_key}\n"
    (folder / "config").write_text(f"[default]\nrole_arn = {role}\nsource_profile = user\n\n[profile user]\n{keys}")
    (folder / "config").chmod(0o600)


def shown(home: Path, aws: MiniStack) -> str:
    """What doctor prints for the configuration of the README, as a worker with a role."""
    aws.put_secrets(SECRETS)
    sign_in(home / ".aws", aws.role(READING, LISTING, CALLING), aws.user(CALLING))
    (cfg,) = [block for block in blocks("ini") if block.page == "README.md" and "SecretsManagerBackend" in block.text]
    (home / "airflow.cfg").write_text(cfg.text)
    environment = {
        **clean_environment(),
        "AIRFLOW_HOME": str(home),
        "HOME": str(home),
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_CA_BUNDLE": str(aws.authority or ""),
    }
    done = subprocess.run(
        [*PROGRAM, "doctor"], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def test_doctor_prints_what_the_readme_shows(tmp_path: Path, aws: MiniStack) -> None:
    said = shown(tmp_path, aws)
    for pattern, replacement in REPLACED:
        said = re.sub(pattern, replacement, said)
    page = next(block for block in blocks("text") if block.page == "README.md")
    assert page.text == said
