"""The stage `annotate`: a picture of the frame with everything drawn in that was found so far.

It draws on a copy. The picture goes out on images/<name>; the frame and the view stay as they are.
"""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_annotate.annotate import Annotate

__all__ = ["Annotate"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Offer the stage."""
    register(Annotate)
