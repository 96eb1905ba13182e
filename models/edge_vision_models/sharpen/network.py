"""The network of `sharpen`: convolutions over small pixels, and one step to twice as many a side."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from edge_vision.training.networks.keras_model import IMAGE

PICTURE = "picture"
"""The output: what was given, in twice the width and height."""
FACTOR = 2
_LAST = "last"
_WHITE = 6.0
"""White in the graph of a device, where ReLU6 cuts the picture: in int8 a step is a grey level then."""


def margin(depth: int) -> int:
    """So many pixels around a place have a part in what becomes of it."""
    return depth + 2


def enlarging_network(width: int = 32, depth: int = 4) -> Any:
    """A network from brightness (n, height, width, 1) of 0 to 255 to four times the pixels, 0 to 1.

    width  channels of each convolution
    depth  convolutions between the first and the last

    All is computed at the small size, and the last convolution gives four values for each pixel: Shi and
    others, "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
    neural network", 2016. They are what is to be added to the pixel itself: Du and others, "Anchor-based
    plain net for mobile image super-resolution", 2021. Around the picture it is mirrored once, at the
    beginning, so that what a place becomes depends on `margin` pixels around it and on nothing else.
    """
    image = keras.Input((None, None, 1), name=IMAGE)
    bright = layers.Rescaling(1 / 255.0, name="pixels")(image)
    pixels = _four_each(bright) + _changes(bright, width, depth)
    return keras.Model({IMAGE: image}, {PICTURE: ops.depth_to_space(pixels, FACTOR)}, name="sharpen")


def device_graph(network: Any, size: tuple[int, int]) -> Any:
    """The same over one picture of a size (width, height), which gives 0 to 255."""
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    image = keras.Input(batch_shape=(1, size[1], size[0], 1), name=IMAGE)
    bright = layers.Rescaling(1 / 255.0, name="pixels")(image)
    changes = _changes(bright, convolutions[0].filters, len(convolutions) - 2)
    white = layers.Rescaling(_WHITE, name="white")(bright)
    pixels = layers.ReLU(max_value=_WHITE, name="cut")(_four_each(white) + changes)
    large = ops.depth_to_space(pixels, FACTOR)
    levels = layers.Rescaling(255.0 / _WHITE, name="levels")(large)
    made = keras.Model({IMAGE: image}, {PICTURE: levels}, name="sharpen")
    for layer in convolutions:
        factor = _WHITE if layer.name == _LAST else 1.0
        made.get_layer(layer.name).set_weights([factor * weight for weight in layer.get_weights()])
    return made


def _changes(bright: Any, width: int, depth: int) -> Any:
    """What is to be added to each pixel, four values, from brightness 0 to 1."""
    sides = (margin(depth), margin(depth))
    tensor = ops.pad(bright, ((0, 0), sides, sides, (0, 0)), mode="reflect")
    for number in range(depth + 1):
        name = f"inner{number}" if number else "first"
        tensor = layers.Conv2D(width, 3, activation="relu", kernel_initializer="he_normal", name=name)(
            tensor
        )
    # Begins as the picture with each pixel four times.
    begin = keras.initializers.RandomNormal(stddev=1e-3)
    return layers.Conv2D(FACTOR**2, 3, kernel_initializer=begin, name=_LAST)(tensor)


def _four_each(bright: Any) -> Any:
    """Each value four times, (n, height, width, 4)."""
    return ops.concatenate([bright] * FACTOR**2, axis=-1)
