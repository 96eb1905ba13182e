import numpy as np
import pytest
from edge_vision_generation import Anonymise
from edge_vision_generation.hiding import blurred, filled, grown, hidden, hiding, pixelated
from numpy.typing import NDArray

from edge_vision import ConfigError, Detections, Image, Picture, Result, StageError, geometry
from edge_vision.testing import make_frame, make_stage

WIDTH, HEIGHT = 128, 96
BOX = (32, 24, 80, 72)
METHODS = ["blur", "pixelate", "fill"]


def noise(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def people(
    *boxes: tuple[float, float, float, float], label: str = "person", stage: str = "people"
) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(count, 4),
        np.ones(count, np.float32),
        np.zeros(count, np.int32),
        (label,),
        stage=stage,
    )


def anonymised(result: Result, **options: object) -> Result:
    hidden_result = make_stage(Anonymise, **{"margin": 0.0, **options})(result)  # type: ignore[arg-type]
    assert hidden_result is not None
    return hidden_result


def inside(
    box: tuple[int, int, int, int] = BOX, width: int = WIDTH, height: int = HEIGHT
) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), dtype=bool)
    x1, y1, x2, y2 = box
    mask[y1:y2, x1:x2] = True
    return mask


def likeness(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Correlation of two sets of pixels, 1 for the same picture and about 0 for strangers."""
    a, b = first.astype(np.float64).ravel(), second.astype(np.float64).ravel()
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


# What is hidden, and what is left alone


@pytest.mark.parametrize("method", METHODS)
def test_the_box_is_gone_and_all_else_untouched(method: str) -> None:
    image = noise()
    result = anonymised(Result.of(make_frame(image)).add(people(BOX)), method=method)
    found, box = result.frame.image, inside()
    np.testing.assert_array_equal(found[~box], image[~box])
    assert abs(likeness(found[box], image[box])) < 0.25
    assert (found[box] == image[box]).all(axis=-1).mean() < 0.001


@pytest.mark.parametrize("method", METHODS)
def test_little_information_is_left_in_the_box(method: str) -> None:
    result = anonymised(Result.of(make_frame(noise())).add(people(BOX)), method=method, blocks=8)
    x1, y1, x2, y2 = BOX
    part = result.frame.image[y1:y2, x1:x2].astype(np.float64)
    # Noise has its energy in the differences of neighbours; blocks of 6 x 6 and more have almost none.
    steps = np.abs(np.diff(part, axis=1)).mean()
    assert steps < 0.05 * np.abs(np.diff(noise()[y1:y2, x1:x2].astype(np.float64), axis=1)).mean()


def test_without_findings_nothing_changes() -> None:
    result = Result.of(make_frame(noise()))
    assert anonymised(result) is result
    empty = result.add(Detections.none(("person",)))
    assert anonymised(empty) is empty


def test_findings_stay() -> None:
    result = anonymised(Result.of(make_frame(noise())).add(people(BOX)))
    (kept,) = result.detections
    np.testing.assert_array_equal(kept.xyxy, [BOX])


def test_the_frame_that_came_in_is_not_written_to() -> None:
    image = noise()
    before = image.copy()
    anonymised(Result.of(make_frame(image)).add(people(BOX)), method="fill")
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(("stages", "hides"), [([], True), (["people"], True), (["cars"], False)])
def test_only_the_chosen_stages_count(stages: list[str], hides: bool) -> None:
    image = noise()
    result = anonymised(Result.of(make_frame(image)).add(people(BOX)), stages=stages)
    assert (result.frame.image == image).all() != hides


@pytest.mark.parametrize(("labels", "hides"), [([], True), (["person"], True), (["car"], False)])
def test_only_the_chosen_labels_count(labels: list[str], hides: bool) -> None:
    image = noise()
    result = anonymised(Result.of(make_frame(image)).add(people(BOX)), labels=labels)
    assert (result.frame.image == image).all() != hides


def test_a_margin_makes_the_box_larger() -> None:
    image = noise()
    result = anonymised(
        Result.of(make_frame(image)).add(people(BOX)), method="fill", margin=0.25, colour=[3, 2, 1]
    )
    larger = inside((20, 12, 92, 84))
    assert (result.frame.image[larger] == (1, 2, 3)).all()
    np.testing.assert_array_equal(result.frame.image[~larger], image[~larger])


def test_pixels_that_a_box_only_touches_are_hidden_too() -> None:
    result = anonymised(
        Result.of(make_frame(noise())).add(people((32.9, 24.9, 79.1, 71.1))), method="fill"
    )
    assert not result.frame.image[inside()].any()


def test_boxes_beyond_the_frame_are_no_trouble() -> None:
    image = noise()
    boxes = (-500, -500, 10, 10), (200, 200, 300, 300), (5, 5, 5, 5)
    result = anonymised(Result.of(make_frame(image)).add(people(*boxes)), method="fill")
    assert not result.frame.image[:10, :10].any()
    np.testing.assert_array_equal(result.frame.image[12:, 12:], image[12:, 12:])


def test_a_box_that_is_not_finite_is_an_error_rather_than_a_leak() -> None:
    with pytest.raises(StageError, match="not finite"):
        anonymised(Result.of(make_frame(noise())).add(people((0, 0, np.nan, 5))))


def test_the_method_may_change_while_running() -> None:
    stage = make_stage(Anonymise, margin=0.0)
    stage.options = stage.options.changed("method", "fill")
    result = stage(Result.of(make_frame(noise())).add(people(BOX)))
    assert not result.frame.image[inside()].any()
    assert set(Anonymise.Options.live()) == {"method", "blocks", "margin"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("blocks", 9),
        ("blocks", 0),
        ("margin", -0.1),
        ("method", "mosaic"),
        ("colour", [0, 0, 256]),
        ("colour", [0]),
    ],
)
def test_options_have_bounds(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"^{key}"):
        make_stage(Anonymise, **{key: value})  # type: ignore[arg-type]


# No later stage sees it, whatever it looks at


@pytest.mark.parametrize("method", METHODS)
def test_a_view_made_before_shows_nothing(method: str) -> None:
    image = noise()
    result = Result.of(make_frame(image)).add(people(BOX))
    zoomed = result.view.mapped(geometry.translation(32, 24) @ geometry.scaling(0.5, 0.5), (96, 96))
    before = zoomed.pixels()
    after = anonymised(result.with_view(zoomed), method=method).view.pixels()
    # One pixel at the edge may mix with what lies outside.
    assert abs(likeness(after[2:-2, 2:-2], before[2:-2, 2:-2])) < 0.25


@pytest.mark.parametrize("method", METHODS)
def test_a_turned_view_with_pixels_of_its_own_shows_nothing(method: str) -> None:
    image = noise()
    result = Result.of(make_frame(image)).add(people(BOX))
    turned = result.view.mapped(geometry.rotation(30, (64, 48)), (WIDTH, HEIGHT))
    inverted = turned.with_pixels(255 - turned.pixels())
    hidden_result = anonymised(result.with_view(inverted), method=method)
    after = hidden_result.view.pixels()
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    seen = geometry.map_points(turned.to_frame, np.column_stack([x.ravel(), y.ravel()]))
    x1, y1, x2, y2 = BOX
    distance = np.maximum.reduce([x1 - seen[:, 0], seen[:, 0] - x2, y1 - seen[:, 1], seen[:, 1] - y2])
    distance = distance.reshape(HEIGHT, WIDTH)
    box, outside = distance < 0.68, distance > 1.5  # what the box touches, and what is well away
    assert abs(likeness(after[box], inverted.pixels()[box])) < 0.25
    assert (after[box] == inverted.pixels()[box]).all(axis=-1).mean() < 0.001
    np.testing.assert_array_equal(after[outside], inverted.pixels()[outside])


def test_earlier_pictures_of_the_frame_show_nothing() -> None:
    image = noise()
    half = geometry.scaling(2, 2)
    small = noise(1, WIDTH // 2, HEIGHT // 2)
    grey = np.ascontiguousarray(image[:, :, 0])
    result = Result.of(make_frame(image)).add(
        people(BOX),
        Picture(small, "small", to_frame=half),
        Picture(grey, "grey", to_frame=geometry.identity()),
    )
    pictures = {p.name: p.image for p in anonymised(result, method="fill").all(Picture)}
    assert not pictures["small"][12:36, 16:40].any()
    np.testing.assert_array_equal(pictures["small"][:11], small[:11])
    assert pictures["grey"].shape == (HEIGHT, WIDTH)
    assert not pictures["grey"][inside()].any()


def test_pictures_that_show_no_part_of_the_frame_are_left_alone() -> None:
    mask = noise(2)[:, :, 0]
    result = Result.of(make_frame(noise())).add(people(BOX), Picture(mask, "mask", "png", to_frame=None))
    (picture,) = anonymised(result).all(Picture)
    np.testing.assert_array_equal(picture.image, mask)


def test_a_perspective_is_covered() -> None:
    image = noise()
    trapezium = [(40, 10), (88, 10), (128, 96), (0, 96)]
    to_frame = geometry.perspective(geometry.corners(WIDTH, HEIGHT), trapezium)
    boxes = np.array([BOX], np.float32)
    found = hidden(image, to_frame, boxes, hiding("fill", 6, (0, 0, 0)))
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    seen = geometry.map_points(to_frame, np.column_stack([x.ravel(), y.ravel()])).reshape(
        HEIGHT, WIDTH, 2
    )
    box = (seen >= BOX[:2]).all(axis=-1) & (seen <= BOX[2:]).all(axis=-1)
    assert box.any()
    assert not found[box].any()
    assert (found == image).all(axis=-1).mean() > 0.4


def test_what_a_perspective_puts_behind_the_eye_hides_everything() -> None:
    steep = geometry.perspective(geometry.corners(64, 48), [(28, 20), (36, 20), (128, 96), (-64, 96)])
    sky = np.array([(0, 0, 128, 96)], np.float32)
    found = hidden(noise(0, 64, 48), steep, sky, hiding("fill", 6, (0, 0, 0)))
    assert not found.any()


# The methods


@pytest.mark.parametrize("size", [(48, 48), (300, 90), (9, 200), (3, 3), (1, 1), (1, 50), (7, 5)])
@pytest.mark.parametrize("method", METHODS)
def test_parts_of_every_size_can_be_hidden(method: str, size: tuple[int, int]) -> None:
    part = noise(4, *size)
    found = hiding(method, 8, (0, 0, 0))(part)  # type: ignore[arg-type]
    assert found.shape == part.shape
    grey = hiding(method, 8, (0, 0, 0))(np.ascontiguousarray(part[:, :, 0]))  # type: ignore[arg-type]
    assert grey.shape == part.shape[:2]


@pytest.mark.parametrize("blocks", [1, 3, 8])
def test_no_more_blocks_are_left_than_asked_for(blocks: int) -> None:
    found = pixelated(noise(5, 160, 80), blocks)
    assert len(np.unique(found.reshape(-1, 3), axis=0)) <= blocks * max(1, blocks // 2)


def test_small_parts_have_fewer_blocks() -> None:
    found = pixelated(noise(5, 10, 10), 8)
    assert len(np.unique(found.reshape(-1, 3), axis=0)) <= 4


def test_a_blur_depends_on_the_block_averages_only() -> None:
    part = noise(6, 48, 48)
    shuffled = part.reshape(6, 8, 6, 8, 3).transpose(0, 2, 1, 3, 4).reshape(36, 64, 3)
    order = np.random.default_rng(7).permutation(64)
    shuffled = shuffled[:, order].reshape(6, 6, 8, 8, 3).transpose(0, 2, 1, 3, 4).reshape(48, 48, 3)
    np.testing.assert_array_equal(blurred(part, 6), blurred(np.ascontiguousarray(shuffled), 6))


def test_a_fill_is_grey_in_grey_pictures() -> None:
    assert (filled(np.zeros((2, 2), np.uint8), (10, 20, 30)) == 22).all()


def test_growing_adds_to_each_side() -> None:
    boxes = grown(np.array([[10, 20, 30, 60]], np.float32), 0.5)
    np.testing.assert_array_equal(boxes, [[0, 0, 40, 80]])
