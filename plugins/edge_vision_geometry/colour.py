"""A colour as people write it, and as OpenCV takes it."""

from typing import Annotated

from pydantic import Field

_Channel = Annotated[int, Field(ge=0, le=255)]
Rgb = tuple[_Channel, _Channel, _Channel]
"""Red, green and blue, 0 to 255 each."""


def bgr(colour: Rgb) -> tuple[int, int, int]:
    """The same colour as views and OpenCV take it: blue, green, red."""
    red, green, blue = colour
    return blue, green, red
