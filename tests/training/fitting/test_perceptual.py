from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.perceptual import Perceptual, gram
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
