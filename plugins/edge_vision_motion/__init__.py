"""The stage `motion`: finds what moves, and lets frames in which nothing does go no further.

It compares a small grey copy of the view with a running average of itself. That costs a fraction of
any model, which is why it stands in front of them.
"""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_motion.motion import Motion

__all__ = ["Motion"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Offer the stage."""
    register(Motion)
