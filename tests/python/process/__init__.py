"""Threads, forks, signals and event loops."""
