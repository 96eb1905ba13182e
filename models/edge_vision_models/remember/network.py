"""The network of `remember`: what is seen in any light, an autoencoder of it, and what is unusual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import initializers, layers, ops
from numpy.typing import NDArray

from edge_vision.training.fitting.losses import ExampleLoss
from edge_vision.training.networks.blocks import convolution

IMAGE, CLEAN, APART, REDRAWN, HEAT = "image", "clean", "apart", "redrawn", "heat"
PLACE = 4
"""Pixels along a side of each place that is said to be usual or not."""
COARSE = 8
"""The surroundings of a pixel are seen in blocks of so many pixels."""
DARK = 12.0
"""Levels that are added before logarithms are taken: below them there is more noise than light."""
CONTRAST = 3.0
"""What logarithms are multiplied by, so that usual contrasts are about 1."""
CONTRASTS = (0.3, 2.0)
"""A frame's contrast may be so many times the usual one."""
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
HALVINGS = 4
"""A width and a height are divisible by 2 so often."""


def surroundings(size: tuple[int, int]) -> Any:
    """A keras.Model from logarithms (n, height, width, 3) to their means over the surroundings."""
    width, height = size
    logs = keras.Input((height, width, 3))
    made = layers.AveragePooling2D(COARSE)(logs)
    for number in range(2):
        made = layers.AveragePooling2D(3, 1, "same", name=f"spread_{number}")(made)
    made = layers.UpSampling2D(COARSE, interpolation="bilinear")(made)
    return keras.Model(logs, made, name="surroundings")


def whatever_the_light(size: tuple[int, int]) -> Any:
    """A keras.Model from pixels of 0 to 255 to what light does not change, and what it does.

    Light is a factor of each colour that changes slowly over the view; in logarithms it is added, and
    goes with the mean of the surroundings (Land and McCann, "Lightness and retinex theory", 1971).

    Gives detail (n, height, width, 3): brightness, and red and blue beside green; and the light that
    was taken away, of the same shape, in logarithms.
    """
    width, height = size
    pixels = keras.Input((height, width, 3))
    logs = ops.log(pixels + DARK)
    light = surroundings(size)(logs)
    return keras.Model(pixels, [_opponent(logs - light), light], name="whatever_the_light")


def _opponent(logs: Any) -> Any:
    """Brightness, and red and blue beside green, of logarithms of red, green and blue."""
    red, green, blue = (logs[..., number : number + 1] for number in range(3))
    bright = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
    return CONTRAST * ops.concatenate([bright, red - green, blue - green], axis=-1)


def _colours(detail: Any) -> Any:
    """The logarithms of red, green and blue of what `_opponent` gave."""
    bright, red, blue = (detail[..., number : number + 1] / CONTRAST for number in range(3))
    green = bright - _LUMA[0] * red - _LUMA[2] * blue
    return ops.concatenate([green + red, green, green + blue], axis=-1)


class Usual(layers.Layer):  # type: ignore[misc] # keras has no types
    """Adds what is usual at each place: a picture that is learnt, and begins as the median of frames."""

    def build(self, shape: Any) -> None:
        """Make room for the picture."""
        self.picture = self.add_weight(shape=(1, *shape[1:]), initializer="zeros", name="picture_bias")

    def call(self, tensor: Any) -> Any:
        """The sum."""
        return tensor + self.picture


def autoencoder(size: tuple[int, int], code: int, width: int) -> Any:
    """A keras.Model that redraws detail (n, height, width, 3) from so many values.

    code   values that everything goes through, so that little more than the usual fits
    width  channels at half the size
    """
    columns, rows = (side >> HALVINGS for side in size)
    detail = keras.Input((size[1], size[0], 3))
    made = detail
    for number in range(HALVINGS):
        made = convolution(made, min(width << number, 2 * width), f"look_{number}", stride=2)
    values = layers.Dense(code, name="code")(layers.Flatten()(made))
    made = layers.Dense(rows * columns * 2 * width, activation="relu", name="places")(values)
    made = layers.Reshape((rows, columns, 2 * width))(made)
    for number in range(HALVINGS - 1):
        made = layers.UpSampling2D(2, interpolation="bilinear")(made)
        made = convolution(made, width if number else 2 * width, f"draw_{number}")
    # At first nothing is drawn but what is usual.
    made = layers.Conv2D(3, 3, padding="same", kernel_initializer=initializers.Zeros(), name="draw")(
        made
    )
    made = layers.UpSampling2D(2, interpolation="bilinear")(made)
    return keras.Model(detail, Usual(name="usual")(made), name="autoencoder")


