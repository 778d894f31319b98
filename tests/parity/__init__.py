"""The official classes and ours, side by side on the same server and the same files.

``outcomes``    how a lookup ended, and when two lookups ended alike
``house``       ministack behind a counting proxy, and both classes asked the same
``values``      the secrets that are tried
``namespace``   a network in which the clouds' host names lead here; ``real_hosts`` is what runs in it
``differences`` what is different on purpose, with the reason and what ours does instead

Run it in an environment of ``tests/requirements/airflow-*.txt``: it holds the official classes.
"""
