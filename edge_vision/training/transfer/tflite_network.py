"""A .tflite file as a network of Keras: the weights that somebody has, ready to go on learning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError
from edge_vision.training.transfer.operators import REBUILT, Call
from edge_vision.training.transfer.tflite_graph import Operator, TfliteGraph

FEATURES = "features"
"""The output of a network that was read."""

_POOLS = ("MEAN", "AVERAGE_POOL_2D")


def read_network(
    file: Path,
    until: str = "",
    *,
    image: TensorSpec | None = None,
    size: tuple[int, int] | None = None,
) -> Any:
    """A trainable network that computes what a .tflite file does, up to one of its tensors.

    until  name of the tensor; left out, the last pooled feature vector, which is what the classifier at
           the end begins with
    image  what is known of the file's image input once it was opened (ModelBundle.image_input): then
           the network takes pixel values of 0 to 255, red, green, blue, and scales them as it says.
           Left out, those of a quantised input are taken as its bytes say, and those of a float input
           as they are
    size   (width, height) of the pictures, where they are to be of another than in the file; only for
           what reduces every size to one vector

    Takes "image" (n, height, width, channels), gives {"features": (n, values) or a map}. Layers are
    called by place and operator, such as op12_conv_2d. Batch normalisation is folded into the weights.
    Quantised weights are dequantised: the network then computes the like, not the same. Raises
    ModelError, which names the operator, where one cannot be rebuilt.
    """
    graph = TfliteGraph(file)
    last = graph.index_of(until) if until else _pooled(graph)
    operators = graph.needed_for(last)
    for operator in operators:
        if operator.name not in REBUILT or len(operator.outputs) != 1:
            Call(graph, operator, {}).refuse("is of a kind that is not known here")
    entrance = _entrance(graph, size)
    tensors: dict[int, Any] = {graph.input: _scaled(graph, entrance, image)}
    for operator in operators:
        tensors[operator.outputs[0]] = _rebuilt(graph, operator, tensors)
    if last not in tensors:
        raise ModelError(f"{file}: {graph.name(last)} does not depend on its input")
    features = tensors[last]
    if len(features.shape) == 4 and tuple(features.shape[1:3]) == (1, 1):
        features = layers.Flatten(name="features_flat")(features)
    return keras.Model({"image": entrance}, {FEATURES: features}, name="tflite")


def _rebuilt(graph: TfliteGraph, operator: Operator, tensors: dict[int, Any]) -> Any:
    """What an operator makes, in Keras."""
    call = Call(graph, operator, tensors)
    try:
        return _bounded(graph, operator, REBUILT[operator.name](call))
    except (ValueError, TypeError, IndexError, KeyError) as error:
        call.refuse(f"does not fit what it is given ({error})")


def _bounded(graph: TfliteGraph, operator: Operator, tensor: Any) -> Any:
    """A tensor kept within what its quantisation can store, where that stands for a ReLU.

    Converters leave an activation out where the bytes end where it would cut: at 0 below, often at 6.
    """
    index = operator.outputs[0]
    quantisation, dtype = graph.quantisation(index), graph.dtype(index)
    if quantisation is None or dtype not in ("uint8", "int8"):
        return tensor
    limits = np.iinfo(dtype)
    fused = int(getattr(operator.options, "fusedActivationFunction", 0) or 0)
    if quantisation.zero_point != limits.min or fused or operator.name not in _WITH_FUSED:
        return tensor
    return ops.clip(tensor, 0.0, quantisation.scale * (limits.max - limits.min))


_WITH_FUSED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL")


def _pooled(graph: TfliteGraph) -> int:
    """The last pooled feature vector, else what the last fully connected layer is given."""
    pools = [each for each in graph.operators if each.name in _POOLS and _is_vector(graph, each)]
    if pools:
        return pools[-1].outputs[0]
    dense = [each.inputs[0] for each in graph.operators if each.name == "FULLY_CONNECTED"]
    if dense:
        return dense[-1]
    made = [graph.name(each.outputs[0]) for each in graph.operators if not _is_constant(graph, each)]
    raise ModelError(
        f"{graph.file}: has no pooled features before a classifier; say which tensor to stop at, "
        f"such as {', '.join(made[-3:])}"
    )


def _is_constant(graph: TfliteGraph, operator: Operator) -> bool:
    return graph.is_constant(operator.outputs[0])


def _is_vector(graph: TfliteGraph, operator: Operator) -> bool:
    shape = graph.shape(operator.outputs[0])
    return len(graph.shape(operator.inputs[0])) == 4 and shape[1:-1] in ((), (1, 1))


def _entrance(graph: TfliteGraph, size: tuple[int, int] | None) -> Any:
    shape = graph.shape(graph.input)
    if len(shape) != 4 or shape[3] not in (1, 3):
        raise ModelError(f"{graph.file}: takes {shape}; a picture is (1, height, width, 3 or 1)")
    if size is not None and any(each.name.startswith("RESIZE") for each in graph.operators):
        raise ModelError(
            f"{graph.file}: enlarges maps to sizes of its own; give it pictures of its size"
        )
    width, height = size or (shape[2], shape[1])
    return keras.Input((height, width, shape[3]), name="image")


def _scaled(graph: TfliteGraph, entrance: Any, image: TensorSpec | None) -> Any:
    """Pixel values as the real values that the graph computes with."""
    if image is not None and image.order == "bgr" and image.channels == 3:
        entrance = ops.flip(entrance, axis=-1)
    quantisation, dtype = graph.quantisation(graph.input), graph.dtype(graph.input)
    if quantisation is not None and (image is None or image.takes_pixels):
        darkest = np.iinfo(dtype).min  # int8 holds pixels less 128
        scale: Any = quantisation.scale
        offset: Any = quantisation.scale * (darkest - quantisation.zero_point)
    elif image is None or image.takes_pixels:
        return entrance
    else:
        scale, offset = _of_each_channel(image, int(entrance.shape[-1]))
    if scale == 1.0 and offset == 0.0:
        return entrance
    return layers.Rescaling(scale, offset, name="pixels")(entrance)


def _of_each_channel(image: TensorSpec, channels: int) -> tuple[Any, Any]:
    """What pixels are multiplied by, and what is added: one number each where all channels agree."""
    scale = np.resize(1.0 / np.asarray(image.std, np.float64), channels)
    offset = -np.resize(np.asarray(image.mean, np.float64), channels) * scale
    if len({*zip(scale.tolist(), offset.tolist(), strict=True)}) == 1:
        return float(scale[0]), float(offset[0])
    return scale.tolist(), offset.tolist()
