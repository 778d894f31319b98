"""Comparisons with Airflow and the official classes in one process."""
