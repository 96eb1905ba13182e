"""Strength: how much of an augmentation is used, so that it can fade out while a network learns."""

from __future__ import annotations

from edge_vision.training.augmentation.options import Augmentation

_AMOUNTS = (
    "rotate",
    "shift",
    "flip",
    "flip_vertical",
    "brightness",
    "contrast",
    "saturation",
    "grey",
    "invert",
    "noise",
    "blur",
    "erase",
)
"""What is nothing at 0, and grows evenly."""


def of_strength(augmentation: Augmentation, strength: float) -> Augmentation:
    """The augmentation with all it does at most in part: 0 changes nothing, 1 is all of it.

    Factors are raised to that power, so that a half twice is the whole. Quarter turns stay as they are.
    """
    low, high = augmentation.scale
    changed: dict[str, object] = {name: getattr(augmentation, name) * strength for name in _AMOUNTS}
    changed["scale"] = (low**strength, high**strength)
    changed["aspect"] = augmentation.aspect**strength
    changed["jpeg"] = round(100 - (100 - augmentation.jpeg) * strength)
    return augmentation.model_copy(update=changed)


def faded(ends: tuple[float, float], done: float, until: float = 1.0) -> float:
    """What lies evenly between a first and a last value; from `until` on the last.

    done  share of the training that lies behind, 0 to 1
    """
    first, last = ends
    return first + (last - first) * min(1.0, done / until)
