from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from edge_vision_recognition import Crops
from numpy.typing import NDArray

from edge_vision import (
    ConfigError,
    Detections,
    Embedding,
    Labels,
    Model,
    ModelError,
    Result,
    StageError,
    TensorSpec,
    Text,
    View,
    geometry,
)
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still

SIZE = 8
IMAGE = TensorSpec("image", (1, SIZE, SIZE, 3), "uint8")
Inputs = Mapping[str, NDArray[Any]]


def things(
    *boxes: Sequence[float],
    scores: Sequence[float] | None = None,
    tracks: Sequence[int] | None = None,
    labels: Sequence[int] | None = None,
    stage: str = "detect",
) -> Detections:
    """Detections of the classes person and car, of the scores 0.9, 0.8, ... unless told otherwise."""
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores or [0.9 - 0.1 * i for i in range(count)], np.float32),
        np.array(labels or [0] * count, np.int32),
        ("person", "car"),
        None if tracks is None else np.array(tracks),
        stage=stage,
    )


def brightness(image_spec: TensorSpec = IMAGE) -> FakeModel:
    """A classifier: dark and bright, by the mean of what it sees."""

    def answer(inputs: Inputs) -> dict[str, NDArray[Any]]:
        bright = inputs["image"].mean() / 255
        return {"scores": np.array([[1 - bright, bright]], np.float32)}

    output = TensorSpec("scores", (1, 2), "float32", meaning="scores")
    return FakeModel([image_spec], [output], answer, ("dark", "bright"))


def finder(*boxes: Sequence[float], score: float = 0.9) -> FakeModel:
    """A detector of eyes that always finds these boxes (ymin, xmin, ymax, xmax), already suppressed."""
    count = len(boxes)
    shapes = {"boxes": (1, count, 4), "classes": (1, count), "scores": (1, count), "count": (1,)}
    outputs = [TensorSpec(name, shape, "float32", meaning=name) for name, shape in shapes.items()]
    answer = {
        "boxes": np.array([boxes], np.float32),
        "classes": np.zeros((1, count), np.float32),
        "scores": np.full((1, count), score, np.float32),
        "count": np.array([count], np.float32),
    }
    return FakeModel([IMAGE], outputs, lambda _: answer, ("eye",))


def counter() -> FakeModel:
    """A recurrent embedder that counts its runs, and adds up the mean of what it sees."""

    def answer(inputs: Inputs) -> dict[str, NDArray[Any]]:
        sums = inputs["sums_in"] + np.array([[1.0, inputs["image"].mean()]], np.float32)
        return {"sums_out": sums, "embedding": sums}

    before, after = (TensorSpec(f"sums_{side}", (1, 2), "float32") for side in ("in", "out"))
    output = TensorSpec("embedding", (1, 2), "float32")
    return FakeModel([IMAGE, before], [output, after], answer)


def crops(model: Model, **options: Any) -> Crops:
    return make_stage(Crops, {"m": model}, model="m", **options)


def halves() -> NDArray[np.uint8]:
    """A picture, 200 wide and 100 high, black to the left and white to the right."""
    image = still(0, 200, 100).copy()
    image[:, 100:] = 255
    return image


LEFT, RIGHT = (10, 10, 50, 50), (150, 10, 190, 50)


def said(result: Result) -> list[tuple[str, tuple[float, ...] | None, int | None]]:
    return [(found.rows[0][0], found.box, found.track_id) for found in result.all(Labels)]


# What is said


def test_each_thing_is_classified_and_named_by_its_box_best_first() -> None:
    result = run(crops(brightness()), halves(), things(LEFT, RIGHT, scores=[0.5, 0.6]))
    assert said(result) == [("bright", RIGHT, None), ("dark", LEFT, None)]


def test_labels_carry_the_track() -> None:
    result = run(crops(brightness()), halves(), things(LEFT, RIGHT, tracks=[7, 8]))
    assert said(result) == [("dark", LEFT, 7), ("bright", RIGHT, 8)]


