"""Operators of TFLite as layers of Keras, which compute the same and can go on learning.

Each takes a Call and gives the tensor that the operator makes. What TFLite's operators do is described
by its schema and by its converter's dialect (TFL); what Keras cannot do alike raises ModelError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from edge_vision.data.errors import ModelError
from edge_vision.training.transfer.resizing import resized
from edge_vision.training.transfer.tflite_graph import Operator, TfliteGraph

_PADDINGS = {0: "same", 1: "valid"}
_FUSED: Mapping[int, Callable[[Any], Any]] = {
    0: lambda tensor: tensor,
    1: ops.relu,
    2: lambda tensor: ops.clip(tensor, -1.0, 1.0),
    3: ops.relu6,
    4: ops.tanh,
}
"""ActivationFunctionType of the schema."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operator about to be rebuilt.

    graph     where it comes from
    operator  itself
    tensors   those of Keras that were made so far, by index
    """

    graph: TfliteGraph
    operator: Operator
    tensors: Mapping[int, Any]

    @property
    def options(self) -> Any:
        """The operator's own table."""
        return self.operator.options

    @property
    def name(self) -> str:
        """What its layer is called."""
        return self.operator.called

    def given(self, place: int) -> bool:
        """True where it has an input at that place."""
        return place < len(self.operator.inputs) and self.operator.inputs[place] >= 0

    def tensor(self, place: int = 0) -> Any:
        """Its input at that place, computed by what comes before it."""
        index = self.operator.inputs[place]
        if index not in self.tensors:
            self.refuse("takes a constant where a tensor is expected")
        return self.tensors[index]

    def constant(self, place: int) -> NDArray[Any]:
        """Its input at that place, which is in the file."""
        if not self.graph.is_constant(self.operator.inputs[place]):
            self.refuse("takes weights or sizes that are computed")
        return self.graph.constant(self.operator.inputs[place])

    def constant_or_none(self, place: int) -> NDArray[Any] | None:
        """The same, None where it was left out."""
        return self.constant(place) if self.given(place) else None

    def output_shape(self) -> tuple[int, ...]:
        """The shape that it gives in the file, the batch of 1 first."""
        return self.graph.shape(self.operator.outputs[0])

    def activated(self, tensor: Any) -> Any:
        """A tensor after the activation that is part of the operator."""
        kind = int(getattr(self.options, "fusedActivationFunction", 0))
        if kind not in _FUSED:
            self.refuse("has an activation that is not known")
        return _FUSED[kind](tensor)

    def refuse(self, why: str) -> NoReturn:
        """Raise ModelError: this operator cannot be rebuilt."""
        raise ModelError(
            f"{self.graph.file}: cannot be rebuilt to learn from: its operator {self.operator.name} "
            f"(number {self.operator.place}) {why}"
        )


class Constant(layers.Layer):  # type: ignore[misc]  # keras has no types
    """A tensor joined with a constant by arithmetic; the constant is kept, and does not learn.

    Such constants scale pixels, or are what is left of a batch normalisation.
    """

    def __init__(self, join: Callable[[Any, Any], Any], value: NDArray[np.float32], name: str) -> None:
        super().__init__(name=name)
        self._join = join
        self._value = self.add_weight(
            shape=value.shape,
            initializer="zeros",
            trainable=False,
            name="value",
        )
        self._value.assign(value)

    def call(self, tensor: Any) -> Any:
        """Join them."""
        return self._join(tensor, self._value)

    def compute_output_spec(self, tensor: Any) -> Any:
        """Broadcast the constant over the tensor; the batch stays what it is."""
        sides = np.broadcast_shapes((1, *tensor.shape[1:]), tuple(self._value.shape))
        return keras.KerasTensor((tensor.shape[0], *sides[1:]), tensor.dtype)


def _conv_2d(call: Call) -> Any:
    kernel = call.constant(1).transpose(1, 2, 3, 0)
    channels = int(call.tensor().shape[-1])
    if channels % kernel.shape[2]:
        call.refuse(f"has kernels for {kernel.shape[2]} channels and is given {channels}")
    layer = layers.Conv2D(
        kernel.shape[3],
        kernel.shape[:2],
        (call.options.strideH, call.options.strideW),
        _PADDINGS[call.options.padding],
        dilation_rate=(call.options.dilationHFactor, call.options.dilationWFactor),
        groups=channels // kernel.shape[2],
        use_bias=call.given(2),
        name=call.name,
    )
    _refuse_strided_and_dilated(call)
    return call.activated(_with_weights(layer, call, kernel))


