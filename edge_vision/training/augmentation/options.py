"""What augmentation may do to pictures, and how much of it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from edge_vision.contracts.options import Options, option


class Augmentation(Options):
    """How pictures are changed at random, so that a network sees each one anew; nothing by default.

    Turning, sizes and places are one map, for which a picture is sampled once; tones come after it.
    """

    rotate: float = option(0.0, "Turned by up to so much, either way.", unit="degrees", ge=0.0, le=180.0)
    scale: tuple[float, float] = option(
        (1.0, 1.0),
        "Shown smaller or larger by a factor between these; of what does not fit, a random part is cut.",
    )
    aspect: float = option(
        1.0, "Made wider or narrower, of the same area, by a factor of up to this.", ge=1.0, le=4.0
    )
    shift: float = option(
        0.0, "Moved by up to so much of the view's width and height, each way.", ge=0.0, le=1.0
    )
    flip: float = option(0.0, "Probability of the mirror image.", ge=0.0, le=1.0)
    flip_vertical: float = option(0.0, "Probability of being turned upside down.", ge=0.0, le=1.0)
    quarter_turns: bool = option(
        False, "Turned by 0, 90, 180 or 270 degrees, each as often as the others."
    )
    border: Literal["edge", "reflect", "grey"] = option(
        "edge", "What is shown beyond the picture: its last pixels, its mirror image, or grey."
    )
    brightness: float = option(
        0.0, "Made brighter or darker by up to this share of white.", ge=0.0, le=1.0
    )
    contrast: float = option(
        0.0, "Contrast raised or lowered by up to this share of itself.", ge=0.0, lt=1.0
    )
    saturation: float = option(
        0.0, "Colours made stronger or paler by up to this share of themselves.", ge=0.0, le=1.0
    )
    grey: float = option(0.0, "Probability of losing all colour.", ge=0.0, le=1.0)
    invert: float = option(0.0, "Probability of the negative.", ge=0.0, le=1.0)
    noise: float = option(
        0.0, "Standard deviation of noise in each pixel, up to this.", unit="levels", ge=0.0, le=128.0
    )
    blur: float = option(
        0.0, "Standard deviation of a Gaussian blur, up to this.", unit="px", ge=0.0, le=20.0
    )
    jpeg: int = option(
        100, "Compressed with a quality between this and 100; 100 leaves it as it is.", ge=1, le=100
    )
    erase: float = option(
        0.0,
        "Probability that a random rectangle, 2 to 25 % of the view, is painted over.",
        ge=0.0,
        le=1.0,
    )
    visible: float = option(
        0.3, "A box of which less than this share is left in view is left out.", ge=0.0, le=1.0
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.scale
        if not 0.05 <= low <= high <= 20.0:
            raise ValueError("scale should be two factors from 0.05 to 20, the smaller one first")
        return self

    @property
    def moves(self) -> bool:
        """True where it changes what is where."""
        still = Augmentation()
        names = ("rotate", "scale", "aspect", "shift", "flip", "flip_vertical", "quarter_turns")
        return any(getattr(self, name) != getattr(still, name) for name in names)


def usual() -> Augmentation:
    """What suits most photographs of things that are told apart: cuts, mirror images, other light."""
    return Augmentation(
        rotate=8.0,
        scale=(1.0, 1.4),
        aspect=1.15,
        shift=0.05,
        flip=0.5,
        brightness=0.15,
        contrast=0.25,
        saturation=0.3,
        erase=0.15,
    )
