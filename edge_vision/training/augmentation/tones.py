"""Tones: what changes the pixels of a picture and leaves everything where it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.training.augmentation.options import Augmentation

ERASED = (0.02, 0.25)
"""The shares of a view that an erased rectangle covers."""

_GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_LEVELS = np.arange(256, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Tones:
    """Changes of tone for n pictures, drawn at once; what is None is not changed.

    tables   (n, 256) uint8: what becomes of each level
    colours  (n, 3, 3) float32: matrices for red, green, blue
    blur     (n,) standard deviations in pixels
    noise    (n,) standard deviations in levels
    quality  (n,) of JPEG, 100 for none
    erased   (n, 4) x, y, width, height in pixels, 0 wide where nothing is
    seeds    (n,) for the noise
    """

    tables: NDArray[np.uint8] | None
    colours: NDArray[np.float32] | None
    blur: NDArray[np.float64] | None
    noise: NDArray[np.float64] | None
    quality: NDArray[np.int64] | None
    erased: NDArray[np.int64] | None
    seeds: NDArray[np.uint64]

    def apply(self, picture: NDArray[np.uint8], row: int) -> NDArray[np.uint8]:
        """The picture, (height, width, channels) uint8, with the changes of one row."""
        shape = picture.shape
        if self.colours is not None and shape[2] == 3:
            picture = _uint8(cv2.transform(picture, self.colours[row]))
        if self.tables is not None:
            picture = _uint8(cv2.LUT(picture, self.tables[row])).reshape(shape)
        if self.blur is not None and self.blur[row] > 0.1:
            picture = _uint8(cv2.GaussianBlur(picture, (0, 0), self.blur[row])).reshape(shape)
        if self.noise is not None:
            normal = np.random.default_rng(self.seeds[row]).standard_normal(shape, np.float32)
            noisy = picture + normal * np.float32(self.noise[row])
            picture = _uint8(np.clip(np.rint(noisy), 0, 255))
        if self.quality is not None and self.quality[row] < 100:
            picture = _compressed(picture, int(self.quality[row])).reshape(shape)
        if self.erased is not None and self.erased[row, 2]:
            x, y, width, height = self.erased[row].tolist()
            picture = picture.copy()
            colour = np.random.default_rng(self.seeds[row]).integers(0, 256, shape[2], np.uint8)
            picture[y : y + height, x : x + width] = colour
        return picture


def draw_tones(
    augmentation: Augmentation, count: int, size: tuple[int, int], random: np.random.Generator
) -> Tones:
    """Draw changes for so many pictures of a (width, height)."""
    change = augmentation
    return Tones(
        tables=_tables(change, count, random),
        colours=_colours(change, count, random),
        blur=random.uniform(0.0, change.blur, count) if change.blur else None,
        noise=random.uniform(0.0, change.noise, count) if change.noise else None,
        quality=random.integers(change.jpeg, 101, count) if change.jpeg < 100 else None,
        erased=_rectangles(change.erase, count, size, random) if change.erase else None,
        seeds=random.integers(0, 1 << 63, count, np.uint64),
    )


def _tables(
    augmentation: Augmentation, count: int, random: np.random.Generator
) -> NDArray[np.uint8] | None:
    """Contrast about the middle, brightness and the negative as tables of levels, (n, 256)."""
    if not (augmentation.brightness or augmentation.contrast or augmentation.invert):
        return None
    contrast = random.uniform(1 - augmentation.contrast, 1 + augmentation.contrast, (count, 1))
    bias = 255.0 * random.uniform(-augmentation.brightness, augmentation.brightness, (count, 1))
    levels = (_LEVELS - 127.5) * contrast + 127.5 + bias
    negative = random.random((count, 1)) < augmentation.invert
    return _uint8(np.clip(np.rint(np.where(negative, 255.0 - levels, levels)), 0, 255))


def _colours(
    augmentation: Augmentation, count: int, random: np.random.Generator
) -> NDArray[np.float32] | None:
    """Matrices that mix each colour with its grey, (n, 3, 3)."""
    if not (augmentation.saturation or augmentation.grey):
        return None
    strength = random.uniform(1 - augmentation.saturation, 1 + augmentation.saturation, count)
    strength[random.random(count) < augmentation.grey] = 0.0
    kept = strength[:, np.newaxis, np.newaxis]
    return (np.eye(3) * kept + _GREY * (1 - kept)).astype(np.float32)


def _rectangles(
    probability: float, count: int, size: tuple[int, int], random: np.random.Generator
) -> NDArray[np.int64]:
    """Rectangles to erase, (n, 4) x, y, width, height, as in Zhong and others, 2017."""
    share = random.uniform(*ERASED, count)
    stretch = np.exp(random.uniform(-0.8, 0.8, count))
    sides = np.sqrt(np.stack([share * stretch, share / stretch], axis=1)).clip(0, 1) * size
    whole = np.maximum(np.rint(sides).astype(np.int64), 1)
    corner = (random.random((count, 2)) * (size - whole + 1)).astype(np.int64)
    whole[random.random(count) >= probability] = 0
    return np.concatenate([corner, whole], axis=1)


def _compressed(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The picture after JPEG."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    mode = cv2.IMREAD_GRAYSCALE if picture.shape[2] == 1 else cv2.IMREAD_COLOR
    decoded = _uint8(np.asarray(cv2.imdecode(data, mode)))
    return decoded if decoded.ndim == 2 else decoded[..., ::-1]


def _uint8(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    return np.asarray(values, np.uint8)
