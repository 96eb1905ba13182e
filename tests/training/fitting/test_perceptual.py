from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow")

import keras

from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.perceptual import (
    USUAL,
    Distances,
    Painting,
    Perceptual,
    gram,
    roughness,
    statistics,
)
from tests.training.fitting.small import examples, network
from tests.training.fitting.test_losses import cost, gradient

PICTURES = examples(3)[0].astype(np.float32)
OTHERS = PICTURES[::-1].copy()


def features(seen: Any, pictures: Any) -> Any:
    part = keras.Model(seen.inputs[0], seen.get_layer("features").output)
    return np.asarray(part(pictures, training=False), np.float64)


def gram_by_hand(values: Any) -> Any:
    flat = values.reshape(len(values), -1, values.shape[-1])
    return np.einsum("npc,npd->ncd", flat, flat) / (flat.shape[1] * flat.shape[2])


def test_content_is_the_mean_squared_difference_of_features() -> None:
    seen = network()
    wanted = np.square(features(seen, PICTURES) - features(seen, OTHERS)).mean()
    loss = Perceptual(seen, {"features": 2.0})
    assert cost(loss, OTHERS, PICTURES) == pytest.approx(2 * wanted, rel=1e-4)
    assert cost(loss, PICTURES, PICTURES) == 0.0


def test_style_is_the_squared_difference_of_gram_matrices() -> None:
    seen = network()
    own, model = gram_by_hand(features(seen, PICTURES)), gram_by_hand(features(seen, OTHERS[:1]))
    wanted = np.square(own - model).sum(axis=(1, 2)).mean()
    loss = Perceptual(seen, {}, {"features": 1.0}, style_of=OTHERS[0])
    assert cost(loss, PICTURES, PICTURES) == pytest.approx(wanted, rel=1e-4)
    of_truth = Perceptual(seen, {}, {"features": 1.0})
    assert cost(of_truth, PICTURES, PICTURES) == 0.0


