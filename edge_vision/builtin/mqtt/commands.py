"""Commands: settings that arrive over MQTT, changed on a thread of their own and answered."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_vision.builtin.complaints import Complaints
from edge_vision.builtin.encode import encode_json
from edge_vision.builtin.mqtt.message import JSON, Message, topic_problem
from edge_vision.contracts.sink import Setter, StateValue
from edge_vision.data.errors import ConfigError
from edge_vision.data.payload import Identity

logger = logging.getLogger(__name__)

LARGEST_COMMAND = 4096
"""Bytes; a longer payload is refused."""

COMMANDS_WAITING = 100
"""At most so many commands wait; more are refused."""

CLOSE_PATIENCE = 2.0
"""Seconds that `close` waits for the command that is being carried out."""


@dataclass(frozen=True, slots=True)
class Command:
    """A message that arrived on the topics of commands, as it came.

    response_topic, correlation  where and with what mark the sender wants an answer (MQTT 5), or empty
    """

    topic: str
    payload: bytes
    retained: bool = False
    response_topic: str = ""
    correlation: bytes = b""


class Commands:
    """Carries out commands one after the other, `<camera>/set/<key>` with the new value as text.

    A retained command is ignored: it would be carried out again at every start. Payloads that are too
    long or no UTF-8 are refused, and so is what `change` raises ConfigError for. Who gave a response
    topic is answered {"ok": true, "value": ...} or {"ok": false, "error": ...}; one with wildcards, of
    the broker or among this node's own topics is ignored, since nobody shall speak in its name.
    """

    def __init__(self, identity: Identity, change: Setter, answer: Callable[[Message], None]) -> None:
        self._beginning = identity.topic("")
        self._change = change
        self._answer = answer
        self._waiting: queue.Queue[Command | None] = queue.Queue(COMMANDS_WAITING)
        self._complain = Complaints(logger, "mqtt")
        self._counting = threading.Lock()
        self._done = self._refused = 0
        self._thread = threading.Thread(target=self._run, name="mqtt commands", daemon=True)
        self.subscription = f"{self._beginning}+/set/+"

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def take(self, command: Command) -> None:
        """Accept a command to be carried out, or refuse it; returns at once."""
        if not command.payload:
            return  # somebody clears a retained command, as they should
        if command.retained:
            self._refuse(command, "retained commands are ignored; publish it without retain")
            return
        try:
            self._waiting.put_nowait(command)
        except queue.Full:
            self._refuse(command, "too many commands at once")

    def counters(self) -> Mapping[str, int]:
        """How many commands were carried out and refused."""
        with self._counting:
            return {"commands": self._done, "commands_refused": self._refused}

    def close(self) -> None:
        """Forget what waits and end the thread; a command that takes too long is left behind."""
        try:
            while True:
                self._waiting.get_nowait()
        except queue.Empty:
            self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join(CLOSE_PATIENCE)

    def _run(self) -> None:
        while (command := self._waiting.get()) is not None:
            try:
                value = self._carry_out(command)
            except ConfigError as error:
                self._refuse(command, str(error))
            except Exception:
                logger.exception("mqtt: %s failed", command.topic)
                self._refuse(command, "it failed; the log of the node says why")
            else:
                with self._counting:
                    self._done += 1
                self._respond(command, {"ok": True, "value": value})

    def _carry_out(self, command: Command) -> StateValue:
        parts = command.topic.removeprefix(self._beginning).split("/")
        if len(parts) != 3 or parts[1] != "set":
            raise ConfigError("not a topic of a command: <camera>/set/<key>")
        if len(command.payload) > LARGEST_COMMAND:
            raise ConfigError(f"longer than {LARGEST_COMMAND} bytes")
        try:
            text = command.payload.decode()
        except UnicodeDecodeError:
            raise ConfigError("not text in UTF-8") from None
        return self._change(parts[0], parts[2], text)

    def _refuse(self, command: Command, problem: str) -> None:
        with self._counting:
            self._refused += 1
        self._complain(f"refused {command.topic!r}: {problem}")
        self._respond(command, {"ok": False, "error": problem})

    def _respond(self, command: Command, facts: Mapping[str, Any]) -> None:
        topic = command.response_topic
        if not topic:
            return
        if topic_problem(topic) or topic.startswith(("$", self._beginning)):
            self._complain(f"{command.topic!r} asks for an answer where none may go")
            return
        self._answer(
            Message(
                topic,
                encode_json(facts),
                "replies",
                content_type=JSON,
                text=True,
                correlation=command.correlation,
            )
        )
