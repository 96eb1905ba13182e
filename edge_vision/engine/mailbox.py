"""A mailbox of one place between a camera's capture thread and the workers."""

from __future__ import annotations

from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One place. A live camera overwrites what lies in it (the newest wins); a recording waits."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._item: T | None = None

    def put(self, item: T) -> T | None:
        """Lay an item in; gives the one it overwrote, or None."""
        with self._changed:
            before, self._item = self._item, item
            return before

    def take(self) -> T | None:
        """Take the item out; None where there is none."""
        with self._changed:
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until the place is empty; False where it still is not after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._item is None, timeout)

    def __bool__(self) -> bool:
        return self._item is not None
