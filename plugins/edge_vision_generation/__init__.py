"""Generation: pictures made of the view (generate, sharpen), people made unrecognisable (anonymise)."""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_generation.anonymise import Anonymise
from edge_vision_generation.generate import Generate
from edge_vision_generation.sharpen import Sharpen

__all__ = ["Anonymise", "Generate", "Sharpen", "register_stages"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Register generate, anonymise and sharpen."""
    register(Generate)
    register(Anonymise)
    register(Sharpen)
