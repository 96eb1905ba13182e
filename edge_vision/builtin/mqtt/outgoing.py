"""What waits for the broker: in bounded memory, in order, and counted."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal

from edge_vision.builtin.complaints import Complaints
from edge_vision.builtin.mqtt.fleeting import Fleeting
from edge_vision.builtin.mqtt.message import Message

logger = logging.getLogger(__name__)

EVENTS_KEPT = 1000
"""At most so many events wait for the broker; then the oldest is dropped."""

PATIENCE = 10.0
"""Seconds without any progress after which nobody waits for room any more."""

Reach = Literal["undecided", "up", "down", "closed"]


class Outgoing:
    """What waits for the broker, under one lock; the link's thread takes it, all others put it.

    Three kinds wait, in the order in which they are taken. What is *retained* (statuses and settings)
    is a table, topic to newest message: all of it is sent on every connection, and again when it
    changes. What is to *keep* (events) waits while the broker is away, up to EVENTS_KEPT; what was not
    acknowledged is sent again. The *fleeting* (results, pictures, statistics) waits only while
    connected, up to `limit` messages and `limit_bytes` bytes; what is on no wire yet when the
    connection goes is lost.
    """

    def __init__(self, limit: int, limit_bytes: int, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._reach: Reach = "undecided"
        self._decide_by = 0.0
        self._retained: dict[str, Message] = {}
        self._unsent_topics: dict[str, None] = {}
        self._kept: deque[Message] = deque()
        self._fleeting = Fleeting(limit, limit_bytes)
        self._taken: Message | None = None
        self._written: list[Message] = []
        self._unacknowledged: dict[int, Message] = {}
        self._progress = 0
        self._stalled = False
        self._complain = Complaints(logger, "mqtt")
        self._sent = self._lost = self._refused = self._connections = 0

    # From any thread.

    def start(self) -> None:
        """The first attempt to connect is made; for PATIENCE seconds what is put waits for it."""
        self._decide_by = time.monotonic() + PATIENCE

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until at most half of what may wait does, or waiting is of no use."""
        with self._lock:
            return self._changed.wait_for(lambda: self._away or self._fleeting.is_half_empty(), timeout)

    def accepts(self, wait: bool) -> bool:
        """Whether it is worth making a fleeting message; where not, it is counted as lost."""
        with self._lock:
            if wait:
                self._wait_for_room(0)
            accepted = not self._away and self._fleeting.has_room(0)
            if not accepted:
                self._lose_fleeting()
            return accepted

    def put(self, message: Message, wait: bool = False) -> None:
        """Hand over a fleeting message; it is lost where there is no connection or no room.

        wait  True for a recording: to wait for room while connected, but not for PATIENCE without any
              progress; and to be sent together with what comes soon after
        """
        with self._lock:
            if wait:
                self._wait_for_room(message.size)
            if self._away or not self._fleeting.has_room(message.size):
                self._lose_fleeting()
                return
            wake = self._fleeting.put(message, patient=wait)
        if wake:
            self._wake()

    def keep(self, message: Message) -> None:
        """Hand over a message that waits for the broker; where too many do, the oldest is lost."""
        with self._lock:
            if self._reach == "closed":
                self._lost += 1
                return
            self._kept.append(message)
            self._drop_oldest_kept()
        self._wake()

    def retain(self, message: Message) -> None:
        """From now on this is what the broker shall retain on the message's topic."""
        with self._lock:
            self._retained[message.topic] = message
            if self._reach == "up":
                self._unsent_topics[message.topic] = None
        self._wake()

    def take_back(self, beginning: str) -> None:
        """Have the broker retain nothing more on the topics of that beginning."""
        with self._lock:
            for topic, message in self._retained.items():
                if topic.startswith(beginning):
                    empty = Message(topic, b"", message.kind, qos=1, retain=True)
                    self._retained[topic] = empty
                    if self._reach == "up":
                        self._unsent_topics[topic] = None
        self._wake()

    def lose(self) -> None:
        """Count a message that could not even be made."""
        with self._lock:
            self._lost += 1

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._reach == "up"

    @property
    def pending(self) -> int:
        """How many messages are neither on the wire (QoS 0), acknowledged (QoS 1) nor lost."""
        with self._lock:
            return self._pending()

    def counters(self) -> Mapping[str, int]:
        """What was sent, lost and refused by the broker, what waits, and how often it reconnected."""
        with self._lock:
            return {
                "sent": self._sent,
                "lost": self._lost,
                "refused": self._refused,
                "pending": self._pending(),
                "reconnects": max(0, self._connections - 1),
            }

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is pending; False where `timeout` passed or the broker is away."""
        self._wake()
        with self._lock:
            self._changed.wait_for(lambda: not self._pending() or self._away, timeout)
            return not self._pending()

    # From the link's thread.

    def up(self) -> None:
        """There is a connection: all that is retained is to be sent on it, then what was kept."""
        with self._lock:
            if self._reach == "closed":
                return
            self._reach = "up"
            self._connections += 1
            self._unsent_topics = dict.fromkeys(self._retained)
            self._complain.clear()
            self._moved()

    def down(self, again_at_once: bool = False) -> None:
        """There is no connection: what is kept goes back in order, what is fleeting is lost.

        again_at_once  True where the first attempt goes on in another way: who waits may wait on
        """
        with self._lock:
            unfinished = [*self._unacknowledged.values(), *self._written]
            if self._taken is not None:
                unfinished.append(self._taken)
            kept = [message for message in unfinished if message.keep]
            self._kept.extendleft(reversed(kept))
            self._drop_oldest_kept()
            retained = sum(message.retain for message in unfinished)
            self._lost += len(unfinished) - len(kept) - retained
            self._forget_connection()
            early = again_at_once or time.monotonic() < self._decide_by
            if self._reach == "undecided" and early:
                return
            self._lost += self._fleeting.drop()
            if self._reach != "closed":
                self._reach = "down"
            self._moved()

    def close(self) -> int:
        """Nothing more is sent; returns how many events that leaves undelivered."""
        with self._lock:
            left = len(self._kept)
            self._lost += left + self._fleeting.drop()
            self._kept.clear()
            self._reach = "closed"
            self._moved()
            return left

    def take(self, window: int) -> Message | None:
        """The next message to write, or None; the connection then says what became of it.

        window  so many messages may be unacknowledged at once
        """
        with self._lock:
            message: Message | None = None
            if len(self._unacknowledged) < window and self._unsent_topics:
                topic = next(iter(self._unsent_topics))
                del self._unsent_topics[topic]
                message = self._retained[topic]
            elif len(self._unacknowledged) < window and self._kept:
                message = self._kept.popleft()
            else:
                message = self._fleeting.take()
            self._taken = message
            return message

    def rest(self, longest: float) -> float:
        """For how many seconds, `longest` at most, the link may wait for something to happen."""
        with self._lock:
            return self._fleeting.rest(longest)

    def written(self, message_id: int | None) -> None:
        """The message taken is written, with an id where it will be acknowledged."""
        with self._lock:
            message, self._taken = self._taken, None
            if message is None:
                return
            if message_id is None:
                self._written.append(message)
            else:
                self._unacknowledged[message_id] = message

    def on_the_wire(self) -> None:
        """All that was written has left this program."""
        with self._lock:
            for message in self._written:
                self._finish(message, refused=False)
            self._written.clear()
            self._moved()

    def acknowledged(self, message_id: int, problem: str | None) -> None:
        """The broker has taken a message, or says why not."""
        with self._lock:
            message = self._unacknowledged.pop(message_id, None)
            if message is not None:
                self._judge(message, problem)
                self._moved()

    def refuse(self, problem: str) -> None:
        """The message taken cannot be written."""
        with self._lock:
            message, self._taken = self._taken, None
            if message is not None:
                self._judge(message, problem)
                self._moved()

    def progress(self) -> None:
        """Some bytes have left; those who wait may go on waiting."""
        with self._lock:
            self._moved()

    # Under the lock.

    @property
    def _away(self) -> bool:
        return self._reach in ("down", "closed")

    def _pending(self) -> int:
        # Without a connection there is nothing to send of what is retained: all of it goes out anew.
        return (
            len(self._unsent_topics)
            + len(self._kept)
            + len(self._fleeting)
            + len(self._written)
            + len(self._unacknowledged)
            + (self._taken is not None)
        )

    def _wait_for_room(self, size: int) -> None:
        seen, patient_until = self._progress, time.monotonic() + PATIENCE
        while not self._away and not self._fleeting.has_room(size):
            left = patient_until - time.monotonic()
            if self._stalled or left <= 0:
                self._stalled = True
                return
            self._changed.wait(left)
            if self._progress != seen:
                seen, patient_until = self._progress, time.monotonic() + PATIENCE

    def _lose_fleeting(self) -> None:
        self._lost += 1
        if self._reach == "up":
            self._complain("the broker is too slow: results or pictures are dropped")

    def _drop_oldest_kept(self) -> None:
        while len(self._kept) > EVENTS_KEPT:
            self._kept.popleft()
            self._lost += 1
            self._complain(f"more than {EVENTS_KEPT} events wait for the broker: the oldest are dropped")

    def _judge(self, message: Message, problem: str | None) -> None:
        self._finish(message, refused=problem is not None)
        if problem is not None:
            self._complain(f"the broker does not take {message.kind}: {problem}")

    def _finish(self, message: Message, *, refused: bool) -> None:
        self._sent += not refused
        self._refused += refused
        if not message.retain and not message.keep:
            self._fleeting.left(message)
        elif not message.payload and self._retained.get(message.topic) is message:
            del self._retained[message.topic]

    def _forget_connection(self) -> None:
        self._fleeting.lose_taken()
        self._unsent_topics.clear()
        self._written.clear()
        self._unacknowledged.clear()
        self._taken = None

    def _moved(self) -> None:
        self._progress += 1
        self._stalled = False
        self._changed.notify_all()
