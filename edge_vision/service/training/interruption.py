"""Interruption: what a person is told whose training is stopped, whatever it is doing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from edge_vision.data.errors import TrainingStopped


@contextmanager
def told_when_stopped() -> Iterator[None]:
    """Make one clear end of Ctrl-C and SIGTERM outside of an epoch: TrainingStopped.

    Within an epoch the fit hears them itself, and saves what it has learnt. The second SIGTERM ends the
    process at once. Signals reach the main thread only; in another one nothing is changed.
    """
    heard = [signal.SIGINT]

    def hear(number: int, _: FrameType | None) -> None:
        heard[0] = signal.Signals(number)
        signal.signal(number, before)
        raise KeyboardInterrupt  # passes through what handles mere errors

    here = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, hear) if here else None
    try:
        yield
    except KeyboardInterrupt:
        wish = "Ctrl-C" if heard[0] == signal.SIGINT else heard[0].name
        raise TrainingStopped(f"stopped by {wish}; the same command goes on") from None
    finally:
        if here:
            signal.signal(signal.SIGTERM, before)
