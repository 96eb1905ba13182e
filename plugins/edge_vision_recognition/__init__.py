"""Recognition: what a view is (classify) and what is in it, and where (detect)."""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_recognition.classify import Classify
from edge_vision_recognition.detect import Detect

__all__ = ["Classify", "Detect", "register_stages"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Register classify and detect."""
    register(Classify)
    register(Detect)
