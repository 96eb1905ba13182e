"""YOLO in one tensor: told by the number of boxes and labels, read in any orientation and type."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.catalogue import adapter_of
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.data.errors import ModelError, StageError
from tests.adapters.detectors import detector, output, read, stored

COCO = tuple(f"label{number}" for number in range(80))
GRID = 8 * 8 + 4 * 4 + 2 * 2
"""Cells of 8, 16 and 32 pixels over 64 x 64: YOLOv8's boxes; YOLOv5 has three times as many."""


# Telling them apart


@pytest.mark.parametrize(
    ("shape", "size", "labels", "layout"),
    [
        ((1, 25200, 85), (640, 640), COCO, "yolov5"),
        ((1, 25200, 85), (640, 640), (), "yolov5"),
        ((1, 6300, 6), (320, 320), (), "yolov5"),
        ((1, 6300, 6), (320, 320), ("face",), "yolov5"),
        ((1, 3 * (80 * 60 + 40 * 30 + 20 * 15), 9), (640, 480), (), "yolov5"),
        ((1, 3 * (160**2 + 80**2 + 40**2 + 20**2), 85), (1280, 1280), (), "yolov5"),
        ((1, 84, 8400), (640, 640), COCO, "yolov8"),
        ((1, 84, 756), (192, 192), (), "yolov8"),
        ((1, 8400, 84), (640, 640), (), "yolov8"),
        ((1, 5, 8400), (640, 640), ("face",), "yolov8"),
        ((1, 8400, 5), (640, 640), (), "yolov8"),
        ((1, 2100, 6), (320, 320), ("a", "b"), "yolov8"),
        ((1, 6, 2100), (320, 320), (), "yolov8"),
        ((1, 84, 80 * 60 + 40 * 30 + 20 * 15), (640, 480), (), "yolov8"),
        ((1, 24, 21), (32, 32), (), "yolov8"),
        ((1, 84, 160**2 + 80**2 + 40**2 + 20**2), (640, 640), (), "yolov8"),
        ((1, 1234, 85), (640, 640), COCO, "yolov5"),
        ((1, 84, 1234), (640, 640), COCO, "yolov8"),
        ((1, 300, 6), (640, 640), (), "yolo-end-to-end"),
        ((1, 300, 6), (640, 640), COCO, "yolo-end-to-end"),
        ((1, 100, 6), (320, 320), ("face",), "yolo-end-to-end"),
    ],
)
def test_the_number_of_boxes_and_the_labels_tell_the_layout(
    shape: tuple[int, ...], size: tuple[int, int], labels: tuple[str, ...], layout: str
) -> None:
    bundle = detector(output(*shape), size=size, labels=labels)
    assert (bundle.task, bundle.layout) == ("detect", layout)
    assert bundle.outputs[0].meaning == layout


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "float16"])
@pytest.mark.parametrize("shape", [(1, 84, 756), (1, 756, 84), (1, 2268, 85)])
def test_the_type_makes_no_difference(shape: tuple[int, ...], dtype: str) -> None:
    """Integers along three axes are no map of classes here."""
    scale = 0.005 if "int" in dtype else 0.0
    bundle = detector(output(*shape, dtype=dtype, scale=scale), size=(192, 192))
    assert bundle.layout == ("yolov5" if shape[2] == 85 else "yolov8")


@pytest.mark.parametrize("shape", [(1, 26, 37), (1, 300, 7), (1, 4, GRID), (1, 6, 6)])
def test_other_shapes_are_not_taken_for_yolo(shape: tuple[int, ...]) -> None:
    assert not detector(output(*shape)).layout.startswith("yolo")


def test_a_softmax_over_six_classes_is_no_list_of_boxes() -> None:
    facts = FileFacts(operators={"SOFTMAX": 1}, producers={"o": Producer("SOFTMAX")})
    assert detector(output(1, 300, 6), facts=facts).layout != "yolo-end-to-end"


def test_models_of_the_family_for_other_tasks_are_not_taken_for_detectors() -> None:
    poses = output(1, 56, GRID)
    assert detector(poses, facts=FileFacts(about={"task": "pose"})).layout != "yolov8"
    assert detector(poses, facts=FileFacts(about={"task": "detect"})).layout == "yolov8"


def test_a_declared_layout_goes_before_the_number_of_boxes() -> None:
    bundle = detector(output(1, 90, 1000), layout="yolov8")
    assert bundle.layout == "yolov8"
    assert len(read(bundle, np.zeros((1, 90, 1000))).score) == 1000