def test_top_and_min_answer_score_leave_labels_out() -> None:
    found = things((75, 10, 115, 50))
    (one,) = run(crops(brightness(), margin=0.0), halves(), found).all(Labels)
    (two,) = run(crops(brightness(), margin=0.0, top=2), halves(), found).all(Labels)
    (sure,) = run(crops(brightness(), margin=0.0, top=2, min_answer_score=0.5), halves(), found).all(
        Labels
    )
    assert [len(labels.rows) for labels in (one, two, sure)] == [1, 2, 1]


def test_things_inside_are_in_frame_pixels_and_of_the_track_around_them() -> None:
    model = finder((0.25, 0.25, 0.5, 0.5))
    result = run(crops(model, margin=0.0), still(0, 200, 100), things(LEFT, RIGHT, tracks=[7, 8]))
    _, inside = result.all(Detections)
    assert inside.xyxy.tolist() == [[20, 20, 30, 30], [160, 20, 170, 30]]
    assert [(row.label, row.track_id) for row in inside] == [("eye", 7), ("eye", 8)]


def test_things_inside_without_a_track_have_none() -> None:
    result = run(crops(finder((0.25, 0.25, 0.5, 0.5))), still(0, 200, 100), things(LEFT))
    _, inside = result.all(Detections)
    assert inside.track_id is None


def test_things_of_tracked_and_untracked_stages_are_told_apart() -> None:
    found = things(LEFT, tracks=[7], stage="a"), things(RIGHT, stage="b")
    result = run(crops(finder((0.25, 0.25, 0.5, 0.5))), still(0, 200, 100), *found)
    tracked, untracked = list(result.all(Detections))[2:]
    assert [row.track_id for row in tracked] == [7]
    assert untracked.track_id is None


def test_what_two_crops_see_is_found_once() -> None:
    model = finder((0.0, 0.0, 1.0, 1.0))
    result = run(crops(model), still(0, 200, 100), things((10, 10, 50, 50), (11, 10, 51, 50), RIGHT))
    _, inside = result.all(Detections)
    assert len(inside) == 2


@pytest.mark.parametrize(("score", "options"), [(0.45, {}), (0.8, {"min_answer_score": 0.9})])
def test_things_inside_of_a_low_score_are_left_out(score: float, options: dict[str, float]) -> None:
    result = run(crops(finder((0, 0, 1, 1), score=score), **options), still(), things((0, 0, 20, 20)))
    _, inside = result.all(Detections)
    assert len(inside) == 0


def test_key_points_of_a_crop_are_in_frame_pixels() -> None:
    output = TensorSpec("pose", (1, 1, 2, 3), "float32")
    pose = np.array([[[[0.25, 0.5, 0.9], [0.5, 0.75, 0.9]]]], np.float32)
    model = FakeModel([IMAGE], [output], lambda _: {"pose": pose})
    result = run(crops(model, margin=0.0), still(0, 200, 100), things(LEFT, tracks=[3]))
    _, poses = result.all(Detections)
    assert poses.keypoints is not None
    np.testing.assert_allclose(poses.keypoints[0], [[30, 20, 0.9], [40, 30, 0.9]], rtol=1e-6)
    assert [row.track_id for row in poses] == [3]


def test_a_vector_stands_for_its_box() -> None:
    output = TensorSpec("embedding", (1, 3), "float32", meaning="embedding")
    model = FakeModel([IMAGE], [output], lambda _: {"embedding": np.array([[1, 2, 3]], np.float32)})
    (vector,) = run(crops(model), still(0, 200, 100), things(LEFT, tracks=[3])).all(Embedding)
    assert (vector.vector.tolist(), vector.box, vector.track_id) == ([1, 2, 3], LEFT, 3)


def reading(*steps: int, labels: str = "0123456789") -> FakeModel:
    """A reader whose steps say these classes; 10 is the blank."""
    scores = np.eye(11, dtype=np.float32)[list(steps)][np.newaxis]
    output = TensorSpec("steps", scores.shape, "float32", meaning="step-scores")
    return FakeModel([IMAGE], [output], lambda _: {"steps": scores}, tuple(labels))


