"""Beside what Airflow and the official classes do themselves, in one process."""
