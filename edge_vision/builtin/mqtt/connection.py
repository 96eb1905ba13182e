"""One connection to the broker, from the attempt to its end; all of it on one thread."""

from __future__ import annotations

import logging
import select
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_vision.builtin.mqtt.broker import Broker
from edge_vision.builtin.mqtt.commands import Command, Commands
from edge_vision.builtin.mqtt.message import Message
from edge_vision.builtin.mqtt.outgoing import Outgoing
from edge_vision.builtin.mqtt.wake import WakeUpCall

logger = logging.getLogger(__name__)

Version = Literal["5", "3.1.1"]

GOODBYE_PATIENCE = 1.0
"""Seconds that a goodbye may take to leave."""

WINDOW = 20
"""So many messages may be unacknowledged at once, fewer where the broker says so."""

BATCH = 100
"""So many messages are written before the network is read again."""

LOOK = 1.0
"""Seconds between two looks after the connection while nothing happens."""

UNSUPPORTED_VERSION = 0x84
TAKEN_OVER = 0x8E


@dataclass
class Ending:
    """How a connection, or the attempt to make one, ended.

    reason       for people
    reached      the broker took the network connection
    answered     the broker answered the attempt, yes or no
    silent       it kept the network connection but did not answer in time
    up_for       seconds that the connection was up, None where it never was
    unsupported  the broker does not speak this version of MQTT
    taken_over   another client connected under the same client id
    """

    reason: str = "the connection was closed"
    reached: bool = False
    answered: bool = False
    silent: bool = False
    up_for: float | None = None
    unsupported: bool = False
    taken_over: bool = False


@dataclass
class _Limits:
    """What the broker asked for when it accepted the connection (MQTT 5.0 section 3.2.2.3)."""

    window: int = WINDOW
    packet_size: int = 268_435_455
    qos: int = 1
    retain: bool = True

    @classmethod
    def of(cls, properties: Properties | None) -> _Limits:
        ours = cls()
        return cls(
            window=min(ours.window, getattr(properties, "ReceiveMaximum", ours.window)),
            packet_size=getattr(properties, "MaximumPacketSize", ours.packet_size),
            qos=min(ours.qos, getattr(properties, "MaximumQoS", ours.qos)),
            retain=bool(getattr(properties, "RetainAvailable", ours.retain)),
        )


