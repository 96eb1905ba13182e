"""Clips: moving views made from still pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.data.errors import ConfigError, TrainingError
from edge_vision.training.clips import MovingView, blurred, chance, clip, clips
from edge_vision.training.examples import Examples

SIZE = 40, 32
PLAIN = {"shake": 0.0, "blur": 0.0, "noise": 0.0, "exposure": 0.0, "occlusion": 0.0}


def view(**options: Any) -> MovingView:
    return MovingView.parse(options)


def ramp(width: int = 80, height: int = 60, channels: int = 1) -> NDArray[np.uint8]:
    """A picture whose levels tell the place: more to the right, the last channel more downwards."""
    across = np.linspace(40, 200, width, dtype=np.float32)[np.newaxis, :, np.newaxis]
    down = np.linspace(40, 200, height, dtype=np.float32)[:, np.newaxis, np.newaxis]
    columns = [np.broadcast_to(across, (height, width, 1))] * (channels - 1)
    last = np.broadcast_to(across if channels == 1 else down, (height, width, 1))
    return np.concatenate([*columns, last], axis=2).astype(np.uint8)


def some(count: int = 5) -> Examples:
    pictures = np.random.default_rng(0).integers(0, 256, (count, 24, 24, 3), np.uint8)
    return Examples(pictures, {"label": np.zeros(count, np.int64)})


def spread(frame: NDArray[np.uint8]) -> float:
    """By how much a ramp rises over a frame: as the window's side."""
    return float(frame[:, -1, 0].mean() - frame[:, 0, 0].mean()) / 160


@pytest.mark.parametrize("channels", [1, 3])
def test_a_clip_has_its_frames_in_the_size_that_is_asked_for(channels: int) -> None:
    made = clip(ramp(channels=channels), view(frames=5), SIZE, chance((1,), 0))
    assert made.shape == (5, 32, 40, channels)
    assert made.dtype == np.uint8


def test_the_same_key_gives_the_same_clip_of_a_picture_whatever_is_beside_it() -> None:
    together = np.concatenate([*clips(some(), view(), SIZE, (3, 1), together=2)])
    assert len(together) == 5
    assert np.array_equal(together, np.concatenate([*clips(some(), view(), SIZE, (3, 1))]))
    fewer = np.concatenate([*clips(some().take([0, 1, 2]), view(), SIZE, (3, 1))])
    assert np.array_equal(together[:3], fewer)
    assert not np.array_equal(together, np.concatenate([*clips(some(), view(), SIZE, (3, 2))]))


def test_a_steady_clip_shows_the_whole_picture_in_all_its_frames() -> None:
    made = clip(ramp(), view(frames=3, steady=1.0), SIZE, chance((1,), 0))
    assert all(np.array_equal(frame, made[0]) for frame in made)
    assert not np.array_equal(made[0], clip(ramp(), view(frames=3), SIZE, chance((1,), 0))[0])
    assert spread(made[0]) == pytest.approx(1.0, abs=0.05)


def test_the_window_stays_in_the_picture_and_zooms_between_its_bounds() -> None:
    for row in range(40):
        made = clip(ramp(channels=3), view(window=[0.3, 0.6], pan=1.0, **PLAIN), SIZE, chance((1,), row))
        sides = np.array([spread(frame) for frame in made])
        assert 0.26 < sides.min() <= sides.max() < 0.63
        assert (np.diff(sides) > -0.02).all() or (np.diff(sides) < 0.02).all()
        assert made.min() >= 38
        assert made.max() <= 202


def test_a_view_that_shakes_at_the_edge_sees_nothing_beyond_the_picture() -> None:
    shaking = view(window=[0.9, 0.9], **{**PLAIN, "shake": 0.5})
    frames = clip(ramp(), shaking, SIZE, chance((1,), 0))
    assert all(spread(frame) == pytest.approx(0.9, abs=0.04) for frame in frames)


def test_without_pan_and_zoom_the_view_stands_still() -> None:
    made = clip(ramp(), view(window=[0.5, 0.5], pan=0.0, **PLAIN), SIZE, chance((1,), 0))
    assert all(np.array_equal(frame, made[0]) for frame in made)
    moved = clip(ramp(), view(window=[0.5, 0.5], pan=1.0, **PLAIN), SIZE, chance((1,), 0))
    steps = np.diff(moved[:, 16, 20, 0].astype(float))
    assert np.abs(steps).max() > 1
    assert np.ptp(steps) <= 2.1  # evenly


def test_noise_blur_and_light_each_change_a_clip_by_themselves() -> None:
    still = view(window=[0.5, 0.5], pan=0.0, **PLAIN)
    plain = clip(ramp(), still, SIZE, chance((1,), 0)).astype(float)
    noisy = clip(ramp(), still.model_copy(update={"noise": 40.0}), SIZE, chance((1,), 0)) - plain
    assert 1.0 < noisy.std() < 40.0
    assert abs(noisy.mean()) < 1.0
    lit = clip(ramp(), still.model_copy(update={"exposure": 0.5}), SIZE, chance((1,), 0)) / plain
    gains = np.log2(lit.mean(axis=(1, 2, 3)))
    assert np.abs(gains).max() <= 0.51
    assert np.ptp(gains) > 0.05
    busy = some(1).pictures[0]
    sharp = clip(busy, still, SIZE, chance((1,), 0)).std(axis=(1, 2, 3))
    softer = clip(busy, still.model_copy(update={"blur": 0.5}), SIZE, chance((1,), 0)).std(
        axis=(1, 2, 3)
    )
    assert (softer <= sharp + 1e-6).all()
    assert softer.min() < 0.8 * sharp.min()


def test_something_passes_from_one_side_to_the_other() -> None:
    white = np.full((40, 40, 1), 255, np.uint8)
    passing = view(window=[0.5, 0.5], pan=0.0, frames=9, **{**PLAIN, "occlusion": 1.0})
    for row in range(20):
        hidden = clip(white, passing, SIZE, chance((1,), row))[..., 0] < 255
        covered = hidden.mean(axis=(1, 2))
        if not covered.any():  # it was white too
            continue
        assert 0.1 < covered.max() <= 0.61
        assert covered[0] < covered.max()
        assert covered[-1] < covered.max()
        middles = [np.argwhere(frame).mean(axis=0) for frame in hidden if frame.any()]
        assert np.abs(middles[-1] - middles[0]).max() > 10


def test_a_blur_keeps_what_is_the_same_along_its_line() -> None:
    stripes = np.zeros((21, 21, 1), np.uint8)
    stripes[:, ::4] = 255
    assert np.array_equal(blurred(stripes, np.pi / 2, 7.0), stripes)
    across = blurred(stripes, 0.0, 8.0)
    assert across.shape == stripes.shape
    assert np.ptp(across[:, 5:-5]) <= 10  # of 255
    assert blurred(stripes, 0.0, 1.0) is stripes


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(ConfigError, match="the smaller one first"):
        view(window=[0.8, 0.4])
    with pytest.raises(TrainingError, match="at least one picture"):
        next(clips(some().take([]), view(), SIZE, (1,)))
