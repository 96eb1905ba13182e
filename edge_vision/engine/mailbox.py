"""A mailbox between a camera's capture thread and the workers."""

from __future__ import annotations

from collections import deque
from threading import Condition, Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A few places. When they are taken the newest item wins; who must not lose any waits for room.

    A live camera has one place, so that what lies there is fresh. A recording has some more.

    places  how many there are; may be changed
    """

    def __init__(self, places: int = 1) -> None:
        self.places = places
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._items: deque[T] = deque()

    def put(self, item: T) -> T | None:
        """Lay an item in; gives the one it overwrote, or None."""
        with self._lock:
            before = self._items.pop() if len(self._items) >= self.places else None
            self._items.append(item)
            return before

    def take(self) -> T | None:
        """Take the oldest item out; None where there is none."""
        with self._lock:
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def wait_for_room(self, timeout: float) -> bool:
        """Wait while all places are taken; False where that takes longer than `timeout` seconds."""
        with self._lock:
            return self._changed.wait_for(lambda: len(self._items) < self.places, timeout)

    def __len__(self) -> int:
        return len(self._items)
