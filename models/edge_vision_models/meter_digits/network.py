"""The network of a wheel: groups of convolutions, and what they see in all places together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from edge_vision.training.networks.blocks import MOMENTUM, convolution, pixels_scaled
from edge_vision_models.meter_digits.wheels import SIZE

SCORES = "scores"
TOGETHER = 512
"""So many pictures are answered at once."""


def wheel_body(
    filters: Sequence[Sequence[int]], hidden: int, classes: int, dropout: float, name: str = "wheel"
) -> Any:
    """A keras.Model of logits (n, classes) from wheels (n, 32, 20, 3) of -1 to 1.

    filters  of each convolution, in groups after which height and width are halved
    hidden   values between what is seen in all places and the logits
    """
    width, height = SIZE
    entrance = keras.Input((height, width, 3), name=f"{name}_pixels")
    made = entrance
    for number, group in enumerate(filters, start=1):
        for place, channels in enumerate(group, start=1):
            made = convolution(made, channels, f"{name}_{number}_{place}")
        made = layers.MaxPooling2D(2, name=f"{name}_{number}_pool")(made)
    made = layers.Flatten(name=f"{name}_flat")(made)
    made = layers.Dropout(dropout, name=f"{name}_dropout")(made)
    made = layers.Dense(hidden, use_bias=False, name=f"{name}_hidden")(made)
    made = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_hidden_norm")(made)
    made = layers.ReLU(name=f"{name}_hidden_relu")(made)
    return keras.Model(entrance, layers.Dense(classes, name=f"{name}_scores")(made), name=name)


def wheel_network(body: Any) -> Any:
    """The keras.Model that learns: pictures "image" in, their logits "scores" out."""
    width, height = SIZE
    image = keras.Input((height, width, 3), name="image")
    return keras.Model({"image": image}, {SCORES: body(pixels_scaled(image))})


def wheel_step(network: Any) -> Any:
    """The keras.Model that a device runs: one wheel in, probabilities out.

    It looks three times, as if the wheel were a pixel further left and right too, where it shows the
    same, and takes the mean of the logits.
    """
    width, height = SIZE
    image = keras.Input(batch_shape=(1, height, width, 3), name="image")
    left = ops.concatenate([image[:, :, 1:], image[:, :, -1:]], axis=2)
    right = ops.concatenate([image[:, :, :1], image[:, :, :-1]], axis=2)
    logits = network({"image": ops.concatenate([image, left, right], axis=0)})[SCORES]
    mean = ops.mean(logits, axis=0, keepdims=True)
    return keras.Model({"image": image}, {SCORES: layers.Softmax(name=f"{SCORES}_softmax")(mean)})


def shares_of(network: Any, pictures: NDArray[np.uint8], sharpness: float = 1.0) -> NDArray[np.float32]:
    """What a network makes of pictures, as shares (n, classes); may be called in any thread.

    sharpness  what its logits are multiplied by before
    """
    made = [
        np.asarray(
            ops.softmax(network({"image": pictures[first : first + TOGETHER]})[SCORES] * sharpness)
        )
        for first in range(0, len(pictures), TOGETHER)
    ]
    return np.concatenate(made)