def test_what_is_read_has_the_box_and_the_track() -> None:
    (text,) = run(crops(reading(4, 10, 4, 2)), still(0, 200, 100), things(LEFT, tracks=[3])).all(Text)
    assert (text.text, text.box, text.track_id) == ("442", LEFT, 3)


def test_where_nothing_is_read_nothing_is_said() -> None:
    assert not list(run(crops(reading(10, 10)), still(), things((0, 0, 20, 20))).all(Text))


def test_where_nothing_was_found_nothing_is_run() -> None:
    model = brightness()
    result = run(crops(model), halves(), things())
    assert not model.calls
    assert len(result.findings) == 1


# What is looked at


def looked_at(model: FakeModel) -> list[int]:
    return [round(float(call["image"].mean())) for call in model.calls]


def greys() -> NDArray[np.uint8]:
    """Ten columns, each 20 wide, of grey 0, 20, ... 180."""
    return np.repeat(np.repeat(np.arange(0, 200, 20, dtype=np.uint8), 20)[np.newaxis], 100, axis=0)[
        :, :, np.newaxis
    ].repeat(3, axis=2)


def column(number: int) -> tuple[int, int, int, int]:
    return (20 * number, 20, 20 * number + 20, 40)


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({}, [20, 60, 100]),
        ({"most": 2}, [20, 60]),
        ({"min_score": 0.85}, [20]),
        ({"labels": ["car"]}, [60]),
        ({"of": ["other"]}, [100]),
        ({"of": ["detect", "other"], "most": 2}, [20, 60]),
    ],
)
def test_options_choose_what_is_looked_at(options: dict[str, Any], seen: list[int]) -> None:
    model = brightness()
    found = things(column(1), column(3), scores=[0.9, 0.8], labels=[0, 1])
    other = things(column(5), scores=[0.7], stage="other")
    run(crops(model, margin=0.0, **options), greys(), found, other)
    assert looked_at(model) == seen


def test_live_options_may_change_while_running() -> None:
    assert set(Crops.Options.live()) == {"min_score", "most", "margin", "top", "min_answer_score"}
    model = brightness()
    stage = crops(model)
    stage.options = stage.options.changed("most", 1)
    run(stage, greys(), things(column(1), column(3)))
    assert len(model.calls) == 1


def region(
    box: Sequence[float],
    *,
    aspect: tuple[int, int] = (SIZE, SIZE),
    view: View | None = None,
    **options: Any,
) -> tuple[float, ...]:
    """What the model looks at because of a box, in pixels of a frame of 200 x 100."""
    model = brightness(TensorSpec("image", (1, aspect[1], aspect[0], 3), "uint8"))
    stage = crops(model, **options)
    result = Result.of(make_frame(still(0, 200, 100))).add(things(box))
    seen: list[View] = []
    look = stage._run.view

    def watched(cut: View) -> View:
        seen.append(look(cut))
        return seen[-1]

    stage._run.view = watched  # type: ignore[assignment, method-assign]
    stage(result if view is None else result.with_view(view))
    (corners,) = seen[0].boxes_to_frame([0, 0, *seen[0].size]).tolist()
    return tuple(round(side, 2) for side in corners)


def test_a_margin_is_left_around_the_box_where_the_view_goes_on() -> None:
    assert region((40, 40, 60, 60), margin=0.25) == (35, 35, 65, 65)
    assert region((0, 0, 20, 20), margin=0.25) == (0, 0, 25, 25)
    assert region((0, 40, 20, 60), margin=0.25, keep_aspect=False) == (0, 35, 25, 65)


