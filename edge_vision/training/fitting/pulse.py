"""The pulse of an epoch: what is looked at between its steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from edge_vision.training.fitting.watcher import Moment, Watcher

INTERVAL_SECONDS = 0.25
"""Between two looks at the loss, which would make the next step wait for it if it were each step's."""


class Pulse(keras.callbacks.Callback):  # type: ignore[misc] # keras has no types
    """Counts an epoch's steps, tells watchers, and ends it where that is wished or the loss is lost.

    steps  done so far
    lost   True once the loss was no finite number
    """

    def __init__(
        self, start: Moment, steps: int, wish: Callable[[], bool], watchers: Sequence[Watcher]
    ) -> None:
        super().__init__()
        self.steps = 0
        self.lost = False
        self._start = start
        self._all = steps
        self._wish = wish
        self._watchers = watchers
        self._last = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keras has taken a step."""
        if self.after(self.steps + 1, lambda: float((logs or {}).get("loss", math.nan))):
            self.model.stop_training = True

    def after(self, steps: int, loss: Callable[[], float] | None = None) -> bool:
        """So many steps are taken; True where the epoch shall end here."""
        self.steps = steps
        now = time.monotonic()
        if now - self._last >= INTERVAL_SECONDS:
            self._last = now
            figure = loss() if loss else math.nan
            self.lost = loss is not None and not math.isfinite(figure)
            self._tell(figure)
        return self.lost or self._wish()

    def _tell(self, loss: float) -> None:
        start = self._start
        share = start.share + (1.0 - start.share) * self.steps / self._all
        moment = Moment(start.epoch, start.epochs, min(share, 1.0), loss)
        for watcher in self._watchers:
            watcher.moment(moment)
