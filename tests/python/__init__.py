"""The package without Airflow: the boundary, the stores, the process model."""