@pytest.mark.parametrize(
    ("box", "aspect", "expected"),
    [
        ((40, 40, 60, 80), (8, 8), (30, 40, 70, 80)),
        ((40, 40, 80, 60), (8, 8), (40, 30, 80, 70)),
        ((40, 40, 60, 60), (16, 8), (30, 40, 70, 60)),
        ((40, 40, 60, 60), (8, 16), (40, 30, 60, 70)),
        ((0, 40, 20, 80), (8, 8), (0, 40, 40, 80)),
        ((180, 60, 200, 100), (8, 8), (160, 60, 200, 100)),
        ((0, 20, 200, 80), (8, 8), (0, -50, 200, 150)),
    ],
)
def test_a_crop_has_the_models_aspect_ratio_and_stays_in_the_view_where_it_fits(
    box: Sequence[float], aspect: tuple[int, int], expected: tuple[float, ...]
) -> None:
    assert region(box, aspect=aspect, margin=0.0) == expected


def test_a_crop_may_be_stretched() -> None:
    assert region((40, 40, 60, 80), margin=0.0, keep_aspect=False) == (40, 40, 60, 80)


def test_crops_are_cut_from_the_view_as_earlier_stages_turned_it() -> None:
    """A picture upside down is looked at the right way up."""
    model = brightness()
    image = halves()
    image[50:] = 255
    result = Result.of(make_frame(image))
    turned = result.view.mapped(geometry.rotation(180, (100, 50)), (200, 100))
    crops(model, margin=0.0)(result.with_view(turned).add(things((92, 42, 108, 58))))
    seen = model.calls[0]["image"][0, :, :, 0]
    assert (seen[:4] == 255).all()  # the lower half of the frame comes first
    assert (seen[4:, 4:] == 0).all()
    assert (seen[4:, :4] == 255).all()


def test_crops_show_what_a_view_shows() -> None:
    whole = Result.of(make_frame(still(0, 200, 100))).view
    part = whole.mapped(geometry.translation(100, 0), (100, 100))
    assert region((90, 40, 130, 80), margin=0.0, keep_aspect=False, view=part) == (100, 40, 130, 80)
    small = whole.mapped(geometry.scaling(4, 4), (50, 25))
    assert region((40, 40, 60, 60), margin=0.25, view=small) == (35, 35, 65, 65)


def test_what_an_earlier_stage_hid_stays_hidden() -> None:
    model = brightness()
    result = Result.of(make_frame(halves())).add(things(RIGHT))
    hidden = result.repainted(lambda image, _: np.full_like(image, 77))
    crops(model)(hidden)
    assert looked_at(model) == [77]
    toned = result.with_view(result.view.with_pixels(still(50, 200, 100)))
    crops(model)(toned)
    assert looked_at(model) == [77, 50]


@pytest.mark.parametrize("box", [(300, 0, 400, 50), (50, 50, 50.5, 90), (-50, 0, 0.5, 90)])
def test_what_the_view_does_not_show_is_passed_over(box: Sequence[float]) -> None:
    model = brightness()
    result = run(crops(model, most=1), halves(), things(box, RIGHT))
    assert said(result) == [("bright", RIGHT, None)]


# State, for each track


def vectors(result: Result) -> dict[int | None, list[float]]:
    return {found.track_id: found.vector.tolist() for found in result.all(Embedding)}


def test_state_belongs_to_the_track_wherever_it_goes() -> None:
    stage = crops(counter(), margin=0.0)
    assert stage.stateful
    assert vectors(run(stage, halves(), things(LEFT, RIGHT, tracks=[1, 2]), index=0)) == {
        1: [1, 0],
        2: [1, 255],
    }
    # They change places, and a third one comes.
    found = things(RIGHT, LEFT, (150, 60, 190, 90), tracks=[1, 2, 3])
    assert vectors(run(stage, halves(), found, index=1)) == {1: [2, 255], 2: [2, 255], 3: [1, 255]}


def test_tracks_of_two_stages_are_not_mixed() -> None:
    stage = crops(counter(), margin=0.0)
    found = things(LEFT, tracks=[1], stage="a"), things(RIGHT, tracks=[1], stage="b")
    for index in range(3):
        result = run(stage, halves(), *found, index=index)
    assert [v.vector.tolist() for v in result.all(Embedding)] == [[3, 0], [3, 765]]


