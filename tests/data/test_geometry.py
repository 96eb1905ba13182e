from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_vision.data import geometry

coordinate = st.floats(-500, 500, allow_nan=False, width=32)
positive = st.floats(0.1, 8)


@st.composite
def affine(draw: st.DrawFn) -> geometry.Map:
    turned = geometry.rotation(draw(st.floats(-360, 360)), (draw(coordinate), draw(coordinate)))
    sign = draw(st.sampled_from([-1.0, 1.0]))
    stretched = geometry.scaling(sign * draw(positive), draw(positive))
    return np.asarray(turned @ stretched @ geometry.translation(draw(coordinate), draw(coordinate)))


@st.composite
def boxes(draw: st.DrawFn, most: int = 8) -> NDArray[np.float32]:
    count = draw(st.integers(0, most))
    grid = st.integers(0, 20)
    rows = [(draw(grid), draw(grid), draw(grid), draw(grid)) for _ in range(count)]
    made = np.array(rows, dtype=np.float32).reshape(-1, 4)
    return np.hstack([np.minimum(made[:, :2], made[:, 2:]), np.maximum(made[:, :2], made[:, 2:])])


def naive_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    overlap = max(0.0, float(width)) * max(0.0, float(height))
    union = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - overlap
    return overlap / union if union > 0 else 0.0


@given(affine(), st.lists(st.tuples(coordinate, coordinate), max_size=5))
def test_points_come_back_through_the_inverse(
    matrix: geometry.Map, points: list[tuple[float, float]]
) -> None:
    there = geometry.map_points(matrix, points)
    back = geometry.map_points(geometry.inverse(matrix), there)
    np.testing.assert_allclose(back, np.reshape(points, (-1, 2)), atol=1e-6)


@given(st.sampled_from([0, 90, 180, 270]), positive, positive, coordinate, boxes())
def test_boxes_come_back_through_upright_maps(
    degrees: int, x: float, y: float, move: float, rows: NDArray[np.float32]
) -> None:
    matrix = geometry.rotation(degrees) @ geometry.scaling(-x, y) @ geometry.translation(move, -move)
    there = geometry.map_boxes(matrix, rows)
    np.testing.assert_allclose(
        geometry.map_boxes(geometry.inverse(matrix), there), rows, rtol=1e-3, atol=2e-2
    )


@given(affine(), boxes())
def test_a_mapped_box_is_upright_and_holds_the_mapped_corners(
    matrix: geometry.Map, rows: NDArray[np.float32]
) -> None:
    mapped = geometry.map_boxes(matrix, rows)
    assert mapped.dtype == np.float32
    assert mapped.shape == rows.shape
    for (x1, y1, x2, y2), box in zip(rows, mapped, strict=True):
        points = geometry.map_points(matrix, [[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
        np.testing.assert_allclose(box[:2], points.min(axis=0), rtol=1e-4, atol=1e-2)
        np.testing.assert_allclose(box[2:], points.max(axis=0), rtol=1e-4, atol=1e-2)


def test_boxes_that_are_not_numbers_stay_so_and_spoil_no_other() -> None:
    rows: list[list[float]] = [[np.nan, 0, 1, 1], [0, 0, 1, np.inf], [0, 0, 3e38, 1], [1, 1, 2, 2]]
    mapped = geometry.map_boxes(geometry.scaling(2, 2), rows)
    assert not np.isfinite(mapped[:3]).all(axis=1).any()
    assert mapped[3].tolist() == [2, 2, 4, 4]


def test_nothing_maps_to_nothing() -> None:
    assert geometry.map_boxes(geometry.identity(), []).shape == (0, 4)
    assert geometry.map_points(geometry.identity(), []).shape == (0, 2)
    assert geometry.iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert geometry.suppress([], [], [], 0.5).shape == (0,)
    assert geometry.clip_boxes([], 4, 4).shape == (0, 4)


@pytest.mark.parametrize(("degrees", "where"), [(90, (0, 1)), (180, (-1, 0)), (-90, (0, -1))])
def test_a_positive_turn_is_clockwise_on_the_screen(degrees: int, where: tuple[int, int]) -> None:
    turned = geometry.map_points(geometry.rotation(degrees), [[1, 0]])
    np.testing.assert_allclose(turned, [where], atol=1e-12)


def test_a_turn_leaves_its_centre_alone() -> None:
    np.testing.assert_allclose(geometry.map_points(geometry.rotation(33, (7, 9)), [[7, 9]]), [[7, 9]])


@given(st.lists(st.floats(-20, 20), min_size=8, max_size=8))
def test_a_perspective_takes_its_points_to_their_targets_and_back(moves: list[float]) -> None:
    source = geometry.corners(200, 100)
    target = source + np.reshape(moves, (4, 2))
    matrix = geometry.perspective(source, target)
    np.testing.assert_allclose(geometry.map_points(matrix, source), target, atol=1e-6)
    back = geometry.map_points(geometry.inverse(matrix), target)
    np.testing.assert_allclose(back, source, atol=1e-6)


@pytest.mark.parametrize(
    "points", [[[0, 0], [1, 1], [2, 2], [0, 5]], [[0, 0], [0, 0], [4, 4], [0, 5]], [[1, 1]] * 4]
)
def test_a_perspective_of_points_on_one_line_is_refused(points: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="on one line"):
        geometry.perspective(points, geometry.corners(10, 10))


def test_points_on_the_horizon_are_at_infinity_without_a_warning() -> None:
    matrix = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0.1, -1]])
    assert not np.isfinite(geometry.map_points(matrix, [[5.0, 10.0]])).any()


