"""Judging models that make pictures larger, as papers on super-resolution do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError, TrainingError
from edge_vision.service.cli import main
from edge_vision.testing import FakeModel
from edge_vision.training.data.resampling import as_pixels, scaled
from edge_vision.training.data.unlabelled import read_unlabelled
from edge_vision.training.evaluation.enlarging import evaluate_enlarger
from edge_vision.training.evaluation.images import luma, psnr
from edge_vision.training.examples import Examples
from edge_vision.training.report.table import figure
from tests import tiny_models

Pixels = NDArray[np.uint8]


def interpolating(side: int = 40, channels: int = 1, sharper: float = 0.0) -> FakeModel:
    """A model that enlarges as bicubic interpolation does, and, where told, overdraws edges."""
    given = TensorSpec("image", (1, side, side, channels), "uint8", meaning="image")
    shape = (1, 2 * side, 2 * side, channels)

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        large = scaled(np.moveaxis(inputs["image"][0], -1, 0), 2.0)
        soft = np.stack([cv2.GaussianBlur(each, (0, 0), 1.2) for each in large])
        return {"picture": np.moveaxis(large + sharper * (large - soft), 0, -1)[None].astype(np.float32)}

    return FakeModel([given], [TensorSpec("picture", shape, "float32", meaning="image")], answer)


def drawn(seed: int, width: int = 80, height: int = 80) -> Pixels:
    """Discs in colours, with soft edges, (height, width, 3) uint8."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), random.integers(0, 256, 3), np.uint8)
    for _ in range(12):
        middle = random.integers(0, (width, height)).tolist()
        colour = random.integers(0, 256, 3).tolist()
        cv2.circle(picture, middle, int(random.integers(3, 20)), colour, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8)


def folder(place: Path, *names: str) -> Path:
    for seed, name in enumerate(names):
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), drawn(seed))
    return place


def test_a_model_that_interpolates_gains_nothing_and_bicubic_is_as_papers_count_it(
    tmp_path: Path,
) -> None:
    score = evaluate_enlarger(interpolating(), read_unlabelled(folder(tmp_path, "a.png", "b.png")))
    assert [*score.values] == ["psnr_y", "bicubic", "gain"]
    assert score.examples == 2
    assert score.values["gain"] == pytest.approx(0.0, abs=1e-9)
    wanted = []
    for seed in range(2):
        bright = as_pixels(luma(drawn(seed)[..., ::-1]))
        made = as_pixels(scaled(as_pixels(scaled(bright, 0.5)), 2.0))
        wanted.append(psnr(made, bright, shave=2))
    assert score.values["bicubic"] == pytest.approx(np.mean(wanted))
    assert score.mistakes is not None
    assert score.mistakes.tolist() == pytest.approx([1.0, 1.0])


def test_a_model_that_is_sharper_gains() -> None:
    pictures = np.stack([drawn(seed) for seed in range(3)])
    score = evaluate_enlarger(interpolating(sharper=0.5), Examples(pictures))
    assert score.values["gain"] > 0.5
    assert score.chief == pytest.approx(score.values["bicubic"] + score.values["gain"])
    assert score.mistakes is not None
    assert (score.mistakes < 1.0).all()


def test_a_model_of_colours_is_shown_colours_and_judged_by_brightness() -> None:
    pictures = np.stack([drawn(seed) for seed in range(2)])
    plain = evaluate_enlarger(interpolating(channels=3), Examples(pictures))
    assert plain.values["gain"] == pytest.approx(0.0, abs=0.1)
    sharp = evaluate_enlarger(interpolating(channels=3, sharper=0.5), Examples(pictures))
    assert sharp.values["gain"] > 0.5


def test_each_folder_has_a_gain_of_its_own(tmp_path: Path) -> None:
    place = folder(tmp_path, "sets/Set5/a.png", "sets/Set5/b.png", "sets/Set 14/c.png")
    score = evaluate_enlarger(interpolating(sharper=0.4), read_unlabelled(place))
    assert {*score.values} == {"psnr_y", "bicubic", "gain", "gain_set5", "gain_set_14"}
    gains = score.values
    assert gains["gain"] == pytest.approx((2 * gains["gain_set5"] + gains["gain_set_14"]) / 3)


def test_a_file_without_colours_counts_in_its_own_range(tmp_path: Path) -> None:
    """Its errors are larger than those of the same picture in the narrower range of colours."""
    grey = cv2.cvtColor(drawn(1), cv2.COLOR_BGR2GRAY)
    for name, picture in (("grey", grey), ("coloured", cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.png"), picture)
    grey_score, coloured = (
        evaluate_enlarger(interpolating(), read_unlabelled(tmp_path / name)).values["bicubic"]
        for name in ("grey", "coloured")
    )
    assert coloured - grey_score == pytest.approx(20 * np.log10(255 / 219), abs=0.2)


def test_odd_sides_lose_a_pixel_and_a_crumb_is_refused() -> None:
    odd = Examples(drawn(0, 81, 63)[np.newaxis])
    assert evaluate_enlarger(interpolating(), odd).values["gain"] == pytest.approx(0.0, abs=0.01)
    with pytest.raises(TrainingError, match="3 x 3 pixels is too small"):
        evaluate_enlarger(interpolating(), Examples(np.zeros((1, 3, 3, 3), np.uint8)))
    with pytest.raises(TrainingError, match="nothing to judge"):
        evaluate_enlarger(interpolating(), Examples(np.zeros((0, 9, 9, 3), np.uint8)))


def test_people_are_shown_what_was_given_made_and_wanted() -> None:
    score = evaluate_enlarger(interpolating(sharper=0.5), Examples(drawn(0)[np.newaxis]))
    assert score.drawing is not None
    shown = score.drawing(0, drawn(0))
    assert shown.shape == (240, 240, 3)
    bicubic, made, truth = shown[20:114, 126:], shown[146:, :114], shown[146:, 126:]
    assert np.abs(made.astype(int) - truth).mean() < np.abs(bicubic.astype(int) - truth).mean()
    assert score.said[0].endswith(f"; bicubic {score.values['bicubic']:.1f}")


def test_decibels_are_no_shares() -> None:
    assert figure("gain_set5", 0.71) == "0.71"
    assert figure("psnr_y", 0.5) == "0.5"


def test_the_command_judges_any_folder_of_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folder(tmp_path / "pictures", "a.png", "b.png")
    model = tiny_models.enlarging(tmp_path / "nearest.tflite", 16)
    assert main(["evaluate", str(model), "--data", str(place), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["examples"] == 2
    assert told["metrics"]["gain"] < -0.5  # the nearest pixel is worse than interpolation


def test_a_generator_that_makes_nothing_larger_is_answered_with_why(tmp_path: Path) -> None:
    given = TensorSpec("image", (1, 8, 8, 3), "uint8", meaning="image")
    made = TensorSpec("picture", (1, 8, 8, 3), "float32", meaning="image")
    painter = FakeModel([given], [made], lambda _: {"picture": np.zeros((1, 8, 8, 3), np.float32)})
    with pytest.raises(ModelError, match="gives 8 x 8 pixels for 8 x 8"):
        evaluate_enlarger(painter, read_unlabelled(folder(tmp_path, "a.png")))
