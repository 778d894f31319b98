"""The official classes and ours, side by side on the same server and the same files.

``outcomes``    the outcome of a lookup, and when two outcomes are equal
``comparison``       ministack behind a counting proxy, and the same lookups by both classes
``values``      the stored secrets
``namespace``   a network in which the clouds' host names lead here; ``real_hosts`` runs in it
``differences`` intended differences, with the reason and the outcome of ours

Run it in an environment of ``tests/requirements/airflow-*.txt``: it holds the official classes.
"""