def _depthwise_conv_2d(call: Call) -> Any:
    stored, channels = call.constant(1), int(call.tensor().shape[-1])
    # The answers of one channel lie side by side.
    kernel = stored.reshape(*stored.shape[1:3], channels, -1)
    if call.options.strideH != call.options.strideW:
        call.refuse("strides differently along height and width")
    _refuse_strided_and_dilated(call)
    layer = layers.DepthwiseConv2D(
        kernel.shape[:2],
        call.options.strideH,
        _PADDINGS[call.options.padding],
        depth_multiplier=kernel.shape[3],
        dilation_rate=(call.options.dilationHFactor, call.options.dilationWFactor),
        use_bias=call.given(2),
        name=call.name,
    )
    return call.activated(_with_weights(layer, call, kernel))


def _refuse_strided_and_dilated(call: Call) -> None:
    strides = max(call.options.strideH, call.options.strideW)
    if strides > 1 and max(call.options.dilationHFactor, call.options.dilationWFactor) > 1:
        call.refuse("both strides and is dilated")


def _transpose_conv(call: Call) -> Any:
    """Inputs: the shape to make, the kernel (out, height, width, in), the tensor, and a bias."""
    kernel = call.constant(1).transpose(1, 2, 0, 3)
    strides = (call.options.strideH, call.options.strideW)
    padding = _PADDINGS[call.options.padding]
    layer = layers.Conv2DTranspose(
        kernel.shape[2], kernel.shape[:2], strides, padding, use_bias=call.given(3), name=call.name
    )
    made = _with_weights(layer, call, kernel, tensor=2, bias=3)
    if tuple(made.shape[1:]) != call.output_shape()[1:]:
        call.refuse(f"makes {call.output_shape()[1:]}, where Keras would make {tuple(made.shape[1:])}")
    return call.activated(made)


def _fully_connected(call: Call) -> Any:
    kernel, tensor = call.constant(1).transpose(), call.tensor()
    inside = tuple(int(side) for side in tensor.shape[1:])
    keeps_sides = len(call.output_shape()) > 2
    if len(inside) > 1 and (inside[-1] != kernel.shape[0] or not keeps_sides):
        if int(np.prod(inside)) != kernel.shape[0]:
            call.refuse(f"has weights for {kernel.shape[0]} values and is given {inside}")
        tensor = layers.Flatten(name=f"{call.name}_flat")(tensor)
    layer = layers.Dense(kernel.shape[1], use_bias=call.given(2), name=call.name)
    return call.activated(_with_weights(layer, call, kernel, entering=tensor))


def _with_weights(
    layer: Any, call: Call, kernel: NDArray[Any], *, tensor: int = 0, bias: int = 2, entering: Any = None
) -> Any:
    """A layer applied with the weights that the file has for it."""
    made = layer(call.tensor(tensor) if entering is None else entering)
    values = call.constant_or_none(bias)
    layer.set_weights([kernel] if values is None else [kernel, values.reshape(-1)])
    return made


def _arithmetic(join: Callable[[Any, Any], Any]) -> Callable[[Call], Any]:
    """An operator of two inputs, one of which may be a constant."""

    def make(call: Call) -> Any:
        first, second = call.operator.inputs
        if call.graph.is_constant(second):
            layer = Constant(join, call.constant(1), call.name)
            return call.activated(layer(call.tensor(0)))
        if call.graph.is_constant(first):
            turned = Constant(lambda tensor, value: join(value, tensor), call.constant(0), call.name)
            return call.activated(turned(call.tensor(1)))
        return call.activated(join(call.tensor(0), call.tensor(1)))

    return make


def _pad(call: Call) -> Any:
    widths = call.constant(1).reshape(-1, 2).tolist()
    value = float(call.constant(2).reshape(-1)[0]) if call.given(2) else 0.0
    tensor = call.tensor()
    if any(widths[0]):
        call.refuse("pads the batch")
    if value == 0.0 and not any(map(any, widths[:-1])) and not widths[-1][0]:
        # Further channels as zeros beside the others: TensorFlow's graph optimiser joins a convolution,
        # a padding and an addition into one operator of oneDNN, which crashes.
        further = ops.repeat(ops.zeros_like(tensor[..., :1]), widths[-1][1], axis=-1)
        return ops.concatenate([tensor, further], axis=-1)
    return ops.pad(tensor, widths, constant_values=value)


