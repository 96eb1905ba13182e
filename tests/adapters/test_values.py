import numpy as np
import pytest

from edge_vision import ModelError, Quantisation, StageError, TensorSpec
from edge_vision.adapters.values import (
    Activation,
    are_fractions,
    box_scores,
    class_labels,
    class_probabilities,
    sigmoid,
    softmax,
    told_activation,
)

FLOAT = TensorSpec("o", (1, 3), "float32", meaning="scores")


def quantised(dtype: str, scale: float, zero_point: int) -> TensorSpec:
    return TensorSpec("o", (1, 3), dtype, Quantisation(scale, zero_point), "scores")


def test_probabilities_are_taken_as_they_are() -> None:
    given = np.array([[0.2, 0.5, 0.3]], np.float32)
    np.testing.assert_array_equal(class_probabilities(FLOAT, given), given[0])


@pytest.mark.parametrize(
    "logits", [[1.0, 2.0, 3.0], [0.1, 0.2, 0.3], [-5.0, 0.5, 0.5], [1000.0, 0.0, -1000.0]]
)
def test_logits_go_through_a_softmax(logits: list[float]) -> None:
    found = class_probabilities(FLOAT, np.array([logits], np.float32))
    powers = np.exp(np.array(logits, np.float64) - max(logits))
    np.testing.assert_allclose(found, powers / powers.sum(), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize(("dtype", "zero"), [("uint8", 0), ("int8", -128)])
def test_quantised_probabilities_are_known_by_their_scale_not_their_sum(dtype: str, zero: int) -> None:
    stored = np.array([[200, 1, 0]]) + zero
    found = class_probabilities(quantised(dtype, 1 / 256, zero), stored.astype(dtype))
    np.testing.assert_allclose(found, [200 / 256, 1 / 256, 0], rtol=1e-6)


def test_quantised_logits_go_through_a_softmax() -> None:
    spec = quantised("uint8", 0.1, 58)
    found = class_probabilities(spec, np.array([[68, 58, 48]], np.uint8))
    np.testing.assert_allclose(found, softmax(np.array([1, 0, -1], np.float32)), rtol=1e-5)


@pytest.mark.parametrize(
    ("producer", "told"),
    [
        *((name, "none") for name in ("SOFTMAX", "LOGISTIC")),
        *((name, "softmax") for name in ("FULLY_CONNECTED", "CONV_2D", "BATCH_MATMUL", "LOG_SOFTMAX")),
        *((name, None) for name in ("", "CONCATENATION", "edgetpu-custom-op")),
        *((name, None) for name in ("ADD", "MUL", "MEAN", "SUB", "DIV", "AVERAGE_POOL_2D")),
    ],
)
def test_the_operator_tells_whether_values_are_logits(producer: str, told: Activation | None) -> None:
    assert told_activation(producer, "softmax") == told


def test_a_known_activation_goes_before_the_values() -> None:
    given = np.array([[0.25, 0.75, 2.0]], np.float32)
    np.testing.assert_array_equal(class_probabilities(FLOAT, given, "none"), [0.25, 0.75, 1.0])
    np.testing.assert_allclose(class_probabilities(FLOAT, given, "softmax"), softmax(given[0]))
    np.testing.assert_allclose(class_probabilities(FLOAT, given, "sigmoid"), sigmoid(given[0]))
    np.testing.assert_array_equal(box_scores(FLOAT, given, "none"), [[0.25, 0.75, 1.0]])
    fractions = np.array([[0.25, 0.75, 0.5]], np.float32)
    np.testing.assert_allclose(box_scores(FLOAT, fractions, "sigmoid"), sigmoid(fractions))


def test_softmax_and_sigmoid_do_not_overflow() -> None:
    far = np.array([-1e4, 0.0, 1e4], np.float32)
    with np.errstate(over="raise"):
        np.testing.assert_array_equal(softmax(far), [0, 0, 1])
        np.testing.assert_array_equal(sigmoid(far), [0, 0.5, 1])


def test_box_scores_outside_of_0_to_1_go_through_a_sigmoid() -> None:
    found = box_scores(FLOAT, np.array([[-1.0, 0.0, 3.0]], np.float32))
    np.testing.assert_allclose(found, [[0.268941, 0.5, 0.952574]], rtol=1e-5)
    given = np.array([[0.9, 0.8, 0.7]], np.float32)
    np.testing.assert_array_equal(box_scores(FLOAT, given), given)


def test_no_boxes_are_no_scores() -> None:
    assert box_scores(FLOAT, np.zeros((1, 0, 3), np.float32)).shape == (1, 0, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_an_error(bad: float) -> None:
    with pytest.raises(StageError, match=r"o \(scores\) holds values that are no numbers"):
        class_probabilities(FLOAT, np.array([[0.0, bad, 1.0]], np.float32))


def test_fractions_of_floats_are_told_by_value() -> None:
    assert are_fractions(FLOAT, np.array([0.0, 1.0], np.float32))
    assert not are_fractions(FLOAT, np.array([0.0, 1.1], np.float32))
    assert not are_fractions(FLOAT, np.array([-0.1, 1.0], np.float32))


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        ((), 3, ("0", "1", "2")),
        (("a", "b"), 2, ("a", "b")),
        (("background", "a", "b"), 2, ("a", "b")),
        (("???", "a", "b"), 2, ("a", "b")),
        (tuple("a" * 1000), 1001, ("background", *"a" * 1000)),
        (("background", "a"), 2, ("background", "a")),
    ],
)
def test_labels_are_matched_to_classes(
    labels: tuple[str, ...], classes: int, expected: tuple[str, ...]
) -> None:
    assert class_labels(labels, classes, "m") == expected


def test_labels_one_short_may_have_lost_their_last() -> None:
    with pytest.raises(
        ModelError, match=r"3 classes but 2 labels; give .* write background as the first"
    ):
        class_labels(("a", "b"), 3, "m")
    assert class_labels(("a", "b"), 3, "m", background=True) == ("background", "a", "b")


def test_bytes_without_a_scale_are_scores_of_0_to_255() -> None:
    spec = TensorSpec("o", (1, 3), "uint8", meaning="scores")
    given = np.array([[51, 204, 0]], np.uint8)
    np.testing.assert_allclose(class_probabilities(spec, given), [0.2, 0.8, 0.0])
    np.testing.assert_allclose(box_scores(spec, given), [[0.2, 0.8, 0.0]])
    np.testing.assert_allclose(class_probabilities(spec, given, "softmax"), [0, 1, 0])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [(("a", "b", "c"), 2), (("background", "a"), 3), (("a",), 5), (("a", "b", "c"), 1)],
)
def test_other_numbers_of_labels_are_refused(labels: tuple[str, ...], classes: int) -> None:
    with pytest.raises(ModelError, match=f"m: has {classes} classes but {len(labels)} labels"):
        class_labels(labels, classes, "m")
