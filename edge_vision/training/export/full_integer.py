"""Full int8: weights and activations as bytes, by the ranges that real data show.

Jacob and others, "Quantization and training of neural networks for efficient integer-arithmetic-only
inference", CVPR 2018; TFLite's quantisation specification.

TFLite's own calibration notes what lies in a tensor's memory after a run. Where an operator works in
place that is another tensor's value, and ranges come out too wide; so ranges are measured here, with
every tensor in memory of its own. Three more things are made as they should be:

- pixels go straight in: the range of the image is 0 to 255, whatever the data show, and so its scale
  is 1;
- a state goes in and comes out with one scale, so that carrying it costs nothing;
- the softmax or sigmoid at the end is computed in floats: stored in bytes, all probabilities below
  1/512 would be 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.export import flatbuffer
from edge_vision.training.export.flatbuffer import Content, Graph
from edge_vision.training.export.states import state_pairs

_ELEMENTWISE = ("CAST", "MUL", "ADD", "SUB", "DIV")
"""What scales pixels; the ends of their range go to the ends of the result's."""

_PIXELS = (0, 255)
_SCORES = ("SOFTMAX", "LOGISTIC")
_UINT8, _INT8 = 3, 9  # of the schema's TensorType

Ranges = dict[int, tuple[float, float]]
"""The smallest and the largest value of each tensor, by its index."""


def full_integer(saved: Path, endpoint: str, samples: Sequence[Mapping[str, NDArray[Any]]]) -> Content:
    """A SavedModel as an int8 .tflite file: uint8 pixels in, float values out, int8 between."""
    model = flatbuffer.parsed(_calibrated(saved, endpoint, samples[:1]))
    ranges = measured(model, samples)
    ranges |= _pixel_ranges(model, samples[0])
    _share_states(model, ranges)
    for index, (low, high) in ranges.items():
        held = model.subgraphs[0].tensors[index].quantization
        if held is not None and held.min is not None and len(held.min):
            held.min, held.max = [low], [high]
    convert: Any = import_module("tensorflow.lite.python.convert")
    quantised = convert.mlir_quantize(flatbuffer.packed(model), denylisted_nodes=_kept_in_floats(model))
    finished = flatbuffer.parsed(quantised)
    _take_pixels(finished)
    if not any(each.type == _INT8 for each in finished.subgraphs[0].tensors):
        raise TrainingError("int8: the converter quantised nothing")
    return flatbuffer.packed(finished)


def _calibrated(saved: Path, endpoint: str, samples: Sequence[Any]) -> Content:
    """The float graph as the quantiser wants it, with places for ranges in its tensors."""
    tf: Any = import_module("tensorflow")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=[endpoint])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(samples)
    converter._experimental_calibrate_only = True
    return bytes(converter.convert())


def measured(model: Graph, samples: Sequence[Mapping[str, NDArray[Any]]]) -> Ranges:
    """The ranges of all tensors of floats over the samples."""
    runtime: Any = import_module("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(
        model_content=flatbuffer.packed(model),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    taken = flatbuffer.inputs_by_name(model)
    floats = [index for index, _ in _activations(model)]
    ranges: Ranges = {}
    for sample in samples:
        for name, index in taken.items():
            interpreter.set_tensor(index, sample[name])
        interpreter.invoke()
        for index in floats:
            values = interpreter.get_tensor(index)
            low, high = ranges.get(index, (np.inf, -np.inf))
            ranges[index] = min(low, float(values.min())), max(high, float(values.max()))
    wrong = [index for index, ends in ranges.items() if not np.isfinite(ends).all()]
    if wrong:
        name = flatbuffer.text_of(model.subgraphs[0].tensors[wrong[0]].name)
        raise TrainingError(f"int8: {name} holds values that are no numbers on the representative data")
    return ranges


def _activations(model: Graph) -> Iterator[tuple[int, Any]]:
    """The tensors of floats that an operator writes or a caller fills, with values in them."""
    graph = model.subgraphs[0]
    written = [int(index) for operator in graph.operators for index in operator.outputs]
    for index in dict.fromkeys((*map(int, graph.inputs), *written)):
        tensor = graph.tensors[index]
        if tensor.type == 0 and (tensor.shape is None or all(tensor.shape)):
            yield index, tensor


def _pixel_ranges(model: Graph, sample: Mapping[str, NDArray[Any]]) -> Ranges:
    """The ranges of what is computed from pixels alone, pixel by pixel: those of black and white."""
    graph = model.subgraphs[0]
    images = {
        index: name
        for name, index in flatbuffer.inputs_by_name(model).items()
        if graph.tensors[index].type == _UINT8
    }
    if not images:
        return {}
    scaled = set(images)
    for operator in graph.operators:
        inputs = [int(index) for index in operator.inputs]
        free = [i for i in inputs if flatbuffer.constant(model, graph.tensors[i]) is None]
        if flatbuffer.operator_name(model, operator) in _ELEMENTWISE and set(free) <= scaled:
            scaled |= {int(index) for index in operator.outputs}
    ends = [
        {**sample, **{name: np.full_like(sample[name], pixel) for name in images.values()}}
        for pixel in _PIXELS
    ]
    return {index: ends for index, ends in measured(model, ends).items() if index in scaled}


def _share_states(model: Graph, ranges: Ranges) -> None:
    """Give a state one range where it goes in and where it comes out."""
    taken, given = flatbuffer.inputs_by_name(model), flatbuffer.outputs_by_name(model)
    for before, after in state_pairs(taken, given):
        first, last = taken[before], given[after]
        if first in ranges and last in ranges:
            low = min(ranges[first][0], ranges[last][0])
            high = max(ranges[first][1], ranges[last][1])
            ranges[first] = ranges[last] = low, high


def _kept_in_floats(model: Graph) -> list[str]:
    """The names of the tensors that a softmax or a sigmoid gives out as an answer."""
    graph = model.subgraphs[0]
    answers = set(flatbuffer.outputs_by_name(model).values())
    return [
        flatbuffer.text_of(graph.tensors[int(operator.outputs[0])].name)
        for operator in graph.operators
        if flatbuffer.operator_name(model, operator) in _SCORES and int(operator.outputs[0]) in answers
    ]


def _take_pixels(model: Graph) -> None:
    """Let pixels go from uint8 to int8, both of the scale 1, without becoming floats between."""
    graph = model.subgraphs[0]
    quantises = {
        int(each.inputs[0]): each
        for each in graph.operators
        if flatbuffer.operator_name(model, each) == "QUANTIZE"
    }
    readers = [int(index) for each in graph.operators for index in each.inputs]
    for operator in list(graph.operators):
        image, between = int(operator.inputs[0]), int(operator.outputs[0])
        follower = quantises.get(between)
        if flatbuffer.operator_name(model, operator) != "CAST" or follower is None:
            continue
        stored = graph.tensors[int(follower.outputs[0])].quantization
        plain = float(stored.scale[0]) == 1.0 and int(stored.zeroPoint[0]) == -128
        if graph.tensors[image].type == _UINT8 and readers.count(between) == 1 and plain:
            pixels = flatbuffer.schema().QuantizationParametersT()
            pixels.scale, pixels.zeroPoint = np.ones(1, np.float32), np.zeros(1, np.int64)
            graph.tensors[image].quantization = pixels
            follower.inputs = operator.inputs
            graph.operators.remove(operator)
