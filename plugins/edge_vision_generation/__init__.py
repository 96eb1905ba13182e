"""Generation: pictures made from the view (generate), and people made unrecognisable (anonymise)."""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_generation.anonymise import Anonymise
from edge_vision_generation.generate import Generate

__all__ = ["Anonymise", "Generate", "register_stages"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Register generate and anonymise."""
    register(Generate)
    register(Anonymise)
