"""The console: subscribes to one camera as anybody could, and tells a person what arrives."""

from __future__ import annotations

import json
import time
from collections import Counter
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

EVERY = 1.0
"""Seconds between two lines."""
LAST_WORD = 2.0
"""Seconds at most to wait for the daemon's goodbye, which comes after its last statistics."""


class Console:
    """Prints a line a second about the results, pictures and statistics of one camera's topics."""

    def __init__(self, host: str, port: int, topic: str) -> None:
        self._address = host, port
        self._topic = topic
        self._node, _, self._camera = topic.rpartition("/")
        self._lock = Lock()
        self._done = Event()
        self._offline = Event()
        self._since = time.monotonic()
        self._results = 0
        self._last: dict[str, Any] = {}
        self._pictures: Counter[str] = Counter()
        self._camera_stats: dict[str, Any] = {}
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._thread = Thread(target=self._print_lines, name="console", daemon=True)

    def __enter__(self) -> Console:
        self._client.connect(*self._address)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._offline.wait(LAST_WORD)
        self._done.set()
        self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()
        print(self._account(), flush=True)

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        node = self._node
        client.subscribe([(f"{self._topic}/#", 0), (f"{node}/stats", 0), (f"{node}/status", 1)])

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._lock:
            if message.topic.endswith("/results"):
                self._results += 1
                self._last = json.loads(message.payload)
            elif "/images/" in message.topic and message.payload:
                self._pictures[message.topic.rsplit("/", 1)[1]] = len(message.payload)
            elif message.topic == f"{self._node}/status":
                if message.payload == b"offline":
                    self._offline.set()
            elif message.topic.endswith("/stats"):
                self._camera_stats = json.loads(message.payload)["cameras"].get(self._camera, {})

    def _print_lines(self) -> None:
        while not self._done.wait(EVERY):
            line = self._line()
            if line:
                print(line, flush=True)

    def _line(self) -> str:
        with self._lock:
            now = time.monotonic()
            rate, self._results = self._results / (now - self._since), 0
            self._since = now
            last, pictures = self._last, dict(self._pictures)
        if not last:
            return ""
        took = sum(last.get("timings_ms", {}).values())
        parts = [f"{rate:5.1f} results/s", f"{took:5.1f} ms a frame", _seen(last)]
        parts += [f"images/{name} {size // 1024} kB" for name, size in pictures.items()]
        return f"{time.strftime('%H:%M:%S')}  " + "  ".join(part for part in parts if part)

    def _account(self) -> str:
        """The account of all frames, from the last statistics."""
        stats = self._camera_stats
        if not stats:
            return ""
        latency = stats.get("latency_ms", {})
        text = (
            f"\n{stats['captured']} frames captured = {stats['delivered']} delivered + "
            f"{stats['dropped']} dropped + {stats['failed']} failed"
        )
        if latency:
            text += (
                f"; from capture to MQTT {latency['p50']:.1f} ms (median), {latency['p99']:.1f} ms (p99)"
            )
        return text


def _seen(result: dict[str, Any]) -> str:
    """What one result says, for a person."""
    found = Counter(str(d["label"]) for d in result.get("detections", ()))
    best: dict[str, float] = {}
    for detection in result.get("detections", ()):
        best[detection["label"]] = max(best.get(detection["label"], 0.0), detection["score"])
    parts = [f"{count} {label} ({best[label]:.2f})" for label, count in found.most_common(4)]
    parts += [f"{fact['label']} {fact['score']:.2f}" for fact in result.get("labels", ())[:2]]
    parts += [f"{fact['label']} {fact['share']:.0%}" for fact in result.get("segments", ())[:3]]
    return ", ".join(parts) or "nothing"
