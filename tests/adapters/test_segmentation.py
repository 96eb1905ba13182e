from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.segmentation import ClassMap, best_classes
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, StageError

IMAGE = TensorSpec("image", (1, 16, 16, 3), "uint8")


def bundle(
    shape: tuple[int, ...],
    dtype: str = "float32",
    *,
    name: str = "o",
    quantisation: Quantisation | None = None,
    producer: str = "",
    image: TensorSpec = IMAGE,
    **known: Any,
) -> ModelBundle:
    facts = FileFacts(producers={name: Producer(producer)} if producer else {})
    output = TensorSpec(name, shape, dtype, quantisation)
    return ModelBundle(
        "road", Path("m.tflite"), inputs=(image,), outputs=(output,), facts=facts, **known
    )


def classes(described: ModelBundle, array: NDArray[Any]) -> NDArray[np.uint8]:
    found = adapter_of(describe(described), ClassMap).read({described.outputs[0].name: array}).classes
    assert found.dtype == np.uint8
    return found


# What is told


@pytest.mark.parametrize(
    ("described", "layout"),
    [
        (bundle((1, 16, 16), "int32"), "class-map"),
        (bundle((1, 16, 16), "int64"), "class-map"),
        (bundle((1, 16, 16), "uint8"), "class-map"),
        (bundle((1, 16, 16), "uint8", quantisation=Quantisation(1.0, 0)), "class-map"),
        (bundle((1, 16, 16, 1), "int32"), "class-map"),
        (bundle((1, 16, 16, 1), "int64"), "class-map"),
        (bundle((1, 16, 16, 1), "uint8", producer="ARG_MAX"), "class-map"),
        (bundle((1, 16, 16, 1), "uint8", labels=tuple("abcd")), "class-map"),
        (bundle((1, 16, 16, 1), "uint8", name="segmentation"), "class-map"),
        (bundle((1, 16, 16, 1), "uint8", task="segment"), "class-map"),
        (bundle((1, 16, 16, 1), "uint8"), "image"),
        (bundle((1, 16, 16, 2)), "class-scores"),
        (bundle((1, 16, 16, 21), "int8", quantisation=Quantisation(0.1, 3)), "class-scores"),
        (bundle((1, 16, 16, 3), labels=tuple("abc")), "class-scores"),
        (bundle((1, 16, 16, 3), producer="SOFTMAX"), "class-scores"),
        (bundle((1, 16, 16, 3), task="segment"), "class-scores"),
        (bundle((1, 16, 16, 3), name="segments"), "class-scores"),
        (bundle((1, 16, 16, 3)), "image"),
        (bundle((1, 16, 16, 3), labels=tuple("abc"), image=TensorSpec("z", (1, 9), "float32")), "image"),
    ],
)
def test_maps_are_told_from_pictures(described: ModelBundle, layout: str) -> None:
    once = describe(described)
    assert once.layout == layout
    assert describe(once) == once


# Reading


@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 16, 16, 1)])
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "int8"])
def test_maps_of_every_integer_type_and_shape_are_taken(shape: tuple[int, ...], dtype: str) -> None:
    array = np.arange(256).reshape(shape) % 20
    found = classes(bundle(shape, dtype, task="segment"), array.astype(dtype))
    np.testing.assert_array_equal(found, array.reshape(16, 16))


def test_a_zero_point_is_taken_off_a_map() -> None:
    array = np.full((1, 16, 16), -125, np.int8)
    found = classes(bundle((1, 16, 16), "int8", quantisation=Quantisation(1.0, -128)), array)
    assert (found == 3).all()


def test_a_map_of_floats_is_taken_where_it_is_declared() -> None:
    output = TensorSpec("o", (1, 16, 16), "float32", meaning="class-map")
    described = ModelBundle("road", Path("m.tflite"), inputs=(IMAGE,), outputs=(output,))
    assert (classes(described, np.full((1, 16, 16), 4.0, np.float32)) == 4).all()
    with pytest.raises(StageError, match="no numbers"):
        classes(described, np.full((1, 16, 16), np.nan, np.float32))


def test_classes_beyond_the_labels_are_no_error() -> None:
    described = bundle((1, 16, 16), "int32", labels=("a", "b"))
    assert (classes(described, np.full((1, 16, 16), 7, np.int32)) == 7).all()


@pytest.mark.parametrize("count", [2, 3, 6])
def test_other_numbers_of_labels_are_refused(count: int) -> None:
    with pytest.raises(ModelError, match=f"4 classes but {count} labels"):
        adapter_of(describe(bundle((1, 16, 16, 4), labels=tuple("abcdef"[:count]))), ClassMap)


def test_labels_of_a_map_are_as_many_as_its_arg_max_chooses_from() -> None:
    facts = FileFacts(producers={"o": Producer("ARG_MAX", classes=4)})
    known = replace(bundle((1, 16, 16), "int64", labels=tuple("abcd")), facts=facts)
    assert adapter_of(describe(known), ClassMap).labels == tuple("abcd")
    with pytest.raises(ModelError, match="road: has 4 classes but 3 labels"):
        adapter_of(describe(replace(known, labels=tuple("abc"))), ClassMap)


def test_a_sigmoid_a_channel_is_doubtful_until_it_is_declared() -> None:
    known = bundle((1, 16, 16, 5), producer="LOGISTIC")
    assert 'heat maps of key points, write task = "keypoints"' in describe(known).warnings[0]
    assert not describe(replace(known, declared=True)).warnings
    assert not describe(bundle((1, 16, 16, 5), producer="SOFTMAX")).warnings


@pytest.mark.parametrize("classes_", [1, 2, 3, 21, 64, 65, 200, 255])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int8", "int16"])
def test_best_classes_are_those_of_argmax(classes_: int, dtype: str) -> None:
    random = np.random.default_rng(classes_)
    scores = (random.normal(size=(70, 131, classes_)) * 3).astype(dtype)
    np.testing.assert_array_equal(best_classes(scores), scores.argmax(axis=-1))


@given(st.lists(st.lists(st.integers(0, 3), min_size=5, max_size=5), min_size=1, max_size=9))
def test_of_equal_scores_the_first_wins(rows: list[list[int]]) -> None:
    scores = np.array(rows, dtype=np.float32)
    np.testing.assert_array_equal(best_classes(scores), scores.argmax(axis=-1))


def test_arrays_of_any_memory_order_are_read() -> None:
    scores = np.random.default_rng(1).normal(size=(5, 40, 30)).transpose(1, 2, 0)
    np.testing.assert_array_equal(best_classes(scores), scores.argmax(axis=-1))
