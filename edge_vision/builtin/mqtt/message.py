"""A message on its way to the broker."""

from __future__ import annotations

from dataclasses import dataclass

from paho.mqtt.properties import Properties

from edge_vision.builtin.mqtt.properties import publication

JSON = "application/json"

LONGEST_TOPIC = 65535
"""Bytes, MQTT 5.0 section 1.5.4."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """A message on its way to the broker. The last five say more to those who speak MQTT 5.

    kind          what logs call it: results, images, events, status, state, stats, reply
    qos           0, or 1 where the broker acknowledges it
    keep          True where it waits for a broker that is away, rather than be lost
    content_type  media type of the payload
    text          True where the payload is UTF-8
    expiry        seconds after which the broker forgets it undelivered, None for never
    frame_id      id that ties together everything said of one frame, or empty
    correlation   what the asker gave to recognise the answer, or empty
    """

    topic: str
    payload: bytes
    kind: str
    qos: int = 0
    retain: bool = False
    keep: bool = False
    content_type: str = ""
    text: bool = False
    expiry: int | None = None
    frame_id: str = ""
    correlation: bytes = b""

    @property
    def size(self) -> int:
        """About how many bytes it takes on the wire."""
        return len(self.payload) + len(self.topic) + 100

    def properties(self) -> Properties:
        """What goes with it in MQTT 5."""
        return publication(
            text=self.text,
            content_type=self.content_type,
            expiry=self.expiry,
            user=("id", self.frame_id) if self.frame_id else None,
            correlation=self.correlation,
        )


def topic_problem(topic: str) -> str | None:
    """What keeps a text from being a topic to publish on, or None (MQTT 5.0 section 4.7)."""
    if not topic:
        return "must not be empty"
    if "+" in topic or "#" in topic:
        return "must not have the wildcards + and #"
    try:
        encoded = topic.encode()
    except UnicodeEncodeError:
        return "must be text that UTF-8 can hold"
    if "\0" in topic:
        return "must not have the character NUL"
    return None if len(encoded) <= LONGEST_TOPIC else "is too long"
