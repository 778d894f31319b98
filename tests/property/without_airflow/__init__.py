"""Needs only the package."""
