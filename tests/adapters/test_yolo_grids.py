"""YOLO in raw grids: told by grids over the input, decoded around anchors, doubted where useless."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.catalogue import adapter_of
from edge_vision.adapters.yolo_families import FAMILIES, likely_family
from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, StageError
from tests.adapters.detectors import detector, output, read, stored

COCO = tuple(f"label{number}" for number in range(80))
FINE, COARSE = output(1, 26, 26, 255, name="fine"), output(1, 13, 13, 255, name="coarse")
OFF = -9.0
"""A logit of what is not there."""


def darknet(*outputs: TensorSpec, **known: Any) -> ModelBundle:
    return detector(*(outputs or (FINE, COARSE)), size=(416, 416), **known)


def grid(spec: TensorSpec) -> NDArray[np.float32]:
    """Logits of a grid in which nothing is, (h, w, 3, 5 + c)."""
    _, rows, columns, channels = spec.shape
    made = np.full((rows, columns, 3, channels // 3), OFF, dtype=np.float32)
    made[:, :, :, :4] = 0.0
    return made


# Telling them


@pytest.mark.parametrize("order", [(FINE, COARSE), (COARSE, FINE)])
def test_grids_over_the_input_are_told_in_any_order(order: tuple[TensorSpec, ...]) -> None:
    bundle = darknet(*order)
    assert (bundle.task, bundle.layout, bundle.fit) == ("detect", "yolo-grids", "letterbox")
    assert {spec.meaning for spec in bundle.outputs} == {"yolo-grid"}
    assert bundle.warnings == ()


def test_three_grids_and_inputs_that_are_no_squares() -> None:
    heads = [output(1, 60 // k, 80 // k, 18, name=f"o{k}") for k in (1, 2, 4)]
    assert detector(*heads, size=(640, 480)).layout == "yolo-grids"


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 26, 26, 255), (1, 26, 26, 255)],
        [(1, 26, 26, 255), (1, 13, 13, 254)],
        [(1, 26, 26, 256), (1, 13, 13, 256)],
        [(1, 26, 26, 15), (1, 13, 13, 15)],
        [(1, 25, 25, 255), (1, 13, 13, 255)],
        [(1, 26, 13, 255), (1, 13, 13, 255)],
        [(1, 13, 13, 255)],
    ],
)
def test_other_maps_are_no_grids(shapes: list[tuple[int, ...]]) -> None:
    outputs = [output(*shape, name=f"o{number}") for number, shape in enumerate(shapes)]
    assert darknet(*outputs).layout != "yolo-grids"


@pytest.mark.parametrize(
    ("heads", "operators", "family"),
    [
        (2, {}, "yolo-fastest"),
        (2, {"CONV_2D": 9, "DEPTHWISE_CONV_2D": 9}, "yolo-fastest"),
        (2, {"CONV_2D": 9, "MAX_POOL_2D": 6}, "yolov3-tiny"),
        (2, {"CONV_2D": 9, "MAX_POOL_2D": 3, "SPLIT": 3}, "yolov4-tiny"),
        (3, {"CONV_2D": 9}, "yolov3"),
        (3, {"CONV_2D": 9, "MAX_POOL_2D": 3}, "yolov4"),
        (1, {}, None),
    ],
)
def test_operators_tell_the_family(heads: int, operators: dict[str, int], family: str | None) -> None:
    assert likely_family(heads, FileFacts(operators=operators)) == family


def test_every_family_has_anchors_and_a_scale_for_each_grid() -> None:
    for name, family in FAMILIES.items():
        assert len(family.anchors) == len(family.scale_xy), name
        areas = [sum(w * h for w, h in sizes) for sizes in family.anchors]
        assert areas == sorted(areas), f"{name}: the finest grid comes first"


# Decoding


@pytest.mark.parametrize("swapped", [False, True])
def test_boxes_are_decoded_around_cells_and_anchors(swapped: bool) -> None:
    fine, coarse = grid(FINE), grid(COARSE)
    # Column 4, row 2, second anchor (37, 49): a little right of the cell's middle, twice as wide.
    fine[2, 4, 1, :5] = [np.log(3.0), 0.0, np.log(2.0), 0.0, np.log(9.0)]
    fine[2, 4, 1, 5 + 7] = np.log(4.0)
    coarse[12, 0, 2, :5] = [0.0, 0.0, 0.0, 0.0, 9.0]
    coarse[12, 0, 2, 5] = 9.0
    bundle = darknet(COARSE, FINE) if swapped else darknet()
    found = read(bundle, *((coarse, fine) if swapped else (fine, coarse)))
    assert len(found.score) == 3 * (26 * 26 + 13 * 13)
    second, first = np.argsort(found.score)[-2:]
    assert (found.class_id[first], found.class_id[second]) == (0, 7)
    assert found.score[second] == pytest.approx(0.9 * 0.8)
    x, y, wide, high = 4.75 / 26, 2.5 / 26, 2 * 37 / 416, 49 / 416
    np.testing.assert_allclose(
        found.boxes[second], [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], rtol=1e-5
    )
    x, y, wide, high = 0.5 / 13, 12.5 / 13, 242 / 416, 238 / 416
    np.testing.assert_allclose(
        found.boxes[first], [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], rtol=1e-5
    )


def test_quantised_grids_say_the_same() -> None:
    heads = [
        output(*spec.shape, name=spec.name, dtype="int8", scale=0.1, zero=20) for spec in (FINE, COARSE)
    ]
    fine = grid(FINE)
    fine[2, 4, 1, 4] = fine[2, 4, 1, 9] = 5.0
    bundle = darknet(*heads)
    quantised = read(bundle, stored(heads[0], fine), stored(heads[1], grid(COARSE)))
    floats = read(darknet(), fine, grid(COARSE))
    np.testing.assert_allclose(quantised.boxes, floats.boxes, atol=1e-3)
    np.testing.assert_allclose(quantised.score, floats.score, atol=1e-2)
    assert quantised.class_id[quantised.score.argmax()] == 4


def test_anchors_may_be_declared_as_numbers_or_by_a_family() -> None:
    fine = grid(FINE)
    fine[0, 0, 0, 4:] = 9.0

    def width(**decoding: object) -> float:
        found = read(darknet(decoding=decoding), fine, grid(COARSE))
        x1, _, x2, _ = found.boxes[found.score.argmax()]
        return float(x2 - x1) * 416

    assert width() == pytest.approx(12)
    assert width(anchors="yolov4-tiny") == pytest.approx(23)
    assert width(anchors=[[[50, 60]] * 3, [[70, 80]] * 3]) == pytest.approx(50)


def test_a_scale_lets_centres_leave_their_cells() -> None:
    fine = grid(FINE)
    fine[0, 0, 0, 4:] = 9.0
    fine[0, 0, 0, :2] = 50.0
    found = read(darknet(decoding={"scale_xy": 1.2}), fine, grid(COARSE))
    x1, _, x2, _ = found.boxes[found.score.argmax()]
    assert (x1 + x2) / 2 * 26 == pytest.approx(1.1)


def test_another_number_of_anchors_has_another_number_of_classes() -> None:
    heads = [output(1, 26, 26, 50, name="fine"), output(1, 13, 13, 50, name="coarse")]
    anchors = [[[10, 10]] * 5, [[20, 20]] * 5]
    bundle = darknet(*heads, layout="yolo-grids", labels=COCO[:5], decoding={"anchors": anchors})
    found = read(bundle, *(np.zeros(spec.shape) for spec in heads))
    assert len(found.score) == 5 * (26 * 26 + 13 * 13)


def test_sizes_beyond_all_measure_stay_numbers() -> None:
    fine = grid(FINE)
    fine[:, :, :, 2:4] = 1e6
    assert np.isfinite(read(darknet(), fine, grid(COARSE)).boxes).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_name_the_output(bad: float) -> None:
    coarse = grid(COARSE)
    coarse[3, 3, 1, 7] = bad
    with pytest.raises(StageError, match=r"output coarse \(yolo-grid\) holds values that are no"):
        read(darknet(), grid(FINE), coarse)


# What is wrong


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"labels": COCO[:3]}, "m: has scores for 80 classes but 3 labels"),
        ({"decoding": {"anchors": [[[1, 2]] * 3]}}, "anchors for 1 grids, but it has 2"),
        ({"decoding": {"anchors": [[[1, 2]] * 4] * 2}}, "255 channels are not 4 anchors"),
        ({"decoding": {"anchors": "yolov9"}}, "decoding.anchors"),
        ({"decoding": {"anchors": [[[1]]]}}, "decoding.anchors"),
        ({"decoding": {"anchor": []}}, "decoding.anchor: unknown option, did you mean anchors"),
        ({"decoding": {"scale_xy": [1.0, 1.0, 1.0]}}, "scale_xy: write one number, or one a grid"),
    ],
)
def test_what_does_not_fit_is_refused(known: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        adapter_of(darknet(**known), Candidates)


def test_a_model_of_other_classes_is_asked_for_its_anchors() -> None:
    heads = [output(1, 26, 26, 18, name="fine"), output(1, 13, 13, 18, name="coarse")]
    (doubt,) = darknet(*heads).warnings
    assert "anchors are taken to be those of yolo-fastest" in doubt
    assert darknet(*heads, decoding={"anchors": "yolo-fastest"}).warnings == ()


def quantised(input_scale: float = 1.0, step: float = 0.7, **known: Any) -> ModelBundle:
    """A bundle of two quantised grids, described."""
    heads = [
        output(*spec.shape, name=spec.name, dtype="uint8", scale=step, zero=180)
        for spec in (FINE, COARSE)
    ]
    image = TensorSpec("image", (1, 416, 416, 3), "uint8", Quantisation(input_scale, 0))
    return darknet(*heads, inputs=(image,), **known)


def test_a_calibration_with_pixels_of_0_to_255_is_refused() -> None:
    with pytest.raises(
        ModelError, match=r"m: looks mis-calibrated: .* finds nothing; .* divided by 255"
    ):
        quantised()


def test_it_is_a_warning_where_it_was_declared() -> None:
    (doubt,) = quantised(declared=True).warnings
    assert doubt.startswith("looks mis-calibrated")


@pytest.mark.parametrize(
    "good",
    [
        {"input_scale": 1 / 255},
        {"step": 0.1},
        {"facts": FileFacts(rescaled={"image": (1 / 255, 0.0)})},
    ],
)
def test_good_models_are_not_doubted(good: dict[str, Any]) -> None:
    assert quantised(**good).warnings == ()
