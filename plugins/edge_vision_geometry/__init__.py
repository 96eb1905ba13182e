"""Stages that change what the next stages look at: scale, rotate, translate, crop, letterbox,
perspective and flip.

None of them touches a pixel. Each composes the 3x3 map of the view with its own; the pixels are
taken once, by the first stage that needs them, and boxes found in the view lead back to the frame.
"""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_geometry.crop import Crop
from edge_vision_geometry.flip import Flip
from edge_vision_geometry.letterbox import Letterbox
from edge_vision_geometry.perspective import Perspective
from edge_vision_geometry.rotate import Rotate
from edge_vision_geometry.scale import Scale
from edge_vision_geometry.translate import Translate

__all__ = ["Crop", "Flip", "Letterbox", "Perspective", "Rotate", "Scale", "Translate"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Offer the seven stages."""
    for stage in (Crop, Flip, Letterbox, Perspective, Rotate, Scale, Translate):
        register(stage)
