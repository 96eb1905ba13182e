"""A device graph: a Keras graph as it will run on the device, one picture or one step at a time."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.export.states import state_pairs

Sample: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays of one run by input name, each with the batch of 1 in front; images are uint8."""

IMAGE = "image"
"""The input that takes pixels. Whatever the network calls their type, the device hands in uint8."""

ENDPOINT = "serving_default"
"""The name of the only signature."""


class DeviceGraph:
    """A functional Keras model, checked to be one that converts well, with all its sides fixed.

    shapes  of each input by name, the batch of 1 first
    dtypes  of each input by name, as the device hands it in
    """

    def __init__(self, graph: keras.Model) -> None:
        """Check a graph; raises TrainingError, which names what is in the way and what to do."""
        if keras.backend.backend() != "tensorflow":
            raise TrainingError(
                f"export needs Keras on TensorFlow, not on {keras.backend.backend()}: set "
                "KERAS_BACKEND=tensorflow and load the trained weights there"
            )
        if not isinstance(graph.output, dict) or not graph.inputs:
            raise TrainingError(
                f"{graph.name}: its outputs have no names; build it as "
                'keras.Model(inputs, {"scores": ...}) with inputs that have names'
            )
        self.graph = graph
        self.shapes = {each.name: _fixed(each.name, each.shape) for each in graph.inputs}
        self.dtypes = {
            each.name: "uint8" if each.name == IMAGE else str(each.dtype) for each in graph.inputs
        }
        self.outputs = tuple(graph.output)
        state_pairs(self.shapes, self.outputs)
        for layer in rolled_layers(graph):
            raise TrainingError(
                f"{graph.name}: the layer {layer.name} ({type(layer).__name__}) is a loop, which "
                "TFLite runs slowly, and its int8 converter crashes on; give the device a single step "
                'with its state as an input "state_..." and an output "next_..." (a Recurrence does), '
                "or write unroll=True for a short sequence of fixed length"
            )

    @property
    def weights(self) -> int:
        """How many numbers there are in kernels; biases and scales may vanish into others."""
        return sum(int(np.prod(each.shape)) for each in self.graph.weights if len(each.shape) > 1)

    def check(self, sample: Sample) -> None:
        """Raise TrainingError where a sample does not fit the inputs."""
        given: object = sample
        if not isinstance(given, Mapping) or set(given) != set(self.shapes):
            seen = ", ".join(map(str, given)) if isinstance(given, Mapping) else type(given).__name__
            raise TrainingError(
                f"representative data: arrays by the names {', '.join(self.shapes)}, not {seen}"
            )
        for name, shape in self.shapes.items():
            array = np.asarray(sample[name])
            if array.shape != shape or array.dtype != self.dtypes[name]:
                raise TrainingError(
                    f"representative data: {name} is {shape} {self.dtypes[name]}, "
                    f"not {array.shape} {array.dtype}"
                )

    def answers(self, sample: Sample) -> dict[str, NDArray[Any]]:
        """What the graph gives in Keras, by output name."""
        given = self.graph(self._arranged(sample), training=False)
        return {name: keras.ops.convert_to_numpy(given[name]) for name in self.outputs}

    def save(self, folder: Path) -> None:
        """Write it as a SavedModel with one signature, by the names of its inputs and outputs."""
        archive = keras.export.ExportArchive()
        archive.track(self.graph)
        signature = {
            name: tf.TensorSpec(shape, self.dtypes[name], name=name)
            for name, shape in self.shapes.items()
        }
        archive.add_endpoint(ENDPOINT, self._serve, input_signature=[signature])
        with contextlib.redirect_stdout(io.StringIO()):
            archive.write_out(str(folder), verbose=False)

    def _serve(self, inputs: Any) -> Any:
        given = self.graph(self._arranged(inputs), training=False)
        return {name: given[name] for name in self.outputs}

    def _arranged(self, inputs: Mapping[str, Any]) -> Any:
        """The inputs in the types and the structure that the graph was built with."""
        cast = [keras.ops.cast(inputs[each.name], each.dtype) for each in self.graph.inputs]
        return keras.tree.pack_sequence_as(self.graph.input, cast)


def rolled_layers(graph: keras.Model) -> Iterator[Any]:
    """The layers that run over a sequence in a loop, at any depth."""
    for layer in graph._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.RNN) and not layer.unroll:
            yield layer


def _fixed(name: str, shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """A shape with a batch of 1; raises TrainingError where anything else is open."""
    sides = (1, *shape[1:])
    if shape[0] not in (None, 1) or None in sides:
        shown = tuple("?" if side is None else side for side in shape)
        raise TrainingError(
            f"the input {name} is {shown}: on the device every side is fixed and the batch is 1"
        )
    return tuple(int(side) for side in sides if side is not None)
