"""The demo: an embedded broker, a configuration written on the spot, the daemon, and a subscriber.

Nothing in it is played: the daemon runs as ever, and what is printed is what comes back over MQTT.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

from edge_vision.builtin.capture.locations import parse_source
from edge_vision.builtin.capture.redaction import conceal, secrets_in
from edge_vision.builtin.scene.meter import WHEELS, Meter
from edge_vision.builtin.scene.setting import Setting
from edge_vision.data.errors import ConfigError
from edge_vision.service.broker import embedded_broker
from edge_vision.service.config import ModelTable
from edge_vision.service.console import Console
from edge_vision.service.daemon import Daemon
from edge_vision.service.models.library import Library
from edge_vision.service.plugins import load_plugins
from edge_vision.service.shelf import Shelf

DRAWN = "test"
"""The source of the demo where none is asked for."""

LOOKING = {
    "scenes": '{ uses = "classify", name = "scene", model = "scenes", top = 1, min_score = 0.3 }',
    "pedestrians": '{ uses = "detect", name = "people", model = "pedestrians", min_score = 0.4 }',
    "roads": '{ uses = "segment", name = "ground", model = "roads" }',
}
"""What shipped models say of the camera's view, by the models' names."""
PAINTING = {
    "paint": '{ uses = "generate", name = "painting", model = "paint", label = "wave", fps = 1 }'
}
"""What shipped models make of what is then left to see."""
HIDDEN = "motion", "people"
"""The stages of whose findings the demo shows no faces."""

_METER_MODEL = """
[models.meter]
bundle = "meter-reader"
"""


@dataclass(frozen=True, slots=True)
class DemoWishes:
    """What was asked of the demo; `seconds` of 0 means until it is stopped."""

    source: str
    model: Path | None
    labels: Path | None
    seconds: float
    port: int


def run_demo(wishes: DemoWishes) -> int:
    """Run the demo; gives the exit status."""
    with tempfile.TemporaryDirectory(prefix="edge-vision-demo-") as folder:
        text = demo_config(wishes)
        with embedded_broker(wishes.port) as port:
            file = Path(folder) / "demo.toml"
            file.write_text(text.replace("PORT", str(port)), encoding="utf-8")
            shown = conceal(file.read_text(encoding="utf-8"), secrets_in(wishes.source))
            print(_greeting(shown, port), flush=True)
            daemon = Daemon(file)
            cameras = tuple(tomllib.loads(text.replace("PORT", "0"))["cameras"])
            timer = Timer(wishes.seconds, daemon.request_stop)
            timer.daemon = True
            with Console("127.0.0.1", port, "edge-vision/demo", cameras):
                if wishes.seconds > 0:
                    timer.start()
                try:
                    return daemon.run()
                finally:
                    timer.cancel()


def demo_config(wishes: DemoWishes, library: Library | None = None) -> str:
    """The demo's configuration, with PORT for the port, as somebody could have typed it.

    Shipped models take part where they are in the library (left out: this computer's) and no model was
    asked for; a drawn meter where no source was either.
    """
    known = {volume.name for volume in (library or Library.here()).volumes()}
    shipped = known if wishes.model is None else set()
    models, own = "", ""
    if wishes.model is not None:
        table = {"bundle": str(wishes.model.resolve())}
        if wishes.labels is not None:
            table["labels"] = str(wishes.labels.resolve())
        models = f"\n[models.model]\n{_lines(table)}\n"
        own = f"  {_stage_for(table)},\n"
    models += "".join(
        f'\n[models.{name}]\nbundle = "{name}"\n' for name in (*LOOKING, *PAINTING) if name in shipped
    )
    looking, painting = (
        "".join(f"  {stage},\n" for name, stage in stages.items() if name in shipped)
        for stages in (LOOKING, PAINTING)
    )
    found = HIDDEN if "pedestrians" in shipped else HIDDEN[:1]
    meter = ""
    if "meter-reader" in shipped and wishes.source == DRAWN:
        models += _METER_MODEL
        meter = _meter_camera()
    return f"""node = "demo"
stats_interval = 2.0

[mqtt]
host = "127.0.0.1"
port = PORT
protocol = "3.1.1"
{models}
[cameras.camera]
source = {_source(wishes.source)}
stages = [
{looking}  {{ uses = "scale", width = 480 }},
  {{ uses = "contrast" }},
  {{ uses = "motion", gate = false, mask = true }},
{own}  {{ uses = "anonymise", stages = {json.dumps(found)}, method = "pixelate" }},
  {{ uses = "annotate", fps = 2 }},
{painting}]
{meter}"""


def _meter_camera() -> str:
    """The camera that looks at a drawn meter; the row of wheels is where it is drawn."""
    box = [round(side) for side in Meter(Setting((640, 480), fps=15.0)).row_box]
    return f"""
[cameras.meter]
source = {{ uses = "test", scene = "meter" }}
stages = [
  {{ uses = "meter", model = "meter", box = {box}, wheels = {WHEELS} }},
  {{ uses = "annotate", fps = 1 }},
]
"""


def _source(written: str) -> str:
    """The source as TOML: a file plays in real time and again and again."""
    table = parse_source(written, Path.cwd())
    if table["uses"] != "test":
        for key in ("url", "path"):
            place = table.get(key)
            if isinstance(place, str) and Path(place).exists() and not Path(place).is_char_device():
                again = {"realtime": True, "loop": True}
                table = {**table, key: str(Path(place).resolve()), **again}
    inside = ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    return f"{{ {inside} }}"


def _stage_for(table: dict[str, str]) -> str:
    """The stage that suits a model, told by the model itself: it is called as the task is."""
    shelf = Shelf({"model": ModelTable.parse(table)}, Path.cwd(), load_plugins().manager)
    try:
        task = shelf.model("model").bundle.task
    finally:
        shelf.close()
    if not task:
        raise ConfigError(f"cannot tell what {table['bundle']} is for; name its task in a bundle.toml")
    return f'{{ uses = "{task}", name = "model", model = "model" }}'


def _lines(table: dict[str, Any]) -> str:
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())


def _greeting(config: str, port: int) -> str:
    shown = "\n".join(f"    {line}".rstrip() for line in config.strip().splitlines())
    return f"""This configuration runs now, with an embedded MQTT broker on 127.0.0.1:{port}:

{shown}

Follow it from another terminal, pictures left out:

    mosquitto_sub -h 127.0.0.1 -p {port} -v -t 'edge-vision/demo/#' -T 'edge-vision/demo/+/images/#'

or take one of its pictures:

    mosquitto_sub -h 127.0.0.1 -p {port} -R -C 1 -t edge-vision/demo/camera/images/annotate > now.jpg

Here is what arrives over MQTT:
"""
