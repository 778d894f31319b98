"""The other stores in a real Airflow, a module each. ``test_stores.py`` finds them here.

A module names the fixture of its server (``SERVER``) and our class (``BACKEND``). Its ``environment(server, secrets)``
writes the secrets and answers with the variables that an operator sets.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Secrets:
    """What is written, each by its id in Airflow."""

    connections: dict[str, str]
    variables: dict[str, str]
    configs: dict[str, str]
