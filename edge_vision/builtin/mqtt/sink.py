"""The MQTT sink: results, pictures, events, statuses, settings and statistics to a broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from edge_vision.builtin.complaints import Complaints
from edge_vision.builtin.encode import encode_json, encode_picture
from edge_vision.builtin.mqtt.broker import broker_of
from edge_vision.builtin.mqtt.commands import Commands
from edge_vision.builtin.mqtt.link import MqttLink, Pauses, Versions
from edge_vision.builtin.mqtt.message import JSON, Message, topic_problem
from edge_vision.builtin.mqtt.options import MqttOptions
from edge_vision.builtin.mqtt.outgoing import Outgoing
from edge_vision.builtin.mqtt.wake import WakeUpCall
from edge_vision.contracts.sink import CameraStatus, Sink, SinkContext, StateValue
from edge_vision.data.errors import StageError
from edge_vision.data.event import Event
from edge_vision.data.findings import Picture
from edge_vision.data.payload import event_payload, picture_name, result_payload
from edge_vision.data.result import Result

logger = logging.getLogger(__name__)

CLOSE_PATIENCE = 1.5
"""Seconds that `close` gives what still waits to reach the broker."""


class MqttSink(Sink):
    """Publishes to an MQTT broker, and takes commands from it.

    <root>/<node>/status                    online, or offline (also the last will); retained
    <root>/<node>/<camera>/status           online, offline or disabled; retained
    <root>/<node>/<camera>/results          JSON, QoS 0
    <root>/<node>/<camera>/images/<name>    JPEG or PNG, QoS 0
    <root>/<node>/<camera>/events           JSON, QoS 1, up to 1,000 wait while the broker is away
    <root>/<node>/<camera>/state/<key>      JSON, retained; set by <camera>/set/<key>
    <root>/<node>/stats                     JSON, QoS 0

    A broker that is away, slow or stuck costs results and pictures, counted as `lost`, but never
    holds up the pipeline. When the daemon dies, only its own status tells: those of the cameras stay as
    they were.
    """

    name: ClassVar[str] = "mqtt"
    Options: ClassVar[type[MqttOptions]] = MqttOptions
    options: MqttOptions

    def __init__(self, options: MqttOptions, context: SinkContext) -> None:
        super().__init__(options, context)
        self._identity = context.identity
        self._wake = WakeUpCall()
        self._outgoing = Outgoing(options.max_pending, options.max_pending_bytes, self._wake.ring)
        self._commands = Commands(context.identity, context.change, self._outgoing.put)
        self._broker = broker_of(options, context)
        self._link = MqttLink(
            self._broker,
            Versions(options.protocol),
            Pauses(options.reconnect_min, options.reconnect_max),
            self._outgoing,
            self._commands,
            self._wake,
        )
        self._cameras: set[str] = set()
        self._cameras_lock = threading.Lock()
        self._complain = Complaints(logger, context.name)

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the broker now."""
        return self._outgoing.connected

    @property
    def protocol_in_use(self) -> str | None:
        """The version of MQTT that is spoken now, "5" or "3.1.1", None without a connection."""
        return self._link.protocol_in_use

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password, which no log may show."""
        return () if self._broker.password is None else (self._broker.password,)

    def open(self) -> None:
        """Start to connect, and return at once; the broker may come later."""
        self._retain("status", b"online", self._broker.will_topic)
        self._outgoing.start()
        self._commands.start()
        self._link.start()

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until half of what may wait is sent, or the broker is away."""
        return self._outgoing.wait_for_room(timeout)

    def write(self, result: Result, *, wait: bool = False) -> None:
        """Publish a result and its pictures; nothing is encoded for a broker that is away."""
        camera = result.frame.camera
        frame_id = self._identity.frame_id(camera, result.frame.index)
        if self.options.results and self._outgoing.accepts(wait):
            self._put_result(result, frame_id, wait)
        if self.options.images:
            for picture in result.all(Picture):
                if self._outgoing.accepts(wait):
                    self._put_picture(picture, camera, frame_id, wait)

    def notify(self, event: Event) -> None:
        """Publish an event; it waits for a broker that is away."""
        payload = self._encode(event_payload(event, self._identity))
        if payload is not None:
            topic = self._identity.topic(event.camera, "events")
            self._outgoing.keep(
                Message(topic, payload, "events", qos=1, keep=True, content_type=JSON, text=True)
            )

    def status(self, camera: str, status: CameraStatus) -> None:
        """Have the broker retain a camera's status."""
        with self._cameras_lock:
            self._cameras.add(camera)
        self._retain("status", status.encode(), self._identity.topic(camera, "status"))

    def state(self, camera: str, key: str, value: StateValue) -> None:
        """Have the broker retain a camera's setting."""
        payload = self._encode(value)
        topic = self._identity.topic(camera, "state", key)
        if payload is not None and self._can_publish_on(topic):
            self._retain("state", payload, topic, JSON)

    def stats(self, payload: Mapping[str, Any]) -> None:
        """Publish statistics."""
        if self._outgoing.accepts(False):
            encoded = self._encode(payload)
            if encoded is not None:
                topic = self._identity.topic("stats")
                self._outgoing.put(Message(topic, encoded, "stats", content_type=JSON, text=True))

    def forget(self, camera: str) -> None:
        """Have the broker retain nothing more about a camera."""
        with self._cameras_lock:
            self._cameras.discard(camera)
        self._outgoing.take_back(self._identity.topic(camera, ""))

    def counters(self) -> Mapping[str, int]:
        """What was sent (on the wire, or acknowledged at QoS 1), lost, refused, and what waits."""
        return {**self._outgoing.counters(), **self._commands.counters()}

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is pending; False where `timeout` passed or the broker is away."""
        return self._outgoing.flush(timeout)

    def close(self) -> None:
        """Say that the cameras and the node are offline, in a bounded time, and disconnect."""
        self._commands.close()
        with self._cameras_lock:
            cameras = sorted(self._cameras)
        for camera in cameras:
            self.status(camera, "offline")
        self._retain("status", b"offline", self._broker.will_topic)
        self._link.close(CLOSE_PATIENCE)
        left = self._outgoing.close()
        if left:
            logger.warning("mqtt: %d events were not delivered", left)

    def _put_result(self, result: Result, frame_id: str, wait: bool) -> None:
        facts = result_payload(result, self._identity)
        if not self.options.images:
            facts.pop("images", None)
        payload = self._encode(facts)
        if payload is not None:
            message = Message(
                self._identity.topic(result.frame.camera, "results"),
                payload,
                "results",
                content_type=JSON,
                text=True,
                expiry=self.options.result_expiry,
                frame_id=frame_id,
            )
            self._outgoing.put(message, wait)

    def _put_picture(self, picture: Picture, camera: str, frame_id: str, wait: bool) -> None:
        topic = self._identity.topic(camera, "images", picture_name(picture))
        if not self._can_publish_on(topic):
            self._outgoing.lose()
            return
        try:
            encoded = encode_picture(picture, self.options.quality)
        except StageError as error:
            self._outgoing.lose()
            self._complain(str(error))
            return
        message = Message(
            topic,
            encoded.data,
            "images",
            content_type=encoded.content_type,
            expiry=self.options.result_expiry,
            frame_id=frame_id,
        )
        self._outgoing.put(message, wait)

    def _retain(self, kind: str, payload: bytes, topic: str, content_type: str = "text/plain") -> None:
        self._outgoing.retain(
            Message(topic, payload, kind, qos=1, retain=True, content_type=content_type, text=True)
        )

    def _can_publish_on(self, topic: str) -> bool:
        problem = topic_problem(topic)
        if problem is not None:
            self._complain(f"the topic {topic!r} {problem}")
        return problem is None

    def _encode(self, facts: object) -> bytes | None:
        """The facts as JSON; those that cannot be are counted as lost."""
        try:
            return encode_json(facts)
        except StageError as error:
            self._outgoing.lose()
            self._complain(str(error))
            return None
