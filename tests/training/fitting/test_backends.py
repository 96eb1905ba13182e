from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_vision.training.fitting.losses import CrossEntropy
from edge_vision.training.fitting.trainer import fit
from edge_vision.training.transfer.weights import load_weights
from tests.training.fitting.small import SETTINGS, network, validate

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_what_another_backend_has_learnt_is_read_here(tmp_path: Path, backend: str) -> None:
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")

    subprocess.run(
        [sys.executable, "-m", "tests.training.fitting.small", str(tmp_path), str(SETTINGS.epochs)],
        cwd=CHECKOUT,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
        capture_output=True,
        timeout=100,
    )

    def never(*_: object) -> object:
        raise AssertionError("the other backend has finished")

    learnt, read = network(seed=1), network(seed=2)
    history = fit(learnt, {"scores": CrossEntropy()}, never, validate, SETTINGS, tmp_path)  # type: ignore[arg-type]
    assert validate(learnt).chief == pytest.approx(history.best_score, abs=1e-4)
    load_weights(read, tmp_path / "weights.npz")
    np.testing.assert_array_equal(np.asarray(read.weights[0]), np.asarray(learnt.weights[0]))
