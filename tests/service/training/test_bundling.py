"""Bundling: what goes into golden files."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_vision.service.training.bundling import _coarse


def test_large_pictures_are_stored_in_fewer_levels_and_all_else_as_it_is() -> None:
    random = np.random.default_rng(0)
    inputs = {
        "image": random.integers(0, 256, (1, 96, 96, 3), np.uint8),
        "small": random.integers(0, 256, (1, 32, 20, 3), np.uint8),
        "latent": random.normal(size=(1, 40_000)).astype(np.float32),
    }
    made = _coarse(inputs)
    assert len(np.unique(made["image"])) == 32
    assert np.abs(made["image"].astype(int) - inputs["image"]).max() < 8
    for name in ("small", "latent"):
        np.testing.assert_array_equal(made[name], inputs[name])
