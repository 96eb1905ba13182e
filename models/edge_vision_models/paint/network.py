"""The painter: a small network that paints a picture in the style that it is told.

Johnson and others, "Perceptual losses for real-time style transfer and super-resolution", 2016, with
the conditional instance normalisation of Dumoulin and others, "A learned representation for artistic
style", 2017: all styles share the convolutions, and each has scales and shifts of its own. Its residual
blocks are inverted ones, and it enlarges bilinearly, which leaves no checkerboard (Odena and others,
"Deconvolution and checkerboard artifacts", 2016). Tensors are (n, height, width, channels).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import layers, ops

from edge_vision.training.fitting.losses import ExampleLoss
from edge_vision.training.networks.blocks import pixels_scaled

IMAGE, LABEL, PAINTED, CHANGED = "image", "label", "painted", "changed"

STRIDE = 4
"""The sides of pictures are multiples of this."""
MARGIN = 16
"""So many mirrored pixels are painted around a picture and cut off again: the nothing beyond an edge,
which convolutions take for black, would be seen there."""

_WHITE = 255.0
_PAINTER = "painter"
_SMALLEST_VARIANCE = 1e-3


class Shape(NamedTuple):
    """How large a painter is.

    width      channels at half the picture's size; twice as many at a quarter of it
    blocks     inverted residuals at a quarter of the size
    expansion  so many times more channels inside of them
    """

    width: int = 16
    blocks: int = 5
    expansion: int = 3


class StyledNorm(layers.Layer):  # type: ignore[misc] # keras has no types
    """Instance normalisation whose scales and shifts are those of a style.

    Takes a tensor (n, height, width, channels) and which style each picture has, one-hot (n, styles).
    """

    def build(self, shapes: Any) -> None:
        """Make a scale and a shift for each style and channel."""
        (*_, channels), (_, styles) = shapes
        self.scale = self.add_weight((styles, channels), "ones", name="scale")
        self.shift = self.add_weight((styles, channels), "zeros", name="shift")

    def call(self, inputs: Any) -> Any:
        """The tensor, in which each channel of each picture has the style's mean and deviation."""
        tensor, label = inputs
        mean = ops.mean(tensor, axis=(1, 2), keepdims=True)
        variance = ops.mean(ops.square(tensor - mean), axis=(1, 2), keepdims=True)
        factor = _of_style(self.scale, label) * ops.rsqrt(variance + _SMALLEST_VARIANCE)
        # Two passes over the tensor, not three: a device spends much of its time on them.
        return tensor * factor + (_of_style(self.shift, label) - mean * factor)


class CameraNoise(layers.Layer):  # type: ignore[misc] # keras has no types
    """Adds what a camera's sensor adds to pixels: normal, new in each step of the training.

    deviation  its standard deviation, in levels
    """

    def __init__(self, deviation: float, name: str = "noise") -> None:
        super().__init__(name=name)
        self.deviation = deviation
        self.seed = keras.random.SeedGenerator()

    def call(self, pixels: Any) -> Any:
        """The pixels with noise."""
        return pixels + keras.random.normal(ops.shape(pixels), 0.0, self.deviation, seed=self.seed)


class Unsteadiness(ExampleLoss):
    """How much a painting changes with the noise of a camera: the mean square of the changes, (n,).

    truth    anything with n rows; there is no truth but that nothing should change
    changes  (n, height, width, channels) differences of two paintings, as shares of white
    """

    def __init__(self, name: str = "unsteadiness") -> None:
        super().__init__(name=name)

    def call(self, truth: Any, changes: Any) -> Any:
        """The loss of each example, (n,)."""
        return ops.mean(ops.square(changes), axis=(1, 2, 3))


