from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.data.errors import StageError
from edge_vision.data.frame import Image
from edge_vision.data.view import View
from edge_vision.data.warp import Colour, reference_warp
from edge_vision.testing import make_frame, still

WIDTH, HEIGHT = 40, 30
BORDER: Colour = (255, 0, 255)
Step = Callable[[View], View]


def picture() -> Image:
    """A slope of grey levels that lies far from the border colour, so what is seen can be told."""
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return np.stack([60 + 2 * columns, 60 + 3 * rows, 60 + columns + rows], -1).astype(np.uint8)


def whole() -> View:
    return View.of(make_frame(picture()))


def crop(x: int, y: int, width: int, height: int) -> Step:
    return lambda view: view.mapped(geometry.translation(x, y), (width, height), BORDER)


def translate(x: float, y: float) -> Step:
    return lambda view: view.mapped(geometry.translation(-x, -y), view.size, BORDER)


def rotate(degrees: float) -> Step:
    return lambda view: view.mapped(
        geometry.rotation(-degrees, (view.width / 2, view.height / 2)), view.size, BORDER
    )


def flip(view: View) -> View:
    mirror = geometry.translation(view.width, 0) @ geometry.scaling(-1, 1)
    return view.mapped(mirror, view.size, BORDER)


def resize(width: int, height: int) -> Step:
    return lambda view: view.resized((width, height))


def letterbox(width: int, height: int) -> Step:
    def step(view: View) -> View:
        scale = max(view.width / width, view.height / height)
        inner = (width * scale, height * scale)
        left, top = (inner[0] - view.width) / 2, (inner[1] - view.height) / 2
        matrix = geometry.translation(-left, -top) @ geometry.scaling(scale, scale)
        return view.mapped(matrix, (width, height), BORDER)

    return step


def straighten(points: list[list[float]], width: int, height: int) -> Step:
    return lambda view: view.mapped(
        geometry.perspective(geometry.corners(width, height), points), (width, height), BORDER
    )


def spoil_nothing(view: View) -> View:
    """What a photometric stage does, without changing a pixel."""
    return view.with_pixels(view.pixels().copy())


CHAINS: dict[str, list[Step]] = {
    "translate out and back": [translate(15, 0), translate(-15, 0)],
    "translate out both ways and back": [translate(15, 12), translate(-30, -20), translate(15, 8)],
    "crop, then see around": [crop(10, 8, 20, 12), crop(-5, -5, 30, 22)],
    "crop after crop": [crop(10, 8, 20, 12), crop(3, 2, 10, 9)],
    "crop over the edge, then back": [crop(-10, -10, 30, 30), crop(5, 5, 40, 30)],
    "crop, then larger": [crop(10, 8, 10, 10), resize(40, 40)],
    "crop, larger, around": [crop(10, 8, 10, 10), resize(30, 30), crop(-6, -6, 42, 42)],
    "rotate after crop": [crop(10, 8, 16, 16), rotate(30)],
    "rotate there and back": [rotate(35), rotate(-35)],
    "flip after a shift, and back": [translate(9, 0), flip, translate(9, 0), flip],
    "letterbox after a turned crop": [crop(5, 5, 30, 14), rotate(90), letterbox(40, 40)],
    "photometric in between": [crop(5, 5, 20, 20), spoil_nothing, translate(6, 0), translate(-6, 0)],
    "photometric over the edge": [translate(12, 0), spoil_nothing, translate(-12, 0)],
    "photometric, then letterbox": [crop(5, 5, 20, 10), spoil_nothing, letterbox(30, 30), rotate(20)],
    "straightened": [straighten([[8, 6], [30, 4], [36, 26], [3, 24]], 30, 20), rotate(10)],
    "straightened, moved over its horizon, boxed": [
        straighten([[16, 8], [24, 8], [38, 28], [2, 28]], 30, 20),
        translate(0, 15),
        letterbox(40, 40),
        translate(0, -10),
    ],
    "crop after crop, photometric, around": [
        crop(10, 8, 20, 12),
        crop(2, 2, 9, 9),
        spoil_nothing,
        crop(-3, -3, 15, 15),
        crop(0, 0, 15, 15),
    ],
    "over its horizon in one step": [
        lambda view: view.mapped(
            geometry.perspective(geometry.corners(30, 20), [[16, 8], [24, 8], [38, 28], [2, 28]])
            @ geometry.translation(0, -14),
            (30, 34),
            BORDER,
        ),
        translate(0, -9),
        translate(0, 9),
    ],
    "straightened with the other sign": [
        lambda view: view.mapped(
            -geometry.perspective(geometry.corners(30, 20), [[8, 6], [30, 4], [36, 26], [3, 24]]),
            (30, 20),
            BORDER,
        ),
        translate(9, 0),
        translate(-9, 0),
    ],
    "straightened twice": [
        straighten([[8, 6], [30, 4], [36, 26], [3, 24]], 30, 20),
        straighten([[5, 2], [26, 3], [29, 18], [1, 19]], 24, 18),
        crop(-4, -4, 32, 26),
    ],
    "out of sight and back": [translate(100, 0), translate(-100, 0)],
}


