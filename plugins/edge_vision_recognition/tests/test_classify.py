from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from edge_vision_recognition import Classify

from edge_vision import (
    ConfigError,
    Labels,
    LiteRTModel,
    ModelError,
    Options,
    Result,
    StageError,
    TensorSpec,
    geometry,
    load_bundle,
)
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")

IMAGE = TensorSpec("image", (1, 4, 6, 3), "uint8", meaning="image")
LABELS = ("cat", "dog", "bird")


def fake(*scores: float, labels: tuple[str, ...] = LABELS) -> FakeModel:
    output = TensorSpec("scores", (1, len(scores)), "float32", meaning="scores")
    row = np.array([scores], np.float32)
    return FakeModel([IMAGE], [output], lambda inputs: {"scores": row}, labels)


def rows(result: Result) -> tuple[tuple[str, float], ...]:
    (labels,) = result.all(Labels)
    return tuple((label, round(score, 3)) for label, score in labels.rows)


def test_the_best_labels_come_first() -> None:
    stage = make_stage(Classify, {"m": fake(0.2, 0.7, 0.1)}, model="m")
    assert rows(run(stage, still())) == (("dog", 0.7), ("cat", 0.2), ("bird", 0.1))


def test_top_and_min_score_leave_labels_out() -> None:
    model = fake(0.2, 0.7, 0.1)
    assert len(rows(run(make_stage(Classify, {"m": model}, model="m", top=2), still()))) == 2
    found = run(make_stage(Classify, {"m": model}, model="m", min_score=0.5), still())
    assert rows(found) == (("dog", 0.7),)


def test_a_label_below_min_score_leaves_an_empty_finding() -> None:
    stage = make_stage(Classify, {"m": fake(0.2, 0.7, 0.1)}, model="m", min_score=0.9)
    assert rows(run(stage, still())) == ()


def test_equal_scores_keep_the_models_order() -> None:
    stage = make_stage(Classify, {"m": fake(0.25, 0.5, 0.25)}, model="m")
    assert [label for label, _ in rows(run(stage, still()))] == ["dog", "cat", "bird"]


def test_top_and_min_score_may_change_while_running() -> None:
    stage = make_stage(Classify, {"m": fake(0.2, 0.7, 0.1)}, model="m")
    stage.options = stage.options.changed("top", 1)
    assert rows(run(stage, still())) == (("dog", 0.7),)
    assert isinstance(stage.options, Options)
    assert set(Classify.Options.live()) == {"top", "min_score"}


def test_the_model_sees_the_view_in_its_own_size_and_channel_order() -> None:
    model = fake(0.2, 0.7, 0.1)
    image = still((10, 20, 30), width=12, height=8)
    image = image.copy()
    image[:, 6:] = (90, 80, 70)
    view = Result.of(make_frame(image)).view.mapped(geometry.translation(6, 0), (6, 8))
    stage = make_stage(Classify, {"m": model}, model="m")
    stage(Result.of(make_frame(image)).with_view(view))
    (call,) = model.calls
    assert call["image"].shape == (1, 4, 6, 3)
    assert (call["image"] == (70, 80, 90)).all()


def test_labels_that_do_not_fit_the_model_are_refused_at_once() -> None:
    with pytest.raises(ModelError, match="3 classes but 5 labels"):
        make_stage(Classify, {"m": fake(0.2, 0.7, 0.1, labels=tuple("abcde"))}, model="m")


def test_a_model_without_scores_is_refused_at_once() -> None:
    output = TensorSpec("o", (1, 8, 8, 3), "float32", meaning="image")
    model = FakeModel([IMAGE], [output], lambda inputs: {})
    with pytest.raises(ModelError, match="use it with the stage generate"):
        make_stage(Classify, {"m": model}, model="m")


def test_values_that_are_no_numbers_are_an_error() -> None:
    stage = make_stage(Classify, {"m": fake(0.2, float("nan"), 0.1)}, model="m")
    with pytest.raises(StageError, match="no numbers"):
        run(stage, still())


@pytest.mark.parametrize(
    ("key", "value"), [("top", 0), ("top", 101), ("min_score", 1.5), ("min_score", -0.1)]
)
def test_options_have_bounds(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{key}: "):
        make_stage(Classify, {"m": fake(0.2, 0.7)}, model="m", **{key: value})


@needs_shared
@pytest.mark.shared
@pytest.mark.parametrize(
    ("picture", "label"),
    [("parrot.jpg", "macaw"), ("cat.bmp", "Egyptian cat"), ("grace_hopper.bmp", "military uniform")],
)
def test_mobilenet_knows_its_pictures(picture: str, label: str) -> None:
    models = SHARED / "models"
    model = LiteRTModel(
        load_bundle(
            models / "mobilenet_v2_1.0_224_quant.tflite", "m", labels=models / "imagenet_labels.txt"
        )
    )
    image = cv2.imread(str(SHARED / "images" / picture))
    assert image is not None
    (best, score), *others = rows(
        run(make_stage(Classify, {"m": model}, model="m"), image.astype(np.uint8))
    )
    assert best == label
    assert score > 0.4
    assert len(others) == 4
    assert sum(score for _, score in others) < 1 - score + 0.01
