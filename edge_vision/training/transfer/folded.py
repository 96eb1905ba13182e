"""Weights of a .tflite file in a network of the same make, whose batch normalisation it has folded.

A converter multiplies what a normalisation does to each channel into the kernel before it and adds the
rest as a bias. Here the kernel goes into the convolution, and the bias into the normalisation, which is
otherwise set to change nothing. `restore_statistics` then gives it back a mean and a variance.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.learner import arranged
from edge_vision.training.transfer.pairing import Kernel, pairs
from edge_vision.training.transfer.tflite_graph import Operator, TfliteGraph
from edge_vision.training.transfer.weights import to_array

KINDS = {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "FULLY_CONNECTED": "Dense"}
"""Operators with kernels, and what Keras calls their layers."""


class Folded(NamedTuple):
    """A kernel as Keras arranges it, its bias, and the kind of Keras' layer it belongs to."""

    kind: str
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def weights_in_tflite(file: Path, network: Any) -> dict[str, NDArray[np.float32]]:
    """Weights of a file for a network, by the paths that they have in the network.

    Which kernel is whose is told by what lies before them (see `pairs`); whether shapes agree is up to
    who takes the weights. A network's further layers, such as a new head, get none.
    """
    there, here = _kernels_of_file(TfliteGraph(file)), _kernels_of(network)
    found: dict[str, NDArray[np.float32]] = {}
    by_name = {layer.name: layer for layer in network.layers}
    for name, place in pairs(here, {each: kernel for each, (kernel, _) in there.items()}).items():
        layer, folded = by_name[name], there[place][1]
        found[layer.kernel.path] = folded.kernel
        if layer.use_bias:
            found[layer.bias.path] = folded.bias
        elif (norm := _normalisation_after(layer)) is not None:
            found |= _changing_nothing_but(norm, folded.bias)
    return found


def _kernels_of(network: Any) -> dict[str, Kernel]:
    """The layers of a network that have kernels, by name, in the order in which they run."""
    found: dict[str, Kernel] = {}
    before: dict[str, frozenset[Hashable]] = {}
    for layer in network.operations:
        parents = [node.operation.name for node in layer._inbound_nodes[0].parent_nodes]
        known = frozenset[Hashable]().union(*(before[name] for name in parents))
        before[layer.name] = known
        if type(layer).__name__ in KINDS.values():
            found[layer.name] = Kernel(type(layer).__name__, tuple(layer.kernel.shape), known)
            before[layer.name] = frozenset([layer.name])
    return found


def _kernels_of_file(graph: TfliteGraph) -> dict[int, tuple[Kernel, Folded]]:
    """The operators of a file that have kernels, by place, in the order in which they run."""
    found: dict[int, tuple[Kernel, Folded]] = {}
    before: dict[int, frozenset[Hashable]] = {}
    for operator in graph.operators:
        known = frozenset[Hashable]().union(*(before.get(index, ()) for index in operator.inputs))
        if operator.name in KINDS:
            folded = _folded(graph, operator)
            found[operator.place] = Kernel(folded.kind, folded.kernel.shape, known), folded
            known = frozenset([operator.place])
        before.update(dict.fromkeys(operator.outputs, known))
    return found


def restore_statistics(network: Any, pictures: NDArray[np.uint8]) -> None:
    """Let every normalisation know the means and variances of what it is given, as after a training.

    pictures  (n, height, width, channels) uint8, a few dozen that are like those to come

    What the network computes stays the same: gamma and beta take up the difference. Without this the
    first steps of a training, in which each batch's own means and variances count, would undo what the
    weights can do.
    """
    norms = [each for each in network.layers if isinstance(each, layers.BatchNormalization)]
    if not norms:
        return
    looking = keras.Model(network.input, {norm.name: norm.input for norm in norms})
    given = looking.predict_on_batch(arranged(looking, {"image": pictures.astype(np.float32)}))
    for norm in norms:
        values = np.asarray(given[norm.name], np.float64)
        axes = tuple(range(values.ndim - 1))
        _renormalise(norm, values.mean(axis=axes), values.var(axis=axes))


def _renormalise(norm: Any, mean: NDArray[np.float64], variance: NDArray[np.float64]) -> None:
    """Set a normalisation's mean and variance so that it computes what it did."""
    old_mean, old_variance = to_array(norm.moving_mean), to_array(norm.moving_variance)
    factor = to_array(norm.gamma) / np.sqrt(old_variance + norm.epsilon)
    norm.gamma.assign(factor * np.sqrt(variance + norm.epsilon))
    norm.beta.assign(to_array(norm.beta) + factor * (mean - old_mean))
    norm.moving_mean.assign(mean)
    norm.moving_variance.assign(variance)


def _changing_nothing_but(norm: Any, bias: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """The weights of a normalisation that adds a bias: (x - 0) / sqrt(1 - e + e) * 1 + bias."""
    ones = np.ones_like(bias)
    return {
        norm.gamma.path: ones,
        norm.beta.path: bias,
        norm.moving_mean.path: 0 * ones,
        norm.moving_variance.path: (1 - norm.epsilon) * ones,
    }


def _folded(graph: TfliteGraph, operator: Operator) -> Folded:
    if not graph.is_constant(operator.inputs[1]):
        raise TrainingError(f"{graph.file}: the kernel of {operator.called} is computed, not stored")
    kernel = graph.constant(operator.inputs[1])
    if operator.name == "CONV_2D":
        kernel = kernel.transpose(1, 2, 3, 0)
    elif operator.name == "DEPTHWISE_CONV_2D":
        kernel = kernel.reshape(*kernel.shape[1:3], graph.shape(operator.inputs[0])[3], -1)
    else:
        kernel = kernel.transpose()
    count = kernel.shape[2] * kernel.shape[3] if operator.name.startswith("DEPTH") else kernel.shape[-1]
    given = len(operator.inputs) > 2 and operator.inputs[2] >= 0
    bias = graph.constant(operator.inputs[2]).reshape(-1) if given else np.zeros(count, np.float32)
    return Folded(KINDS[operator.name], kernel, bias)


def _normalisation_after(layer: Any) -> Any:
    """The normalisation that a layer's answers go into, None where there is none."""
    following = [node.operation for node in layer._outbound_nodes]
    norms = [each for each in following if isinstance(each, layers.BatchNormalization)]
    return norms[0] if norms else None
