"""The sides of a view, as options name them."""

from typing import Annotated

from pydantic import Field

LARGEST = 16384
"""Pixels a side may have at most: more is a slip of the pen and would eat the memory."""

Side = Annotated[int, Field(ge=1, le=LARGEST)]
"""The width or height of a view, in pixels."""


def whole(length: float) -> int:
    """A computed length in whole pixels, within what a view may have."""
    return min(max(1, round(length)), LARGEST)
