"""A wake-up call: how one thread interrupts another that waits for sockets."""

from __future__ import annotations

import contextlib
import socket
import threading


class WakeUpCall:
    """A pair of sockets: one thread rings, the other waits for `fileno` beside its own sockets.

    Before `open` and after `close` ringing does nothing.
    """

    def __init__(self) -> None:
        self._waiting_end: socket.socket | None = None
        self._ringing_end: socket.socket | None = None
        self._lock = threading.Lock()
        self._rung = False

    def open(self) -> None:
        """Make the sockets."""
        with self._lock:
            self._waiting_end, self._ringing_end = socket.socketpair()
            self._waiting_end.setblocking(False)
            self._ringing_end.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that becomes readable when somebody rings."""
        return -1 if self._waiting_end is None else self._waiting_end.fileno()

    def ring(self) -> None:
        """Wake the other thread; one that was not answered yet is enough."""
        with self._lock:
            if self._ringing_end is not None and not self._rung:
                self._rung = True
                self._ringing_end.send(b"\0")

    def answer(self) -> None:
        """Get ready to be woken again."""
        with self._lock:
            self._rung = False
            if self._waiting_end is not None:
                with contextlib.suppress(BlockingIOError):
                    self._waiting_end.recv(16)

    def close(self) -> None:
        """Let go of the sockets."""
        with self._lock:
            for end in (self._waiting_end, self._ringing_end):
                if end is not None:
                    end.close()
            self._waiting_end = self._ringing_end = None
