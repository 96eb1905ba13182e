"""Blocks: what networks are built of, with names for their layers that stay what they are.

Weights are kept by the names of layers, so each block is given a name, and its layers begin with it.
Tensors are (n, height, width, channels).
"""

from __future__ import annotations

from typing import Any

from keras import initializers, layers

MOMENTUM = 0.9
"""Of the running mean and variance: trainings here are short, and Keras' 0.99 would lag behind."""

FIRST_LAYER = "stem"
"""The name of the convolution that looks at the picture."""


NORM = "_norm"
"""What the name of a normalisation ends in, after that of its convolution."""


def pixels_scaled(image: Any) -> Any:
    """Pixel values of 0 to 255 as -1 to 1."""
    return layers.Rescaling(1 / 127.5, -1.0, name="pixels")(image)


def convolution(
    tensor: Any,
    channels: int,
    name: str,
    *,
    kernel: int = 3,
    stride: int = 1,
    dilation: int = 1,
    activate: bool = True,
) -> Any:
    """A convolution without bias, batch normalisation and, where it activates, ReLU."""
    made = layers.Conv2D(
        channels,
        kernel,
        stride,
        "same",
        dilation_rate=dilation,
        use_bias=False,
        name=name,
    )(tensor)
    return _normalised(made, name, activate=activate)


def depthwise(tensor: Any, name: str, *, kernel: int = 3, stride: int = 1, dilation: int = 1) -> Any:
    """A convolution of each channel by itself, without bias, batch normalisation and ReLU."""
    made = layers.DepthwiseConv2D(
        kernel,
        stride,
        "same",
        dilation_rate=dilation,
        use_bias=False,
        name=name,
    )(tensor)
    return _normalised(made, name)


def inverted_residual(
    tensor: Any, channels: int, name: str, *, stride: int = 1, expansion: int = 4, dilation: int = 1
) -> Any:
    """An inverted residual with a linear bottleneck: widen, look around channel by channel, narrow.

    Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018, figure 4; with ReLU in
    place of ReLU6. What goes in is added where nothing changed its shape.
    """
    entered = int(tensor.shape[-1])
    made = convolution(tensor, entered * expansion, f"{name}_expand", kernel=1)
    made = depthwise(made, f"{name}_depthwise", stride=stride, dilation=dilation)
    made = convolution(made, channels, f"{name}_project", kernel=1, activate=False)
    if stride == 1 and entered == channels:
        return layers.Add(name=f"{name}_add")([tensor, made])
    return made


def residual(tensor: Any, channels: int, name: str, *, stride: int = 1) -> Any:
    """A basic residual block; where it strides, what goes past it is averaged and then projected.

    He et al., Deep Residual Learning for Image Recognition, 2015, figure 2; the shortcut as in He et
    al., Bag of Tricks for Image Classification, 2018, figure 2c.
    """
    made = convolution(tensor, channels, f"{name}_first", stride=stride)
    made = convolution(made, channels, f"{name}_second", activate=False)
    past = tensor
    if stride != 1:
        past = layers.AveragePooling2D(stride, stride, "same", name=f"{name}_average")(past)
    if int(past.shape[-1]) != channels:
        past = convolution(past, channels, f"{name}_shortcut", kernel=1, activate=False)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([past, made]))


def upsampling(tensor: Any, channels: int, name: str, *, skip: Any = None) -> Any:
    """Twice the height and width: bilinear, joined with a map of that size, and two small convolutions.

    skip  the map of twice the size from the way down, None where there is none

    Bilinear, because one operator of TFLite does it; the nearest becomes three of them.
    """
    made = convolution(tensor, channels, f"{name}_narrow", kernel=1)
    made = layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_enlarge")(made)
    if skip is not None:
        past = convolution(skip, channels, f"{name}_skip", kernel=1)
        made = layers.Add(name=f"{name}_add")([made, past])
    made = depthwise(made, f"{name}_depthwise")
    return convolution(made, channels, f"{name}_mix", kernel=1)


def class_head(features: Any, classes: int, *, dropout: float = 0.0, name: str = "scores") -> Any:
    """Logits (n, classes) from features (n, values)."""
    if dropout:
        features = layers.Dropout(dropout, name=f"{name}_dropout")(features)
    return layers.Dense(classes, name=name)(features)


def map_head(
    tensor: Any, channels: int, *, hidden: int = 64, name: str = "map", bias: float = 0.0
) -> Any:
    """Logits (n, height, width, channels) of each place, after a look at its neighbours.

    bias  what the logits begin at; -log((1 - p) / p) where things are as rare as p, so that the many
          places without any do not drown the first epochs (Lin et al., Focal Loss, 2017, 3.3)
    """
    made = depthwise(tensor, f"{name}_depthwise")
    made = convolution(made, hidden, f"{name}_hidden", kernel=1)
    begin = initializers.Constant(bias)
    return layers.Conv2D(channels, 1, bias_initializer=begin, name=name)(made)


def _normalised(tensor: Any, name: str, *, activate: bool = True) -> Any:
    made = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}{NORM}")(tensor)
    return layers.ReLU(name=f"{name}_relu")(made) if activate else made
