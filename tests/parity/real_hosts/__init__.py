"""The tests inside ``tests/parity/namespace.py``: unchanged official classes, and ours, at the clouds' own names."""
