"""The link: keeps one connection to the broker up, and waits longer and longer between attempts."""

from __future__ import annotations

import logging
import threading
import time
from typing import Literal

from edge_vision.builtin.mqtt.broker import Broker
from edge_vision.builtin.mqtt.commands import Commands
from edge_vision.builtin.mqtt.connection import Connection, Ending, Version
from edge_vision.builtin.mqtt.outgoing import Outgoing
from edge_vision.builtin.mqtt.wake import WakeUpCall

logger = logging.getLogger(__name__)

ANSWER_PATIENCE = 10.0
"""Seconds in which a broker must answer an attempt to connect."""

AUTO_PATIENCE = 3.0
"""The same while it may be the version of MQTT that leaves it speechless."""

SUSPICIOUS = 3
"""So many short connections in a row may mean that two clients of one id throw each other out."""


class Versions:
    """Which version of MQTT to try next.

    With "auto" that is 5, and 3.1.1 where the broker says that it does not speak it, says nothing at
    all (amqtt), or twice drops the connection without an answer. After a connection that worked, 5 is
    tried again: the broker may be another one now.
    """

    def __init__(self, wanted: Literal["auto", "5", "3.1.1"]) -> None:
        self._auto = wanted == "auto"
        self.version: Version = "3.1.1" if wanted == "3.1.1" else "5"
        self._dropped = 0

    @property
    def patience(self) -> float:
        """Seconds in which the broker must answer; fewer while it may not know this version."""
        return AUTO_PATIENCE if self._auto and self.version == "5" else ANSWER_PATIENCE

    def learn(self, ending: Ending) -> bool:
        """Choose from how the last attempt ended; True where the next is worth making at once."""
        if not self._auto:
            return False
        if ending.up_for is not None:
            self.version, self._dropped = "5", 0
        elif (ending.unsupported or ending.silent) and self.version == "5":
            self.version, self._dropped = "3.1.1", 0
            return True
        elif ending.reached and not ending.answered:
            self._dropped += 1
            if self._dropped == 2:
                self.version, self._dropped = "3.1.1" if self.version == "5" else "5", 0
        return False


class Pauses:
    """How long to wait before the next attempt: doubled from `shortest` to `longest` seconds.

    It starts over after a connection that lasted for `longest`. When another client took over the
    client id it is `longest` at once, so two of the same name do not throw each other out all the time.
    """

    def __init__(self, shortest: float, longest: float) -> None:
        self._shortest = shortest
        self._longest = longest
        self._last = 0.0

    def after(self, ending: Ending) -> float:
        """Seconds to wait after a connection that ended so."""
        if ending.taken_over:
            self._last = self._longest
        elif ending.up_for is not None and not self.is_short(ending):
            self._last = self._shortest
        else:
            self._last = min(max(self._last * 2, self._shortest), self._longest)
        return self._last

    def is_short(self, ending: Ending) -> bool:
        """Whether a connection was up, but for less than the longest pause."""
        return ending.up_for is not None and ending.up_for < self._longest


class MqttLink:
    """Keeps one connection to the broker up, on a thread of its own, until it is closed."""

    def __init__(
        self,
        broker: Broker,
        versions: Versions,
        pauses: Pauses,
        outgoing: Outgoing,
        commands: Commands,
        wake: WakeUpCall,
    ) -> None:
        self._broker = broker
        self._versions = versions
        self._pauses = pauses
        self._outgoing = outgoing
        self._commands = commands
        self._wake = wake
        self._closing = threading.Event()
        self._close_at = 0.0
        self._told = ""
        self._short_lived = 0
        self._thread = threading.Thread(target=self._run, name="mqtt link", daemon=True)

    @property
    def protocol_in_use(self) -> Version | None:
        """The version of MQTT that is spoken now, None while there is no connection."""
        return self._versions.version if self._outgoing.connected else None

    def start(self) -> None:
        """Start the thread, which makes the first attempt at once."""
        self._wake.open()
        self._thread.start()

    def close(self, patience: float) -> None:
        """Send what waits, for at most `patience` seconds, say goodbye and end the thread."""
        self._close_at = time.monotonic() + patience
        self._closing.set()
        self._wake.ring()
        if self._thread.is_alive():
            self._thread.join(patience + 2.0)
        if self._thread.is_alive():
            logger.warning("mqtt: still trying to reach %s; left behind", self._broker)
        else:
            self._wake.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            ending = self._connect(self._versions.version)
            at_once = self._versions.learn(ending)
            self._outgoing.down(at_once)
            if self._closing.is_set():
                return
            pause = 0.0 if at_once else self._pauses.after(ending)
            self._tell(ending, pause)
            self._closing.wait(pause)

    def _connect(self, version: Version) -> Ending:
        """Make a connection and serve it to its end, whatever a broker may send."""
        try:
            connection = Connection(
                self._broker,
                version,
                self._outgoing,
                self._commands,
                self._wake,
                patience=self._versions.patience,
                leaving=self._leaving,
            )
            return connection.run()
        except Exception:
            logger.exception("mqtt: the connection to %s failed unexpectedly", self._broker)
            return Ending("it failed unexpectedly")

    def _leaving(self) -> bool:
        if not self._closing.is_set():
            return False
        return not self._outgoing.pending or time.monotonic() > self._close_at

    def _tell(self, ending: Ending, pause: float) -> None:
        """Log how a connection ended; the same failure again is told once."""
        if ending.up_for is not None:
            logger.warning("mqtt: lost %s: %s; trying again in %g s", self._broker, ending.reason, pause)
            self._told = ""
            self._suspect(ending)
        elif ending.reason != self._told:
            logger.warning("mqtt: no connection to %s: %s; trying on", self._broker, ending.reason)
            self._told = ending.reason

    def _suspect(self, ending: Ending) -> None:
        """Say that another client may use the same id; not every broker says so itself."""
        self._short_lived = self._short_lived + 1 if self._pauses.is_short(ending) else 0
        if ending.taken_over or self._short_lived == SUSPICIOUS:
            logger.warning(
                "mqtt: it seems that another client connects to %s as %s: "
                "does a second daemon use this node's name?",
                self._broker,
                self._broker.client_id,
            )
