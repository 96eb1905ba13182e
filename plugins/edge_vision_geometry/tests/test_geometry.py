from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from edge_vision_geometry import (
    Crop,
    Flip,
    Letterbox,
    Perspective,
    Rotate,
    Scale,
    Translate,
    register_stages,
)
from numpy.typing import NDArray

from edge_vision import ConfigError, Result, Stage, StageError, View
from edge_vision.testing import make_frame, make_stage, run, still

WIDTH, HEIGHT = 200, 120
MARKER = (120, 30, 150, 50)
"""A white rectangle in the frame's upper right quarter: x1, y1, x2, y2."""


def marked() -> NDArray[np.uint8]:
    image = still(0, WIDTH, HEIGHT)
    x1, y1, x2, y2 = MARKER
    image[y1:y2, x1:x2] = 255
    return image


def look(*stages: Stage) -> View:
    result: Result | None = Result.of(make_frame(marked()))
    for stage in stages:
        assert result is not None
        result = stage(result)
    assert result is not None
    return result.view


def box_of_marker(view: View) -> tuple[int, int, int, int]:
    """The box of the pixels where only the marker can be: all three channels bright."""
    rows, columns = np.nonzero(view.pixels().min(axis=2) > 127)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def centre_of_marker(view: View) -> tuple[float, float]:
    rows, columns = np.nonzero(view.pixels().min(axis=2) > 127)
    return float(columns.mean()) + 0.5, float(rows.mean()) + 0.5


UPRIGHT: list[tuple[Callable[[], list[Stage]], tuple[int, int], tuple[float, float, float, float]]] = [
    (lambda: [make_stage(Scale, width=100)], (100, 60), (60, 15, 75, 25)),
    (lambda: [make_stage(Scale, height=240)], (400, 240), (240, 60, 300, 100)),
    (lambda: [make_stage(Scale, width=100, height=120)], (100, 120), (60, 30, 75, 50)),
    (lambda: [make_stage(Scale, factor=0.5)], (100, 60), (60, 15, 75, 25)),
    (lambda: [make_stage(Rotate, degrees=90, expand=True)], (120, 200), (70, 120, 90, 150)),
    (lambda: [make_stage(Rotate, degrees=-90, expand=True)], (120, 200), (30, 50, 50, 80)),
    (lambda: [make_stage(Rotate, degrees=180)], (200, 120), (50, 70, 80, 90)),
    (lambda: [make_stage(Translate, x=-20, y=15)], (200, 120), (100, 45, 130, 65)),
    (lambda: [make_stage(Crop, box=[100, 20, 180, 60])], (80, 40), (20, 10, 50, 30)),
    (lambda: [make_stage(Crop, region=[0.5, 0.25, 1.0, 0.75])], (100, 60), (20, 0, 50, 20)),
    (lambda: [make_stage(Letterbox, width=100, height=100)], (100, 100), (60, 35, 75, 45)),
    (lambda: [make_stage(Flip, direction="horizontal")], (200, 120), (50, 30, 80, 50)),
    (lambda: [make_stage(Flip, direction="vertical")], (200, 120), (120, 70, 150, 90)),
    (lambda: [make_stage(Flip, direction="both")], (200, 120), (50, 70, 80, 90)),
    (
        lambda: [
            make_stage(
                Perspective,
                points=[[100, 20], [180, 20], [180, 60], [100, 60]],
                width=160,
                height=80,
            )
        ],
        (160, 80),
        (40, 20, 100, 60),
    ),
    (
        lambda: [
            make_stage(Crop, box=[100, 20, 180, 60]),
            make_stage(Flip, direction="horizontal"),
            make_stage(Rotate, degrees=90, expand=True),
            make_stage(Scale, factor=2.0),
            make_stage(Letterbox, width=160, height=160),
            make_stage(Translate, x=10, y=-10),
        ],
        (160, 160),
        # crop (20, 10, 50, 30), flip (30, 10, 60, 30), rotate (10, 30, 30, 60), scale (20, 60, 60,
        # 120), letterbox + 40 in x, translate + 10, - 10
        (70, 50, 110, 110),
    ),
]


