"""The float form of a quantised file: the same answers, computed in floats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edge_vision.builtin.tflite.float_form import EVERYWHERE, float_form
from edge_vision.builtin.tflite.objects import ALIGNED
from edge_vision.data.errors import ModelError
from tests.tiny_models import TinyModel, accumulating, averaging, counting

SIDE, CHANNELS, CLASSES = 8, 4, 5
KERNELS = np.random.default_rng(1).integers(-127, 128, (CHANNELS, 3, 3, 3))
WEIGHTS = np.random.default_rng(2).integers(-127, 128, (CLASSES, CHANNELS))
BIASES = np.random.default_rng(3).integers(-20_000, 20_000, CHANNELS)


def network(path: Path, *, zero_point: int = -128, high: float = 6.0, scaled: bool = True) -> Path:
    """uint8 pixels to int8, a convolution whose range ends it with an activation, a mean, and classes.

    zero_point, high  of what the convolution gives; -128: nothing is below zero
    scaled            False: its bias has no scale of its own
    """
    made = TinyModel()
    picture = made.tensor("image", [1, SIDE, SIDE, 3], "uint8", quantisation=(1 / 128, 128))
    pixels = made.tensor("pixels", [1, SIDE, SIDE, 3], "int8", quantisation=(1 / 128, 0))
    scales = (0.002, 0.003, 0.004, 0.005)
    kernels = made.tensor(
        "kernels", [CHANNELS, 3, 3, 3], "int8", quantisation=(scales, 0), value=KERNELS
    )
    of_bias = ([scale / 128 for scale in scales], 0) if scaled else None
    bias = made.tensor("bias", [CHANNELS], "int32", quantisation=of_bias, value=BIASES)
    step = high / (127 - zero_point)
    maps = made.tensor("maps", [1, SIDE, SIDE, CHANNELS], "int8", quantisation=(step, zero_point))
    means = made.tensor("means", [1, CHANNELS], "int8", quantisation=(step, zero_point))
    sides = made.tensor("sides", [2], "int32", value=np.array([1, 2]))
    weights = made.tensor("weights", [CLASSES, CHANNELS], "int8", quantisation=(0.01, 0), value=WEIGHTS)
    zeros = made.tensor(
        "zeros", [CLASSES], "int32", quantisation=(0.01 * step, 0), value=np.zeros(CLASSES)
    )
    scores = made.tensor("scores", [1, CLASSES], "int8", quantisation=(0.02, 3))
    made.operator("QUANTIZE", [picture], [pixels])
    made.operator("CONV_2D", [pixels, kernels, bias], [maps], strideH=1, strideW=1)
    made.operator("MEAN", [maps, sides], [means])
    made.operator("FULLY_CONNECTED", [means, weights, zeros], [scores])
    return made.write(path, [picture], [scores])


def answers(content: bytes, pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
    """What a file gives for pictures, one row each."""
    model = Interpreter(model_content=content, num_threads=1)
    model.allocate_tensors()
    (entry,), (leaving,) = model.get_input_details(), model.get_output_details()
    assert (entry["dtype"], leaving["dtype"]) == (np.uint8, np.int8), "types outside stay"
    rows = []
    for picture in pictures:
        model.set_tensor(entry["index"], picture[None])
        model.invoke()
        rows.append(model.get_tensor(leaving["index"])[0].astype(np.int64))
    return np.array(rows)


def some_pictures(count: int = 20) -> NDArray[np.uint8]:
    return np.random.default_rng(4).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def types_inside(content: bytes) -> set[int]:
    """The types of all tensors but those that go in and come out."""
    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    outside = {*graph.inputs, *graph.outputs}
    return {each.type for index, each in enumerate(graph.tensors) if index not in outside}


@pytest.mark.parametrize(("rounded", "equal"), [(0, 0.3), (1, 0.3), (EVERYWHERE, 0.9)])
@pytest.mark.parametrize("zero_point", [-128, 5])
@pytest.mark.parametrize("scaled", [True, False])
def test_it_gives_what_the_integers_give(
    tmp_path: Path, rounded: int, equal: float, zero_point: int, scaled: bool
) -> None:
    content = network(tmp_path / "m.tflite", zero_point=zero_point, scaled=scaled).read_bytes()
    wanted, got = (
        answers(each, some_pictures()) for each in (content, float_form(content, rounded=rounded))
    )
    assert np.abs(got - wanted).max() <= 3
    assert (got == wanted).mean() >= equal
    assert len(np.unique(wanted)) > 20


def test_inside_there_are_floats(tmp_path: Path) -> None:
    content = network(tmp_path / "m.tflite").read_bytes()
    kinds = schema.TensorType
    assert types_inside(content) == {kinds.INT8, kinds.INT32}
    assert types_inside(float_form(content)) == {kinds.FLOAT32, kinds.INT32}, "32: which sides"
    with_integers = {kinds.FLOAT32, kinds.INT32, kinds.INT8}
    assert types_inside(float_form(content, rounded=EVERYWHERE)) == with_integers


def test_the_first_operators_may_be_rounded_alone(tmp_path: Path) -> None:
    content = network(tmp_path / "m.tflite").read_bytes()
    none, one, all_of_them = (
        len(schema.ModelT.InitFromPackedBuf(form, 0).subgraphs[0].operators)
        for form in (float_form(content, rounded=count) for count in (0, 1, EVERYWHERE))
    )
    assert none + 2 == one < all_of_them, "one is stored as integers and read again"


@pytest.mark.parametrize(
    ("zero_point", "high", "wanted"), [(-128, 6.0, "RELU6"), (-128, 3.0, "RELU"), (5, 6.0, "NONE")]
)
def test_what_the_range_stands_for_is_written_out(
    tmp_path: Path, zero_point: int, high: float, wanted: str
) -> None:
    content = network(tmp_path / "m.tflite", zero_point=zero_point, high=high).read_bytes()
    model = schema.ModelT.InitFromPackedBuf(float_form(content), 0)
    (convolution,) = [
        each for each in model.subgraphs[0].operators if hasattr(each.builtinOptions, "strideW")
    ]
    kinds = schema.ActivationFunctionType
    assert convolution.builtinOptions.fusedActivationFunction == getattr(kinds, wanted)


def test_constants_are_where_the_schema_demands(tmp_path: Path) -> None:
    content = float_form(network(tmp_path / "m.tflite").read_bytes())
    model = schema.Model.GetRootAs(content, 0)
    start = np.frombuffer(content, np.uint8).__array_interface__["data"][0]
    places = [
        model.Buffers(index).DataAsNumpy().__array_interface__["data"][0] - start
        for index in range(model.BuffersLength())
        if model.Buffers(index).DataLength()
    ]
    assert len(places) == 5
    assert {place % ALIGNED for place in places} == {0}


def unknown_operator(path: Path) -> Path:
    made = TinyModel()
    kept: dict[str, Any] = {"dtype": "uint8", "quantisation": (0.5, 3)}
    picture = made.tensor("image", [1, 4, 4, 3], **kept)
    out = made.tensor("out", [1, 4, 4, 3])
    made.operator("CAST", [picture], [out], inDataType=3, outDataType=0)
    return made.write(path, [picture], [out])


def passing_through(path: Path) -> Path:
    made = TinyModel()
    picture = made.tensor("image", [1, 4, 4, 3], "uint8", quantisation=(0.5, 3))
    out = made.tensor("out", [1, 4, 4, 3])
    made.operator("DEQUANTIZE", [picture], [out])
    return made.write(path, [picture], [out])


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (averaging, "nothing in it is quantised"),
        (accumulating, "nothing in it is quantised"),
        (counting, "2 graphs"),
        (unknown_operator, "its operator CAST"),
        (passing_through, "an output of it is an input"),
    ],
)
def test_what_has_none_says_why(tmp_path: Path, make: Any, why: str) -> None:
    content = make(tmp_path / "m.tflite").read_bytes()
    with pytest.raises(ModelError, match=why):
        float_form(content)
