"""What references lead to shows nowhere, with every logger at its lowest level: see ``tests/conformance``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.conformance.canaries import canary, must_be_nowhere
from tests.conformance.harness import Planting
from tests.conformance.test_chain_traces import CHAIN, FOLDERS
from tests.conformance.test_traces import trace_class


def test_what_is_referred_to_and_what_is_beside_it_is_nowhere(tmp_path: Path) -> None:
    secrets = {name: canary() for name in ("resolved", "whole", "beside", "other key")}
    held = {"token": secrets["resolved"], "other": secrets["other key"]}

    def stores(key: str, references: object) -> list[dict[str, Any]]:
        value = json.dumps(
            {"conn_type": "x", "password": f"secret_coordinate::far:s#{key}", "login": secrets["beside"]}
        )
        near = {f"airflow/{folder}/hello": value for folder in FOLDERS}
        near["airflow/variables/hello"] = "secret_coordinate::far:whole"
        return [
            {"name": "near", "store": "memory", "secrets": near, "references": references},
            {"name": "far", "store": "memory", "secrets": {"s": json.dumps(held), "whole": secrets["whole"]}},
        ]

    cases = [
        Planting("resolved", {"stores": stores("token", [{"member": "far"}])}),
        Planting("no such key", {"stores": stores("absent", [{"member": "far"}])}),
        Planting("off", {"stores": stores("token", [])}),
        Planting("plain", {"stores": stores("token", [{"member": "far"}]), "references_only": True}),
    ]
    must_be_nowhere(secrets, trace_class(tmp_path, CHAIN, cases))
