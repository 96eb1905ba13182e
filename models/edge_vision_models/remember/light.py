"""Light: how it changes over a day, drawn at random, so that no change of it is unusual."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.options import Options, option

Pixels = NDArray[np.uint8]
"""(height, width, 3) red, green, blue."""

_LEVELS = np.arange(256, dtype=np.float64) / 255.0


class Light(Options):
    """How light changes pictures: all of it at random, up to what is written."""

    exposure: float = option(
        1.2, "Brighter or darker by up to so many stops, where a stop is twice the light.", ge=0, le=4
    )
    gamma: float = option(1.25, "Darks lifted or sunk by an exponent of up to this.", ge=1.0, le=3.0)
    haze: float = option(0.01, "Share of white that is added, as fog and reflections do.", ge=0, le=0.5)
    warmth: float = option(0.25, "Red and blue stronger or weaker by up to so much.", ge=0, lt=1)
    slope: float = option(0.3, "One side brighter than the other by up to so much.", ge=0, lt=1)
    shadows: int = option(2, "Shadows of up to so many things.", ge=0, le=10)
    depth: float = option(0.45, "Light that is missing in a shadow, up to this share.", ge=0, lt=1)
    noise: float = option(3.0, "Standard deviation of noise, up to this.", unit="levels", ge=0, le=32)


def relit(picture: Pixels, light: Light, random: np.random.Generator) -> Pixels:
    """A picture in other light."""
    height, width = picture.shape[:2]
    linear = _table(light, random)[picture, np.arange(3)]
    linear = linear * _shade((width, height), light, random)[..., np.newaxis]
    linear += random.uniform(0.0, light.haze)
    made = 255.0 * np.power(np.clip(linear, 0.0, 1.0), 1.0 / 2.2)
    made += random.standard_normal(picture.shape, np.float32) * random.uniform(0.0, light.noise)
    return np.asarray(np.clip(np.rint(made), 0, 255), np.uint8)


def relit_all(pictures: Pixels, light: Light, random: np.random.Generator) -> Pixels:
    """Pictures (n, height, width, 3), each in a light of its own."""
    return np.stack([relit(picture, light, random) for picture in pictures])


def _table(light: Light, random: np.random.Generator) -> NDArray[np.float32]:
    """Light of each level and colour, (256, 3): exposure, gamma and warmth; levels are gamma 2.2."""
    gain = 2.0 ** random.uniform(-light.exposure, light.exposure)
    bend = light.gamma ** random.uniform(-1.0, 1.0)
    red, blue = 1.0 + random.uniform(-light.warmth, light.warmth, 2)
    curve = gain * np.power(_LEVELS, 2.2 * bend)
    return np.stack([curve * red, curve, curve * blue], axis=1).astype(np.float32)


def _shade(size: tuple[int, int], light: Light, random: np.random.Generator) -> NDArray[np.float32]:
    """Share of the light that each pixel gets, (height, width): a slope, and shadows with soft edges."""
    width, height = size
    across, down = random.uniform(-light.slope, light.slope, 2) / 2.0
    x, y = np.linspace(-1, 1, width)[np.newaxis], np.linspace(-1, 1, height)[:, np.newaxis]
    shade = np.asarray(1.0 + across * x + down * y, np.float32)
    for _ in range(random.integers(0, light.shadows + 1)):
        mask = np.zeros((height, width), np.float32)
        cv2.fillPoly(mask, [_outline(size, random)], 1.0, cv2.LINE_AA)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), random.uniform(0.6, 4.0)), np.float32)
        shade *= 1.0 - np.float32(random.uniform(0.0, light.depth)) * mask
    return shade


def _outline(size: tuple[int, int], random: np.random.Generator) -> NDArray[np.int32]:
    """The corners of a shadow, (4, 2): a long thing lying anywhere in any direction."""
    longer = max(size)
    middle = random.uniform((0, 0), size)
    angle, length = random.uniform(0.0, np.pi), random.uniform(0.15, 0.8) * longer
    along = np.array([np.cos(angle), np.sin(angle)]) * length
    across = np.array([-along[1], along[0]]) * random.uniform(0.08, 0.6)
    skew = along * random.uniform(-0.3, 0.3)
    corners = middle + np.array([-along - across, along - across, along + across + skew, across - along])
    return np.asarray(np.rint(corners), np.int32)
