"""Representative pictures: typical ones of a part, in the size that a network sees them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.augmentation.epoch import epoch as augmented
from edge_vision.training.augmentation.options import Augmentation
from edge_vision.training.examples import Examples

MOST = 100
"""So many pictures calibrate int8."""
FEW = 24
"""So many show what a network's normalisations are given."""


def typical_pictures(
    part: Examples, size: tuple[int, int], seed: int, most: int = FEW
) -> NDArray[np.uint8]:
    """Pictures from all over a part, (n, height, width, channels).

    size  (width, height) that they are stretched to
    seed  which ones, where there are more than `most`
    """
    chosen = part.take(np.random.default_rng(seed).permutation(len(part))[:most])
    if chosen.size != size:
        chosen = augmented(chosen, Augmentation(), size, np.random.default_rng(0))
    return np.asarray(chosen.pictures)


def representative_pictures(
    part: Examples, size: tuple[int, int], seed: int
) -> list[list[dict[str, NDArray[np.uint8]]]]:
    """Typical pictures, each as a run of one step that takes "image"."""
    chosen = typical_pictures(part, size, seed, MOST)
    return [[{"image": chosen[row : row + 1]}] for row in range(len(chosen))]
