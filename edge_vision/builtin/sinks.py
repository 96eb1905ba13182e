"""The sinks that ship with edge_vision."""

from __future__ import annotations

from collections.abc import Callable

from edge_vision.builtin.folder import FolderSink
from edge_vision.builtin.jsonl import JsonLinesSink
from edge_vision.builtin.mqtt.sink import MqttSink
from edge_vision.contracts.hookspecs import hookimpl
from edge_vision.contracts.sink import Sink


@hookimpl
def register_sinks(register: Callable[[type[Sink]], None]) -> None:
    """Register JSON lines, the folder of pictures, and MQTT."""
    register(JsonLinesSink)
    register(FolderSink)
    register(MqttSink)
