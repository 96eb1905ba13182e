"""Fleeting messages: results, pictures and statistics, which wait only while there is a connection."""

from __future__ import annotations

from collections import deque

from edge_vision.builtin.mqtt.message import Message

GATHER = 0.05
"""Seconds over which what nobody waits for live is gathered, once there is more of it."""


class Fleeting:
    """A bounded queue of messages, used under its owner's lock.

    What was taken out takes room until it has left this program. While messages of recordings keep
    coming, whoever sends looks after them every GATHER seconds by itself and is not to be woken for
    each: waking a thread costs more than sending.

    limit, limit_bytes  so many messages, and bytes of them, are held at most; one always is
    """

    def __init__(self, limit: int, limit_bytes: int) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._out = 0
        self._patient = self._gathering = False

    def __len__(self) -> int:
        """How many wait to be taken out."""
        return len(self._waiting)

    def has_room(self, size: int) -> bool:
        """Whether a message of so many bytes fits in."""
        held = len(self._waiting) + self._out
        return not held or (held < self._limit and self._bytes + size <= self._limit_bytes)

    def is_half_empty(self) -> bool:
        """Whether at most half of what may be held is."""
        held = len(self._waiting) + self._out
        return held <= self._limit // 2 and self._bytes <= self._limit_bytes // 2

    def put(self, message: Message, patient: bool) -> bool:
        """Add a message; True where whoever sends is to be woken for it.

        patient  nobody minds GATHER seconds
        """
        self._waiting.append(message)
        self._bytes += message.size
        self._patient |= patient
        return not (patient and self._gathering and self.is_half_empty())

    def take(self) -> Message | None:
        """The oldest message, to be sent; None where there is none."""
        if not self._waiting:
            return None
        self._out += 1
        return self._waiting.popleft()

    def left(self, message: Message) -> None:
        """A message that was taken out has left, or was refused."""
        self._out -= 1
        self._bytes -= message.size

    def rest(self, longest: float) -> float:
        """For how many seconds, `longest` at most, whoever sends may look after nothing."""
        self._gathering, self._patient = self._patient, False
        return GATHER if self._gathering else longest

    def lose_taken(self) -> None:
        """What was taken out never arrives."""
        self._out = 0
        self._bytes = sum(message.size for message in self._waiting)

    def drop(self) -> int:
        """Drop what waits; gives how many that were."""
        dropped = len(self._waiting)
        self._bytes -= sum(message.size for message in self._waiting)
        self._waiting.clear()
        return dropped
