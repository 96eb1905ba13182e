"""TensorBoard's event files: the figures of each epoch."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge_vision.training.fitting.history import EpochRow, History
from edge_vision.training.fitting.watcher import Watcher

FOLDER = "tensorboard"

log = logging.getLogger(__name__)


class TensorBoard(Watcher):
    """Writes the figures of each epoch to <folder>/tensorboard, where TensorFlow is installed.

    Look at them with `tensorboard --logdir <folder>`. Without TensorFlow it says once
    that there are none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._writer: Any = None
        self._tensorflow: Any = None

    def started(self, epochs: int, history: History) -> None:
        """Open the event file."""
        if history.complete:
            return
        if find_spec("tensorflow") is None:
            log.warning("no TensorBoard files: they need TensorFlow, which is not installed")
            return
        import tensorflow  # noqa: PLC0415 - only where it is installed

        self._tensorflow = tensorflow
        self._writer = tensorflow.summary.create_file_writer(str(self._folder))

    def epoch(self, row: EpochRow, history: History) -> None:
        """Write an epoch's figures."""
        if self._writer is None:
            return
        figures = {"loss": row.loss, "learning_rate": row.learning_rate, "seconds": row.seconds}
        figures |= {f"losses/{name}": value for name, value in row.losses.items()}
        figures |= {f"score/{name}": value for name, value in row.score.items()}
        with self._writer.as_default(step=row.epoch):
            for name, value in figures.items():
                self._write(name, value)
        self._writer.flush()

    def finished(self, history: History) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, name: str, value: float) -> None:
        """Write one figure, as tf.summary.scalar does, which needs the package tensorboard as well."""
        proto = self._tensorflow.compat.v1.SummaryMetadata
        kind = proto(plugin_data=proto.PluginData(plugin_name="scalars"), data_class="DATA_CLASS_SCALAR")
        number = self._tensorflow.constant(value, self._tensorflow.float32)
        self._tensorflow.summary.write(name, number, metadata=kind)
