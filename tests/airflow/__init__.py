"""A real Airflow with our class as its secrets backend, chosen by two environment variables and nothing else."""
