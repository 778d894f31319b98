"""Local files compared with the class of Airflow."""
