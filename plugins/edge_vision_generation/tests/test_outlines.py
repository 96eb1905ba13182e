from collections.abc import Sequence

import numpy as np
import pytest
from edge_vision_generation import Anonymise
from edge_vision_generation.hiding import hiding
from edge_vision_generation.outlines import Outline, hide_outline, outline_of, touching
from numpy.typing import NDArray

from edge_vision import ConfigError, Detections, Image, Picture, Result, Segments, geometry
from edge_vision.testing import make_frame, make_stage

WIDTH, HEIGHT = 128, 96
METHODS = ["blur", "pixelate", "fill"]
PEOPLE = "background", "person"
ROADS = "sky", "road", "car"


def noise(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def somebody(width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.bool_]:
    """A disc and what stands below it, like a person in a mask of that size."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    head = np.hypot((x - 0.5) * 1.3, y - 0.3) < 0.12
    body = (np.abs(x - 0.5) < 0.16) & (y > 0.4) & (y < 0.9)
    return np.asarray(head | body)


def segments(
    places: NDArray[np.bool_] | NDArray[np.uint8],
    labels: Sequence[str] = PEOPLE,
    to_frame: geometry.Map | None = None,
    stage: str = "outline",
) -> Segments:
    if to_frame is None:
        to_frame = geometry.scaling(WIDTH / places.shape[1], HEIGHT / places.shape[0])
    return Segments(places.astype(np.uint8), tuple(labels), to_frame, stage=stage)


def people(*boxes: tuple[float, float, float, float]) -> Detections:
    count = len(boxes)
    xyxy = np.array(boxes, np.float32).reshape(count, 4)
    score, number = np.ones(count, np.float32), np.zeros(count, np.int32)
    return Detections(xyxy, score, number, ("person",), stage="people")


def anonymised(result: Result, **options: object) -> Result:
    hidden = make_stage(Anonymise, **{"margin": 0.0, **options})(result)  # type: ignore[arg-type]
    assert hidden is not None
    return hidden


def changed(result: Result, image: Image, **options: object) -> NDArray[np.bool_]:
    """Which pixels of the frame are not as they were, filled with a colour that no picture has."""
    found = anonymised(result, **{"method": "fill", **options}).frame.image
    return np.asarray((found != image).any(axis=-1))


# What is hidden, and what is left alone


@pytest.mark.parametrize("method", METHODS)
def test_the_outline_is_gone_and_all_else_untouched(method: str) -> None:
    image, places = noise(), somebody()
    found = anonymised(Result.of(make_frame(image)).add(segments(places)), method=method).frame.image
    np.testing.assert_array_equal(found[~places], image[~places])
    assert (found[places] == image[places]).all(axis=-1).mean() < 0.001
    if method != "fill":
        likeness = np.corrcoef(found[places].ravel(), image[places].ravel())[0, 1]
        assert abs(likeness) < 0.25


def test_every_pixel_that_a_coarse_map_touches_is_hidden() -> None:
    image, places = noise(), somebody(20, 15)
    inside = changed(Result.of(make_frame(image)).add(segments(places)), image)
    x, y = np.arange(WIDTH) / WIDTH * 20, np.arange(HEIGHT) / HEIGHT * 15
    for dx in (0.01, 0.15):  # a pixel is 0.156 places wide and high
        for dy in (0.01, 0.15):
            at = np.floor(y + dy).astype(int)[:, np.newaxis], np.floor(x + dx).astype(int)
            assert inside[places[at]].all()
    assert inside.mean() < places.mean() * 1.25


def test_a_margin_is_a_share_of_the_shorter_side_of_each_part() -> None:
    places = np.zeros((HEIGHT, WIDTH), bool)
    places[10:50, 20:40], places[60:64, 90:120] = True, True
    image = noise()
    inside = changed(Result.of(make_frame(image)).add(segments(places)), image, margin=0.25)
    assert inside[30, 15:45].all(), "a quarter of 20 pixels"
    assert not inside[30, 13]
    assert inside[62, 89:121].all(), "a quarter of 4 pixels"
    assert not inside[57, 100]


def test_a_margin_goes_on_where_the_view_ends() -> None:
    image = noise()
    places = np.zeros((48, 64), bool)
    places[10:38, 44:] = True  # cut off by the right side of a view of the frame's left upper quarter
    result = Result.of(make_frame(image)).add(segments(places, to_frame=geometry.identity()))
    inside = changed(result, image, margin=0.2)
    assert inside[20, 40:68].all()
    assert not inside[20, 70:].any()


def test_what_the_view_did_not_see_is_no_class() -> None:
    image = noise()
    classes = np.full((HEIGHT, WIDTH), Segments.UNSEEN, np.uint8)
    classes[:, 40:80] = 0
    classes[30:60, 50:60] = 1
    inside = changed(Result.of(make_frame(image)).add(segments(classes)), image)
    np.testing.assert_array_equal(inside, classes == 1)


@pytest.mark.parametrize(
    ("labels", "everything", "hidden"),
    [
        (("background", "person"), False, [1]),
        (("Person", "Background"), False, [0]),
        (("other", "person"), False, [1]),
        ((), False, [1, 2]),
        (("a", "background", "c"), False, [0, 2]),
        (ROADS, False, []),
        (ROADS, True, [0, 1, 2]),
    ],
)
def test_without_labels_all_but_the_background_is_meant(
    labels: Sequence[str], everything: bool, hidden: list[int]
) -> None:
    classes = np.array([[0, 1, 2, Segments.UNSEEN]], np.uint8)
    if len(labels) == 2:
        classes[0, 2] = Segments.UNSEEN
    found = outline_of(segments(classes, labels), (), everything=everything)
    assert np.flatnonzero(found.places).tolist() == hidden


def test_a_street_is_hidden_only_by_the_names_of_its_classes() -> None:
    image = noise()
    classes = np.repeat(np.array([0, 1, 2], np.uint8), HEIGHT // 3)[:, np.newaxis].repeat(WIDTH, axis=1)
    result = Result.of(make_frame(image)).add(segments(classes, ROADS))
    assert anonymised(result) is result
    inside = changed(result, image, labels=["car", "person"])
    np.testing.assert_array_equal(inside, classes == 2)
    assert changed(result, image, stages=["outline"]).all(), "asked for by its stage, nothing is spared"
    assert anonymised(result, stages=["people"]) is result


def test_an_empty_outline_changes_nothing() -> None:
    result = Result.of(make_frame(noise())).add(segments(np.zeros((HEIGHT, WIDTH), bool)))
    assert anonymised(result) is result


# Boxes and outlines


def test_boxes_and_outlines_are_both_hidden() -> None:
    image, places = noise(), somebody()
    result = Result.of(make_frame(image)).add(segments(places), people((4, 4, 30, 40)))
    expected = places.copy()
    expected[4:40, 4:30] = True
    np.testing.assert_array_equal(changed(result, image), expected)


def test_a_box_that_an_outline_fills_gives_way_to_it_and_others_do_not() -> None:
    image, places = noise(), somebody()
    about = (40, 15, 88, 90)
    result = Result.of(make_frame(image)).add(segments(places), people(about, (4, 4, 30, 40)))
    expected = places.copy()
    expected[4:40, 4:30] = True
    np.testing.assert_array_equal(changed(result, image, outlined=0.3), expected)
    expected[15:90, 40:88] = True
    np.testing.assert_array_equal(changed(result, image, outlined=0.9), expected)


def test_a_box_beyond_the_map_is_hidden_whole() -> None:
    image = noise()
    places = np.ones((48, 64), bool)
    result = Result.of(make_frame(image)).add(
        segments(places, to_frame=geometry.identity()), people((50, 10, 100, 40))
    )
    assert changed(result, image, outlined=0.5)[10:40, 50:100].all()


@pytest.mark.parametrize("value", [0, -0.1, 1.1])
def test_the_share_of_a_box_has_bounds(value: float) -> None:
    with pytest.raises(ConfigError, match=r"^outlined"):
        make_stage(Anonymise, outlined=value)


# Nothing comes back


@pytest.mark.parametrize("method", ["blur", "pixelate"])
def test_what_is_shown_depends_on_hidden_pixels_alone(method: str) -> None:
    places = somebody()
    first, second = noise(1), noise(2)
    second[places] = first[places]
    found = [
        anonymised(Result.of(make_frame(image)).add(segments(places)), method=method).frame.image
        for image in (first, second)
    ]
    np.testing.assert_array_equal(found[0][places], found[1][places])


@pytest.mark.parametrize("method", ["blur", "pixelate"])
def test_few_pixels_of_a_block_cannot_be_told_from_its_colour(method: str) -> None:
    places = np.zeros((HEIGHT, WIDTH), bool)
    places[10:58, 10:58] = True
    places[58:70, 34] = True  # blocks are 10 pixels high, and in the lowest there are just ten pixels
    first = noise(1)
    second = first.copy()
    second[60:70, 34] = 255 - first[60:70, 34]
    found = [
        anonymised(Result.of(make_frame(image)).add(segments(places)), method=method).frame.image
        for image in (first, second)
    ]
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0][60:70, 34] != first[60:70, 34]).any(axis=-1).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2, 9)])
def test_small_outlines_are_of_one_colour(method: str, size: tuple[int, int]) -> None:
    places = np.zeros((HEIGHT, WIDTH), bool)
    places[20 : 20 + size[1], 30 : 30 + size[0]] = True
    grey, same = np.ascontiguousarray(noise()[:, :, 0]), geometry.identity()
    hide = hiding(method, 8, (0, 0, 0))  # type: ignore[arg-type]
    hide_outline(grey, same, Outline(places, same), hide)
    assert len(np.unique(grey[places])) == 1


@pytest.mark.parametrize("method", METHODS)
def test_views_and_earlier_pictures_show_nothing(method: str) -> None:
    image, places = noise(), somebody(64, 48)
    result = Result.of(make_frame(image)).add(
        segments(places), Picture(noise(1, 16, 12), "tiny", to_frame=geometry.scaling(8, 8))
    )
    zoomed = result.view.mapped(geometry.translation(32, 24) @ geometry.scaling(0.5, 0.5), (96, 96))
    shown = zoomed.with_pixels(255 - zoomed.pixels())
    hidden = anonymised(result.with_view(shown), method=method)
    before, after = shown.pixels(), hidden.view.pixels()
    x, y = np.meshgrid(np.arange(96) + 0.5, np.arange(96) + 0.5)
    frame = zoomed.points_to_frame(np.column_stack([x.ravel(), y.ravel()]))
    inside = places[frame[:, 1].astype(int) // 2, frame[:, 0].astype(int) // 2].reshape(96, 96)
    assert inside.any()
    assert (after[inside] == before[inside]).all(axis=-1).mean() < 0.001
    (tiny,) = hidden.all(Picture)
    touched = places.reshape(12, 4, 16, 4).any(axis=(1, 3))
    assert (tiny.image[touched] != noise(1, 16, 12)[touched]).any(axis=-1).mean() > 0.98
    np.testing.assert_array_equal(tiny.image[~touched], noise(1, 16, 12)[~touched])


def tilted(width: int, height: int) -> geometry.Map:
    """A view from above of a trapezium of the frame whose horizon lies in it."""
    return geometry.perspective(
        geometry.corners(width, height), [(50, 40), (78, 40), (128, 96), (0, 96)]
    )


@pytest.mark.parametrize(
    "to_places",
    [
        geometry.scaling(0.5, 0.4),
        geometry.scaling(-0.5, 0.4) @ geometry.translation(-128, 0),
        geometry.scaling(2.3, 1.7),
        geometry.rotation(30, (64, 48)),
        geometry.scaling(3, 3) @ geometry.rotation(77, (64, 48)),
        geometry.inverse(tilted(64, 48)),
    ],
)
def test_pixels_touch_what_any_point_of_them_shows(to_places: geometry.Map) -> None:
    places = np.random.default_rng(3).random((48, 64)) < 0.03
    touched = touching(places, to_places, (WIDTH, HEIGHT))
    steps = np.linspace(0.02, 0.98, 7)
    shown = np.zeros((HEIGHT, WIDTH), bool)
    for dx in steps:
        for dy in steps:
            x, y = np.meshgrid(np.arange(WIDTH) + dx, np.arange(HEIGHT) + dy)
            points = np.column_stack([x.ravel(), y.ravel()])
            mapped = geometry.map_points(to_places, points)
            depth = np.column_stack([points, np.ones(len(points))]) @ to_places[2]
            column, row = np.floor(mapped).astype(int).T
            inside = (column >= 0) & (column < 64) & (row >= 0) & (row < 48) & (depth > 0)
            hit = places[np.clip(row, 0, 47), np.clip(column, 0, 63)] & inside
            shown |= hit.reshape(HEIGHT, WIDTH)
    assert shown.any()
    assert touched[shown].all()
    assert touched.sum() < 2.5 * shown.sum()


def test_an_outline_seen_in_perspective_is_hidden_in_the_frame_and_the_sky_is_not() -> None:
    image = noise()
    places = np.zeros((48, 64), bool)
    places[8:40, 24:40] = True
    to_frame = tilted(64, 48)
    inside = changed(Result.of(make_frame(image)).add(segments(places, to_frame=to_frame)), image)
    x, y = np.meshgrid(np.arange(24, 40) + 0.5, np.arange(8, 40) + 0.5)
    frame = geometry.map_points(to_frame, np.column_stack([x.ravel(), y.ravel()])).astype(int)
    assert inside[frame[:, 1], frame[:, 0]].all()
    assert not inside[:38].any(), "beyond the view, and behind its horizon"
