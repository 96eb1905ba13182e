"""The float form of a quantised .tflite file: the same graph, computed in floats.

Where a processor has no instructions for dot products of bytes, such as x86 without VNNI, a quantised
graph is slower than the float graph that it was made from. That graph is found again: constants become
the real values that their integers stand for, and what lies between operators is no longer rounded.
Activations stay fused as they are; one that only the range of an output's integers stands for, which
begins at zero, is written out. Inputs and outputs keep their types and scales, so that one file can take
the other's place.

Small networks amplify what rounding changes. A rounded form follows the integers: what is computed in
floats is rounded to them after each operator, or after the first few: what these change goes through all
that follow (of mobilenet_v1_0.25_224 the first five bring back nearly all decisions).

Quantisation after Jacob and others, "Quantization and training of neural networks for efficient
integer-arithmetic-only inference", 2018: real value = scale * (integer - zero point).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.tflite.objects import Objects, array_of, indices_of, text_of
from edge_vision.data.errors import ModelError

_ALIKE = """
ABS ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_TO CONCATENATION
CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DIV ELU EQUAL EXP EXPAND_DIMS FULLY_CONNECTED GATHER GATHER_ND
GELU GREATER GREATER_EQUAL HARD_SWISH L2_NORMALIZATION LEAKY_RELU LESS LESS_EQUAL LOG LOGISTIC
LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 POW PRELU
REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2
RSQRT SELECT SELECT_V2 SHAPE SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE
SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TILE TOPK_V2 TRANSPOSE TRANSPOSE_CONV UNPACK
TFLite_Detection_PostProcess
"""
ALIKE = frozenset(_ALIKE.split())
"""Operators that mean the same of real values, whether those are stored as integers or as floats."""

WEIGHTED = frozenset(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"))
"""Operators with inputs data, weights, bias; a bias without a scale has the product of theirs."""

_MOVING = """
CONCATENATION EXPAND_DIMS GATHER GATHER_ND MAX_POOL_2D MIRROR_PAD PACK PAD RESHAPE REVERSE_V2
RESIZE_NEAREST_NEIGHBOR SLICE SPLIT SPLIT_V SQUEEZE STRIDED_SLICE TILE TRANSPOSE UNPACK
"""
MOVING = frozenset(_MOVING.split())
"""Operators whose outputs have values of their inputs, so that there is nothing to round."""

ACTIVATED = WEIGHTED | {"ADD", "SUB", "MUL", "DIV", "TRANSPOSE_CONV"}
"""Operators that may end with a fused activation."""


EVERYWHERE = 1 << 30
"""More operators than a file has."""


def float_form(content: bytes, *, rounded: int = 0) -> bytes:
    """The file of the float form.

    content  a file that was opened before, so that it is whole
    rounded  after so many operators, from the first on, what they computed is rounded

    Raises ModelError, without the file's name, where nothing in it is quantised, or where the float
    form would not compute the same.
    """
    objects = Objects(content)
    _Rewriting(objects, rounded).do()
    return objects.packed()


class _Rewriting:
    """Turns the objects of a model into those of its float form."""

    def __init__(self, objects: Objects, rounded: int) -> None:
        self._objects, self._graph, self._rounded = objects, objects.graph, rounded
        tensors = range(len(self._graph.tensors))
        self._quantised = frozenset(index for index in tensors if objects.is_quantised(index))
        self._inputs = [int(index) for index in self._graph.inputs]
        self._outputs = [int(index) for index in self._graph.outputs]
        self._same: dict[int, int] = {}
        """Indices of tensors in the new graph by those in the old one, where they are others."""

    def do(self) -> None:
        """Rewrite the graph in place."""
        if not self._quantised:
            raise ModelError("has no float form: nothing in it is quantised")
        self._refuse_what_differs()
        for operator in self._graph.operators:
            self._write_activation(operator)
        biases = dict(self._unscaled_biases())
        stored = {
            index: (self._graph.tensors[index].type, self._graph.tensors[index].quantization)
            for index in self._quantised
        }
        entered = list(self._entering())
        left = list(self._leaving())
        for index in self._quantised - {*self._inputs, *self._outputs}:
            self._to_floats(index, biases.get(index))
        for index in biases.keys() - self._quantised:
            self._to_floats(index, biases[index])
        kept = [operator for operator in self._graph.operators if not self._is_left_out(operator)]
        for operator in kept:
            operator.inputs = self._renamed(operator.inputs)
            operator.outputs = self._renamed(operator.outputs)
        if self._rounded:
            kept = list(self._rounded_first(kept, stored))
        for operator in left:
            operator.inputs = self._renamed(operator.inputs)
        self._graph.operators = [*entered, *kept, *left]
        self._objects.drop_old_constants()

    def _refuse_what_differs(self) -> None:
        for index in self._quantised:
            tensor = self._graph.tensors[index]
            if (
                tensor.isVariable
                or tensor.sparsity is not None
                or tensor.type == self._objects.schema.TensorType.INT4
            ):
                raise ModelError(
                    f"has no float form: {text_of(tensor.name)} is a variable, sparse or of 4 bits"
                )
            if index in self._outputs and (index in self._inputs or len(self._objects.constant(index))):
                raise ModelError(f"has no float form: its output {text_of(tensor.name)} is not computed")
        for operator in self._graph.operators:
            name = self._objects.name(operator)
            touched = self._quantised.intersection(
                [*indices_of(operator.inputs), *indices_of(operator.outputs)]
            )
            if touched and name not in ALIKE and name not in ("QUANTIZE", "DEQUANTIZE"):
                raise ModelError(
                    f"has no float form: its operator {name} may compute otherwise in floats"
                )

    def _write_activation(self, operator: Any) -> None:
        """Fuse the activation that the range of an operator's output stands for, where none is.

        Integers cannot say what is below the least, nor above the largest of them.
        """
        kinds = self._objects.schema.ActivationFunctionType
        output = indices_of(operator.outputs)[0]
        if self._objects.name(operator) not in ACTIVATED or output not in self._quantised:
            return
        if operator.builtinOptions is None:
            raise ModelError(f"is damaged: its operator {self._objects.name(operator)} has no options")
        fused = operator.builtinOptions.fusedActivationFunction
        scale, low, high = self._objects.range_of(output)
        if fused in (kinds.NONE, kinds.RELU) and abs(low) < scale / 2:
            ends_at_six = abs(high - 6.0) < scale
            operator.builtinOptions.fusedActivationFunction = kinds.RELU6 if ends_at_six else kinds.RELU

    def _unscaled_biases(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Scales of those biases that have none of their own, by their indices."""
        for operator in self._graph.operators:
            ends = indices_of(operator.inputs)
            if self._objects.name(operator) not in WEIGHTED or len(ends) < 3 or ends[2] < 0:
                continue
            data, weights, bias = ends[:3]
            if bias in self._quantised or not {data, weights} <= self._quantised:
                continue
            scales = [array_of(self._graph.tensors[each].quantization.scale) for each in (data, weights)]
            yield bias, np.asarray(scales[0][0] * scales[1], np.float64)

    def _entering(self) -> Iterator[Any]:
        """Operators that turn what goes in into floats."""
        for index in self._inputs:
            if index in self._quantised:
                inner = self._inner(index)
                yield self._objects.new_operator("DEQUANTIZE", index, inner)

    def _leaving(self) -> Iterator[Any]:
        """Operators that turn what comes out into integers as they were."""
        for index in dict.fromkeys(self._outputs):
            if index in self._quantised:
                inner = self._inner(index)
                yield self._objects.new_operator("QUANTIZE", inner, index)

    def _inner(self, index: int) -> int:
        """The new tensor of floats that takes the place of an input or output within the graph."""
        self._same[index] = self._objects.new_like(
            index, b"/real", self._objects.schema.TensorType.FLOAT32
        )
        return self._same[index]

    def _to_floats(self, index: int, scales: NDArray[np.float64] | None) -> None:
        """Let a tensor be of floats, with the real values of its integers where it is a constant.

        scales  those of a bias that has none of its own
        """
        tensor = self._graph.tensors[index]
        integers = self._objects.integers(index)
        if integers.size:
            self._objects.replace_constant(index, _real(integers, tensor, scales))
        tensor.type, tensor.quantization = self._objects.schema.TensorType.FLOAT32, None

    def _is_left_out(self, operator: Any) -> bool:
        """True for what changes only how values are stored; its two tensors become one.

        One that makes floats of what is outside, or writes an output, stays where they cannot.
        """
        name = self._objects.name(operator)
        if name not in ("QUANTIZE", "DEQUANTIZE"):
            return False
        (source,), (target,) = indices_of(operator.inputs), indices_of(operator.outputs)
        if not self._quantised & {source, target}:
            return False  # of constants in half floats
        if self._rounded and name == "QUANTIZE" and target not in self._outputs:
            return False
        if target in self._outputs and target not in self._quantised:
            made = self._found(source)
            is_made = any(made in indices_of(each.outputs) for each in self._graph.operators)
            if not is_made or made in self._outputs:
                raise ModelError("has no float form: an output of it is an input, or another output")
            self._same[made] = target
            return True
        self._same[self._found(target)] = self._found(source)
        return True

    def _rounded_first(
        self, operators: list[Any], stored: Mapping[int, tuple[int, Any]]
    ) -> Iterator[Any]:
        """The operators, with what rounds the outputs of the first of those that compute something."""
        left = self._rounded
        for operator in operators:
            stays = left <= 0 and self._objects.name(operator) != "QUANTIZE"
            parts = [operator] if stays else list(self._with_rounding(operator, stored))
            left -= len(parts) > 1
            yield from parts

    def _with_rounding(self, operator: Any, stored: Mapping[int, tuple[int, Any]]) -> Iterator[Any]:
        """An operator, and after it what rounds its outputs to integers as they were, and back.

        stored  the types and scales that tensors had, by their indices
        """
        name, rounding = self._objects.name(operator), []
        outputs = indices_of(operator.outputs)
        for place, index in enumerate(outputs):
            if name in MOVING or index not in stored:
                continue
            integers = self._objects.new_like(index, b"/integers", *stored[index])
            rounding.append(self._objects.new_operator("DEQUANTIZE", integers, index))
            if name == "QUANTIZE":
                outputs[place] = integers
            else:
                outputs[place] = self._objects.new_like(
                    index, b"/exact", self._objects.schema.TensorType.FLOAT32
                )
                rounding.insert(-1, self._objects.new_operator("QUANTIZE", outputs[place], integers))
        operator.outputs = np.array(outputs, np.int32)
        return iter((operator, *rounding))

    def _found(self, index: int) -> int:
        while index in self._same:
            index = self._same[index]
        return index

    def _renamed(self, indices: Any) -> NDArray[np.int32]:
        return np.array([self._found(index) for index in indices_of(indices)], np.int32)


def _real(
    integers: NDArray[Any], tensor: Any, scales: NDArray[np.float64] | None
) -> NDArray[np.float32]:
    """The real values of a constant, in its own shape."""
    quantised, side = tensor.quantization, 0
    zero_points: NDArray[Any] = np.zeros(0)
    if scales is None:
        scales = array_of(quantised.scale).astype(np.float64)
        zero_points = array_of(quantised.zeroPoint)
        side = min(quantised.quantizedDimension, integers.ndim - 1)
    zero_points = np.resize(zero_points, len(scales)) if len(zero_points) else np.zeros(len(scales))
    if len(scales) > 1:
        if len(scales) != integers.shape[side]:
            raise ModelError(f"is damaged: its tensor {text_of(tensor.name)} has {len(scales)} scales")
        along = [1] * integers.ndim
        along[side] = len(scales)
        scales, zero_points = scales.reshape(along), zero_points.reshape(along)
    return np.asarray((integers.astype(np.float64) - zero_points) * scales, np.float32)
