"""The trainer: goes through the epochs, validates, keeps the best, and goes on where it was stopped."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_vision.data.errors import TrainingError, TrainingStopped
from edge_vision.training.fitting.averaging import averaged
from edge_vision.training.fitting.checkpoint import Checkpoint, Checkpoints, Partial
from edge_vision.training.fitting.epoch_data import EpochData, EpochMaker, MakeEpoch
from edge_vision.training.fitting.history import EpochRow, History
from edge_vision.training.fitting.learner import Goal, Learner, input_names
from edge_vision.training.fitting.pulse import Pulse
from edge_vision.training.fitting.schedule import optimiser
from edge_vision.training.fitting.settings import FitSettings
from edge_vision.training.fitting.state import State
from edge_vision.training.fitting.stopping import Stopping
from edge_vision.training.fitting.strategy import Distribution, as_batch
from edge_vision.training.fitting.watcher import Moment, Watcher
from edge_vision.training.score import Score
from edge_vision.training.transfer.weights import save_weights

__all__ = ["EpochData", "FitSettings", "Goal", "History", "TrainingStopped", "fit"]

WEIGHTS_FILE = "weights.npz"

Validate = Callable[[Any], Score]
"""Judges a network."""


def fit(
    network: Any,
    losses: Mapping[str, Any],
    data: MakeEpoch,
    validate: Validate,
    settings: FitSettings,
    folder: Path,
    watchers: Sequence[Watcher] = (),
) -> History:
    """Train a network, and leave in it the weights of the epoch with the best score.

    After each epoch the folder holds a checkpoint, history.csv and history.json, at the end weights.npz.
    Where it holds a checkpoint of the same training, that goes on as if it had never been interrupted;
    of another, TrainingError says what differs. Ctrl-C and SIGTERM raise TrainingStopped after the step
    at hand, with all saved that was learnt.

    network   a functional Keras model with named inputs and a dict of outputs; for the same result each
              time it is built after keras.utils.set_random_seed(settings.seed)
    losses    a loss, or a Goal, for each output that is to be learnt, by the output's name
    data      makes the arrays of an epoch, in a thread of its own, one epoch ahead
    validate  judges the network; the first figure of its Score decides
    """
    with Stopping() as stopping:
        training = _Training(network, losses, settings, folder, watchers)
        return training.run(EpochMaker(data, settings.seed), validate, stopping)


class _Training:
    """A training under way."""

    def __init__(
        self,
        network: Any,
        losses: Mapping[str, Any],
        settings: FitSettings,
        folder: Path,
        watchers: Sequence[Watcher],
    ) -> None:
        self.network = network
        self.settings = settings
        self.folder = folder
        self.distribution = Distribution.of(network)
        self.watchers = watchers if self.distribution.chief else ()
        self.checkpoints = Checkpoints(folder)
        with self.distribution.scope():
            self.learner = Learner(network, losses, self.distribution.replicas)
        self.optimiser: Any = None
        self.best: State | None = None
        self.history = History()
        self.partial = Partial()
        self.steps = 0

    def run(self, maker: EpochMaker, validate: Validate, stopping: Stopping) -> History:
        """All epochs that are not done yet."""
        self._resume()
        if not self.history.complete:
            maker.start(len(self.history.rows))
        for watcher in self.watchers:
            watcher.started(self.settings.epochs, self.history)
        try:
            while not self.history.complete:
                self._run_epoch(maker, validate, stopping)
            maker.finish()
        finally:
            for watcher in self.watchers:
                watcher.finished(self.history)
        self._keep_best()
        return self.history

    def _run_epoch(self, maker: EpochMaker, validate: Validate, stopping: Stopping) -> None:
        """One epoch, or what is left of it."""
        epoch = len(self.history.rows)
        # Several workers can stop together only, so they do it after an epoch.
        wish = stopping.__bool__ if self.distribution.workers == 1 else bool
        made = maker.take(epoch, wish)
        if made is None:
            self._stop(stopping.wish)
            return
        if epoch + 1 < self.settings.epochs:
            maker.start(epoch + 1)
        data = made.checked(
            input_names(self.network), tuple(goal.target for goal in self.learner.goals.values())
        )
        if self.optimiser is None:
            self._prepare(math.ceil(len(data) / self.settings.batch))
        self._learn(data, wish)
        if self.partial.rows < len(data):
            self._stop(stopping.wish)
        self._judge(data, validate)
        self._save()
        if not self.history.complete and self.distribution.total(float(bool(stopping))):
            self._stop(stopping.wish or "a signal to another worker")

    def _resume(self) -> None:
        """Go on from the checkpoint in the folder, if there is one."""
        found = self.checkpoints.load()
        done = float(len(found.history.rows) if found else -1)
        if self.distribution.total((done - self.distribution.as_chief(done)) ** 2):
            raise TrainingError(
                f"{self.folder}: the workers find different checkpoints there; "
                "it must be a folder that all share, or begin anew with --restart"
            )
        if found is None:
            return
        self._prepare(found.steps)
        found.check(self._identity(), self.network, self.optimiser, type(self.settings))
        found.network.put(self.network.variables)
        found.optimiser.put(self.optimiser.variables)
        self.best, self.history, self.partial = found.best, found.history, found.partial

    def _prepare(self, steps: int) -> None:
        """Make the optimiser for epochs of so many steps."""
        self.steps = steps
        with self.distribution.scope():
            clip = self.distribution.clipping(self.settings.clip)
            self.optimiser = optimiser(self.settings, steps * self.settings.epochs, clip)
            self.optimiser.build(self.network.trainable_variables)
            self.learner.compile(optimizer=self.optimiser, jit_compile="auto")

    def _learn(self, data: EpochData, wish: Callable[[], bool]) -> None:
        """Take the steps of an epoch that are not done yet; tells `partial` how far that got."""
        before, batch, began = self.partial, self.settings.batch, time.monotonic()
        rest = data.rows(slice(before.rows, None)) if before.rows else data
        start = Moment(
            len(self.history.rows) + 1, self.settings.epochs, before.rows / len(data), math.nan
        )
        pulse = Pulse(start, math.ceil(len(rest) / batch), wish, self.watchers)
        if self.distribution.strategy is not None:
            self.distribution.fit(self.learner, rest, batch, pulse.after)
        else:
            x, y = as_batch(rest)
            self.learner.fit(
                x, y, batch_size=batch, epochs=1, shuffle=False, verbose=0, callbacks=[pulse]
            )
        figures = {name: float(value) for name, value in self.learner.get_metrics_result().items()}
        if pulse.lost or not math.isfinite(self.distribution.as_chief(figures["loss"])):
            self._diverged()
        rows = min(pulse.steps * batch, len(rest))
        self.partial = Partial(
            before.rows + rows,
            {
                name: (value * rows + before.losses.get(name, 0.0) * before.rows) / (rows + before.rows)
                for name, value in figures.items()
            },
            before.seconds + time.monotonic() - began,
        )

    def _judge(self, data: EpochData, validate: Validate) -> None:
        """Validate where it is time, and enter the epoch into the history."""
        began = time.monotonic()
        epoch = len(self.history.rows) + 1
        settings, figures, state = self.settings, {}, None
        if epoch % settings.every == 0 or epoch == settings.epochs:
            with averaged(self.network, self.optimiser, data, settings.batch):
                score = validate(self.network)
                state = State.of(self.network.variables)
            figures = {name: float(value) for name, value in score.values.items()}
            if not figures:
                raise TrainingError("the validation gave no figure to tell better from worse")
            chief = next(iter(figures))
            figures[chief] = self.distribution.as_chief(figures[chief])
        losses = dict(self.partial.losses)
        seconds = round(self.partial.seconds + time.monotonic() - began, 3)
        rate = float(self.optimiser.learning_rate)
        row = EpochRow(epoch, losses.pop("loss"), losses, rate, figures, seconds)
        if self.history.add(row):
            self.best = state
        enough = 0 < settings.patience <= self.history.epochs_since_best
        self.history.complete = epoch == settings.epochs or (bool(figures) and enough)
        self.partial = Partial()
        for watcher in self.watchers:
            watcher.epoch(row, self.history)

    def _save(self) -> None:
        """Write a checkpoint and the history."""
        if self.optimiser is None:
            return  # nothing is learnt yet
        network, own = State.of(self.network.variables), State.of(self.optimiser.variables)
        if not self.distribution.chief:
            return
        self.checkpoints.save(
            Checkpoint(self._identity(), network, own, self.best, self.history, self.steps, self.partial)
        )
        self.history.write(self.folder)

    def _stop(self, wish: str) -> None:
        """Save what is learnt, and leave."""
        self._save()
        done = len(self.history.rows)
        raise TrainingStopped(
            f"stopped by {wish} after epoch {done} of {self.settings.epochs}; the same command goes on"
        )

    def _diverged(self) -> None:
        """Keep the best weights, and say what to try."""
        self._keep_best()
        epoch, best = len(self.history.rows) + 1, self.history.best_epoch
        kept = f"; the weights of epoch {best}, the best, are kept in {WEIGHTS_FILE}" if best else ""
        raise TrainingError(
            f"the loss is no number any more in epoch {epoch}{kept}. Begin anew (--restart) with a "
            f"lower learning_rate than {self.settings.learning_rate:g}, a longer warm_up or a smaller "
            "clip; if that does not help, look for targets that are not numbers"
        )

    def _keep_best(self) -> None:
        """Put the best weights into the network, and write them."""
        if self.best is None:
            return
        self.best.put(self.network.variables)
        if self.distribution.chief:
            save_weights(self.network, self.folder / WEIGHTS_FILE)

    def _identity(self) -> dict[str, Any]:
        """What may not change between two parts of one training, as plain JSON values."""
        goals = {
            name: f"{type(goal.loss).__name__} x {goal.weight:g} of {goal.output} and {goal.target}"
            for name, goal in self.learner.goals.items()
        }
        told = {"settings": self.settings.model_dump(mode="json"), "losses": goals}
        plain: dict[str, Any] = json.loads(json.dumps(told))
        return plain
