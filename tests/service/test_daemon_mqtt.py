"""The daemon and a real broker: what is retained, what can be set, and what faults cost."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.brokers import NODE, Mosquitto
from tests.conftest import Listen
from tests.service.process import Process, daemon

pytestmark = pytest.mark.mosquitto

LIVE = '{ uses = "test", width = 160, height = 120, fps = 30 }'


def config(folder: Path, port: int, cameras: str = "", **mqtt: str) -> Path:
    file = folder / "config.toml"
    more = "".join(f'{key} = "{value}"\n' for key, value in mqtt.items())
    cameras = cameras or (
        f'[cameras.porch]\nsource = {LIVE}\nstages = [{{ uses = "motion", gate = false }}]\n'
    )
    file.write_text(
        f'node = "porch-pi"\nworkers = 2\nstats_interval = 0.5\n[mqtt]\nport = {port}\n'
        f"reconnect_min = 0.1\nreconnect_max = 1.0\n{more}{cameras}"
    )
    return file


def stopped(process: Process, number: signal.Signals = signal.SIGTERM) -> None:
    process.send(number)
    assert process.wait(6) == 0


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_subscriber_sees_who_is_online_what_can_be_set_and_how_it_does(
    tmp_path: Path, broker: Mosquitto, listen: Listen, protocol: str
) -> None:
    listener = listen(broker.port, five=protocol == "5")
    with daemon(config(tmp_path, broker.port, protocol=protocol)) as process:
        listener.wait("status", payload=b"online")
        listener.wait("porch/status", payload=b"online")
        listener.wait("porch/state/enabled", payload=b"true")
        assert listener.wait("porch/state/motion.hold")[0].json == 5.0
        assert listener.wait("porch/results", 10)[-1].json["node"] == "porch-pi"
        stats = listener.wait("stats")[-1].json["cameras"]["porch"]
        told = stats["delivered"] + stats["dropped"] + stats["failed"] + stats["in_flight"]
        assert stats["captured"] == told
        stopped(process)
    listener.wait("porch/status", payload=b"offline")
    listener.wait("status", payload=b"offline")
    late = listen(broker.port)
    assert late.wait("status")[0].payload == b"offline"
    assert late.wait("porch/status")[0].payload == b"offline"


def test_every_result_of_a_recording_arrives_and_the_last_statistics_add_up(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    listener = listen(broker.port)
    source = '{ uses = "test", realtime = false, frames = 400, width = 160, height = 120 }'
    file = config(tmp_path, broker.port, f"[cameras.porch]\nsource = {source}\n")
    with daemon(file) as process:
        assert process.wait() == 0
    listener.wait("status", payload=b"offline")
    heard = [message.json for message in listener.on(f"{NODE}/porch/results")]
    assert [result["seq"] for result in heard] == list(range(1, 401))
    counts = listener.on(f"{NODE}/stats")[-1].json["cameras"]["porch"]
    assert counts["captured"] == counts["delivered"] == 400


def test_a_camera_can_be_paused_and_a_live_option_changed(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    listener = listen(broker.port)
    with daemon(config(tmp_path, broker.port)) as process:
        listener.wait("porch/results", 3)
        listener.client.publish(f"{NODE}/porch/set/enabled", "OFF", qos=1)
        listener.wait("porch/status", payload=b"disabled")
        listener.wait("porch/state/enabled", payload=b"false")
        listener.client.publish(f"{NODE}/porch/set/motion.threshold", "33", qos=1)
        listener.wait("porch/state/motion.threshold", payload=b"33")
        listener.client.publish(f"{NODE}/porch/set/motion.threshold", "999", qos=1)
        listener.client.publish(f"{NODE}/porch/set/motion.width", "99", qos=1)
        process.until(lambda: process.said("motion.threshold: should be less than or equal to 255"))
        process.until(lambda: process.said("motion.width: no such setting"))
        before = len(listener.on(f"{NODE}/porch/results"))
        listener.client.publish(f"{NODE}/porch/set/enabled", "ON", qos=1)
        listener.wait("porch/results", before + 5)
        assert listener.on(f"{NODE}/porch/status")[-1].payload == b"online"
        stopped(process)


def test_a_daemon_that_is_killed_is_said_to_be_offline(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    listener = listen(broker.port)
    with daemon(config(tmp_path, broker.port)) as process:
        listener.wait("porch/results", 3)
        process.send(signal.SIGKILL)
        listener.wait("status", payload=b"offline")


def test_the_broker_may_come_late_and_may_go(
    tmp_path: Path, make_mosquitto: Callable[..., Mosquitto], listen: Listen
) -> None:
    broker = make_mosquitto(started=False)
    with daemon(config(tmp_path, broker.port)) as process:
        process.until(lambda: process.said("no connection to localhost"))
        for _ in range(2):
            broker.start()
            listener = listen(broker.port)
            listener.wait("status", payload=b"online")
            listener.wait("porch/status", payload=b"online")
            listener.wait("porch/state/enabled", payload=b"true")
            listener.wait("porch/results", 5)
            broker.kill()
        broker.start()
        listener = listen(broker.port)
        stats = listener.wait("stats")[-1].json
        assert stats["sinks"]["mqtt"]["lost"] > 0
        assert stats["sinks"]["mqtt"]["reconnects"] == 2
        assert stats["cameras"]["porch"]["failed"] == 0
        stopped(process)


def test_a_stuck_broker_does_not_hold_up_the_end(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    listener = listen(broker.port)
    with daemon(config(tmp_path, broker.port)) as process:
        listener.wait("porch/results", 3)
        broker.signal(signal.SIGSTOP)
        asked = time.monotonic()
        process.send(signal.SIGTERM)
        try:
            assert process.wait(6) == 0
            assert time.monotonic() - asked < 5.5
        finally:
            broker.signal(signal.SIGCONT)


def test_a_reload_takes_back_what_is_retained_about_a_camera_that_is_gone(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    two = f"[cameras.porch]\nsource = {LIVE}\n[cameras.yard]\nsource = {LIVE}\n"
    file = config(tmp_path, broker.port, two)
    listener = listen(broker.port)
    with daemon(file) as process:
        listener.wait("yard/status", payload=b"online")
        config(tmp_path, broker.port, f"[cameras.porch]\nsource = {LIVE}\n")
        process.send(signal.SIGHUP)
        listener.wait("yard/status", payload=b"")
        listener.wait("yard/state/enabled", payload=b"")
        before = len(listener.on(f"{NODE}/porch/results"))
        listener.wait("porch/results", before + 5)
        stopped(process)
    porch = [message.json["seq"] for message in listener.on(f"{NODE}/porch/results")]
    assert porch == list(range(porch[0], porch[0] + len(porch)))


def test_a_failing_stage_is_announced_on_mqtt(tmp_path: Path, broker: Mosquitto, listen: Listen) -> None:
    listener = listen(broker.port)
    stages = '{ uses = "crop", box = [0, 0, 5000, 5000] }'
    file = config(tmp_path, broker.port, f"[cameras.porch]\nsource = {LIVE}\nstages = [{stages}]\n")
    with daemon(file) as process:
        (event,) = listener.wait("porch/events")
        assert event.json["type"] == "started"
        assert event.json["what"] == "stage-failing"
        assert event.json["details"]["stage"] == "crop"
        assert "5000" in event.json["details"]["error"]
        assert event.qos == 1
        stopped(process)
        ended = listener.wait("porch/events", 2)[1].json
    assert (ended["type"], ended["id"]) == ("ended", event.json["id"])


def test_no_password_is_in_anything_that_is_said(
    tmp_path: Path, broker: Mosquitto, listen: Listen
) -> None:
    listener = listen(broker.port)
    url = "rtsp://viewer:hunter2secret@127.0.0.1:9/stream?token=tok3nvalue"
    file = config(tmp_path, broker.port, f'[cameras.porch]\nsource = "{url}"\n')
    with daemon(file) as process:
        listener.wait("porch/events")
        listener.wait("stats", 2)
        process.until(lambda: process.said("next attempt"))
        stopped(process)
        said = "".join([*process.log, *process.out])
    heard = json.dumps([(m.topic, m.payload.decode(errors="replace")) for m in listener.heard])
    for secret in ("hunter2secret", "tok3nvalue"):
        assert secret not in said
        assert secret not in heard
    assert "rtsp://viewer:***@127.0.0.1:9/stream" in said
