"""Features: what a network for single views makes of clips, once and for all epochs of the memory."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.training.clips import MovingView, clips
from edge_vision.training.examples import Examples
from edge_vision.training.networks.keras_model import IMAGE
from edge_vision.training.transfer.weights import Weights, read_weights, weights_of, write_weights

TOGETHER = 16
"""So many clips are looked at together."""
_ROUNDS = "features"


def clip_features(
    network: Any,
    part: Examples,
    view: MovingView,
    keys: Sequence[tuple[int, ...]],
    cache: Path,
    say: Callable[[str], None],
) -> NDArray[np.float32]:
    """Features of clips, (rounds, clips, frames, values), kept in the cache for the next time.

    network  from pictures "image" to features (n, values)
    keys     of each round, which all chance in its clips comes from
    """
    file = cache / f"clips-{_digest(network, part, view, keys)}.npz"
    if file.exists():
        return read_weights(file)[_ROUNDS]
    began = time.monotonic()
    made = np.stack([_round(network, part, view, key) for key in keys])
    write_weights({_ROUNDS: made}, file, np.float16)
    frames = made.shape[0] * made.shape[1] * made.shape[2]
    say(f"looked at {frames} frames of moving views in {time.monotonic() - began:.0f} s")
    return read_weights(file)[_ROUNDS]  # as it will be read the next time


def _round(network: Any, part: Examples, view: MovingView, key: tuple[int, ...]) -> NDArray[np.float32]:
    """Features of a clip of each picture, (clips, frames, values)."""
    height, width = network.inputs[0].shape[1:3]
    found = []
    for made in clips(part, view, (width, height), key, TOGETHER):
        seen = network.predict_on_batch({IMAGE: made.reshape(-1, *made.shape[2:])})
        found.append(np.asarray(seen, np.float32).reshape(*made.shape[:2], -1))
    return np.concatenate(found)


def _digest(network: Any, part: Examples, view: MovingView, keys: Sequence[tuple[int, ...]]) -> str:
    """A name for what comes out of these weights, pictures and options."""
    digest = hashlib.sha256(repr((view, [*keys], network.inputs[0].shape)).encode())
    digest.update(np.ascontiguousarray(part.pictures).data)
    learnt: Weights = weights_of(network)
    for path, array in learnt.items():
        digest.update(path.encode() + array.tobytes())
    return digest.hexdigest()[:24]