class Connection:
    """One connection to the broker: `run` makes it, serves it, and returns how it ended.

    The client library only frames packets here. It is called from this one thread, is handed the next
    message when the one before is on the wire, and is thrown away with the connection; so what waits
    is known, bounded and never behind a lock of the library's.

    patience  seconds in which the broker must answer the attempt to connect
    leaving   asked often: True where it is time to say goodbye
    """

    def __init__(
        self,
        broker: Broker,
        version: Version,
        outgoing: Outgoing,
        commands: Commands,
        wake: WakeUpCall,
        *,
        patience: float,
        leaving: Callable[[], bool],
    ) -> None:
        self._broker = broker
        self._version = version
        self._outgoing = outgoing
        self._wake = wake
        self._commands = commands
        self._patience = patience
        self._leaving = leaving
        self._ending = Ending()
        self._limits = _Limits()
        self._opened_at = self._up_at = self._left_at = 0.0
        self._client = self._make_client()

    def run(self) -> Ending:
        """Connect, serve until the connection ends or it is time to leave, and say how it ended."""
        client, ending = self._client, self._ending
        try:
            client.connect(self._broker.host, self._broker.port, self._broker.keepalive)
            ending.reached = True
            self._opened_at = time.monotonic()
            while client.socket() is not None and not self._out_of_patience():
                self._step()
        except (OSError, ValueError, MQTTException) as error:
            ending.reason = _for_people(error)
        finally:
            socket = client.socket()
            if socket is not None:
                socket.close()
        if self._up_at:
            ending.up_for = time.monotonic() - self._up_at
        return ending

    def _make_client(self) -> Client:
        broker = self._broker
        five = self._version == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            clean_session=None if five else True,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        client.will_set(broker.will_topic, "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    def _out_of_patience(self) -> bool:
        now = time.monotonic()
        if not self._up_at and now > self._opened_at + self._patience:
            self._ending.reason = "the broker does not answer"
            self._ending.silent = True
            return True
        return bool(self._left_at) and now > self._left_at + GOODBYE_PATIENCE

    def _step(self) -> None:
        """Write what can be written, then wait for the network or a wake-up call and serve it."""
        client = self._client
        done = not self._up_at or bool(self._left_at) or self._write_waiting()
        if self._leaving() and not self._left_at:
            self._left_at = time.monotonic()
            client.disconnect()
        socket = client.socket()
        if socket is None:
            return
        buffered = isinstance(socket, ssl.SSLSocket) and socket.pending() > 0
        poll = select.poll()
        poll.register(socket.fileno(), select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        poll.register(self._wake.fileno(), select.POLLIN)
        rest = self._outgoing.rest(LOOK) if done and not buffered else 0.0
        ready = dict(poll.poll(1000.0 * rest))
        if self._wake.fileno() in ready:
            self._wake.answer()
        happened = ready.get(socket.fileno(), 0)
        if buffered or happened & ~select.POLLOUT:
            client.loop_read()
        if happened & select.POLLOUT:
            client.loop_write()
            self._outgoing.progress()
        client.loop_misc()

    def _write_waiting(self) -> bool:
        """Hand messages to the client, each when the one before is on the wire.

        False where more may be waiting: first it is time to read again.
        """
        client = self._client
        for _ in range(BATCH):
            if client.socket() is None or client.want_write():
                return True
            self._outgoing.on_the_wire()
            message = self._outgoing.take(self._limits.window)
            if message is None:
                return True
            self._publish(message)
        return False

    def _publish(self, message: Message) -> None:
        if message.size > self._limits.packet_size:
            self._outgoing.refuse("it is larger than the broker allows")
            return
        qos = min(message.qos, self._limits.qos)
        properties = message.properties() if self._version == "5" else None
        retain = message.retain and self._limits.retain
        rc = MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
        while rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # that id is still in use: the next one, then
            info = self._client.publish(message.topic, message.payload, qos, retain, properties)
            rc = info.rc
        self._outgoing.written(info.mid if qos else None)

    def _on_connect(
        self,
        client: Client,
        data: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._ending.answered = True
        if reason.is_failure:
            self._ending.unsupported = reason.value == UNSUPPORTED_VERSION
            self._ending.reason = f"the broker refuses: {reason}"
            return
        self._up_at = time.monotonic()
        self._limits = _Limits.of(properties)
        logger.info(
            "mqtt: connected to %s with MQTT %s as %s",
            self._broker,
            self._version,
            self._broker.client_id,
        )
        self._outgoing.up()
        client.subscribe(self._commands.subscription, qos=1)

    def _on_disconnect(
        self,
        client: Client,
        data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._ending.taken_over = reason.value == TAKEN_OVER
            self._ending.reason = f"the broker ended the connection: {reason}"
        elif self._up_at and str(reason) == "Keep alive timeout":
            self._ending.reason = "the broker has gone silent"

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        properties = message.properties
        self._commands.take(
            Command(
                topic,
                bytes(message.payload),
                bool(message.retain),
                getattr(properties, "ResponseTopic", ""),
                getattr(properties, "CorrelationData", b""),
            )
        )

    def _on_publish(
        self,
        client: Client,
        data: Any,
        message_id: int,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._outgoing.acknowledged(message_id, str(reason) if reason.is_failure else None)

    def _on_subscribe(
        self,
        client: Client,
        data: Any,
        message_id: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                logger.warning(
                    "mqtt: no commands will arrive, the broker does not let subscribe to %s: %s",
                    self._commands.subscription,
                    reason,
                )


def _for_people(error: Exception) -> str:
    """An error of the network without its number."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not trusted: {error.verify_message}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or repr(error)