def test_a_track_that_was_gone_for_long_starts_anew_and_others_do_not() -> None:
    stage = crops(counter(), reset_after=0.25)
    runs: dict[int | None, list[float]] = {}
    for index in range(6):
        tracks = [1, 2] if index in (0, 1, 5) else [2]
        found = things(*[LEFT, RIGHT][-len(tracks) :], tracks=tracks)
        for track, (count, _) in vectors(run(stage, halves(), found, index=index)).items():
            runs.setdefault(track, []).append(count)
    assert runs == {1: [1, 2, 1], 2: [1, 2, 3, 4, 5, 6]}


def test_a_track_that_is_found_twice_in_a_frame_counts_once() -> None:
    stage = crops(counter())
    result = run(stage, halves(), things(LEFT, RIGHT, tracks=[1, 1], scores=[0.5, 0.6]))
    (vector,) = result.all(Embedding)
    assert (vector.box, vector.vector.tolist()[0]) == (RIGHT, 1)


def test_a_recurrent_model_needs_tracks() -> None:
    with pytest.raises(StageError, match="needs a tracker before it: what detect finds has no tracks"):
        run(crops(counter()), halves(), things(LEFT))
    assert not crops(brightness()).stateful


# What cannot be


def test_a_model_that_answers_no_question_about_a_thing_is_refused() -> None:
    output = TensorSpec("picture", (1, 16, 16, 3), "float32", meaning="image")
    with pytest.raises(ModelError, match="is a model to generate; crops runs models to classify, read"):
        crops(FakeModel([IMAGE], [output], lambda _: {}))


def test_a_model_that_needs_more_than_the_picture_is_refused() -> None:
    model = brightness()
    more = replace(model.bundle, inputs=(IMAGE, TensorSpec("style", (1, 4), "float32")))
    model._bundle = more
    with pytest.raises(ModelError, match=r"needs the input style \(1, 4\) float32"):
        crops(model)


@pytest.mark.parametrize(
    ("key", "value"), [("most", 0), ("margin", -0.1), ("min_score", 2), ("reset_after", 0), ("top", 0)]
)
def test_options_have_bounds(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"^{key}: "):
        crops(brightness(), **{key: value})


# Sharpened first


def doubling() -> FakeModel:
    """A model that gives each pixel of a picture four times, and as bright as can be."""
    given = TensorSpec("image", (1, 8, 8, 1), "uint8", meaning="image")
    made = TensorSpec("picture", (1, 16, 16, 1), "float32", meaning="image")
    white = np.full(made.shape, 255.0, np.float32)
    return FakeModel([given], [made], lambda _: {"picture": white})


def sharpening(model: Model, **options: Any) -> Crops:
    return make_stage(
        Crops, {"m": model, "s": doubling()}, model="m", sharpen="s", margin=0.0, **options
    )


def test_small_crops_are_made_larger_by_a_model_first() -> None:
    stage = sharpening(brightness())
    small, large = (10, 10, 17, 17), (20, 10, 28, 18)  # the model takes 8 x 8
    assert said(run(stage, halves(), things(small, large))) == [
        ("bright", small, None),
        ("dark", large, None),
    ]


def test_what_is_found_in_a_sharpened_crop_is_in_pixels_of_the_frame() -> None:
    stage = sharpening(finder((0.0, 0.0, 0.5, 0.5)))
    _, (eye,) = run(stage, halves(), things((10, 10, 16, 16))).all(Detections)
    assert eye.box == pytest.approx((10, 10, 13, 13))


def test_pixels_count_that_were_captured_however_small_the_view_was_made() -> None:
    stage = sharpening(brightness())
    frame = make_frame(halves())
    whole = View.of(frame).resized((40, 20))
    result = stage(Result.of(frame).with_view(whole).add(things((10, 10, 30, 30))))
    assert said(result) == [("dark", (10, 10, 30, 30), None)]


def test_a_model_that_makes_nothing_larger_cannot_sharpen() -> None:
    with pytest.raises(ModelError, match="makes no picture larger"):
        make_stage(Crops, {"m": brightness(), "s": brightness()}, model="m", sharpen="s")