def test_a_gram_matrix_forgets_where_things_are() -> None:
    maps = np.random.default_rng(1).normal(size=(1, 2, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(gram(maps), gram_by_hand(maps), rtol=1e-5)
    np.testing.assert_allclose(gram(maps), gram(maps[:, ::-1, ::-1].copy()), rtol=1e-5)


def test_gradients_reach_the_picture() -> None:
    slope = gradient(Perceptual(network(), {"features": 1.0}, {"norm": 1.0}), OTHERS, PICTURES)
    assert np.isfinite(slope).all()
    assert slope.any()


def test_an_unknown_layer_is_named_with_a_hint() -> None:
    with pytest.raises(TrainingError, match="no layer featurs, did you mean features"):
        Perceptual(network(), {"featurs": 1.0})


# Paintings


def seeing() -> Any:
    """A network that takes pictures of any size."""
    keras.utils.set_random_seed(3)
    image = keras.Input((None, None, 3), name="image")
    first = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="first")(image)
    second = keras.layers.Conv2D(4, 3, 2, padding="same", activation="relu", name="second")(first)
    return keras.Model(image, {"second": second})


def noise(seed: int, count: int, side: int, bright: float = 128.0) -> NDArray[np.float32]:
    """Pictures without two places alike, (count, side, side, 3)."""
    random = np.random.default_rng(seed)
    return random.normal(bright, 30.0, (count, side, side, 3)).astype(np.float32)


STYLES = [noise(1, 1, 12, 60.0)[0], noise(2, 1, 16, 200.0)[0]]
CONTENT, PAINTED = noise(3, 2, 8), noise(4, 2, 8)
LAYERS = {"first": 1.0, "second": 3.0}


def told(pictures: Any, *numbers: int) -> Any:
    """Pictures with the number of a style behind their channels."""
    planes = np.broadcast_to(np.reshape(numbers, (-1, 1, 1, 1)), (*pictures.shape[:3], 1))
    return np.concatenate([pictures, planes], axis=3).astype(np.float32)


def painting(scales: tuple[int, ...] = (1,), weights: Distances = USUAL) -> Painting:
    return Painting(seeing(), {"second": 1.0}, LAYERS, STYLES, scales, weights)


def style_by_hand(seen: Any, layer: str, pictures: Any, style: Any) -> Any:
    """The relative distances of means and covariances, added."""

    def known(of: Any) -> tuple[Any, Any]:
        part = keras.Model(seen.inputs[0], seen.get_layer(layer).output)
        flat = np.asarray(part(of), np.float64).reshape(len(of), -1, part.output.shape[-1])
        return flat.mean(axis=1), np.stack([np.cov(each.T, bias=True) for each in flat])

    (mean, spread), (mean_aim, aim) = known(pictures), known(style[None])
    of_means = np.square(mean - mean_aim).sum(axis=1) / np.trace(aim[0])
    return of_means + np.square(spread - aim).sum(axis=(1, 2)) / np.square(aim).sum()


def halved(pictures: Any) -> Any:
    count, height, width, channels = pictures.shape
    return pictures.reshape(count, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def test_means_and_covariances_are_those_over_all_places() -> None:
    maps = np.random.default_rng(1).normal(2.0, 1.0, (2, 3, 4, 5)).astype(np.float32)
    mean, covariance = (np.asarray(each) for each in statistics(maps))
    np.testing.assert_allclose(mean, maps.mean(axis=(1, 2)), rtol=1e-5)
    wanted = [np.cov(each.reshape(-1, 5).T, bias=True) for each in maps]
    np.testing.assert_allclose(covariance, wanted, rtol=1e-4, atol=1e-5)


def test_a_style_is_as_far_as_its_means_and_covariances_are_by_the_weight_of_each_layer() -> None:
    found = painting().distances(told(CONTENT, 1, 0), PAINTED)
    seen = seeing()
    for row, style in ((0, STYLES[1]), (1, STYLES[0])):
        picture = PAINTED[row : row + 1]
        wanted = 0.25 * style_by_hand(seen, "first", picture, style)
        wanted += 0.75 * style_by_hand(seen, "second", picture, style)
        assert np.asarray(found.style)[row] == pytest.approx(wanted[0], rel=1e-3)


def test_each_scale_counts_alike() -> None:
    truth = told(CONTENT, 0, 0)
    alone = np.asarray(painting((1,)).distances(truth, PAINTED).style)
    both = np.asarray(painting((1, 2)).distances(truth, PAINTED).style)
    seen, style, small = seeing(), halved(STYLES[0][None])[0], halved(PAINTED)
    half = 0.25 * style_by_hand(seen, "first", small, style)
    half += 0.75 * style_by_hand(seen, "second", small, style)
    np.testing.assert_allclose(both, (alone + half) / 2, rtol=1e-3)


def test_a_style_picture_is_at_no_distance_from_its_style_wherever_its_things_are() -> None:
    loss, style = painting(), STYLES[0]
    assert np.asarray(loss.distances(told(style[None], 0), style[None]).style)[0] < 1e-6
    assert np.asarray(loss.distances(told(style[None], 1), style[None]).style)[0] > 0.1


def test_content_is_a_share_of_what_varies_in_the_picture() -> None:
    found = np.asarray(painting().distances(told(CONTENT, 0, 0), PAINTED).content)
    part = keras.Model((seen := seeing()).inputs[0], seen.get_layer("second").output)
    wanted, given = (np.asarray(part(each), np.float64) for each in (CONTENT, PAINTED))
    share = np.square(given - wanted).mean(axis=(1, 2, 3)) / wanted.var(axis=(1, 2)).mean(axis=1)
    np.testing.assert_allclose(found, share, rtol=1e-3)
    assert np.asarray(painting().distances(told(CONTENT, 0, 0), CONTENT).content).max() == 0.0


def test_roughness_is_the_mean_step_between_neighbours() -> None:
    stripes = np.zeros((1, 4, 4, 3), np.float32)
    stripes[:, :, ::2] = 255.0
    assert np.asarray(roughness(stripes)) == pytest.approx([1.0])
    assert np.asarray(roughness(np.full((2, 4, 4, 3), 9.0, np.float32))).tolist() == [0.0, 0.0]


def test_the_loss_is_the_weighted_sum_of_the_distances() -> None:
    loss = painting(weights=Distances(2.0, 3.0, 5.0))
    truth = told(CONTENT, 0, 1)
    parts = [np.asarray(each).mean() for each in loss.distances(truth, PAINTED)]
    assert cost(loss, truth, PAINTED) == pytest.approx(np.dot(parts, [2.0, 3.0, 5.0]), rel=1e-4)


def test_gradients_reach_a_painting_also_one_of_a_single_colour() -> None:
    slope = gradient(painting((1, 2)), told(CONTENT, 0, 1), PAINTED)
    assert np.isfinite(slope).all()
    assert slope.any()
    plain = np.full_like(CONTENT, 128.0)
    assert np.isfinite(gradient(painting((1, 2)), told(plain, 0, 1), plain)).all()
