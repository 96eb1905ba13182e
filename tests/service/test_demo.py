"""The demo: what it runs, and how it tells what arrives."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from paho.mqtt.client import Client, MQTTMessage

pytest.importorskip("amqtt", reason="the demo's broker is not installed")

from edge_vision.service.console import Console
from edge_vision.service.demo import DemoWishes, demo_config
from edge_vision.service.models.library import Library
from tests.tiny_models import averaging


def library(folder: Path, *names: str) -> Library:
    """A library of shipped bundles of these names."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "bundle.toml").write_text("")
    return Library((), folder)


def config(shelf: Library, source: str = "test", model: Path | None = None) -> dict[str, Any]:
    text = demo_config(DemoWishes(source, model, None, 0, 1883), shelf)
    return tomllib.loads(text.replace("PORT", "1883"))


def uses(camera: dict[str, Any]) -> list[str]:
    return [stage["uses"] for stage in camera["stages"]]


PLAIN = ["scale", "contrast", "motion", "anonymise", "annotate"]


def test_without_shipped_models_it_has_a_street_alone(tmp_path: Path) -> None:
    made = config(Library((), None))
    assert uses(made["cameras"]["camera"]) == PLAIN
    assert list(made["cameras"]) == ["camera"]
    assert "models" not in made


def test_shipped_models_name_the_scene_and_read_a_drawn_meter(tmp_path: Path) -> None:
    made = config(library(tmp_path, "meter_reader", "scenes"))
    assert {table["bundle"] for table in made["models"].values()} == {"scenes", "meter-reader"}
    assert uses(made["cameras"]["camera"]) == ["classify", *PLAIN]
    assert uses(made["cameras"]["meter"]) == ["meter", "annotate"]
    assert made["cameras"]["meter"]["source"] == {"uses": "test", "scene": "meter"}


def test_all_kinds_of_models_take_part_together(tmp_path: Path) -> None:
    names = ("scenes", "pedestrians", "roads", "paint")
    made = config(library(tmp_path, *names), source="/dev/video0")
    stages = made["cameras"]["camera"]["stages"]
    assert uses(made["cameras"]["camera"]) == ["classify", "detect", "segment", *PLAIN, "generate"]
    assert {stage["model"] for stage in stages if "model" in stage} == set(names) == set(made["models"])
    assert stages[6]["stages"] == ["motion", "people"]


@pytest.mark.parametrize(
    ("name", "cameras", "models"),
    [("meter_reader", ["camera", "meter"], ["meter"]), ("scenes", ["camera"], ["scenes"])],
)
def test_each_takes_part_alone_where_the_other_is_missing(
    tmp_path: Path, name: str, cameras: list[str], models: list[str]
) -> None:
    made = config(library(tmp_path, name))
    assert (list(made["cameras"]), list(made["models"])) == (cameras, models)


def test_the_scene_of_a_given_source_is_named_and_no_meter_is_drawn(tmp_path: Path) -> None:
    made = config(library(tmp_path, "meter_reader", "scenes"), source="/dev/video0")
    assert list(made["cameras"]) == ["camera"]
    assert "classify" in uses(made["cameras"]["camera"])


def test_with_a_model_of_one_s_own_it_shows_that_alone(tmp_path: Path) -> None:
    model = averaging(tmp_path / "colours.tflite")
    made = config(library(tmp_path / "shipped", "meter_reader", "scenes"), model=model)
    assert list(made["models"]) == ["model"]
    assert list(made["cameras"]) == ["camera"]


def heard(console: Console, topic: str, payload: dict[str, Any]) -> None:
    message = SimpleNamespace(topic=topic, payload=json.dumps(payload).encode())
    console._on_message(cast("Client", None), None, cast("MQTTMessage", message))


def test_the_console_tells_what_each_camera_reads_and_sees() -> None:
    console = Console("127.0.0.1", 1, "root/demo", ("camera", "meter"))
    assert console._lines() == []
    text = {"stage": "meter", "text": "004800", "score": 0.981, "box": [0, 0, 1, 1]}
    heard(console, "root/demo/meter/results", {"texts": [text], "timings_ms": {"meter": 1.5}})
    label = {"stage": "scene", "label": "street", "score": 0.834}
    heard(console, "root/demo/camera/results", {"labels": [label]})
    first, second = console._lines()
    assert "  camera  " in first
    assert first.endswith("scene: street (0.83)")
    assert "  meter   " in second
    assert second.endswith("1.5 ms a frame  reads 004800 (0.98)")


def test_the_console_accounts_for_the_frames_of_each_camera() -> None:
    stats = {"captured": 9, "delivered": 7, "dropped": 2, "failed": 0}
    several = Console("127.0.0.1", 1, "root/demo", ("camera", "meter"))
    heard(several, "root/demo/stats", {"cameras": {"camera": stats, "meter": stats}})
    assert several._account().splitlines() == [
        "",
        "camera  9 frames captured = 7 delivered + 2 dropped + 0 failed",
        "meter   9 frames captured = 7 delivered + 2 dropped + 0 failed",
    ]
    one = Console("127.0.0.1", 1, "root/demo", ("camera",))
    assert one._account() == ""
    heard(one, "root/demo/stats", {"cameras": {"camera": stats}})
    assert one._account().endswith("\n9 frames captured = 7 delivered + 2 dropped + 0 failed")