def test_only_a_perspective_is_not_affine() -> None:
    assert geometry.is_affine(geometry.rotation(12) @ geometry.scaling(3, -2))
    assert not geometry.is_affine(
        geometry.perspective(geometry.corners(9, 9), [[1, 1], [8, 0], [9, 9], [0, 9]])
    )


def test_clipped_boxes_lie_in_the_image() -> None:
    rows: list[list[float]] = [[-5, -5, 50, 3], [2, 2, np.inf, np.inf], [90, 90, 99, 99]]
    clipped = geometry.clip_boxes(rows, 20, 10)
    assert clipped.tolist() == [[0, 0, 20, 3], [2, 2, 20, 10], [20, 10, 20, 10]]


def test_areas_of_boxes_turned_inside_out_are_nothing() -> None:
    assert geometry.areas([[0, 0, 2, 3], [2, 0, 0, 3], [2, 3, 0, 0]]).tolist() == [6, 0, 0]


@given(boxes(), boxes())
def test_overlaps_are_those_of_a_naive_loop(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> None:
    got = geometry.iou(first, second)
    assert got.shape == (len(first), len(second))
    for (i, a), (j, b) in product(enumerate(first), enumerate(second)):
        assert got[i, j] == pytest.approx(naive_iou(a, b), abs=1e-6)


def test_overlaps_with_what_is_no_box_are_nothing_and_warn_of_nothing() -> None:
    odd: list[list[float]] = [
        [np.nan, 0, 1, 1],
        [-np.inf, 0, np.inf, 1],
        [0, 0, np.inf, np.inf],
        [-3e38, -3e38, 3e38, 3e38],
    ]
    got = geometry.iou(odd, np.array([*odd, [0, 0, 4, 4]]))
    assert not got.any()


@given(boxes(12), st.data(), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_suppression_keeps_what_a_naive_loop_keeps(
    rows: NDArray[np.float32], data: st.DataObject, max_iou: float
) -> None:
    score = [data.draw(st.sampled_from([0.1, 0.5, 0.9])) for _ in rows]
    classes = [data.draw(st.integers(0, 1)) for _ in rows]
    kept: list[int] = []
    for row in sorted(range(len(rows)), key=lambda row: -score[row]):
        rivals = [other for other in kept if classes[other] == classes[row]]
        # The limit is compared in float32, as boxes are.
        if all(np.float32(naive_iou(rows[row], rows[other])) <= max_iou for other in rivals):
            kept.append(row)
    assert geometry.suppress(rows, score, classes, max_iou).tolist() == kept


def test_suppression_puts_scores_that_are_not_numbers_last() -> None:
    box = [0, 0, 4, 4]
    assert geometry.suppress([box, box], [np.nan, 0.2], [0, 0], 0.5).tolist() == [1]


@st.composite
def convex(draw: st.DrawFn) -> NDArray[np.float64]:
    """Corners on a circle are a convex polygon, either way round."""
    angles = sorted(draw(st.sets(st.integers(0, 71), min_size=3, max_size=7)))
    radius, x, y = draw(st.floats(4, 20)), draw(st.floats(0, 30)), draw(st.floats(0, 30))
    turns = np.radians(np.array(angles) * 5.0)
    made = np.column_stack([x + radius * np.cos(turns), y + radius * np.sin(turns)])
    return made[::-1] if draw(st.booleans()) else made


def inside(polygon: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Even-odd rule, one point and one side at a time."""
    hits = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        for i, (x, y) in enumerate(points):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
                hits[i] = not hits[i]
    return hits


@given(convex(), convex())
def test_a_clipped_polygon_covers_what_both_cover(
    polygon: NDArray[np.float64], by: NDArray[np.float64]
) -> None:
    clipped = geometry.clip_polygon(polygon, by)
    grid = np.stack(np.meshgrid(np.arange(-20, 50, 4) + 0.137, np.arange(-20, 50, 4) + 0.291), -1)
    points = grid.reshape(-1, 2)
    wanted = inside(polygon, points) & inside(by, points)
    got = inside(clipped, points) if len(clipped) else np.zeros(len(points), dtype=bool)
    sure = np.ones(len(points), dtype=bool)
    for each in (polygon, by):
        lines = geometry.sides(each)
        distance = np.abs(points @ lines[:, :2].T + lines[:, 2]) / np.hypot(lines[:, 0], lines[:, 1])
        sure &= distance.min(axis=1) > 1e-6
    np.testing.assert_array_equal(got[sure], wanted[sure])


@given(convex(), convex())
def test_clipping_is_the_same_from_both_sides(
    polygon: NDArray[np.float64], by: NDArray[np.float64]
) -> None:
    one = abs(geometry.signed_area(geometry.clip_polygon(polygon, by)))
    other = abs(geometry.signed_area(geometry.clip_polygon(by, polygon)))
    assert one == pytest.approx(other, abs=1e-6)
    assert one <= abs(geometry.signed_area(polygon)) + 1e-6


@given(convex())
def test_a_polygon_clipped_by_itself_is_itself(polygon: NDArray[np.float64]) -> None:
    area = abs(geometry.signed_area(polygon))
    assume(area > 1e-6)
    clipped = geometry.clip_polygon(polygon, polygon)
    assert abs(geometry.signed_area(clipped)) == pytest.approx(area)


@pytest.mark.parametrize(
    "by",
    [
        geometry.corners(4, 4) + 100,
        geometry.corners(4, 4) + 10,  # they share one corner
        geometry.corners(4, 4) + np.array([10, 0]),  # they share one side
        np.zeros((0, 2)),
        np.ones((3, 2)),  # one point, three times
        np.array([[0.0, 5], [10, 5], [5, 5]]),  # a line
    ],
)
def test_polygons_without_an_area_in_common_leave_nothing(by: NDArray[np.float64]) -> None:
    square = geometry.corners(10, 10)
    assert geometry.clip_polygon(square, by).shape == (0, 2)
    assert geometry.clip_polygon(by, square).shape == (0, 2)


def test_sides_are_positive_inside_whichever_way_round() -> None:
    square = geometry.corners(10, 4)
    for polygon in (square, square[::-1]):
        levels = geometry.sides(polygon) @ np.array([5.0, 2.0, 1.0])
        assert (levels > 0).all()
    assert (geometry.sides(square) @ np.array([11.0, 2.0, 1.0]) < 0).sum() == 1


def test_an_area_is_positive_clockwise_on_the_screen() -> None:
    assert geometry.signed_area(geometry.corners(3, 4)) == 12
    assert geometry.signed_area(geometry.corners(3, 4)[::-1]) == -12
    assert geometry.signed_area(np.zeros((0, 2))) == 0
