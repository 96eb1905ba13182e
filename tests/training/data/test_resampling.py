"""Resampling as papers on super-resolution do it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.pictures import read_picture
from edge_vision.training.data.resampling import as_pixels, scaled, scaled_colours, whole_pairs
from edge_vision.training.evaluation.images import luma, psnr


def test_halving_weighs_eight_pixels_by_the_stretched_kernel() -> None:
    """The kernel at distances 0.5, 1.5, 2.5, 3.5 from the middle, stretched to twice its width."""
    weights = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256.0
    row = np.random.default_rng(0).uniform(0, 255, 32)
    halved = scaled(np.tile(row, (32, 1)), 0.5)
    assert halved.shape == (16, 16)
    for place in range(2, 14):
        assert halved[5, place] == pytest.approx(row[2 * place - 3 : 2 * place + 5] @ weights)


def test_doubling_weighs_four_pixels_by_keys_kernel() -> None:
    near = np.array([-0.0703125, 0.8671875, 0.2265625, -0.0234375])  # at 1.25, 0.25, 0.75, 1.75
    row = np.random.default_rng(0).uniform(0, 255, 12)
    doubled = scaled(np.tile(row, (12, 1)), 2.0)
    assert doubled.shape == (24, 24)
    assert doubled[7, 11] == pytest.approx(row[4:8] @ near)
    assert doubled[7, 12] == pytest.approx(row[4:8] @ near[::-1])


def test_rows_and_columns_are_treated_alike_and_planes_by_themselves() -> None:
    planes = np.random.default_rng(0).uniform(0, 255, (3, 14, 22))
    for scale in (0.5, 0.7, 2.0):
        made = scaled(planes, scale)
        assert made[1] == pytest.approx(scaled(planes[1], scale))
        turned = scaled(planes[2].T, scale)
        assert turned == pytest.approx(made[2].T)


def test_a_plain_picture_stays_plain_to_its_edges() -> None:
    for scale in (0.3, 0.5, 0.9, 1.0, 2.0, 3.0):
        assert scaled(np.full((20, 31), 77.0), scale) == pytest.approx(77.0)


def test_what_is_too_fine_is_kept_out() -> None:
    stripes = np.tile(np.array([0.0, 255.0]), (16, 16))
    inner = scaled(stripes, 0.45)[:, 2:-2]
    assert np.abs(inner - 127.5).max() < 1.0


def test_sides_are_rounded_up_and_nothing_is_left_of_nothing() -> None:
    assert scaled(np.zeros((11, 7)), 0.5).shape == (6, 4)
    assert scaled(np.zeros((10, 30)), 0.7).shape == (7, 21)
    with pytest.raises(TrainingError, match="leave nothing"):
        scaled(np.zeros((0, 4)), 0.5)


def test_colours_are_pixels_again() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:, 4:] = (255, 128, 0)
    doubled = scaled_colours(picture, 2.0)
    assert doubled.shape == (16, 16, 3)
    assert doubled.dtype == np.uint8
    assert doubled[8, 15].tolist() == [255, 128, 0]
    assert doubled[8, 0].tolist() == [0, 0, 0]


def test_odd_sides_lose_a_pixel() -> None:
    assert whole_pairs(np.zeros((7, 8, 3), np.uint8)).shape == (6, 8, 3)


@pytest.mark.shared
def test_the_published_figures_of_bicubic_interpolation_are_met(shared: Path, tmp_path: Path) -> None:
    """33.66 dB on Set5, as Dong and others (2014) and all after them state it."""
    import zipfile  # noqa: PLC0415 - only this test needs it

    with zipfile.ZipFile(shared / "datasets" / "super-resolution.zip") as archive:
        archive.extractall(tmp_path, [name for name in archive.namelist() if "Set5/" in name])
    found = []
    for file in sorted(tmp_path.rglob("*.png")):
        bright = as_pixels(luma(whole_pairs(read_picture(file))))
        made = as_pixels(scaled(as_pixels(scaled(bright, 0.5)), 2.0))
        found.append(psnr(made, bright, shave=2))
    assert len(found) == 5
    assert np.mean(found) == pytest.approx(33.66, abs=0.02)
