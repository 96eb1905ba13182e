from __future__ import annotations

import io
import math
from itertools import pairwise

from edge_vision.training.fitting.history import EpochRow, History
from edge_vision.training.fitting.progress import Progress
from edge_vision.training.fitting.watcher import Moment


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines_of(stream: io.StringIO) -> list[str]:
    """What was written line by line; a line may hold what was shown in its place before."""
    return stream.getvalue().removesuffix("\n").split("\n")


def run(stream: io.StringIO, epochs: int, seconds: float, moments: int = 1) -> History:
    clock, history = Clock(), History()
    progress = Progress(stream, clock)
    progress.started(epochs, history)
    for epoch in range(1, epochs + 1):
        for part in range(1, moments + 1):
            clock.now += seconds / moments
            progress.moment(Moment(epoch, epochs, part / moments, 1.5))
        row = EpochRow(epoch, 1.0 / epoch, {}, 0.1, {"accuracy": epoch / 10}, seconds)
        history.add(row)
        progress.epoch(row, history)
    history.complete = True
    progress.finished(history)
    return history


def test_a_terminal_shows_a_line_an_epoch_with_share_time_loss_and_score() -> None:
    stream = Terminal()
    run(stream, 4, seconds=60, moments=10)
    lines = [line.split("\r")[-1].rstrip() for line in lines_of(stream)]
    assert len(lines) == 4
    assert lines[0] == "epoch 1/4   25%  3:00 min left  loss 1  accuracy 0.1000 (best 0.1000 in epoch 1)"
    assert lines[3] == "epoch 4/4  100%  loss 0.25  accuracy 0.4000 (best 0.4000 in epoch 4)"


def test_the_line_of_a_terminal_changes_in_place_without_leavings() -> None:
    stream = Terminal()
    run(stream, 2, seconds=60, moments=3)
    for line in lines_of(stream):
        shown = line.split("\r")[1:]
        assert len(shown) == 4
        assert all(len(after) >= len(before.rstrip()) for before, after in pairwise(shown))


def test_short_epochs_share_a_line() -> None:
    stream = Terminal()
    run(stream, 100, seconds=0.01)
    assert len(lines_of(stream)) <= 3
    assert "epoch 100/100" in lines_of(stream)[-1]


def test_a_log_gets_plain_lines_at_intervals_and_always_the_last() -> None:
    stream = io.StringIO()
    run(stream, 100, seconds=1, moments=4)
    lines = lines_of(stream)
    assert 5 <= len(lines) <= 9
    assert "\r" not in stream.getvalue()
    assert "epoch 100/100" in lines[-1]


def test_going_on_and_stopping_early_are_said() -> None:
    history = History()
    for epoch in (1, 2, 3):
        history.add(EpochRow(epoch, 1.0, {}, 0.1, {"accuracy": 1.0 / epoch}))
    stream = io.StringIO()
    progress = Progress(stream, Clock())
    progress.started(9, history)
    history.complete = True
    progress.finished(history)
    first, last = lines_of(stream)
    assert first == "going on after epoch 3 of 9"
    assert last == "stopped: no better score for 2 epochs; kept epoch 1"


def test_a_loss_that_is_not_known_is_not_shown() -> None:
    stream = Terminal()
    progress = Progress(stream, Clock())
    progress.started(2, History())
    progress.moment(Moment(1, 2, 0.5, math.nan))
    assert "nan" not in stream.getvalue()


def test_the_first_step_which_compiles_does_not_count_for_the_time_that_is_left() -> None:
    stream, clock = Terminal(), Clock()
    progress = Progress(stream, clock)
    progress.started(10, History())
    clock.now += 100.0
    progress.moment(Moment(1, 10, 0.1, 1.0))
    assert "left" not in stream.getvalue()
    clock.now += 1.0
    progress.moment(Moment(1, 10, 0.2, 1.0))
    assert "1:38 min left" in stream.getvalue()
