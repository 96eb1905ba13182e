from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pytest
from edge_vision_recognition import Read

from edge_vision import (
    LiteRTModel,
    ModelError,
    Result,
    TensorSpec,
    Text,
    geometry,
    load_bundle,
)
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")

IMAGE = TensorSpec("image", (1, 8, 32, 1), "float32", meaning="image")
ALPHABET = "0123456789-"


def reader(path: str, sure: float = 1.0) -> FakeModel:
    """A model that says a path, a character a step, whatever it sees."""
    steps = np.full((1, len(path), len(ALPHABET)), (1 - sure) / (len(ALPHABET) - 1), np.float32)
    steps[0, np.arange(len(path)), [ALPHABET.index(mark) for mark in path]] = sure
    output = TensorSpec("steps", steps.shape, "float32", meaning="step-scores")
    return FakeModel([IMAGE], [output], lambda inputs: {"steps": steps}, tuple(ALPHABET[:-1]))


def texts(result: Result) -> list[Text]:
    return list(result.all(Text))


def test_the_text_is_read_with_its_score_and_the_whole_frame_as_its_box() -> None:
    stage = make_stage(Read, {"m": reader("00-447-11", sure=0.95)}, model="m")
    (text,) = texts(run(stage, still(width=64, height=48)))
    assert (text.text, text.box) == ("0471", (0.0, 0.0, 64.0, 48.0))
    assert 0.95**9 <= text.score < 1.0


def test_the_box_of_a_crop_is_its_part_of_the_frame() -> None:
    start = Result.of(make_frame(still(width=64, height=48)))
    view = start.view.mapped(geometry.translation(40, 8), (32, 16)).resized((128, 64))
    stage = make_stage(Read, {"m": reader("12")}, model="m")
    (text,) = texts(stage(start.with_view(view)))
    assert text.box == (40.0, 8.0, 64.0, 24.0)


def test_nothing_is_reported_where_nothing_is_read() -> None:
    stage = make_stage(Read, {"m": reader("---")}, model="m")
    assert texts(run(stage, still())) == []


def test_nothing_is_reported_of_a_view_beside_the_frame() -> None:
    start = Result.of(make_frame(still()))
    aside = start.with_view(start.view.mapped(geometry.translation(500, 0), (64, 48)))
    assert texts(make_stage(Read, {"m": reader("12")}, model="m")(aside)) == []


def test_min_score_leaves_texts_out_and_may_change_while_running() -> None:
    stage = make_stage(Read, {"m": reader("1-2-", sure=0.9)}, model="m", min_score=0.9)
    assert texts(run(stage, still())) == []
    stage.options = stage.options.changed("min_score", 0.5)
    assert [text.text for text in texts(run(stage, still()))] == ["12"]
    assert Read.Options.live() == ("min_score",)


def test_a_model_that_reads_nothing_is_refused_at_once() -> None:
    output = TensorSpec("o", (1, 10), "float32", meaning="scores")
    model = FakeModel([IMAGE], [output], lambda inputs: {})
    with pytest.raises(ModelError, match="use it with the stage classify"):
        make_stage(Read, {"m": model}, model="m")


# Real models


def shared_bundle(tmp_path: Path, model: str, labels: list[str], table: str) -> LiteRTModel:
    (tmp_path / "model.tflite").write_bytes((SHARED / "models" / model).read_bytes())
    (tmp_path / "labels.txt").write_text("\n".join(labels))
    (tmp_path / "bundle.toml").write_text(f'task = "read"\n{table}')
    return LiteRTModel(load_bundle(tmp_path, "m"))


@needs_shared
@pytest.mark.shared
def test_tenths_of_a_meter_digit_are_read_as_text(tmp_path: Path) -> None:
    tenths = [f"{number / 10:.1f}" for number in range(100)]
    pixels = "[input]\nmean = 0\nstd = 1\n"
    model = shared_bundle(tmp_path, "dig-class100-0180-s2_q.tflite", tenths, pixels)
    stage = make_stage(Read, {"m": model}, model="m")
    off = []
    with ZipFile(SHARED / "datasets" / "meter-digits.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
        for name in names[::75]:
            image = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)
            assert image is not None
            (text,) = texts(run(stage, image.astype(np.uint8)))
            distance = abs(float(text.text) - float(name.split("/")[-2]))
            off.append(min(distance, 10 - distance))  # the wheel turns from 9.9 to 0.0
    assert len(off) > 200
    assert np.mean(np.array(off) < 0.15) > 0.98


@needs_shared
@pytest.mark.shared
def test_a_digit_is_read_by_a_classifier_that_is_declared_to_read(tmp_path: Path) -> None:
    model = shared_bundle(tmp_path, "tflm_mnist_lstm_float.tflite", list("0123456789"), "")
    image = cv2.imread(str(SHARED / "images" / "mnist_nine.bmp"))
    assert image is not None
    (text,) = texts(run(make_stage(Read, {"m": model}, model="m"), image.astype(np.uint8)))
    assert text.text == "9"
    assert text.score > 0.9