@pytest.mark.parametrize(("make", "size", "expected"), UPRIGHT)
def test_the_marker_is_where_the_stage_puts_it_and_its_box_leads_back(
    make: Callable[[], list[Stage]],
    size: tuple[int, int],
    expected: tuple[float, float, float, float],
) -> None:
    view = look(*make())

    assert view.size == size
    assert view.pixels().shape == (size[1], size[0], 3)
    assert box_of_marker(view) == pytest.approx(expected, abs=1)
    assert view.boxes_to_frame(expected)[0] == pytest.approx(MARKER, abs=1e-3)
    assert view.boxes_to_frame(box_of_marker(view))[0] == pytest.approx(MARKER, abs=2)
    assert view.boxes_from_frame(MARKER)[0] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: [make_stage(Rotate, degrees=30)],
        lambda: [make_stage(Rotate, degrees=-17.5, expand=True)],
        lambda: [
            make_stage(
                Perspective, points=[[90, 10], [190, 25], [170, 90], [100, 70]], width=180, height=120
            )
        ],
        lambda: [
            make_stage(Rotate, degrees=12, expand=True),
            make_stage(
                Perspective, points=[[60, 20], [200, 30], [190, 130], [70, 120]], width=140, height=100
            ),
            make_stage(Flip, direction="both"),
            make_stage(Letterbox, width=200, height=200),
        ],
    ],
)
def test_points_seen_in_a_slanted_view_lead_back_to_the_frame(make: Callable[[], list[Stage]]) -> None:
    view = look(*make())

    # The middle of the seen area is not the area's middle under a perspective, but nearly so here.
    x, y = view.points_to_frame(centre_of_marker(view))[0]

    assert (x, y) == pytest.approx((135, 40), abs=1)
    seen = view.boxes_from_frame(MARKER)
    assert box_of_marker(view) == pytest.approx(seen[0], abs=1.5)
    back = view.boxes_to_frame(seen)[0]
    assert (back[:2] <= MARKER[:2]).all()
    assert (back[2:] >= MARKER[2:]).all()


def test_a_turn_goes_clockwise_as_seen() -> None:
    # Right of the centre becomes below the centre.
    image = still(0, 101, 101)
    image[45:56, 90:101] = 255

    view = run(make_stage(Rotate, degrees=90), image).view

    assert box_of_marker(view) == (45, 90, 56, 101)


def test_an_expanded_turn_cuts_nothing_off() -> None:
    view = run(make_stage(Rotate, degrees=33, expand=True), still(255, 90, 50)).view

    corners = view.boxes_from_frame([0, 0, 90, 50])[0]
    assert corners[0] >= 0
    assert corners[1] >= 0
    assert corners[2] <= view.width
    assert corners[3] <= view.height
    assert (view.pixels() > 127).all(axis=2).sum() == pytest.approx(90 * 50, rel=0.02)


def test_a_turn_without_expansion_keeps_the_size() -> None:
    assert look(make_stage(Rotate, degrees=33)).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("stage", "options"),
    [
        (Rotate, {"degrees": 45}),
        (Translate, {"x": 30}),
        (Letterbox, {"width": 200, "height": 200}),
        (
            Perspective,
            {"points": [[-20, -20], [60, -20], [60, 60], [-20, 60]], "width": 80, "height": 80},
        ),
    ],
)
def test_the_border_is_written_as_red_green_blue(stage: type[Stage], options: dict[str, Any]) -> None:
    view = run(make_stage(stage, border=[250, 100, 10], **options), still(0)).view

    assert view.pixels()[0, 0].tolist() == [10, 100, 250]


def test_a_stage_that_names_no_border_keeps_the_views() -> None:
    stages = make_stage(Letterbox, width=200, height=200), make_stage(Translate, x=40)

    assert look(*stages).pixels()[100, 5].tolist() == [114, 114, 114]


def test_a_letterbox_pads_by_whole_pixels_in_the_middle() -> None:
    view = run(make_stage(Letterbox, width=97, height=97), still(255, 200, 100)).view

    bright = (view.pixels() == 255).all(axis=2)
    rows = np.nonzero(bright.any(axis=1))[0]
    assert bright[rows.min() : rows.max() + 1].all()
    assert len(rows) == 48
    assert rows.min() == 24


def test_geometry_takes_no_pixels() -> None:
    def no_warp(*_: object) -> Any:
        raise AssertionError("pixels were asked for")

    result: Result = Result.of(make_frame(marked()), no_warp)
    for stage in (
        make_stage(Scale, factor=0.5),
        make_stage(Rotate, degrees=5),
        make_stage(Translate, x=1),
        make_stage(Crop, region=[0.0, 0.0, 0.5, 0.5]),
        make_stage(Letterbox, width=64, height=64),
        make_stage(Perspective, points=[[0, 0], [9, 0], [9, 9], [0, 9]], width=9, height=9),
        make_stage(Flip, direction="both"),
    ):
        result = stage(result)

    assert result.view.size == (9, 9)
    assert result.view.base is result.frame.image


def test_a_region_is_rounded_to_whole_pixels_and_never_empty() -> None:
    view = look(make_stage(Crop, region=[0.999, 0.3337, 1.0, 0.3338]))

    assert view.size == (1, 1)
    assert view.to_frame.tolist() == [[1, 0, 199], [0, 1, 40], [0, 0, 1]]


