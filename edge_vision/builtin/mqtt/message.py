"""A message on its way to the broker."""

from __future__ import annotations

from dataclasses import dataclass

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

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
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if self.text:
            properties.PayloadFormatIndicator = 1
        if self.content_type:
            properties.ContentType = self.content_type
        if self.expiry is not None:
            properties.MessageExpiryInterval = self.expiry
        if self.frame_id:
            properties.UserProperty = ("id", self.frame_id)
        if self.correlation:
            properties.CorrelationData = self.correlation
        return properties


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
