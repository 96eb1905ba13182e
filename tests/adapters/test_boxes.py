"""Boxes and scores that are decoded but not suppressed."""

from __future__ import annotations

import numpy as np
import pytest

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.catalogue import adapter_of
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, StageError
from tests.adapters.detectors import detector, output, produced, read, stored

BOXES = output(1, 3, 4, name="boxes")
CORNERS = np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 0.75, 1.0]], np.float32)


def scores(columns: int = 3, dtype: str = "float32", scale: float = 0.0, zero: int = 0) -> TensorSpec:
    return output(1, 3, columns, name="scores", dtype=dtype, scale=scale, zero=zero)


def bundle_of(spec: TensorSpec, labels: tuple[str, ...] = (), operator: str = "") -> ModelBundle:
    return detector(BOXES, spec, labels=labels, facts=produced(operator, scores=0) if operator else None)


def test_each_box_is_of_its_best_class() -> None:
    found = read(bundle_of(scores()), CORNERS, np.array([[0.1, 0.7, 0.2], [0.9, 0, 0], [0, 0.1, 0.3]]))
    assert not found.suppressed
    np.testing.assert_allclose(found.boxes, CORNERS[:, [1, 0, 3, 2]])
    assert found.class_id.tolist() == [1, 0, 2]
    assert found.score == pytest.approx([0.7, 0.9, 0.3])


def test_logits_go_through_a_sigmoid() -> None:
    logits = np.array([[0.0, 2.0, -2.0], [-9.0, -9.0, -3.0], [0.5, 0.25, 0.125]])
    found = read(bundle_of(scores()), CORNERS, logits)
    assert found.score == pytest.approx(1 / (1 + np.exp([-2.0, 3.0, -0.5])))


@pytest.mark.parametrize(("operator", "score"), [("LOGISTIC", 0.5), ("CONV_2D", 0.6225)])
def test_the_operator_they_come_from_goes_before_their_values(operator: str, score: float) -> None:
    values = np.full((3, 3), 0.5)
    found = read(bundle_of(scores(), operator=operator), CORNERS, values)
    assert found.score == pytest.approx([score] * 3, abs=1e-3)


@pytest.mark.parametrize("operator", ["ADD", "MUL"])
def test_of_what_arithmetic_gives_the_values_tell(operator: str) -> None:
    values = np.array([[0.0, 0.9, 0.0], [0.0, 0.0, 0.0], [0.8, 0.0, 0.0]])
    found = read(bundle_of(scores(), operator=operator), CORNERS, values)
    assert found.score == pytest.approx([0.9, 0.0, 0.8])
    found = read(bundle_of(scores(), operator=operator), CORNERS, values - 1.0)
    assert found.score == pytest.approx(1 / (1 + np.exp([0.1, 1.0, 0.2])))


def test_bytes_without_a_scale_are_scores_of_0_to_255() -> None:
    values = np.array([[0, 51, 0], [0, 0, 0], [204, 0, 0]])
    found = read(bundle_of(scores(dtype="uint8")), CORNERS, values)
    assert found.score == pytest.approx([0.2, 0.0, 0.8])


@pytest.mark.parametrize(
    ("dtype", "scale", "zero"), [("uint8", 1 / 256, 0), ("int8", 1 / 256, -128), ("int8", 0.1, 10)]
)
def test_quantised_scores(dtype: str, scale: float, zero: int) -> None:
    spec = scores(dtype=dtype, scale=scale, zero=zero)
    values = np.array([[0.1, 0.7, 0.2], [0.9, 0.0, 0.0], [0.0, 0.1, 0.3]])
    found = read(bundle_of(spec), CORNERS, stored(spec, values))
    best = np.array([0.7, 0.9, 0.3])
    expected = best if scale < 0.1 else 1 / (1 + np.exp(-best))
    assert found.score == pytest.approx(expected, abs=0.003)
    assert found.class_id.tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("labels", "class_id"),
    [((), [0, 2, 1]), (("a", "b", "c"), [0, 2, 1]), (("a", "b"), [0, 1, 0])],
)
def test_a_column_more_than_labels_is_the_background(
    labels: tuple[str, ...], class_id: list[int]
) -> None:
    values = np.array([[0.9, 0.2, 0.1], [0.3, 0.1, 0.8], [0.2, 0.7, 0.1]])
    assert read(bundle_of(scores(), labels), CORNERS, values).class_id.tolist() == class_id


def test_a_background_among_the_labels_is_never_found() -> None:
    values = np.array([[0.9, 0.2, 0.1], [0.3, 0.1, 0.8], [0.2, 0.7, 0.1]])
    found = read(bundle_of(scores(), ("background", "a", "b")), CORNERS, values)
    assert found.class_id.tolist() == [1, 2, 1]


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ModelError, match="m: has scores for 7 classes but 3 labels; give"):
        adapter_of(bundle_of(scores(7), ("a", "b", "c")), Candidates)


@pytest.mark.parametrize("where", ["boxes", "scores"])
def test_values_that_are_no_numbers_name_the_output(where: str) -> None:
    corners, values = CORNERS.copy(), np.zeros((3, 3))
    (corners if where == "boxes" else values)[1, 1] = np.nan
    with pytest.raises(StageError, match=rf"output {where} \({where}\) holds values that are no numb"):
        read(bundle_of(scores()), corners, values)
