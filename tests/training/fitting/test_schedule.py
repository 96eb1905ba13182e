from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_vision.training.fitting.schedule import optimiser, schedule
from edge_vision.training.fitting.settings import FitSettings
from tests.training.fitting.small import network


def test_the_rate_rises_evenly_and_falls_like_a_cosine() -> None:
    rate = schedule(FitSettings(learning_rate=0.1, warm_up=0.2, final_rate=0.05), 100)
    rates = np.array([float(rate(step)) for step in range(121)])
    np.testing.assert_allclose(np.diff(rates[:20]), 0.1 / 21, rtol=1e-4)
    assert rates[20] == pytest.approx(0.1) == rates.max()
    assert rates[60] == pytest.approx((0.1 + 0.005) / 2, rel=1e-5)
    np.testing.assert_allclose(rates[100:], 0.005, rtol=1e-5)
    assert (np.diff(rates[20:101]) < 0).all()


@pytest.mark.parametrize("warm_up", [0.0, 1.0])
def test_the_rate_is_positive_and_finite_at_the_ends_of_its_options(warm_up: float) -> None:
    rate = schedule(FitSettings(learning_rate=0.1, warm_up=warm_up), 3)
    rates = np.array([float(rate(step)) for step in range(5)])
    assert (rates > 0).all()
    assert (rates <= 0.1 + 1e-7).all()


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_biases_and_normalisation_do_not_decay(kind: Literal["adamw", "sgd"]) -> None:
    learnt = network()
    settings = FitSettings(optimiser=kind, learning_rate=0.5, weight_decay=0.5, warm_up=0.0)
    made = optimiser(settings, 10)
    made.build(learnt.trainable_variables)
    for variable in learnt.trainable_variables:
        variable.assign(np.ones(variable.shape))
    made.apply([0.0 * np.ones(v.shape, np.float32) for v in learnt.trainable_variables])
    for variable in learnt.trainable_variables:
        wanted = 0.75 if variable.name == "kernel" else 1.0
        np.testing.assert_allclose(np.asarray(variable), wanted, rtol=1e-5, err_msg=variable.path)


def test_gradients_are_clipped_by_the_norm_of_all_together() -> None:
    learnt = network()
    moved = {}
    for clip in (1.0, 0.0):
        made = optimiser(
            FitSettings(optimiser="sgd", learning_rate=1.0, weight_decay=0.0, warm_up=0.0, clip=clip), 10
        )
        made.build(learnt.trainable_variables)
        before = [np.array(np.asarray(v)) for v in learnt.trainable_variables]
        made.apply([np.full(v.shape, 3.0, np.float32) for v in learnt.trainable_variables])
        step = [np.asarray(v) - b for v, b in zip(learnt.trainable_variables, before, strict=True)]
        moved[clip] = float(np.sqrt(sum(np.square(s).sum() for s in step)))
    assert moved[1.0] == pytest.approx(1.9, rel=1e-4)  # Nesterov's first step is 1 + momentum
    assert moved[0.0] > 10
