"""The stages `motion` and `remember`: what moves, and what is unusual.

`motion` compares a small grey copy of the view with a running average of itself. That costs a fraction
of any model, which is why it stands in front of them, and lets frames in which nothing moves go no
further. `remember` asks a model that learnt from a recording what the scene usually looks like.
"""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_motion.motion import Motion
from edge_vision_motion.remember import Remember

__all__ = ["Motion", "Remember"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Offer the stages."""
    for stage in (Motion, Remember):
        register(stage)