def painter(styles: int, shape: Shape) -> Any:
    """A network from pictures (n, height, width, 3) of 0 to 255 and labels (n, styles) to paintings.

    Its output "painted" is (n, height, width, 3) of 0 to 1: red, green, blue.
    """
    image = keras.Input((None, None, 3), name=IMAGE)
    label = keras.Input((styles,), name=LABEL)
    around = (MARGIN, MARGIN)
    tensor = ops.pad(pixels_scaled(image), ((0, 0), around, around, (0, 0)), mode="reflect")
    tensor = _convolution(tensor, label, shape.width, "first", kernel=5, stride=2)
    tensor = _convolution(tensor, label, 2 * shape.width, "second", stride=2)
    for number in range(1, shape.blocks + 1):
        tensor = _inverted_residual(tensor, label, shape.expansion, f"block{number}")
    tensor = _convolution(_enlarged(tensor, "wider1"), label, shape.width, "third")
    tensor = layers.Conv2D(3, 5, padding="same", name="colours")(_enlarged(tensor, "wider2"))
    tensor = layers.Cropping2D(MARGIN, name="without_margin")(tensor)
    painted = layers.Activation("sigmoid", name=PAINTED)(tensor)
    return keras.Model({IMAGE: image, LABEL: label}, {PAINTED: painted}, name=_PAINTER)


def in_training(made: Any, noise: float) -> Any:
    """A painter as it learns: its paintings as pixel values, and how they change with noise.

    noise  standard deviation of what is added to pixels, in levels; 0 leaves "changed" out
    """
    image = keras.Input((None, None, 3), name=IMAGE)
    label = keras.Input(made.inputs[1].shape[1:], name=LABEL)
    painted = made({IMAGE: image, LABEL: label})[PAINTED]
    outputs = {PAINTED: layers.Rescaling(_WHITE, name="as_pixels")(painted)}
    if noise:
        noisy = CameraNoise(noise)(image)
        again = made({IMAGE: noisy, LABEL: label})[PAINTED]
        outputs[CHANGED] = layers.Subtract(name=CHANGED)([again, painted])
    return keras.Model({IMAGE: image, LABEL: label}, outputs, name="paint")


def painter_in(network: Any) -> Any:
    """The painter that a network in training holds."""
    return network.get_layer(_PAINTER)


def painter_step(network: Any, size: tuple[int, int]) -> Any:
    """What a device runs: a picture of one size and a label in, a painting out.

    network  as it learns
    size     (width, height) in pixels
    """
    made, (width, height) = painter_in(network), size
    image = keras.Input(batch_shape=(1, height, width, 3), name=IMAGE)
    label = keras.Input(batch_shape=(1, made.inputs[1].shape[1]), name=LABEL)
    inputs = {IMAGE: image, LABEL: label}
    return keras.Model(inputs, {PAINTED: made(inputs)[PAINTED]}, name="paint_step")


def _of_style(values: Any, label: Any) -> Any:
    """Values (styles, channels) of the style of each picture, (n, 1, 1, channels)."""
    return ops.expand_dims(ops.matmul(label, values), (1, 2))


def _convolution(
    tensor: Any,
    label: Any,
    channels: int,
    name: str,
    *,
    kernel: int = 3,
    stride: int = 1,
    activate: bool = True,
) -> Any:
    made = layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)(tensor)
    return _normalised(made, label, name, activate=activate)


def _inverted_residual(tensor: Any, label: Any, expansion: int, name: str) -> Any:
    """Widen, look around channel by channel, narrow, and add what went in."""
    channels = int(tensor.shape[-1])
    made = _convolution(tensor, label, channels * expansion, f"{name}_expand", kernel=1)
    made = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise")(made)
    made = _normalised(made, label, f"{name}_depthwise")
    made = _convolution(made, label, channels, f"{name}_project", kernel=1, activate=False)
    return layers.Add(name=f"{name}_add")([tensor, made])


def _enlarged(tensor: Any, name: str) -> Any:
    return layers.UpSampling2D(2, interpolation="bilinear", name=name)(tensor)


def _normalised(tensor: Any, label: Any, name: str, *, activate: bool = True) -> Any:
    made = StyledNorm(name=f"{name}_norm")([tensor, label])
    return layers.ReLU(name=f"{name}_relu")(made) if activate else made
