"""What is said of a training that is stopped outside of its epochs."""

from __future__ import annotations

import os
import signal

import pytest

from edge_vision.data.errors import TrainingStopped
from edge_vision.service.training.interruption import told_when_stopped


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C")], ids=["term", "int"]
)
def test_a_signal_ends_in_good_order_and_leaves_handlers_as_they_were(
    number: signal.Signals, name: str
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(TrainingStopped, match=f"stopped by {name}; the same command goes on"):
        _hear(number)
    assert signal.getsignal(signal.SIGTERM) is before


@told_when_stopped()
def _hear(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    signal.sigtimedwait([], 5)
