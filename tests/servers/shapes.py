"""What an answer may have, in our own words, to hold a double against the contract of its vendor.

A shape is a type, a pattern, words to choose from, an object or a list of one shape. Members with a question mark may
be left out; others that are not named are an error.
"""

from __future__ import annotations

import re
from typing import Any


def fits(value: Any, shape: Any) -> bool:
    """Whether an answer has a shape."""
    if isinstance(shape, dict):
        named = {key.rstrip("?"): inner for key, inner in shape.items()}
        needed = {key for key in shape if not key.endswith("?")}
        is_object = isinstance(value, dict) and needed <= value.keys() <= named.keys()
        return is_object and all(fits(inner, named[key]) for key, inner in value.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(inner, shape[0]) for inner in value)
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and bool(shape.fullmatch(value))
    return value in shape if isinstance(shape, set) else isinstance(value, shape)
