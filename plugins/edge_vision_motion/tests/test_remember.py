from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from edge_vision_motion import Remember
from edge_vision_motion.heat import glowing, score_of
from edge_vision_motion.lasting import Lasting
from numpy.typing import NDArray

from edge_vision import (
    Detections,
    Labels,
    ModelBundle,
    ModelError,
    Picture,
    Result,
    StageError,
    TensorSpec,
)
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still

WIDTH, HEIGHT = 64, 48
"""Of frames, and of what models see: a place is 4 x 4 pixels."""
IMAGE = TensorSpec("image", (1, HEIGHT, WIDTH, 3), "uint8", meaning="image")
REDRAWN = TensorSpec("redrawn", (1, HEIGHT, WIDTH, 3), "float32", meaning="image")
HEAT = TensorSpec("heat", (1, HEIGHT // 4, WIDTH // 4, 1), "float32", meaning="heat")


def knowing() -> FakeModel:
    """A model to which black is usual: the heat of a place is its brightness, 2 for white."""

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        grey = inputs["image"].mean(axis=3, keepdims=True) / 255.0
        heat = grey.reshape(1, HEIGHT // 4, 4, WIDTH // 4, 4, 1).mean(axis=(2, 4)) * 2.0
        return {"redrawn": np.zeros(REDRAWN.shape, np.float32), "heat": heat.astype(np.float32)}

    return FakeModel([IMAGE], [REDRAWN, HEAT], answer)


def black_drawer(*shape: int) -> FakeModel:
    """Any autoencoder, to which black is usual."""
    output = TensorSpec("out", shape, "float32", meaning="image")
    return FakeModel([IMAGE], [output], lambda _: {"out": np.zeros(shape, np.float32)})


def remember(model: FakeModel | None = None, **options: Any) -> Remember:
    return make_stage(Remember, {"m": model or knowing()}, model="m", **options)


def scene(*boxes: tuple[int, int, int, int], level: int = 255) -> NDArray[np.uint8]:
    image = still(0, WIDTH, HEIGHT)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = level
    return image


def see(stage: Remember, images: list[NDArray[np.uint8]], fps: float = 10.0) -> list[Result]:
    return [stage(Result.of(make_frame(image, index, fps=fps))) for index, image in enumerate(images)]


def boxes(result: Result) -> list[list[float]]:
    (found,) = result.all(Detections)
    rows: list[list[float]] = found.xyxy.tolist()
    return rows


def label(result: Result) -> list[object]:
    (labels,) = result.all(Labels)
    name, score = labels.rows[0]
    return [name, round(score, 6)]


def test_what_is_unusual_is_found_where_it_is() -> None:
    result = run(remember(after=0.0), scene((8, 12, 24, 20)))
    assert boxes(result) == [[8, 12, 24, 20]]
    (row,) = next(result.all(Detections))
    assert row.label == "unusual"
    assert row.score == pytest.approx(2 / 3)
    assert label(result) == ["unusual", 0.666667]


def test_a_usual_view_has_no_boxes() -> None:
    result = run(remember(after=0.0), scene())
    assert boxes(result) == []
    assert label(result) == ["usual", 1.0]


def test_boxes_are_pixels_of_the_frame_not_of_what_the_model_saw() -> None:
    large = np.repeat(np.repeat(scene((8, 12, 24, 20)), 10, axis=0), 10, axis=1)
    (box,) = boxes(run(remember(after=0.0), large))
    assert box == pytest.approx([80, 120, 240, 200], abs=40)


def test_only_what_lasts_is_reported() -> None:
    bag = scene((8, 12, 24, 20))
    results = see(remember(after=0.5), [scene(), *[bag] * 8])
    assert [len(boxes(result)) for result in results] == [0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert [label(result)[0] for result in results] == ["usual"] * 6 + ["unusual"] * 3
    assert label(results[1])[1] == 0.5  # it is not as usual as before


def test_what_moves_or_flickers_goes_on_and_what_comes_elsewhere_begins_anew() -> None:
    moving = [scene((step * 3, 12, step * 3 + 16, 20)) for step in range(8)]
    assert len(boxes(see(remember(after=0.5), moving)[-1])) == 1
    flickering = [scene((8, 12, 24, 20)) if step % 3 else scene() for step in range(9)]
    assert len(boxes(see(remember(after=0.5), flickering)[-1])) == 1
    jumping = [scene((0, 0, 8, 8)) if step < 4 else scene((48, 40, 56, 48)) for step in range(8)]
    assert boxes(see(remember(after=0.5), jumping)[-1]) == []


def test_a_slow_camera_can_tell_what_lasts_too() -> None:
    results = see(remember(after=2.0), [scene((8, 12, 24, 20))] * 3, fps=0.5)
    assert [len(boxes(result)) for result in results] == [0, 1, 1]


def test_another_recording_begins_anew() -> None:
    stage, bag = remember(after=0.5), scene((8, 12, 24, 20))
    assert len(boxes(see(stage, [bag] * 8)[-1])) == 1
    assert boxes(see(stage, [bag])[0]) == []


def test_a_higher_threshold_and_a_larger_area_report_less() -> None:
    image = scene((8, 12, 24, 20), (40, 40, 44, 44))
    assert len(boxes(run(remember(after=0.0), image))) == 2
    assert len(boxes(run(remember(after=0.0, min_area=0.01), image))) == 1
    result = run(remember(after=0.0, threshold=3.0), image)
    assert boxes(result) == []
    assert label(result) == ["usual", 0.6]


def test_the_picture_glows_where_it_is_unusual() -> None:
    result = run(remember(after=0.0), scene((8, 12, 24, 20)))
    (picture,) = result.all(Picture)
    assert picture.to_frame is not None
    assert picture.image.shape == (HEIGHT, WIDTH, 3)
    inside, outside = picture.image[16, 16].astype(int), picture.image[40, 50]
    assert inside.max() - inside.min() > 60  # coloured
    assert outside.tolist() == [0, 0, 0]


def test_the_picture_may_be_what_was_redrawn_or_none() -> None:
    white = scene((0, 0, WIDTH, HEIGHT))
    (picture,) = run(remember(shows="redrawn"), white).all(Picture)
    assert not picture.image.any()
    assert list(run(remember(shows="none"), white).all(Picture)) == []


@pytest.mark.parametrize("channels", [1, 3])
def test_any_autoencoder_will_do(channels: int) -> None:
    stage = remember(black_drawer(1, HEIGHT, WIDTH, channels), after=0.0)
    assert boxes(run(stage, scene((8, 12, 24, 20)))) == [[8, 12, 24, 20]]
    assert boxes(run(stage, scene((8, 12, 24, 20), level=20))) == []  # less than a tenth of white


def test_a_model_that_makes_pictures_of_another_size_is_none() -> None:
    with pytest.raises(StageError, match=r"64 x 48 pixels as 128 x 96; an autoencoder"):
        run(remember(black_drawer(1, 2 * HEIGHT, 2 * WIDTH, 3)), scene())


def test_a_model_that_draws_nothing_is_refused() -> None:
    output = TensorSpec("scores", (1, 10), "float32", meaning="scores")
    with pytest.raises(ModelError, match="its task is classify"):
        remember(FakeModel([IMAGE], [output], lambda _: {}))


def test_a_model_whose_heat_is_no_number_is_told() -> None:
    heat = np.full(HEAT.shape, np.nan, np.float32)
    model = FakeModel(
        [IMAGE], [REDRAWN, HEAT], lambda _: {"redrawn": np.zeros(REDRAWN.shape), "heat": heat}
    )
    with pytest.raises(StageError, match="no numbers"):
        run(remember(model), scene())


def test_a_bundle_with_heat_can_be_drawn_with_too() -> None:
    bundle: ModelBundle = knowing().bundle
    assert [spec.meaning for spec in bundle.outputs] == ["image", "heat"]
    stage = remember(shows="none")
    assert run(stage, scene()).findings


def test_scores_are_a_half_at_the_threshold() -> None:
    assert score_of(np.array([0.0, 1.5, 1e9]), 1.5).tolist() == pytest.approx([0.0, 0.5, 1.0])


def test_nothing_glows_up_to_half_the_threshold() -> None:
    grey = still(100, 8, 8)
    assert np.array_equal(glowing(grey, np.full((2, 2), 0.49, np.float32), 1.0), grey)
    assert not np.array_equal(glowing(grey, np.full((2, 2), 1.0, np.float32), 1.0), grey)


def test_what_merges_is_as_old_as_the_older() -> None:
    lasting, two = Lasting(), np.array([[0, 0, 10, 10], [50, 0, 60, 10]])
    lasting.seconds(two[:1], 0.0, 2.0)
    assert lasting.seconds(two, 0.5, 2.0).tolist() == [0.5, 0.0]
    assert lasting.seconds(np.array([[0, 0, 60, 10]]), 1.0, 2.0).tolist() == [1.0]
    assert lasting.seconds(np.zeros((0, 4)), 1.5, 2.0).tolist() == []
    assert lasting.seconds(two, 1.9, 2.0).tolist() == [1.9, 1.9]
    lasting.seconds(np.zeros((0, 4)), 4.0, 2.0)
    assert lasting.seconds(two[:1], 5.5, 2.0).tolist() == [0.0]