def test_a_box_outside_the_view_says_both_sizes() -> None:
    with pytest.raises(StageError, match=r"reaches to \(300, 60\), but the view is 200 x 120 pixels"):
        look(make_stage(Crop, box=[100, 20, 300, 60]))


def test_a_live_angle_is_used_by_the_next_call() -> None:
    stage = make_stage(Rotate, degrees=0)
    stage.options = stage.options.changed("degrees", 180)

    assert box_of_marker(look(stage)) == (50, 70, 80, 90)


@pytest.mark.parametrize(
    ("stage", "options", "words"),
    [
        (Scale, {}, "say how large"),
        (Scale, {"factor": 0.5, "width": 10}, "leave out width and height, or factor"),
        (Scale, {"factor": 0}, "factor: should be greater than 0"),
        (Scale, {"factor": 17}, "factor: should be less than or equal to 16"),
        (Scale, {"width": 0}, "width: should be greater than or equal to 1"),
        (Scale, {"height": 20000}, "height: should be less than or equal to 16384"),
        (Scale, {"widht": 10}, "widht: unknown option, did you mean width"),
        (Rotate, {}, "degrees: is missing"),
        (Rotate, {"degrees": 361}, "degrees: should be less than or equal to 360"),
        (Rotate, {"degrees": -361}, "degrees: should be greater than or equal to -360"),
        (Rotate, {"degrees": 5, "expand": 1}, "expand: should be a valid boolean"),
        (Rotate, {"degrees": 5, "border": [1, 2, 256]}, r"border\[2\]: should be less than or equal"),
        (Rotate, {"degrees": 5, "border": [1, 2]}, r"border\[2\]: is missing"),
        (Rotate, {"degrees": 5, "angle": 1}, "angle: unknown option"),
        (Translate, {"x": 20000}, "x: should be less than or equal to 16384"),
        (Translate, {"y": -20000}, "y: should be greater than or equal to -16384"),
        (Translate, {"border": "red"}, "border: should be"),
        (Translate, {"z": 1}, "z: unknown option"),
        (Crop, {}, "either box in pixels, or region in fractions"),
        (Crop, {"box": [0, 0, 1, 1], "region": [0, 0, 1, 1]}, "either box in pixels"),
        (Crop, {"box": [-1, 0, 1, 1]}, r"box\[0\]: should be greater than or equal to 0"),
        (Crop, {"box": [5, 0, 1, 1]}, "box: x1, y1 is the top left corner"),
        (Crop, {"region": [0, 0.5, 1, 0.5]}, "region: x1, y1 is the top left corner"),
        (Crop, {"region": [0, 0, 1, 2]}, r"region\[3\]: should be less than or equal to 1"),
        (Crop, {"bocks": [0, 0, 1, 1]}, "bocks: unknown option"),
        (Letterbox, {"width": 10}, "height: is missing"),
        (Letterbox, {"width": 0, "height": 10}, "width: should be greater"),
        (Letterbox, {"width": 10, "height": 20000}, "height: should be less"),
        (
            Letterbox,
            {"width": 10, "height": 10, "border": [-1, 0, 0]},
            r"border\[0\]: should be greater",
        ),
        (Letterbox, {"width": 10, "height": 10, "size": 3}, "size: unknown option"),
        (Perspective, {"width": 9, "height": 9}, "points: is missing"),
        (Flip, {}, "direction: is missing"),
        (Flip, {"direction": "up"}, "direction: should be 'horizontal', 'vertical' or 'both'"),
        (
            Flip,
            {"direction": "both", "directoin": "up"},
            "directoin: unknown option, did you mean direction",
        ),
    ],
)
def test_wrong_options_are_refused(stage: type[Stage], options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_stage(stage, **options)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([[0, 0], [5, 0], [9, 0], [0, 9]], "three of the four points lie on one line"),
        ([[0, 0], [0, 0], [9, 9], [0, 9]], "three of the four points lie on one line"),
        ([[0, 0], [9, 9], [9, 0], [0, 9]], "go round the area"),
        ([[0, 0], [0, 9], [9, 9], [9, 0]], "go round the area"),
        ([[0, 0], [9, 0], [3, 3], [0, 9]], "go round the area"),
        ([[0, 0], [9, 0], [9, 9]], "is missing"),
    ],
)
def test_points_that_are_no_corners_are_refused(points: list[list[int]], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_stage(Perspective, points=points, width=10, height=10)


def test_the_plugin_offers_its_stages() -> None:
    offered: list[type[Stage]] = []

    register_stages(offered.append)

    assert [stage.name for stage in offered] == [
        "crop",
        "flip",
        "letterbox",
        "perspective",
        "rotate",
        "scale",
        "translate",
    ]
