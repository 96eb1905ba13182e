from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.values import class_probabilities, softmax
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError

IMAGE = TensorSpec("image", (1, 32, 32, 3), "uint8")


def bundle(output: TensorSpec, *more: TensorSpec, producer: str = "", **known: Any) -> ModelBundle:
    facts = FileFacts(producers={output.name: Producer(producer)} if producer else {})
    return ModelBundle(
        "m", Path("m.tflite"), inputs=(IMAGE,), outputs=(output, *more), facts=facts, **known
    )


def scores(*shape: int, dtype: str = "float32", meaning: str = "") -> TensorSpec:
    return TensorSpec("o", shape, dtype, meaning=meaning)


def read(known: ModelBundle, *values: float) -> ClassScores:
    described = describe(known)
    array = np.array(values, np.float32).reshape(described.output("scores").shape)
    return adapter_of(described, ClassScores).read({"o": array})


@pytest.mark.parametrize("values", [(0.2, 0.3, 0.5), (0.9, 0.8, 0.7), (5.0, 0.0, -5.0)])
@pytest.mark.parametrize("producer", ["FULLY_CONNECTED", "CONV_2D", "BATCH_MATMUL"])
def test_what_a_layer_gives_are_logits_whatever_the_values_of_a_frame_look_like(
    producer: str, values: tuple[float, ...]
) -> None:
    found = read(bundle(scores(1, 3), producer=producer), *values)
    np.testing.assert_allclose(found.score, softmax(np.array(values, np.float32)), rtol=1e-6)


@pytest.mark.parametrize("producer", ["SOFTMAX", "LOGISTIC"])
def test_scores_of_the_graph_are_taken_as_they_are_even_where_several_are_high(producer: str) -> None:
    found = read(bundle(scores(1, 3), producer=producer), 0.9, 0.8, 0.1)
    np.testing.assert_array_equal(found.score, np.array([0.9, 0.8, 0.1], np.float32))


@pytest.mark.parametrize("producer", ["CONCATENATION", "STRIDED_SLICE", "MINIMUM"])
def test_scores_that_were_only_picked_or_joined_need_not_sum_to_one(producer: str) -> None:
    spec = TensorSpec("o", (1, 3), "float32", meaning="scores")
    given = np.array([[0.42, 0.48, 0.45]], np.float32)
    np.testing.assert_array_equal(class_probabilities(spec, given, None, producer), given[0])
    beyond = np.array([[0.42, 0.48, 2.5]], np.float32)
    assert class_probabilities(spec, beyond, None, producer).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("producer", ["ADD", "MUL", "MEAN"])
def test_of_what_arithmetic_gives_the_values_tell(producer: str) -> None:
    known = bundle(scores(1, 4), producer=producer)
    np.testing.assert_allclose(read(known, 0.0, 0.7, 0.2, 0.1).score, [0.0, 0.7, 0.2, 0.1])
    logits = np.array([-3.0, 2.0, 1.0, 0.0], np.float32)
    np.testing.assert_allclose(read(known, *logits).score, softmax(logits), rtol=1e-6)


def test_truth_values_are_no_scores() -> None:
    known = describe(bundle(scores(1, 3, dtype="bool"), producer="GREATER"))
    with pytest.raises(ModelError, match=r"output o \(1, 3\) bool .* is of truth values, not of scores"):
        adapter_of(known, ClassScores)


def test_without_facts_the_values_tell() -> None:
    np.testing.assert_allclose(read(bundle(scores(1, 2)), 0.25, 0.75).score, [0.25, 0.75])
    np.testing.assert_allclose(read(bundle(scores(1, 2)), 0.0, 2.0).score, [0.1192, 0.8808], atol=1e-4)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("softmax", [0.1192, 0.8808]), ("sigmoid", [0.5, 0.8808]), ("none", [0.0, 1.0])],
)
def test_a_declared_activation_goes_before_the_graph(activation: str, expected: list[float]) -> None:
    known = bundle(scores(1, 2), producer="SOFTMAX", decoding={"activation": activation})
    np.testing.assert_allclose(read(known, 0.0, 2.0).score, expected, atol=1e-4)


def test_an_unknown_activation_is_told_with_its_place() -> None:
    known = describe(bundle(scores(1, 2), decoding={"activation": "tanh"}))
    with pytest.raises(ModelError, match=r"bundle\.toml: decoding\.activation: .*softmax"):
        adapter_of(known, ClassScores)


@pytest.mark.parametrize(
    ("labels", "background", "expected"),
    [
        (("a", "b"), True, ("background", "a", "b")),
        (("x", "a", "b"), True, ("x", "a", "b")),
        ((), True, ("background", "1", "2")),
        ((), False, ("0", "1", "2")),
        (("background", "a", "b", "c"), False, ("a", "b", "c")),
    ],
)
def test_a_background_may_be_declared(
    labels: tuple[str, ...], background: Any, expected: tuple[str, ...]
) -> None:
    known = bundle(scores(1, 3), labels=labels, decoding={"background": background})
    assert adapter_of(describe(known), ClassScores).labels == expected