def test_they_look_at_the_whole_picture_with_bars_and_take_pixels_as_0_to_1() -> None:
    bundle = detector(output(1, 84, GRID))
    assert (bundle.fit, bundle.image_input.mean, bundle.image_input.std) == ("letterbox", 0, 255)


# Labels that do not fit


@pytest.mark.parametrize(
    ("shape", "classes"), [((1, 3 * GRID, 85), 80), ((1, 84, GRID), 80), ((1, GRID, 84), 80)]
)
def test_labels_that_do_not_fit_are_refused(shape: tuple[int, ...], classes: int) -> None:
    bundle = detector(output(*shape), labels=("a", "b", "c"))
    with pytest.raises(ModelError, match=f"m: has scores for {classes} classes but 3 labels; give"):
        adapter_of(bundle, Candidates)


@pytest.mark.parametrize(
    ("shape", "labels", "rival"),
    [((1, 3 * GRID, 7), 3, "yolov8"), ((1, 7, GRID), 2, "yolov5"), ((1, GRID, 7), 2, "yolov5")],
)
def test_labels_that_fit_the_other_layout_are_an_error_that_says_so(
    shape: tuple[int, ...], labels: int, rival: str
) -> None:
    bundle = detector(output(*shape), labels=COCO[:labels])
    with pytest.raises(ModelError, match=rf"boxes are as many as .* has, .* as many as {rival} would"):
        adapter_of(bundle, Candidates)


# Reading


def v5_rows(scale: float = 1.0) -> NDArray[np.float32]:
    """Two boxes among empty ones around the middle: (cx, cy, w, h, objectness, two classes)."""
    rows = np.zeros((3 * GRID, 7), np.float32)
    rows[:, :2] = 0.5 * scale
    rows[0] = [0.5 * scale, 0.25 * scale, 0.25 * scale, 0.125 * scale, 0.8, 0.25, 0.5]
    rows[9] = [0.25 * scale, 0.5 * scale, 0.5 * scale, 1.0 * scale, 1.0, 0.75, 0.5]
    return rows


BOXES = [[0.375, 0.1875, 0.625, 0.3125], [0.0, 0.0, 0.5, 1.0]]


@pytest.mark.parametrize("scale", [1.0, 64.0])
def test_yolov5_scores_are_objectness_times_class(scale: float) -> None:
    found = read(detector(output(1, 3 * GRID, 7)), v5_rows(scale))
    assert not found.suppressed
    assert found.boxes[[0, 9]].tolist() == BOXES
    assert found.score[[0, 9]] == pytest.approx([0.4, 0.75])
    assert found.class_id[[0, 9]].tolist() == [1, 0]
    assert found.score.max() == found.score[9]


@pytest.mark.parametrize(("dtype", "zero"), [("uint8", 10), ("int8", -118)])
def test_yolov5_quantised_with_one_scale_for_all(dtype: str, zero: int) -> None:
    bundle = detector(output(1, 3 * GRID, 7, dtype=dtype, scale=1 / 200, zero=zero))
    spec = bundle.outputs[0]
    found = read(bundle, stored(spec, v5_rows()))
    assert found.score[[0, 9]] == pytest.approx([0.4, 0.75], abs=0.01)
    np.testing.assert_allclose(found.boxes[[0, 9]], BOXES, atol=0.01)


def v8_table(scale: tuple[float, float] = (1.0, 1.0), boxes: int = GRID) -> NDArray[np.float32]:
    """The same two boxes in columns: cx, cy, w, h, three classes."""
    table = np.zeros((7, boxes), np.float32)
    table[:2] = 0.5
    table[:, 3] = [0.5, 0.25, 0.25, 0.125, 0.1, 0.4, 0.2]
    table[:, 5] = [0.25, 0.5, 0.5, 1.0, 0.75, 0.4, 0.2]
    table[:4] *= np.array([*scale, *scale])[:, np.newaxis]
    return table


@pytest.mark.parametrize("rows_first", [False, True])
@pytest.mark.parametrize("scale", [1.0, 64.0])
def test_yolov8_in_columns_or_rows_in_fractions_or_pixels(rows_first: bool, scale: float) -> None:
    table = v8_table((scale, scale))
    bundle = detector(output(1, *((GRID, 7) if rows_first else (7, GRID))))
    found = read(bundle, table.T if rows_first else table)
    assert found.boxes[[3, 5]].tolist() == BOXES
    assert found.score[[3, 5]] == pytest.approx([0.4, 0.75])
    assert found.class_id[[3, 5]].tolist() == [1, 0]


