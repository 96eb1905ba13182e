"""A mailbox between a camera's capture thread and the workers."""

from __future__ import annotations

from collections import deque
from threading import Condition, Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A few places. When they are taken the newest item wins; who must not lose any waits for room.

    A live camera has one place, so that what lies there is fresh. A recording has some more, and its
    thread, once it has filled them, rests until half of them are free: it reads several frames in one
    go, and need not be woken for each.

    places  how many there are; may be changed
    """

    def __init__(self, places: int = 1) -> None:
        self.places = places
        self._waited_for = 0
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
            if self._waited_for and self._is_half_free():
                self._changed.notify_all()
            return item

    def wait_for_room(self, timeout: float) -> bool:
        """Wait while all places are taken, then until half are free; False after `timeout` seconds."""
        with self._lock:
            if len(self._items) < self.places:
                return True
            self._waited_for += 1
            try:
                return self._changed.wait_for(self._is_half_free, timeout)
            finally:
                self._waited_for -= 1

    def _is_half_free(self) -> bool:
        return len(self._items) <= self.places // 2

    def __bool__(self) -> bool:
        return bool(self._items)
