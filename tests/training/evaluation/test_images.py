"""Judging pictures that were made: the ratio of signal to noise in their brightness."""

from __future__ import annotations

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.evaluation.images import luma, psnr, psnr_score

from .conftest import picture


def test_black_and_white_have_the_ends_of_the_studio_range() -> None:
    ends = luma(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))
    assert ends.tolist() == [pytest.approx([16.0, 235.0])]


def test_a_known_error_has_a_known_ratio() -> None:
    wanted = np.full((8, 8), 100.0)
    assert psnr(wanted + 255.0, wanted) == pytest.approx(0.0)
    assert psnr(wanted + 2.55, wanted) == pytest.approx(40.0)
    assert psnr(wanted, wanted) == np.inf


def test_edges_are_left_out() -> None:
    wanted = np.full((8, 8), 100.0)
    made = wanted.copy()
    made[0] = made[:, -1] = 0.0
    assert psnr(made, wanted, shave=1) == np.inf
    with pytest.raises(TrainingError):
        psnr(made, wanted, shave=4)


def test_ratios_are_averaged_over_pictures() -> None:
    wanted = [picture((90, 90, 90)), picture((90, 90, 90))]
    made = [picture((100, 100, 100)), picture((92, 92, 92))]
    score = psnr_score(made, wanted)
    each = [psnr(luma(m), luma(w)) for m, w in zip(made, wanted, strict=True)]
    assert score.chief == pytest.approx(np.mean(each))
    assert score.mistakes is not None
    assert score.mistakes[0] > score.mistakes[1]
    with pytest.raises(TrainingError):
        psnr_score([], [])
