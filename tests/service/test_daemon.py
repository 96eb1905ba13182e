"""The daemon as a process: recordings, signals, reloads, the service manager, plugins, trouble."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest

from edge_vision.contracts.schemas import schema_of
from tests.builtin.camera_servers import MjpegCamera, picture, streaming
from tests.service.process import Manager, daemon

RECORDING = '{ uses = "test", realtime = false, frames = 60, width = 320, height = 240 }'
LIVE = '{ uses = "test", width = 160, height = 120, fps = 30 }'


def write(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text)
    return file


def facts(results: list[dict[str, Any]]) -> list[Any]:
    """What was found, without times and the id of the start."""
    changing = {"boot", "id", "captured_at", "timings_ms"}
    return [{k: v for k, v in result.items() if k not in changing} for result in results]


def recording(workers: int) -> str:
    return f"""
node = "bench"
workers = {workers}
[cameras.porch]
source = {RECORDING}
stages = [{{ uses = "scale", width = 160 }}, {{ uses = "motion", gate = false, mask = true }}]
"""


def test_a_recording_gives_a_result_for_every_frame_in_order_and_the_daemon_leaves(
    tmp_path: Path,
) -> None:
    with daemon(write(tmp_path, recording(2))) as process:
        assert process.wait() == 0
        results = process.results()
    assert [result["frame"]["index"] for result in results] == list(range(60))
    assert [result["seq"] for result in results] == list(range(1, 61))
    assert len({result["id"] for result in results}) == 60
    schema = schema_of("result")
    for result in results:
        jsonschema.validate(result, schema)
    assert any(result.get("detections") for result in results)


def test_one_worker_and_two_find_the_same_in_every_run(tmp_path: Path) -> None:
    found = []
    for workers in (1, 2, 2):
        with daemon(write(tmp_path, recording(workers))) as process:
            assert process.wait() == 0
            found.append(facts(process.results()))
    assert found[0] == found[1] == found[2]


def live(**cameras: str) -> str:
    tables = "".join(
        f"[cameras.{name}]\nsource = {LIVE}\nstages = [{stages}]\n" for name, stages in cameras.items()
    )
    return f'node = "bench"\nworkers = 2\nstats_interval = 0.2\n{tables}'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_within_five_seconds(tmp_path: Path, number: signal.Signals) -> None:
    with daemon(write(tmp_path, live(porch=""))) as process:
        process.until(lambda: len(process.results()) > 5)
        asked = time.monotonic()
        process.send(number)
        assert process.wait(5) == 0
        assert time.monotonic() - asked < 5
        results = process.results()
    assert [result["seq"] for result in results] == list(range(1, len(results) + 1))


def test_a_reload_keeps_what_is_the_same_and_changes_what_is_not(tmp_path: Path) -> None:
    config = write(tmp_path, live(porch="", yard=""))
    with daemon(config) as process:
        process.until(lambda: bool(process.results("porch")) and bool(process.results("yard")))
        config.write_text(live(porch="", garden='{ uses = "flip", direction = "both" }'))
        process.send(signal.SIGHUP)
        process.until(lambda: bool(process.results("garden")))
        last_of_yard = len(process.results("yard"))
        before = len(process.results("porch"))
        process.until(lambda: len(process.results("porch")) > before + 5)
        assert len(process.results("yard")) == last_of_yard
        process.send(signal.SIGTERM)
        assert process.wait(5) == 0
        porch = [result["seq"] for result in process.results("porch")]
    assert porch == list(range(1, len(porch) + 1))


def test_a_reload_that_is_wrong_changes_nothing_and_says_so(tmp_path: Path) -> None:
    config = write(tmp_path, live(porch=""))
    with daemon(config) as process:
        process.until(lambda: bool(process.results()))
        config.write_text(live(porch='{ uses = "flop" }'))
        process.send(signal.SIGHUP)
        process.until(lambda: process.said("the configuration that runs is kept"))
        assert process.said("cameras.porch.stages[0].uses: there is no stage 'flop'")
        before = len(process.results())
        process.until(lambda: len(process.results()) > before + 5)
        process.send(signal.SIGTERM)
        assert process.wait(5) == 0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


def test_the_service_manager_is_told_of_start_reload_life_and_end(
    tmp_path: Path, manager: Manager
) -> None:
    config = write(tmp_path, live(porch=""))
    with daemon(config, NOTIFY_SOCKET=str(manager.address), WATCHDOG_USEC="1000000") as process:
        process.until(lambda: manager.count("READY=1") == 1)
        process.until(lambda: manager.count("WATCHDOG=1") >= 3)
        process.until(lambda: any(s.startswith("STATUS=1 of 1 cameras online") for s in manager.states))
        process.send(signal.SIGHUP)
        process.until(lambda: manager.count("READY=1") == 2)
        reloading = manager.states.index("RELOADING=1")
        assert manager.states[reloading + 1].startswith("MONOTONIC_USEC=")
        process.send(signal.SIGTERM)
        assert process.wait(5) == 0
    assert manager.count("STOPPING=1") == 1


PLUGIN = '''
"""Says whether a picture is bright."""
from edge_vision import Labels, Options, Stage, hookimpl, option


class Brightness(Stage):
    """Labels the view bright or dark."""

    name = "brightness"

    class Options(Options):
        limit: float = option(100, "mean grey level from which it is bright", ge=0, le=255, live=True)

    def __call__(self, result):
        mean = float(result.view.pixels().mean())
        label = "bright" if mean >= self.options.limit else "dark"
        return result.add(Labels(((label, abs(mean - self.options.limit) / 255),)))


@hookimpl
def register_stages(register):
    register(Brightness)
'''


def test_a_plugin_file_runs_and_is_gone_when_it_is_removed(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    file = tmp_path / "plugins" / "brightness.py"
    file.write_text(PLUGIN)
    config = write(
        tmp_path,
        f"""