def _mean(call: Call) -> Any:
    tensor = call.tensor()
    rank = len(tensor.shape)
    axes = sorted({int(axis) % rank for axis in call.constant(1).reshape(-1)})
    if 0 in axes:
        call.refuse("averages over the batch")
    return ops.mean(tensor, axis=axes, keepdims=bool(call.options.keepDims))


def _pool(mode: str) -> Callable[[Call], Any]:
    def make(call: Call) -> Any:
        entering = call.graph.shape(call.operator.inputs[0])
        window = (call.options.filterHeight, call.options.filterWidth)
        if window == entering[1:3] and call.output_shape()[1:3] == (1, 1):
            # Over everything there is: stays so where the network is built for another size.
            whole = ops.mean if mode == "average" else ops.max
            return call.activated(whole(call.tensor(), axis=(1, 2), keepdims=True))
        kind = layers.AveragePooling2D if mode == "average" else layers.MaxPooling2D
        strides = (call.options.strideH, call.options.strideW)
        layer = kind(window, strides, _PADDINGS[call.options.padding], name=call.name)
        return call.activated(layer(call.tensor()))

    return make


def _concatenation(call: Call) -> Any:
    rank = len(call.output_shape())
    axis = int(call.options.axis) % rank
    if axis == 0:
        call.refuse("joins batches")
    return call.activated(
        ops.concatenate([call.tensor(place) for place in range(len(call.operator.inputs))], axis=axis)
    )


def _reshape(call: Call) -> Any:
    tensor, shape = call.tensor(), call.output_shape()
    batch = call.graph.shape(call.operator.inputs[0])[:1]
    if shape[:1] != batch:
        call.refuse(f"makes {shape}, which has no side left for a batch")
    if int(np.prod(shape[1:])) != int(np.prod(tensor.shape[1:])):
        call.refuse(
            f"makes {shape[1:]} of {tuple(tensor.shape[1:])}, which holds another number of values"
        )
    return layers.Reshape(shape[1:], name=call.name)(tensor)


def _tile(call: Call) -> Any:
    times = call.constant(1).tolist()
    if times[0] != 1:
        call.refuse("repeats the batch")
    return ops.tile(call.tensor(), times)


def _softmax(call: Call) -> Any:
    return ops.softmax(call.tensor() * float(call.options.beta), axis=-1)


def _resize(mode: str) -> Callable[[Call], Any]:
    def make(call: Call) -> Any:
        size = tuple(int(side) for side in call.constant(1))
        corners, centres = bool(call.options.alignCorners), bool(call.options.halfPixelCenters)
        return resized(call.tensor(), (size[0], size[1]), mode, corners=corners, centres=centres)

    return make


def _plain(function: Callable[[Any], Any]) -> Callable[[Call], Any]:
    return lambda call: function(call.tensor())


REBUILT: Mapping[str, Callable[[Call], Any]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "TRANSPOSE_CONV": _transpose_conv,
    "FULLY_CONNECTED": _fully_connected,
    "ADD": _arithmetic(ops.add),
    "SUB": _arithmetic(ops.subtract),
    "MUL": _arithmetic(ops.multiply),
    "DIV": _arithmetic(ops.divide),
    "PAD": _pad,
    "PADV2": _pad,
    "MEAN": _mean,
    "AVERAGE_POOL_2D": _pool("average"),
    "MAX_POOL_2D": _pool("max"),
    "RELU": _plain(ops.relu),
    "RELU6": _plain(ops.relu6),
    "RELU_N1_TO_1": _plain(_FUSED[2]),
    "LEAKY_RELU": lambda call: ops.leaky_relu(call.tensor(), float(call.options.alpha)),
    "LOGISTIC": _plain(ops.sigmoid),
    "TANH": _plain(ops.tanh),
    "HARD_SWISH": _plain(ops.hard_silu),
    "SOFTMAX": _softmax,
    "CONCATENATION": _concatenation,
    "RESHAPE": _reshape,
    "TILE": _tile,
    "RESIZE_BILINEAR": _resize("bilinear"),
    "RESIZE_NEAREST_NEIGHBOR": _resize("nearest"),
    "QUANTIZE": _plain(lambda tensor: tensor),
    "DEQUANTIZE": _plain(lambda tensor: tensor),
    "CAST": _plain(lambda tensor: tensor),
}
"""What each operator that can be rebuilt becomes, by its name in TFLite."""
