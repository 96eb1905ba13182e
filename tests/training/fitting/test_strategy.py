from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.checkpoint import Checkpoints
from edge_vision.training.fitting.history import EpochRow
from edge_vision.training.fitting.strategy import distribution
from edge_vision.training.transfer.weights import read_weights
from tests.brokers import free_port
from tests.training.fitting.cluster import main as cluster_main

CHECKOUT = Path(__file__).resolve().parents[3]
PATIENCE = 100


def start(folder: Path, file: Path, config: Any) -> subprocess.Popen[str]:
    told = {"TF_CONFIG": json.dumps(config), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.fitting.cluster", "workers", str(folder), str(file)],
        cwd=CHECKOUT,
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    """What processes said; none outlives this."""
    said = []
    try:
        for process in processes:
            out, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, errors[-3000:]
            said.append(out)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return said


def rows(folder: Path) -> list[EpochRow]:
    found = Checkpoints(folder).load()
    assert found is not None
    return found.history.rows


def test_two_workers_learn_the_same_as_one_process_with_all_of_each_batch(tmp_path: Path) -> None:
    jobs = {"worker": [f"127.0.0.1:{free_port()}" for _ in range(2)]}
    workers = [
        start(
            tmp_path / "cluster",
            tmp_path / f"{index}.npz",
            {"cluster": jobs, "task": {"type": "worker", "index": index}},
        )
        for index in range(2)
    ]
    assert finish(workers) == ["chief of 2\n", "worker of 2\n"]
    cluster_main("none", str(tmp_path / "alone"), str(tmp_path / "alone.npz"))
    first, second, alone = (read_weights(tmp_path / f"{name}.npz") for name in ("0", "1", "alone"))
    for path, values in alone.items():
        np.testing.assert_array_equal(first[path], second[path], err_msg=path)
        if path != "norm/moving_variance":  # the variance of half a batch is another one
            np.testing.assert_allclose(first[path], values, atol=1e-4, err_msg=path)
    for row, other in zip(rows(tmp_path / "cluster"), rows(tmp_path / "alone"), strict=True):
        assert row.loss == pytest.approx(other.loss, abs=1e-5)


def test_devices_of_one_machine_are_mirrored(tmp_path: Path) -> None:
    cluster_main("mirrored", str(tmp_path / "run"), str(tmp_path / "weights.npz"))
    history = rows(tmp_path / "run")
    assert history[-1].loss < history[0].loss


def test_what_no_cluster_can_be_made_of_is_said() -> None:
    with pytest.raises(TrainingError, match="no strategy mirror, did you mean mirrored"):
        distribution("mirror", {})
    with pytest.raises(TrainingError, match="TF_CONFIG is not set; such as"):
        distribution("workers", {})
    for text in (
        "no json",
        "[]",
        '{"cluster": {}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
    ):
        with pytest.raises(TrainingError, match="does not say which workers"):
            distribution("workers", {"TF_CONFIG": text})


def test_other_backends_have_no_strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(TrainingError, match="Keras runs on jax; set KERAS_BACKEND=tensorflow"):
        distribution("mirrored", {})
    assert distribution("none", {}).replicas == 1