[plugins]
folder = "plugins"
[cameras.porch]
source = {RECORDING}
stages = [{{ uses = "brightness", name = "light", limit = 1 }}]
""",
    )
    with daemon(config) as process:
        assert process.wait() == 0
        results = process.results()
    assert len(results) == 60
    assert all(r["labels"][0]["stage"] == "light" for r in results)
    assert all(r["labels"][0]["label"] == "bright" for r in results)
    file.unlink()
    with daemon(config) as process:
        assert process.wait() == 78
        assert process.said("cameras.porch.stages[0].uses: there is no stage 'brightness'")


BREAKING = """
import time
from edge_vision import Source, Stage, hookimpl
import numpy as np


class Raises(Stage):
    name = "raises"

    def __call__(self, result):
        raise RuntimeError("broken on purpose")


class Hangs(Stage):
    name = "hangs"

    def __call__(self, result):
        time.sleep(600)


class Freezes(Source):
    name = "freezes"

    def read(self):
        time.sleep(600)


class Dies(Source):
    name = "dies"

    def read(self):
        raise OSError("unplugged")


@hookimpl
def register_stages(register):
    register(Raises)
    register(Hangs)


@hookimpl
def register_sources(register):
    register(Freezes)
    register(Dies)
"""


@pytest.mark.parametrize("trouble", ["raises", "hangs", "freezes", "dies"])
def test_another_camera_in_trouble_changes_nothing_for_this_one(tmp_path: Path, trouble: str) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "breaking.py").write_text(BREAKING)
    stage = f'{{ uses = "{trouble}" }}' if trouble in ("raises", "hangs") else ""
    source = LIVE if stage else f'{{ uses = "{trouble}" }}'
    config = write(
        tmp_path,
        live(porch="")
        + f"""
