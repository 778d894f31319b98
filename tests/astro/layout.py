"""An Astro project as the CLI reads it: its files, and the environment in which its Airflow is started."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.airflow.session import Airflow

EXAMPLE = Path(__file__).with_name("project")


def copy(folder: Path) -> Path:
    """A copy to run in, with an empty Airflow home."""
    project = shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    home(project).mkdir(parents=True)
    return project


def home(project: Path) -> Path:
    """Where `astro dev start --standalone` makes Airflow put its files."""
    return project / ".astro" / "standalone"


def env_file(project: Path) -> dict[str, str]:
    """The variables of `.env`: one per line, without quotes around a whole value."""
    lines = [line.strip() for line in (project / ".env").read_text().splitlines()]
    pairs = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    return {name: value[1:-1] if value[:1] == value[-1:] in ("'", '"') else value for name, _, value in pairs}


def image_environment(project: Path) -> dict[str, str]:
    """The variables that the Dockerfile sets."""
    lines = [shlex.split(line) for line in dockerfile(project) if line.startswith("ENV ")]
    return dict(word.split("=", 1) for _, *words in lines for word in words)


def dockerfile(project: Path) -> list[str]:
    """The instructions of the Dockerfile, with comments."""
    return (project / "Dockerfile").read_text().splitlines()


def standalone(project: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment that `astro dev start --standalone` gives to Airflow on a machine without a proxy."""
    path = [str(project / "include"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **variables,
        "AIRFLOW_HOME": str(home(project)),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "ASTRONOMER_ENVIRONMENT": "local",
        "NO_PROXY": "*",
        "no_proxy": "*",
        "PYTHONPATH": os.pathsep.join(path),
    }


def airflow(project: Path) -> Airflow:
    """Commands in the project's folder, as `astro dev run` starts them."""
    return Airflow(home(project), folder=project)
