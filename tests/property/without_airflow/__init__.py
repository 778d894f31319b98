"""Needs the package alone."""
