"""Segmentation: which class each place of the view belongs to."""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_segmentation.segment import Segment

__all__ = ["Segment", "register_stages"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Register segment."""
    register(Segment)
