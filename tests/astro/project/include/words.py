"""A module of the project: Astro puts this folder on the path."""

from __future__ import annotations


def sentence(greeting: str, host: str) -> str:
    """What the DAG prints."""
    return f"{greeting}, {host} speaking"