def learning_network(size: tuple[int, int], code: int, width: int) -> Any:
    """The keras.Model that learns: changed frames and clean ones in, how far apart they are out.

    What it is shown is in other light and has things in front of it; what it is to draw is not.
    """
    shape = (size[1], size[0], 3)
    image, clean = keras.Input(shape, name=IMAGE), keras.Input(shape, name=CLEAN)
    light, draws = whatever_the_light(size), autoencoder(size, code, width)
    wanted, _ = light(clean)
    apart = difference(draws(light(image)[0]), wanted)
    return keras.Model({IMAGE: image, CLEAN: clean}, {APART: apart}, name="remember")


def difference(one: Any, other: Any) -> Any:
    """How far details are apart, (n, height, width, 1): the sum over brightness and colours."""
    return ops.sum(ops.abs(one - other), axis=-1, keepdims=True)


def parts_of(network: Any) -> tuple[Any, Any]:
    """Of the network that learns: what takes the light away, and the autoencoder."""
    return network.get_layer("whatever_the_light"), network.get_layer("autoencoder")


def begin_with_the_usual(network: Any, frames: NDArray[np.uint8]) -> None:
    """Let the autoencoder begin with the median of frames (n, height, width, 3)."""
    light, draws = parts_of(network)
    details = np.asarray(light.predict(frames, batch_size=32, verbose=0)[0])
    draws.get_layer("usual").set_weights([np.median(details, axis=0, keepdims=True)])


def errors_of(network: Any, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How badly frames are redrawn, (n, height / PLACE, width / PLACE)."""
    light, draws = parts_of(network)
    found = []
    for first in range(0, len(frames), 32):
        detail, _ = light(np.asarray(frames[first : first + 32], np.float32))
        found.append(np.asarray(_error(detail, draws(detail, training=False)))[..., 0])
    return np.concatenate(found)


def _error(detail: Any, redrawn: Any) -> Any:
    """How badly each place is redrawn, (n, height / PLACE, width / PLACE, 1).

    What is redrawn is given the contrast that the frame has: fog, dusk and a camera's own curve change
    it everywhere alike. It is the factor, for each of the three values, of the least squares.
    """
    both = ops.mean(detail * redrawn, axis=(1, 2), keepdims=True)
    own = ops.mean(ops.square(redrawn), axis=(1, 2), keepdims=True)
    contrast = ops.clip(both / (own + 1e-4), *CONTRASTS)
    return layers.AveragePooling2D(PLACE)(difference(detail, contrast * redrawn))


class Mean(ExampleLoss):
    """The mean of what is said, (n, height, width, 1); the truth does not count."""

    def __init__(self, name: str = "mean") -> None:
        super().__init__(name=name)

    def call(self, truth: Any, said: Any) -> Any:
        """The figure of each example, (n,)."""
        return ops.mean(said, axis=(1, 2, 3))


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """How badly normal frames are redrawn at each place.

    usual   (rows, columns) the mean error
    spread  (rows, columns) how much more of it is normal: a heat of 1
    """

    usual: NDArray[np.float32]
    spread: NDArray[np.float32]


def device_step(network: Any, normal: Normal) -> Any:
    """The keras.Model that a device runs: a frame in, the frame redrawn and its heat out."""
    light, draws = parts_of(network)
    height, width = (int(side) for side in draws.inputs[0].shape[1:3])
    image = keras.Input(batch_shape=(1, height, width, 3), name=IMAGE)
    detail, taken = light(ops.cast(image, "float32"))
    redrawn = draws(detail)
    colours = ops.exp(_colours(redrawn) + taken) - DARK
    shown = layers.Rescaling(1 / 255.0, name=f"{REDRAWN}_scaled")(ops.clip(colours, 0.0, 255.0))
    excess = _error(detail, redrawn) - normal.usual[np.newaxis, ..., np.newaxis]
    heat = layers.ReLU(name=HEAT)(excess * (1.0 / normal.spread)[np.newaxis, ..., np.newaxis])
    return keras.Model({IMAGE: image}, {REDRAWN: shown, HEAT: heat}, name="remember_step")
