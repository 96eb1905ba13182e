"""Starting from what was learnt before: weights found by the names of their layers, or by their order.

They come from a file of weights, from the folder of a run, or from a .tflite file of the same network,
such as a bundle has, into whose kernels a converter has folded the batch normalisation.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.checkpoint import FILE, Checkpoints
from edge_vision.training.fitting.state import plain
from edge_vision.training.networks.blocks import NORM
from edge_vision.training.transfer.folded import KINDS, restore_statistics, weights_in_tflite
from edge_vision.training.transfer.tflite_graph import TfliteGraph
from edge_vision.training.transfer.weights import Weights, read_weights, variables_by_path

TFLITE = ".tflite"

_MISSING, _LEFT_OUT = "is not in there", "is left out on purpose"
_SHOWN = 3
"""So many reasons are named where nothing fits."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a network took over.

    origin   where from
    loaded   names of the layers whose weights were taken
    left     of the other layers with weights, why they were not, by name: those keep what they had
    unused   names of what is in the origin and is not in the network
    """

    origin: str
    loaded: tuple[str, ...]
    left: dict[str, str]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        """One line for people."""
        said = (
            f"{len(self.loaded)} of {len(self.loaded) + len(self.left)} layers begin as in {self.origin}"
        )
        return f"{said}; anew: {', '.join(self.left)}" if self.left else said


def start_from(
    network: Any,
    source: Path,
    *,
    without: Collection[str] = (),
    pictures: NDArray[np.uint8] | None = None,
) -> Transfer:
    """Give a network the weights that fit it, layer by layer; a layer is taken whole or not at all.

    source    an .npz file of weights, the folder of a bundle that has a model in floats, a run's
              folder (its best weights), or a .tflite file of the same network
    without   layers that keep what they have, such as a head for other classes
    pictures  a few dozen (n, height, width, channels) that are like those to come: what a .tflite file
              no longer has, means and variances of its normalisations, is taken from them

    A network for grey pictures takes the kernel of its first layer summed over the colours, so that it
    answers a grey picture as the other did; one for colours a third of a grey kernel each.

    Raises TrainingError where no layer fits.
    """
    file = _file_in(source)
    weights = _weights_in(file, network)
    layers = _by_layer(variables_by_path(network))
    found = {layer: _fitting(variables, weights) for layer, variables in layers.items()}
    found |= dict.fromkeys(set(without) & set(layers), _LEFT_OUT)
    found |= {
        layer: f"is nothing without {layer.removesuffix(NORM)}"
        for layer in found
        if layer.endswith(NORM) and isinstance(found.get(layer.removesuffix(NORM)), str)
    }
    loaded = [layer for layer, arrays in found.items() if not isinstance(arrays, str)]
    left = {layer: why for layer, why in found.items() if isinstance(why, str)}
    if not loaded:
        raise TrainingError(f"{source}: none of its weights fit this network: {_nearest(left, weights)}")
    for layer in loaded:
        for path, variable in layers[layer].items():
            variable.assign(found[layer][path])
    if file.suffix == TFLITE and pictures is not None:
        restore_statistics(network, pictures)
    unused = dict.fromkeys(_layer(path) for path in weights)
    return Transfer(
        str(source), tuple(loaded), left, tuple(name for name in unused if name not in layers)
    )


def _nearest(left: dict[str, str], weights: Weights) -> str:
    """The reasons that say the most, and what there is."""
    own = {layer: why for layer, why in left.items() if not layer.endswith(NORM)} or left
    near = sorted(own, key=lambda layer: own[layer] in (_MISSING, _LEFT_OUT))[:_SHOWN]
    there = list(dict.fromkeys(map(_layer, weights)))[:_SHOWN]
    return f"{'; '.join(f'{layer} {own[layer]}' for layer in near)}; it has {', '.join(there) or 'none'}"


def _file_in(source: Path) -> Path:
    """The file with the weights of a bundle's folder; of a run's, and of no folder, what was given."""
    files = {file: _bytes_a_weight(file) for file in sorted(source.glob(f"*{TFLITE}"))}
    return max(files, key=files.__getitem__) if any(files.values()) else source


def _bytes_a_weight(file: Path) -> int:
    """In how many bytes a .tflite file stores a weight; 0 where it does not compute in floats."""
    graph = TfliteGraph(file)
    kernels = [each for each in graph.operators if each.name in KINDS]
    if any(graph.dtype(each.outputs[0]) != "float32" for each in kernels):
        return 0
    return min((graph.bytes_a_value(each.inputs[1]) for each in kernels), default=0)


def _weights_in(source: Path, network: Any) -> Weights:
    if source.suffix == TFLITE:
        return weights_in_tflite(source, network)
    if not source.is_dir():
        return read_weights(source)
    runs = (
        [source]
        if (source / FILE).exists()
        else sorted(file.parent for file in source.glob(f"*/{FILE}"))
    )
    if len(runs) > 1:
        names = " or ".join(str(run) for run in runs)
        raise TrainingError(f"{source}: holds the trainings of {len(runs)} networks; name one: {names}")
    checkpoint = Checkpoints(runs[0]).load() if runs else None
    if checkpoint is None:
        raise TrainingError(
            f"{source}: holds neither a model that computes in floats nor the {FILE} of a run"
        )
    return _by_path(checkpoint.best or checkpoint.network, network)


def _by_path(state: Any, network: Any) -> Weights:
    """The values of a checkpoint by the paths that they have in this network, else by their own."""
    paths = {plain(path): path for path in variables_by_path(network)}
    named = zip(state.names, state.values, strict=True)
    return {paths.get(name, name): values for name, values in named if values.dtype.kind == "f"}


def _by_layer(variables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Variables by layer, and in it by path."""
    layers: dict[str, dict[str, Any]] = {}
    for path, variable in variables.items():
        layers.setdefault(_layer(path), {})[path] = variable
    return layers


def _layer(path: str) -> str:
    return path.rpartition("/")[0] or path


def _fitting(variables: dict[str, Any], weights: Weights) -> Any:
    """Arrays for the variables of a layer by path, or why there are none."""
    arrays = {}
    for path, variable in variables.items():
        if path not in weights:
            return _MISSING
        wanted, there = tuple(variable.shape), weights[path]
        taken = there if there.shape == wanted else _recoloured(there, wanted)
        if taken is None:
            return f"is {wanted} here and {there.shape} there"
        arrays[path] = taken
    return arrays


def _recoloured(kernel: Any, wanted: tuple[int, ...]) -> Any:
    """A kernel (height, width, channels, out) of a first layer for grey or for colours, else None."""
    if (
        kernel.ndim != 4
        or len(wanted) != 4
        or kernel.shape[:2] + kernel.shape[3:] != wanted[:2] + wanted[3:]
    ):
        return None
    if (kernel.shape[2], wanted[2]) == (3, 1):
        return kernel.sum(axis=2, keepdims=True)
    return kernel.repeat(3, axis=2) / 3 if (kernel.shape[2], wanted[2]) == (1, 3) else None
