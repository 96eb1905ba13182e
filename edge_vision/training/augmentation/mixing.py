"""Mixing: pictures of which each is made of two, and targets that say how much of which.

Zhang and others, "mixup: Beyond empirical risk minimization", 2018, and Yun and others, "CutMix:
Regularization strategy to train strong classifiers with localizable features", 2019.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray


class Mixed(NamedTuple):
    """Mixed pictures, (n, height, width, channels) uint8, and their targets, (n, k) float32."""

    pictures: NDArray[np.uint8]
    targets: NDArray[np.float32]


def one_hot(labels: NDArray[np.integer[Any]], classes: int) -> NDArray[np.float32]:
    """Targets, (n, classes) float32, of labels (n,): 1 for the label, else 0; a label of -1 has no 1."""
    return np.asarray(labels[:, np.newaxis] == np.arange(classes), np.float32)


def mixup(
    pictures: NDArray[np.uint8],
    targets: NDArray[np.float32],
    random: np.random.Generator,
    alpha: float = 0.2,
) -> Mixed:
    """Each picture laid over another one, with shares drawn from Beta(alpha, alpha).

    pictures  (n, height, width, channels) uint8
    targets   (n, k) float32, such as one-hot
    """
    others, shares = _partners(len(pictures), random, alpha)
    mixed = np.empty_like(pictures)
    for row, (other, share) in enumerate(zip(others.tolist(), shares.tolist(), strict=True)):
        blended = cv2.addWeighted(pictures[row], share, pictures[other], 1.0 - share, 0.0)
        mixed[row] = np.asarray(blended).reshape(pictures.shape[1:])
    return Mixed(mixed, _blended(targets, others, shares))


def cutmix(
    pictures: NDArray[np.uint8],
    targets: NDArray[np.float32],
    random: np.random.Generator,
    alpha: float = 1.0,
) -> Mixed:
    """Each picture with a rectangle of another one in its place; the targets share as the areas do.

    pictures  (n, height, width, channels) uint8
    targets   (n, k) float32, such as one-hot
    """
    count, height, width, _ = pictures.shape
    others, shares = _partners(count, random, alpha)
    sides = np.sqrt(1.0 - shares)[:, np.newaxis] * (width, height)
    middle = random.random((count, 2)) * (width, height)
    first = np.rint(np.clip(middle - sides / 2, 0, (width, height))).astype(np.int64)
    last = np.rint(np.clip(middle + sides / 2, 0, (width, height))).astype(np.int64)
    mixed = pictures.copy()
    for row, (other, (x1, y1), (x2, y2)) in enumerate(
        zip(others.tolist(), first.tolist(), last.tolist(), strict=True)
    ):
        mixed[row, y1:y2, x1:x2] = pictures[other, y1:y2, x1:x2]
    covered = (last - first).prod(axis=1) / (width * height)
    return Mixed(mixed, _blended(targets, others, 1.0 - covered))


def _partners(
    count: int, random: np.random.Generator, alpha: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each picture another one, or itself, and the share that the picture keeps."""
    return random.permutation(count), random.beta(alpha, alpha, count)


def _blended(
    targets: NDArray[np.float32], others: NDArray[np.intp], shares: NDArray[np.float64]
) -> NDArray[np.float32]:
    kept = shares[:, np.newaxis].astype(np.float32)
    return np.asarray(targets * kept + targets[others] * (1 - kept), np.float32)
