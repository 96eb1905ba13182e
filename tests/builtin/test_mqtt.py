"""The MQTT sink against a real broker: what arrives, and with what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from edge_vision import Event, Picture, Result
from edge_vision.builtin.mqtt.sink import MqttSink
from edge_vision.builtin.sinks import register_sinks
from edge_vision.contracts.sink import Sink

if TYPE_CHECKING:
    from tests.brokers import Mosquitto
    from tests.conftest import Listen

pytestmark = pytest.mark.mosquitto

STATS = {
    "schema": "edge-vision/stats/1",
    "node": "porch-pi",
    "boot": "boot1",
    "at": "2026-11-22T20:00:00.123Z",
    "uptime_s": 1.5,
    "workers": 2,
    "cameras": {
        "porch": {
            "status": "online",
            "captured": 3,
            "delivered": 2,
            "dropped": 1,
            "failed": 0,
            "in_flight": 0,
            "dropped_by": {"overwritten": 1},
            "reconnects": 0,
            "fps": 4.5,
            "latency_ms": {"p50": 1.0, "p90": 2.0, "p99": 3.0},
            "stages": {"people": {"runs": 2, "failures": 0, "open": False, "ms": 14.2}},
        }
    },
    "sinks": {"mqtt": {"sent": 1}},
}


@pytest.fixture(params=["5", "3.1.1"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_all_that_is_said_of_a_camera_arrives(
    broker: Mosquitto,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    make_event: Callable[..., Event],
    protocol: str,
) -> None:
    heard = listen(broker.port)
    sink = make_sink(broker.port, protocol=protocol)
    heard.wait("status", payload=b"online")
    assert sink.protocol_in_use == protocol

    sink.status("porch", "online")
    sink.state("porch", "motion.enabled", True)
    sink.state("porch", "level", 0.5)
    sink.state("porch", "mode", "blur")
    jpeg, png = make_picture("style"), make_picture("mask", "png")
    sink.write(make_result(7, jpeg, png))
    sink.notify(make_event())
    sink.stats(STATS)
    assert sink.flush(10)

    assert heard.wait("porch/status")[0].payload == b"online"
    assert heard.wait("porch/state/motion.enabled")[0].payload == b"true"
    assert heard.wait("porch/state/level")[0].payload == b"0.5"
    assert heard.wait("porch/state/mode")[0].payload == b'"blur"'
    result = heard.wait("porch/results")[0]
    assert result.json["id"] == "boot1-porch-7"
    assert result.json["labels"] == [{"stage": "scene", "label": "kitchen", "score": 0.9}]
    assert [image["topic"] for image in result.json["images"]] == [
        "edge-vision/porch-pi/porch/images/style",
        "edge-vision/porch-pi/porch/images/mask",
    ]
    shown = heard.wait("porch/images/style")[0]
    decoded = cv2.imdecode(np.frombuffer(shown.payload, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == jpeg.image.shape
    mask = heard.wait("porch/images/mask")[0]
    np.testing.assert_array_equal(
        cv2.imdecode(np.frombuffer(mask.payload, np.uint8), cv2.IMREAD_COLOR), png.image
    )
    event = heard.wait("porch/events")[0]
    assert (event.json["id"], event.qos) == ("event-1", 1)
    assert heard.wait("stats")[0].json == STATS
    assert sink.counters() == {
        "sent": 10,
        "lost": 0,
        "refused": 0,
        "pending": 0,
        "reconnects": 0,
        "commands": 0,
        "commands_refused": 0,
    }


def test_mqtt_5_says_what_a_message_is_and_when_it_is_old(
    broker: Mosquitto,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    until: Callable[[Callable[[], object]], None],
) -> None:
    heard = listen(broker.port)
    sink = make_sink(broker.port, result_expiry=30)
    until(lambda: sink.connected)
    sink.write(make_result(3, make_picture("style")))
    facts: Any = heard.wait("porch/results")[0].properties
    assert facts.ContentType == "application/json"
    assert facts.PayloadFormatIndicator == 1
    assert 0 < facts.MessageExpiryInterval <= 30
    assert facts.UserProperty == [("id", "boot1-porch-3")]
    facts = heard.wait("porch/images/style")[0].properties
    assert facts.ContentType == "image/jpeg"
    assert facts.UserProperty == [("id", "boot1-porch-3")]


def test_retained_topics_are_there_for_those_who_come_later(
    broker: Mosquitto, listen: Listen, make_sink: Callable[..., MqttSink]
) -> None:
    sink = make_sink(broker.port)
    sink.status("porch", "disabled")
    sink.state("porch", "level", 0.25)
    first = listen(broker.port)
    first.wait("porch/state/level")
    assert sink.flush(10)
    late = listen(broker.port)
    assert late.wait("status", payload=b"online")[0].retained
    assert late.wait("porch/status", payload=b"disabled")[0].retained
    assert late.wait("porch/state/level", payload=b"0.25")[0].retained


def test_forget_clears_what_is_retained_of_that_camera_only(
    broker: Mosquitto,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    until: Callable[[Callable[[], object]], None],
) -> None:
    sink = make_sink(broker.port)
    for camera in ("porch", "porch-2"):
        sink.status(camera, "online")
        sink.state(camera, "level", 1)
    until(lambda: sink.connected)
    assert sink.flush(10)
    sink.forget("porch")
    assert sink.flush(10)
    late = listen(broker.port)
    late.wait("porch-2/status")
    late.wait("porch-2/state/level")
    sink.close()
    late.wait("status", payload=b"offline")
    assert {heard.topic for heard in late.heard} == {
        "edge-vision/porch-pi/status",
        "edge-vision/porch-pi/porch-2/status",
        "edge-vision/porch-pi/porch-2/state/level",
    }


def test_close_says_offline_for_the_cameras_and_the_node(
    broker: Mosquitto,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_event: Callable[..., Event],
    until: Callable[[Callable[[], object]], None],
) -> None:
    sink = make_sink(broker.port)
    sink.status("porch", "online")
    until(lambda: sink.connected)
    for number in range(50):
        sink.notify(make_event(number))
    sink.close()
    late = listen(broker.port)
    assert late.wait("status")[0].payload == b"offline"
    assert late.wait("porch/status")[0].payload == b"offline"
    assert sink.counters()["lost"] == 0
    assert not sink.connected


def test_a_recording_loses_nothing_even_before_the_first_connection(
    broker: Mosquitto,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
) -> None:
    heard = listen(broker.port)
    sink = make_sink(broker.port, max_pending=5)
    for index in range(300):
        sink.write(make_result(index), wait=True)
    assert sink.flush(10)
    assert sink.counters()["lost"] == 0
    results = heard.wait("porch/results", count=300)
    assert [result.json["frame"]["index"] for result in results] == list(range(300))


def test_results_and_images_can_be_left_out(
    broker: Mosquitto,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    until: Callable[[Callable[[], object]], None],
) -> None:
    heard = listen(broker.port)
    plain = make_sink(broker.port, images=False)
    until(lambda: plain.connected)
    plain.write(make_result(1, make_picture()))
    assert "images" not in heard.wait("porch/results")[0].json
    plain.close()
    pictures = make_sink(broker.port, results=False)
    until(lambda: pictures.connected)
    pictures.write(make_result(2, make_picture()))
    heard.wait("porch/images/style")
    assert len(heard.on("edge-vision/porch-pi/porch/results")) == 1


def test_what_cannot_be_sent_is_counted_and_never_raised(
    broker: Mosquitto,
    listen: Listen,
    make_sink: Callable[..., MqttSink],
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    until: Callable[[Callable[[], object]], None],
) -> None:
    heard = listen(broker.port)
    sink = make_sink(broker.port)
    until(lambda: sink.connected)
    sink.write(make_result(1, make_picture("x" * 70_000)))
    sink.stats({"fps": float("nan")})
    sink.state("porch", "level", float("inf"))
    sink.write(make_result(2, make_picture("good")))
    heard.wait("porch/images/good")
    assert sink.counters()["lost"] == 3


def test_the_built_in_sinks_are_registered() -> None:
    registered: list[type[Sink]] = []
    register_sinks(registered.append)
    assert [sink.name for sink in registered] == ["jsonl", "folder", "mqtt"]
