"""The recipe `remember`, from a short drawn recording to a model that reports what does not belong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from edge_vision_models.remember import recording
from edge_vision_models.remember.calibration import place_statistics, threshold_of
from edge_vision_models.remember.exam import NOTHING, planted_exam, planted_score
from edge_vision_models.remember.light import Light, relit
from edge_vision_models.remember.recording import Taking, read_recording
from edge_vision_models.remember.things import SIZES, planted, with_pieces
from edge_vision_motion import Remember
from numpy.typing import NDArray

from edge_vision import Detections, LiteRTModel, Result, load_bundle
from edge_vision.builtin.warp import opencv_warp
from edge_vision.data.errors import TrainingError
from edge_vision.data.view import View
from edge_vision.service.cli import main
from edge_vision.service.models.library import Library
from edge_vision.testing import make_frame, make_stage
from edge_vision.training.examples import Examples

PLAIN = Light(exposure=0, gamma=1, haze=0, warmth=0, slope=0, shadows=0, noise=0)
SIZE = (64, 48)
TINY = ("size=[64,48]", "code=8", "width=8", "epochs=6", "copies=3", "rate=10")
CONFIGURATION = Path(__file__).parents[2] / "models/edge_vision_models/remember/remember.toml"

Pixels = NDArray[np.uint8]


def yard(index: int = 0) -> Pixels:
    """A wall with windows, a door and a lawn, (96, 128, 3); a flag moves in a corner."""
    image = np.full((96, 128, 3), (150, 165, 170), np.uint8)
    image[64:] = (70, 120, 90)
    for left in (12, 52, 92):
        cv2.rectangle(image, (left, 18), (left + 20, 40), (90, 70, 60), -1)
        cv2.rectangle(image, (left, 18), (left + 20, 40), (220, 225, 230), 1)
    cv2.rectangle(image, (76, 34), (88, 64), (50, 60, 110), -1)
    cv2.line(image, (0, 80), (127, 72), (110, 140, 150), 2)
    flag = 6 + index % 7
    cv2.rectangle(image, (112, 52), (112 + flag, 58), (40, 40, 200), -1)
    noise = np.random.default_rng(index).normal(0.0, 1.5, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def evening(index: int) -> Pixels:
    """The yard in less and warmer light."""
    return np.asarray(np.clip(yard(index) * np.array([0.5, 0.6, 0.68]), 0, 255), np.uint8)


def with_bag(image: Pixels) -> Pixels:
    made = image.copy()
    cv2.rectangle(made, (24, 66), (38, 84), (200, 60, 190), -1)
    cv2.rectangle(made, (27, 72), (35, 80), (120, 30, 110), -1)
    return made


def write_video(file: Path, frames: int, fps: float = 10.0) -> Path:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), fps, (128, 96))
    for index in range(frames):
        writer.write(yard(index))
    writer.release()
    return file


# ---------------------------------------------------------------- recordings


def test_a_recording_is_taken_apart_in_pieces_from_all_over_it(tmp_path: Path) -> None:
    video = write_video(tmp_path / "yard.avi", 60)
    read = read_recording(video, Taking(SIZE, 10.0), tmp_path / "cache")
    assert read.frames.pictures.shape == (60, 48, 64, 3)
    roles = [len(read.part(role)) for role in ("learns", "calibrates", "judges")]
    assert roles == [36, 12, 12]
    assert read.roles[:18].tolist() == ["learns"] * 18
    assert read.roles[24:30].tolist() == ["judges"] * 6


def test_only_the_usual_stretches_are_taken_and_no_more_than_wanted(tmp_path: Path) -> None:
    video = write_video(tmp_path / "yard.avi", 60)
    some = read_recording(video, Taking(SIZE, 10.0, ((1.0, 2.0), (4.0, 5.5))), tmp_path / "cache")
    assert len(some.frames) == 25
    assert some.frames.names[0] == "yard.avi@1.0s"
    few = read_recording(video, Taking(SIZE, 10.0, (), most=30), tmp_path / "cache")
    assert len(few.frames) == 30


def test_pictures_are_a_recording_too(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(recording.FEWEST):
        cv2.imwrite(str(folder / f"{index}.png"), yard(index))
    read = read_recording(folder, Taking(SIZE, 1.0), tmp_path / "cache")
    assert len(read.frames) == recording.FEWEST
    with pytest.raises(TrainingError, match="pictures have no times"):
        read_recording(folder, Taking(SIZE, 1.0, ((0.0, 1.0),)), tmp_path / "cache")


def test_too_short_a_recording_is_refused(tmp_path: Path) -> None:
    video = write_video(tmp_path / "yard.avi", 15)
    with pytest.raises(TrainingError, match="gives 15 frames; at least 20 are needed"):
        read_recording(video, Taking(SIZE, 10.0), tmp_path / "cache")


# ---------------------------------------------------------------- light and things


def test_light_changes_what_it_is_told_to_and_nothing_else() -> None:
    picture = yard()
    assert np.abs(relit(picture, PLAIN, np.random.default_rng(1)).astype(int) - picture).max() <= 1
    darker = [
        relit(picture, Light.parse({**PLAIN.model_dump(), "exposure": 1}), np.random.default_rng(seed))
        for seed in range(12)
    ]
    levels = [float(each.mean()) for each in darker]
    assert min(levels) < 0.85 * picture.mean() < 1.15 * picture.mean() < max(levels)
    shaded = relit(
        picture,
        Light.parse({**PLAIN.model_dump(), "shadows": 5, "depth": 0.9}),
        np.random.default_rng(3),
    )
    changed = np.abs(shaded.astype(int) - picture).max(axis=2) > 5
    assert 0.01 < changed.mean() < 0.99


@pytest.mark.parametrize("side", SIZES.values())
def test_a_planted_thing_is_in_its_box_and_differs_from_what_it_hides(side: float) -> None:
    picture = yard()
    for seed in range(20):
        made, box = planted(picture, side, np.random.default_rng(seed))
        x1, y1, x2, y2 = box.astype(int)
        assert max(x2 - x1, y2 - y1) <= round(side * 128)
        difference = np.abs(made.astype(int) - picture).max(axis=2)
        assert difference[y1:y2, x1:x2].max() >= 40
        difference[y1:y2, x1:x2] = 0
        assert not difference.any()


def test_pieces_come_from_another_picture() -> None:
    black, white = np.zeros((48, 64, 3), np.uint8), np.full((48, 64, 3), 255, np.uint8)
    shares = [(with_pieces(black, white, np.random.default_rng(seed)) > 0).mean() for seed in range(20)]
    assert min(shares) == 0.0
    assert 0.05 < max(shares) < 0.8


# ---------------------------------------------------------------- calibration and exam


def test_what_varies_at_a_place_is_normal_there_and_beside_it() -> None:
    errors = np.random.default_rng(1).normal(1.0, 0.01, (200, 8, 10))
    errors[:, 3, 4] += np.random.default_rng(2).uniform(0.0, 5.0, 200)
    usual, spread = place_statistics(errors)
    assert usual[3, 4] == pytest.approx(3.5, abs=0.2)
    assert spread[3, 4] == spread[2, 5] > 1.5
    assert spread[6, 8] < 0.3


def test_a_threshold_is_surpassed_as_seldom_as_is_wanted() -> None:
    peaks = np.random.default_rng(3).exponential(1.0, 2000)
    assert threshold_of(peaks, 0.2) == pytest.approx(np.log(5.0), abs=0.15)
    assert threshold_of(peaks, 0.001) == pytest.approx(np.log(1000.0), abs=0.7)
    assert threshold_of(np.ones(50), 0.001) == 1.0


def test_an_exam_has_each_frame_without_and_with_things_of_all_sizes() -> None:
    exam = planted_exam(Examples(np.stack([yard(index) for index in range(3)])), PLAIN, 1)
    assert list(exam.truths) == [NOTHING, "small", "medium", "large"] * 3
    heats = np.zeros((12, 24, 32), np.float32)
    nothing = planted_score(exam, heats)
    assert nothing.values["found"] == nothing.values["false_alarms"] == 0.0
    for row, box in enumerate(exam.boxes):
        x1, y1, x2, y2 = (int(value) // 4 for value in box)
        heats[row, y1 : y2 + 1, x1 : x2 + 1] = 1.5
    all_of_them = planted_score(exam, heats)
    assert all_of_them.values["found"] == 1.0
    assert all_of_them.values["false_alarms"] == 1.0  # the corner of those without a box
    assert all_of_them.drawing is not None
    assert all_of_them.drawing(1, yard()).shape == (192, 512, 3)


# ---------------------------------------------------------------- from a recording to a model


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("remember")
    video = write_video(folder / "yard.avi", 120)
    words = ["train", "remember", "--data", video, "--out", folder / "yard"]
    assert main([*map(str, words), *(f"--set={setting}" for setting in TINY)]) == 0
    return folder / "yard"


@pytest.fixture
def stage(run: Path) -> Iterator[Remember]:
    model = LiteRTModel(load_bundle(run / "bundle", "yard"))
    yield make_stage(Remember, {"yard": model}, model="yard", after=1.0)
    model.close()


def reports(stage: Remember, images: list[Pixels]) -> list[list[list[float]]]:
    found = []
    for index, image in enumerate(images):
        frame = make_frame(image, index)
        result = stage(Result(frame, View.of(frame, opencv_warp)))
        found.append(next(result.all(Detections)).xyxy.tolist())
    return found


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_the_bundle_says_what_it_is_and_verifies(run: Path) -> None:
    made = tomllib.loads((run / "bundle" / "bundle.toml").read_text())
    assert (made["task"], made["layout"]) == ("generate", "image-and-heat")
    figures = made["made"]["metrics"][made["variant"]]
    assert figures["found_large"] >= 0.8
    assert figures["false_alarms"] <= 0.1
    assert main(["models", "verify", str(run / "bundle")]) == 0


@pytest.mark.timeout(300)
def test_a_bag_is_reported_where_it_lies_once_it_has_lain_there(stage: Remember) -> None:
    found = reports(stage, [yard(500 + index) for index in range(5)])
    assert found == [[]] * 5
    found = reports(stage, [with_bag(yard(600 + index)) for index in range(15)])
    assert found[:10] == [[]] * 10
    for boxes in found[11:]:
        ((x1, y1, x2, y2),) = boxes
        assert max(x1 - 24, y1 - 66, 38 - x2, 84 - y2) <= 0
        assert (x2 - x1) * (y2 - y1) < 0.2 * 128 * 96


@pytest.mark.timeout(300)
def test_an_evening_is_usual_and_a_bag_in_it_is_not(stage: Remember) -> None:
    assert reports(stage, [evening(500 + index) for index in range(15)]) == [[]] * 15
    found = reports(stage, [with_bag(yard(700 + index)) // 2 for index in range(15)])
    assert all(found[11:])


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_the_configuration_beside_the_recipe_is_good(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIGURATION.read_text().replace("runs/yard/bundle", str(run / "bundle"))
    file = tmp_path / "remember.toml"
    file.write_text(text)
    assert main(["check", str(file)]) == 0, capsys.readouterr().err


def test_a_recipe_without_a_bundle_is_no_model() -> None:
    shipped: Any = {volume.name for volume in Library.here({}).volumes()}
    assert "remember" not in shipped


def test_what_is_no_multiple_of_sixteen_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorflow")
    video = write_video(tmp_path / "yard.avi", 25)
    words = ["train", "remember", "--data", str(video), "--out", str(tmp_path / "run")]
    assert main([*words, "--set=size=[60,48]", "--set=rate=10"]) == 1
    assert "no two multiples of 16" in capsys.readouterr().err