def step_by_step(steps: list[Step]) -> tuple[Image, NDArray[np.bool_]]:
    """What warping at every step gives, and where at least one step came near an edge."""
    pixels = picture()
    near = np.zeros(pixels.shape[:2], dtype=bool)
    for step in steps:
        view = step(View.of(make_frame(pixels)))
        soft = step(View.of(make_frame(np.repeat(near[:, :, None] * np.uint8(255), 3, 2))))
        seen = step(View.of(make_frame(still(255, pixels.shape[1], pixels.shape[0]))))
        shown = seen.mapped(geometry.identity(), seen.size, (0, 0, 0)).pixels()[:, :, 0] > 0
        near = (soft.mapped(geometry.identity(), soft.size, (0, 0, 0)).pixels()[:, :, 0] > 0) | rim(
            shown
        )
        pixels = view.pixels()
    return pixels, near


def rim(shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels within one pixel of where what is seen begins."""
    padded = np.pad(shown, 1, constant_values=False)
    height, width = shown.shape
    around = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.asarray(np.any(around, axis=0) & ~np.all(around, axis=0))


def assert_lazy_is_eager(steps: list[Step]) -> None:
    view = whole()
    for step in steps:
        view = step(view)
    lazy = view.pixels().astype(int)
    eager, near = step_by_step(steps)
    assert lazy.shape == eager.shape
    assert np.abs(lazy - eager).max(axis=2)[~near].max(initial=0) <= 2 * len(steps)
    seen = (lazy != BORDER).any(axis=2)
    assert not (seen & (eager == BORDER).all(axis=2) & ~near).any()


@pytest.mark.parametrize("steps", CHAINS.values(), ids=CHAINS.keys())
def test_a_chain_shows_what_warping_step_by_step_shows(steps: list[Step]) -> None:
    assert_lazy_is_eager(steps)


STEPS = st.one_of(
    st.builds(translate, st.integers(-20, 20), st.integers(-15, 15)),
    st.builds(rotate, st.sampled_from([-90, -30, 10, 45, 180])),
    st.builds(crop, st.integers(-5, 9), st.integers(-5, 9), st.integers(12, 40), st.integers(12, 40)),
    st.builds(resize, st.integers(20, 50), st.integers(20, 50)),
    st.builds(letterbox, st.integers(20, 50), st.integers(20, 50)),
    st.sampled_from([flip, spoil_nothing]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(STEPS, min_size=1, max_size=4))
def test_any_chain_shows_what_warping_step_by_step_shows(steps: list[Step]) -> None:
    assert_lazy_is_eager(steps)


def test_what_is_cut_away_stays_cut_away() -> None:
    pixels = translate(-15, 0)(translate(15, 0)(whole())).pixels()
    assert (pixels[:, :25] == picture()[:, :25]).all()
    assert (pixels[:, 25:] == BORDER).all()


def test_the_whole_frame_is_the_frames_own_memory() -> None:
    view = whole()
    assert view.pixels() is view.frame.image
    assert view.pixels((WIDTH, HEIGHT)) is view.frame.image
    assert view.resized((WIDTH, HEIGHT)) is view


def test_steps_that_undo_each_other_give_the_base_itself() -> None:
    view = flip(flip(whole()))
    assert view.window is None
    assert view.pixels() is view.frame.image
    turned = whole().resized((80, 60)).resized((WIDTH, HEIGHT))
    assert turned.pixels() is turned.frame.image


def test_pixels_of_a_photometric_stage_are_given_out_as_they_are() -> None:
    view = crop(3, 4, 20, 10)(whole())
    bright = np.full((10, 20, 3), 250, dtype=np.uint8)
    changed = view.with_pixels(bright)
    assert changed.pixels() is changed.base
    assert np.shares_memory(changed.base, bright)
    np.testing.assert_array_equal(changed.to_frame, view.to_frame)
    assert changed.frame is view.frame


def test_the_frames_own_image_as_pixels_of_a_moved_view_is_where_the_view_is() -> None:
    view = translate(5, 0)(whole())
    changed = view.with_pixels(view.frame.image)
    assert changed.pixels() is view.frame.image
    np.testing.assert_array_equal(translate(-5, 0)(changed).pixels()[:, :35], view.frame.image[:, 5:])


def test_after_a_photometric_stage_the_old_border_belongs_to_the_picture() -> None:
    view = spoil_nothing(translate(10, 0)(whole()))
    assert view.window is None
    blue = view.mapped(geometry.translation(-2, 0), view.size, (255, 0, 0)).pixels()
    assert (blue[:, :2] == (255, 0, 0)).all()
    assert (blue[:, 2:12] == BORDER).all()


def test_what_sees_nothing_has_the_colour_of_the_last_step_that_gave_one() -> None:
    view = translate(10, 0)(whole())
    turned = view.mapped(geometry.identity(), view.size)
    assert (turned.pixels()[:, :10] == BORDER).all()
    blue = view.mapped(geometry.identity(), view.size, (255, 0, 0))
    assert (blue.pixels()[:, :10] == (255, 0, 0)).all()


@pytest.mark.parametrize("steps", CHAINS.values(), ids=CHAINS.keys())
def test_pixels_cannot_be_written_to(steps: list[Step]) -> None:
    view = whole()
    for step in [*steps, resize(8, 8)]:
        assert not view.pixels().flags.writeable
        view = step(view)
    assert not view.pixels((5, 5)).flags.writeable
    for array in (view.base, view.to_frame, view.base_to_frame):
        assert not array.flags.writeable


def test_the_giver_of_a_map_may_write_to_it_later() -> None:
    matrix = geometry.translation(1, 2)
    view = whole().mapped(matrix, (5, 5))
    matrix[0, 2] = 99
    assert view.points_to_frame([[0, 0]]).tolist() == [[1, 2]]


def test_pixels_of_another_size_are_refused() -> None:
    with pytest.raises(StageError, match=r"the pixels are \(5, 5\), the view \(30, 40\)"):
        whole().with_pixels(still(0, 5, 5))


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5)])
def test_a_view_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(StageError, match="at least one pixel"):
        whole().mapped(geometry.identity(), size)
    with pytest.raises((StageError, ZeroDivisionError)):
        whole().resized(size)


def test_a_map_that_flattens_the_view_is_refused_when_it_is_used() -> None:
    flat = whole().mapped(geometry.scaling(0, 1), (5, 5))
    with pytest.raises(np.linalg.LinAlgError):
        flat.boxes_from_frame([[0, 0, 1, 1]])


@pytest.mark.parametrize("steps", CHAINS.values(), ids=CHAINS.keys())
def test_boxes_of_the_view_come_back_from_the_frame_around_themselves(steps: list[Step]) -> None:
    view = whole()
    for step in steps:
        view = step(view)
    box = [[8.0, 6.0, 12.0, 11.0]]
    back = view.boxes_from_frame(view.boxes_to_frame(box))[0]
    if geometry.is_affine(view.to_frame):  # upright boxes may only grow
        assert (back[:2] <= [8.001, 6.001]).all()
        assert (back[2:] >= [11.999, 10.999]).all()


def test_points_and_boxes_of_a_crop_are_where_the_crop_began() -> None:
    view = crop(10, 8, 20, 12)(whole())
    assert view.boxes_to_frame([[0, 0, 20, 12]]).tolist() == [[10, 8, 30, 20]]
    assert view.boxes_from_frame([[10, 8, 30, 20]]).tolist() == [[0, 0, 20, 12]]
    assert view.points_to_frame([[1, 2]]).tolist() == [[11, 10]]
    assert (view.width, view.height) == (20, 12)


def test_a_window_grows_no_corners_while_views_look_on_beyond_it() -> None:
    view = translate(10, 5)(whole())
    for _ in range(50):
        view = view.mapped(geometry.rotation(7, (20, 15)), view.size)
    assert view.window is not None
    assert len(view.window) < 60


def test_the_reference_warp_is_the_one_of_a_view_that_is_given_none() -> None:
    assert whole().warp is reference_warp
