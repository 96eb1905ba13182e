"""Stages that change how the pixels look, not where they are: contrast, gamma, denoise, greyscale.

Each takes the pixels of the view as it is and puts changed ones in their place, so what comes after
sees those. They cost time for every pixel: put `scale`, `crop` and the like in front of them.
"""

from collections.abc import Callable

from edge_vision import Stage, hookimpl
from edge_vision_tone.contrast import Contrast
from edge_vision_tone.denoise import Denoise
from edge_vision_tone.gamma import Gamma
from edge_vision_tone.greyscale import Greyscale

__all__ = ["Contrast", "Denoise", "Gamma", "Greyscale"]


@hookimpl
def register_stages(register: Callable[[type[Stage]], None]) -> None:
    """Offer the four stages."""
    for stage in (Contrast, Denoise, Gamma, Greyscale):
        register(stage)