[cameras.bad]
source = {source}
stages = [{stage}]
[plugins]
folder = "plugins"
[sinks.out]
uses = "jsonl"
stats = true
""",
    )
    with daemon(config) as process:
        process.until(lambda: len(process.results("porch")) > 120, timeout=60)
        process.send(signal.SIGTERM)
        assert process.wait(6) == 0
        stats = [json.loads(line) for line in process.out if '"edge-vision/stats/1"' in line]
        porch = process.results("porch")
    assert not process.results("bad")
    for payload in stats:
        jsonschema.validate(payload, schema_of("stats"))
        for counts in payload["cameras"].values():
            told = counts["delivered"] + counts["dropped"] + counts["failed"] + counts["in_flight"]
            assert counts["captured"] == told
    good = stats[-1]["cameras"]["porch"]
    assert good["captured"] == good["delivered"] + good["dropped"]
    assert good["delivered"] == len(porch)
    # Where two frames come within 30 ms both workers may hang, until substitutes come after a second.
    assert good["delivered"] > 0.9 * (good["captured"] - 30)


def test_a_plugin_that_does_not_load_is_told_where_its_stage_is_missed(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "brightness.py").write_text("import nothing_of_that_name\n")
    config = write(
        tmp_path,
        f'[plugins]\nfolder = "plugins"\n[cameras.porch]\nsource = {RECORDING}\n'
        'stages = [{ uses = "brightness" }]\n',
    )
    with daemon(config) as process:
        assert process.wait() == 78
        assert process.said("the plugin brightness does not load: ModuleNotFoundError")


@pytest.mark.parametrize("then", ["close", "freeze"])
def test_a_network_camera_that_goes_is_told_and_found_again(
    tmp_path: Path, then: Literal["close", "freeze"]
) -> None:
    with streaming(MjpegCamera([picture(90)] * 40, then)) as camera:
        config = write(
            tmp_path,
            live(porch="")
            + f"""
[cameras.gate]
source = {{ uses = "opencv", url = "{camera.url()}", read_timeout = 1.0 }}
[sinks.out]
uses = "jsonl"
stats = true
""",
        )
        with daemon(config) as process:

            def events() -> list[tuple[str, str]]:
                found = [
                    json.loads(line) for line in list(process.out) if '"edge-vision/event/1"' in line
                ]
                return [(event["what"], event["type"]) for event in found]

            process.until(lambda: events().count(("camera-lost", "ended")) >= 2, timeout=60)
            process.send(signal.SIGTERM)
            assert process.wait(6) == 0
            stats = [json.loads(line) for line in process.out if '"edge-vision/stats/1"' in line]
    gate, porch = (stats[-1]["cameras"][name] for name in ("gate", "porch"))
    assert gate["reconnects"] >= 2
    assert gate["captured"] == gate["delivered"] + gate["dropped"]
    assert porch["delivered"] > 0.9 * porch["captured"]
    assert set(events()) == {("camera-lost", "started"), ("camera-lost", "ended")}


BAD_PLUGINS = {
    "made": "class Bad(Stage):\n    name = 'bad'\n    def __init__(self, options, context):\n"
    "        raise ValueError('no')\n    def __call__(self, result):\n        return result\n",
    "opened": "class Bad(Stage):\n    name = 'bad'\n    def open(self):\n"
    "        raise OSError('no device')\n    def __call__(self, result):\n        return result\n",
    "exits": "raise SystemExit(5)\n",
}


@pytest.mark.parametrize("bad", BAD_PLUGINS)
def test_no_plugin_can_end_the_daemon_at_a_reload(tmp_path: Path, bad: str) -> None:
    (tmp_path / "plugins").mkdir()
    config = write(tmp_path, live(porch=""))
    with daemon(config) as process:
        process.until(lambda: bool(process.results("porch")))
        code = f"from edge_vision import Stage, hookimpl\n{BAD_PLUGINS[bad]}\n@hookimpl\n"
        code += "def register_stages(register):\n    register(Bad)\n"
        (tmp_path / "plugins" / "bad.py").write_text(code)
        config.write_text(live(porch="", yard='{ uses = "bad" }') + '[plugins]\nfolder = "plugins"\n')
        process.send(signal.SIGHUP)
        words = (
            "stage bad cannot be opened" if bad == "opened" else "the configuration that runs is kept"
        )
        process.until(lambda: process.said(words))
        before = len(process.results("porch"))
        process.until(lambda: len(process.results("porch")) > before + 5)
        process.send(signal.SIGTERM)
        assert process.wait(6) == 0


def test_a_recording_whose_results_are_lost_is_a_failure(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        f"[mqtt]\nport = 9\n[cameras.porch]\nsource = {RECORDING.replace('60', '5')}\n",
    )
    with daemon(config) as process:
        assert process.wait(60) == 1
        assert process.said("the sink mqtt lost 5 messages") or process.said("lost 6 messages")
