from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from edge_vision.training.fitting.checkpoint import Checkpoints
from edge_vision.training.transfer.weights import read_weights

CHECKOUT = Path(__file__).resolve().parents[3]
EPOCHS = "5"
PATIENCE = 100
ONE_THREAD = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}


@contextmanager
def training(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A training in a process of its own, which says `epoch N` after each."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.training.fitting.small", str(folder), EPOCHS],
        cwd=CHECKOUT,
        env={**os.environ, **ONE_THREAD},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def run(folder: Path) -> str:
    with training(folder) as process:
        said, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
        return said


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    with training(tmp_path / "whole") as other, training(tmp_path / "killed") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "epoch 3\n":
                process.send_signal(signal.SIGKILL)
                break
        process.wait(PATIENCE)
        _, errors = other.communicate(timeout=PATIENCE)
        assert other.returncode == 0, errors
    interrupted = Checkpoints(tmp_path / "killed").load()
    assert interrupted is not None
    assert not interrupted.history.complete
    said = run(tmp_path / "killed")
    assert "epoch 1\n" not in said
    assert "epoch 5\n" in said

    resumed, whole = (Checkpoints(tmp_path / name).load() for name in ("killed", "whole"))
    assert resumed is not None
    assert whole is not None
    for row, wanted_row in zip(resumed.history.rows, whole.history.rows, strict=True):
        assert row.score == wanted_row.score
    learnt, wanted = (read_weights(tmp_path / name / "weights.npz") for name in ("killed", "whole"))
    assert learnt.keys() == wanted.keys()
    for path, values in wanted.items():
        np.testing.assert_array_equal(learnt[path], values, err_msg=path)
