"""Recognition: what a view is, what is in it and where, and what may be told of that."""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_recognition.classify import Classify
from edge_vision_recognition.crops import Crops
from edge_vision_recognition.detect import Detect
from edge_vision_recognition.embed import Embed
from edge_vision_recognition.keypoints import Keypoints
from edge_vision_recognition.meter import Meter
from edge_vision_recognition.read import Read

__all__ = ["Classify", "Crops", "Detect", "Embed", "Keypoints", "Meter", "Read", "register_stages"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Register the stages."""
    register(Classify)
    register(Crops)
    register(Detect)
    register(Embed)
    register(Keypoints)
    register(Meter)
    register(Read)