def test_pixels_of_an_input_that_is_no_square() -> None:
    boxes = 12 * 8 + 6 * 4 + 3 * 2
    bundle = detector(output(1, 7, boxes), size=(96, 64))
    found = read(bundle, v8_table((96, 64), boxes))
    np.testing.assert_allclose(found.boxes[[3, 5]], BOXES, atol=1e-6)


@pytest.mark.parametrize(("unit", "factor"), [("pixels", 1 / 64), ("fractions", 1.0)])
def test_the_unit_of_boxes_may_be_declared(unit: str, factor: float) -> None:
    bundle = detector(output(1, 7, GRID), decoding={"boxes": unit})
    found = read(bundle, v8_table())
    np.testing.assert_allclose(found.boxes[[3, 5]], np.array(BOXES) * factor, rtol=1e-6)


def test_an_unknown_unit_is_refused_with_its_place() -> None:
    bundle = detector(output(1, 7, GRID), decoding={"boxes": "percent"})
    with pytest.raises(ModelError, match=r"m: bundle.toml: decoding.boxes"):
        adapter_of(bundle, Candidates)


@pytest.mark.parametrize(("dtype", "zero"), [("uint8", 3), ("int8", -128)])
def test_yolov8_quantised(dtype: str, zero: int) -> None:
    bundle = detector(output(1, 7, GRID, dtype=dtype, scale=0.005, zero=zero))
    found = read(bundle, stored(bundle.outputs[0], v8_table()))
    assert found.score[[3, 5]] == pytest.approx([0.4, 0.75], abs=0.003)
    np.testing.assert_allclose(found.boxes[[3, 5]], BOXES, atol=0.005)


def test_scores_a_little_above_one_are_one() -> None:
    table = v8_table()
    table[4, 5] = 1.02
    assert read(detector(output(1, 7, GRID)), table).score.max() == 1.0


def end_to_end(unit: float = 1.0) -> NDArray[np.float32]:
    rows = np.zeros((300, 6), np.float32)
    rows[0] = [0.25 * unit, 0.5 * unit, 0.5 * unit, 1.0 * unit, 0.9, 2.0]
    rows[1] = [0.0, 0.0, 0.25 * unit, 0.25 * unit, 0.3, 0.0]
    return rows


@pytest.mark.parametrize("unit", [1.0, 64.0])
def test_rows_that_are_suppressed_inside(unit: float) -> None:
    found = read(detector(output(1, 300, 6)), end_to_end(unit))
    assert found.suppressed
    assert found.boxes.tolist() == [[0.25, 0.5, 0.5, 1.0], [0.0, 0.0, 0.25, 0.25]]
    assert found.score == pytest.approx([0.9, 0.3])
    assert found.class_id.tolist() == [2, 0]


def test_rows_that_are_all_empty_find_nothing() -> None:
    assert len(read(detector(output(1, 300, 6)), np.zeros((300, 6))).score) == 0


@pytest.mark.parametrize("shape", [(1, 3 * GRID, 7), (1, 7, GRID), (1, GRID, 7), (1, 300, 6)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_name_the_output(shape: tuple[int, ...], bad: float) -> None:
    bundle = detector(output(*shape))
    values = np.zeros(shape, np.float32)
    values[0, 2, 5] = bad
    with pytest.raises(StageError, match=rf"output o \({bundle.layout}\) holds values that are no num"):
        read(bundle, values)


@pytest.mark.parametrize(
    ("layout", "shape"),
    [("yolov5", (1, 300, 5)), ("yolov8", (1, 4, GRID)), ("yolo-end-to-end", (1, 300, 7))],
)
def test_a_declared_layout_that_the_shape_cannot_be_is_refused(
    layout: str, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ModelError, match=r"m: .*o \(1, "):
        adapter_of(detector(output(*shape), layout=layout), Candidates)


def test_half_floats_are_read() -> None:
    bundle = detector(output(1, 7, GRID, dtype="float16"))
    found = read(bundle, v8_table())
    assert found.boxes.dtype == found.score.dtype == np.float32
    assert found.score[5] == pytest.approx(0.75)


def test_what_is_read_is_the_readers_own() -> None:
    bundle = replace(detector(output(1, 7, GRID)))
    table = v8_table()
    found = read(bundle, table)
    before = found.boxes.copy()
    table[:] = 0
    assert (found.boxes == before).all()