@pytest.mark.parametrize(
    ("labels", "background"),
    [
        (("a", "b"), False),
        (("a", "b"), "auto"),
        (("background", "a", "b", "c"), True),
        (tuple("abcdef"), "auto"),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_both_numbers(
    labels: tuple[str, ...], background: Any
) -> None:
    known = describe(bundle(scores(1, 3), labels=labels, decoding={"background": background}))
    with pytest.raises(ModelError, match=f"3 classes but {len(labels)} labels"):
        adapter_of(known, ClassScores)


@pytest.mark.parametrize(
    ("shape", "known"),
    [
        ((1, 1, 1, 1000), {}),
        ((1, 1, 1, 1001), {}),
        ((1, 1, 1, 5), {"labels": tuple("abcde")}),
        ((1, 1, 1, 6), {"labels": tuple("abcde")}),
        ((1, 1, 1, 5), {"producer": "SOFTMAX"}),
        ((1, 1, 1, 512), {"producer": "SOFTMAX"}),
        ((1, 1, 1, 512), {"task": "classify"}),
        ((10,), {"producer": "SOFTMAX"}),
        ((1, 1), {"producer": "LOGISTIC"}),
        ((1, 1), {"labels": ("cat", "dog")}),
    ],
)
def test_scores_are_told_in_other_shapes_where_something_speaks_for_them(
    shape: tuple[int, ...], known: dict[str, Any]
) -> None:
    described = describe(bundle(scores(*shape), **known))
    assert (described.task, described.layout) == ("classify", "scores")


@pytest.mark.parametrize(
    "output",
    [scores(1, 1), scores(1, 1, 1, 5), scores(10), scores(1, 10, dtype="int64"), scores(1, 3, 5)],
)
def test_what_may_be_something_else_is_left_open(output: TensorSpec) -> None:
    assert describe(bundle(output)).layout == ""


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("cat", "dog"), (("dog", 0.75), ("cat", 0.25))),
        (("dog",), (("dog", 0.75),)),
        ((), (("1", 0.75), ("0", 0.25))),
    ],
)
def test_a_single_score_is_that_of_the_second_of_two_classes(
    labels: tuple[str, ...], expected: tuple[tuple[str, float], ...]
) -> None:
    known = bundle(scores(1, 1), producer="LOGISTIC", labels=labels)
    assert read(known, 0.75).best(5) == expected


def test_a_single_logit_goes_through_a_sigmoid() -> None:
    known = bundle(scores(1, 1), producer="FULLY_CONNECTED", labels=("dog",))
    assert read(known, 0.5).best(1)[0][1] == pytest.approx(0.6225, abs=1e-4)


def test_a_single_score_has_no_softmax_and_two_labels_at_most() -> None:
    wrong = bundle(scores(1, 1), labels=("dog",), decoding={"activation": "softmax"})
    with pytest.raises(ModelError, match="the softmax of a single score is always 1"):
        adapter_of(describe(wrong), ClassScores)
    wrong = bundle(scores(1, 1), producer="LOGISTIC", labels=tuple("abc"))
    with pytest.raises(ModelError, match="a single score, for 2 classes, but 3 labels"):
        adapter_of(describe(wrong), ClassScores)


def test_quantised_scores_without_facts_are_told_by_what_they_can_store() -> None:
    output = TensorSpec("o", (1, 1), "int8", Quantisation(1 / 256, -128))
    described = describe(bundle(output, labels=("a", "b")))
    found = adapter_of(described, ClassScores).read({"o": np.array([[64]], np.int8)})
    np.testing.assert_allclose(found.score, [0.25, 0.75])


def test_rows_of_a_picture_may_be_classified_as_a_sequence() -> None:
    rows = TensorSpec("x", (1, 28, 28), "float32")
    digits = ModelBundle("m", Path("m.tflite"), inputs=(rows,), outputs=(scores(1, 10),))
    described = describe(digits)
    assert described.task == "classify"
    assert described.image_input.size == (28, 28)


def test_of_two_outputs_one_may_be_declared_as_ignored() -> None:
    features = TensorSpec("features", (1, 128), "float32")
    assert describe(bundle(scores(1, 3), features)).layout == ""
    declared = TensorSpec("features", (1, 128), "float32", meaning="ignore")
    described = describe(bundle(scores(1, 3), declared))
    assert (described.task, described.layout) == ("classify", "scores")
    assert [output.meaning for output in described.outputs] == ["scores", "ignore"]
    assert describe(described) == described
