"""What runs inside ``tests/parity/namespace.py``: official classes as they are, and ours, at the clouds' own names."""
