"""Local files beside the class of Airflow."""
