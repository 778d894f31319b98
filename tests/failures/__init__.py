"""The outcome of a lookup under each failure of each store, kept as a table in ``docs/failures.md``.

``python -m pytest tests/failures`` measures every row and compares it with the page.
``python -m pytest tests/failures --write-failures`` rewrites the page.
"""
