from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

import pytest

tensorflow = pytest.importorskip("tensorflow")

from edge_vision.training.fitting import tensorboard  # noqa: E402 - after the check
from edge_vision.training.fitting.history import EpochRow, History  # noqa: E402
from edge_vision.training.fitting.tensorboard import TensorBoard  # noqa: E402


def told(folder: Path) -> dict[tuple[str, int], float]:
    """The figures in event files, by tag and step."""
    found = {}
    for file in sorted((folder / "tensorboard").iterdir()):
        for record in tensorflow.data.TFRecordDataset(str(file)):
            event = tensorflow.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found[value.tag, event.step] = float(tensorflow.make_ndarray(value.tensor))
    return found


def test_each_epoch_is_written_with_its_figures(tmp_path: Path) -> None:
    board, history = TensorBoard(tmp_path), History()
    board.started(2, history)
    for epoch in (1, 2):
        row = EpochRow(epoch, 1.0 / epoch, {"scores": 0.5}, 0.25, {"accuracy": 0.75}, 2.0)
        history.add(row)
        board.epoch(row, history)
    board.finished(history)
    figures = told(tmp_path)
    assert figures["loss", 1] == 1.0
    assert figures["loss", 2] == 0.5
    assert figures["losses/scores", 2] == 0.5
    assert figures["score/accuracy", 1] == 0.75
    assert figures["learning_rate", 1] == 0.25


def test_without_tensorflow_that_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        tensorboard, "find_spec", lambda name: None if name == "tensorflow" else real(name)
    )
    board, history = TensorBoard(tmp_path), History()
    with caplog.at_level(logging.WARNING):
        board.started(1, history)
        history.add(EpochRow(1, 1.0, {}, 0.1))
        board.epoch(history.rows[0], history)
        board.finished(history)
    assert [record.message for record in caplog.records] == [
        "no TensorBoard files: they need TensorFlow, which is not installed"
    ]
    assert not list(tmp_path.iterdir())
