from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from edge_vision_tone import Contrast, Denoise, Gamma, Greyscale, register_stages
from numpy.typing import NDArray

from edge_vision import ConfigError, Result, Stage, geometry
from edge_vision.testing import make_frame, make_stage, run, still


def dull(seed: int = 0) -> NDArray[np.uint8]:
    """A dark picture with little contrast and some colour, (96, 128, 3)."""
    noise = np.random.default_rng(seed).integers(0, 16, (96, 128, 1))
    ramp = np.linspace(20, 50, 128).reshape(1, 128, 1)
    return np.asarray(ramp + noise + np.array([0, 6, 12]), dtype=np.uint8)


def noisy(sigma: float = 12.0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(1).normal(128, sigma, (48, 64, 3))
    return np.asarray(np.clip(noise, 0, 255), dtype=np.uint8)


def test_contrast_spreads_the_lightness_and_keeps_the_hue() -> None:
    before = dull()

    after = run(make_stage(Contrast, clip_limit=4.0), before).view.pixels()

    assert after.mean(axis=2).std() > 1.5 * before.mean(axis=2).std()
    blue, green, red = after.reshape(-1, 3).mean(axis=0)
    assert blue < green < red


def test_contrast_grows_with_its_limit_while_running() -> None:
    stage = make_stage(Contrast, clip_limit=1.0)
    gentle = run(stage, dull()).view.pixels().std()

    stage.options = stage.options.changed("clip_limit", 20.0)

    assert run(stage, dull()).view.pixels().std() > gentle


def test_contrast_of_several_frames_at_once_is_that_of_each_alone() -> None:
    stage = make_stage(Contrast)
    images = [cv2.resize(dull(seed), (640, 480)).astype(np.uint8) for seed in range(4)]
    alone = [run(stage, image).view.pixels() for image in images]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: run(stage, image).view.pixels(), images * 10))

    for index, pixels in enumerate(together):
        np.testing.assert_array_equal(pixels, alone[index % 4])


@pytest.mark.parametrize(("gamma", "expected"), [(1.0, 64), (2.0, 128), (0.5, 16)])
def test_gamma_follows_its_formula(gamma: float, expected: int) -> None:
    image = still(64)
    image[0, 0] = 0
    image[0, 1] = 255

    pixels = run(make_stage(Gamma, gamma=gamma), image).view.pixels()

    assert pixels[0, :3, 0].tolist() == [0, 255, expected]


@pytest.mark.parametrize("method", ["median", "gaussian", "bilateral", "nlmeans"])
def test_denoise_lowers_noise_more_with_more_strength(method: str) -> None:
    before = noisy()

    gentle = run(make_stage(Denoise, method=method), before).view.pixels()
    strong = run(make_stage(Denoise, method=method, strength=4), before).view.pixels()

    assert strong.std() < gentle.std() <= before.std()


def test_a_median_removes_specks_and_keeps_edges() -> None:
    image = still(40)
    image[:, 32:] = 200
    expected = image.copy()
    image[10, 10] = 255

    np.testing.assert_array_equal(run(make_stage(Denoise), image).view.pixels(), expected)


def test_a_bilateral_filter_keeps_an_edge_that_a_gaussian_blurs() -> None:
    image = still(40)
    image[:, 32:] = 200

    sharp = run(make_stage(Denoise, method="bilateral"), image).view.pixels()
    blurred = run(make_stage(Denoise, method="gaussian"), image).view.pixels()

    assert sharp[20, 31, 0] < 45
    assert blurred[20, 31, 0] > 60


def test_greyscale_has_three_equal_channels_of_luma() -> None:
    pixels = run(make_stage(Greyscale), still((255, 0, 0))).view.pixels()

    assert pixels.shape == (48, 64, 3)
    assert pixels[0, 0].tolist() == [29, 29, 29]


@pytest.mark.parametrize(
    "stage",
    [make_stage(Contrast), make_stage(Gamma, gamma=2.0), make_stage(Denoise), make_stage(Greyscale)],
    ids=lambda stage: stage.name,
)
def test_a_photometric_stage_keeps_the_way_to_the_frame_and_the_frame(stage: Stage) -> None:
    before = Result.of(make_frame(dull()))
    cropped = before.with_view(before.view.mapped(geometry.translation(20, 10), (60, 40)))

    after = stage(cropped)

    assert after is not None
    assert after.view.size == (60, 40)
    assert after.view.boxes_to_frame([0, 0, 60, 40]).tolist() == [[20, 10, 80, 50]]
    assert after.view.pixels() is after.view.base
    np.testing.assert_array_equal(after.frame.image, dull())


@pytest.mark.parametrize(
    ("stage", "options", "words"),
    [
        (Contrast, {"clip_limit": 0.0}, "clip_limit: should be greater than or equal to 0.1"),
        (Contrast, {"clip_limit": 41}, "clip_limit: should be less than or equal to 40"),
        (Contrast, {"tiles": 0}, "tiles: should be greater than or equal to 1"),
        (Contrast, {"tiles": 65}, "tiles: should be less than or equal to 64"),
        (Contrast, {"tiles": 8.5}, "tiles: should be a valid integer"),
        (Contrast, {"cliplimit": 2}, "cliplimit: unknown option, did you mean clip_limit"),
        (Gamma, {}, "gamma: is missing"),
        (Gamma, {"gamma": 0}, "gamma: should be greater than or equal to 0.1"),
        (Gamma, {"gamma": 11}, "gamma: should be less than or equal to 10"),
        (Gamma, {"gamma": 1, "gama": 1}, "gama: unknown option, did you mean gamma"),
        (
            Denoise,
            {"method": "magic"},
            "method: should be 'median', 'gaussian', 'bilateral' or 'nlmeans'",
        ),
        (Denoise, {"strength": 0}, "strength: should be greater than or equal to 1"),
        (Denoise, {"strength": 6}, "strength: should be less than or equal to 5"),
        (Denoise, {"strenght": 1}, "strenght: unknown option, did you mean strength"),
        (Greyscale, {"level": 1}, "level: unknown option"),
    ],
)
def test_wrong_options_are_refused(stage: type[Stage], options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_stage(stage, **options)


def test_the_plugin_offers_its_stages() -> None:
    offered: list[type[Stage]] = []

    register_stages(offered.append)

    assert [stage.name for stage in offered] == ["contrast", "denoise", "gamma", "greyscale"]
