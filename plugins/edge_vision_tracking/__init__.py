"""The stage `track`: the same thing keeps its id from frame to frame."""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_tracking.track import Track

__all__ = ["Track"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Offer the stage."""
    register(Track)
