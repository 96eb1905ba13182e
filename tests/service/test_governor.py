"""The governor: down the ladder where there is too much to do, and back with patience."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge_vision.contracts.schemas import schema_of
from edge_vision.data.errors import ConfigError
from edge_vision.service.cli import main
from edge_vision.service.config import ConfigFileError, read_config
from edge_vision.service.governor import LONGEST, Governor, Quota, Standing
from edge_vision.service.ladder import GovernorTable, RungTable, on_rung
from tests.service.process import daemon

TABLE = GovernorTable.parse(
    {"ladder": [{"fps": 5}, {"fps": 1}], "down_after": 5, "up_after": 30, "high": 0.9, "low": 0.6}
)


class Hours:
    """A governor that looks once a second, and where it went when."""

    def __init__(self, table: GovernorTable = TABLE) -> None:
        self.governor = Governor(table)
        self.now = 0
        self.went: list[tuple[int, int]] = []

    def pass_by(self, seconds: int, load: float, throttled: float = 0.0) -> None:
        for _ in range(seconds):
            self.now += 1
            if standing := self.governor.look(float(self.now), load, throttled):
                self.went.append((self.now, standing.rung))


def test_it_goes_down_after_a_while_of_overload_and_no_further_than_the_ladder() -> None:
    hours = Hours()
    hours.pass_by(100, 0.97)
    assert hours.went == [(6, 1), (12, 2)]
    assert hours.governor.standing == Standing(2, "the load was 97%")


def test_a_short_peak_changes_nothing() -> None:
    hours = Hours()
    for _ in range(20):
        hours.pass_by(4, 1.0)
        hours.pass_by(1, 0.8)
    assert hours.went == []


def test_it_climbs_rung_by_rung_where_there_is_room_and_stays_where_there_is_little() -> None:
    hours = Hours()
    hours.pass_by(12, 1.0)
    hours.pass_by(200, 0.8)
    assert [rung for _, rung in hours.went] == [1, 2]
    hours.pass_by(100, 0.5)
    assert [rung for _, rung in hours.went] == [1, 2, 1, 0]
    assert hours.went[3][0] - hours.went[2][0] == 31


def test_after_climbs_that_failed_it_waits_longer_each_time() -> None:
    hours = Hours()
    while len(hours.went) < 16:
        hours.pass_by(1, 0.95 if hours.governor.standing.rung == 0 else 0.4)
    climbs = [
        second - first
        for (first, _), (second, rung) in zip(hours.went, hours.went[1:], strict=False)
        if rung == 0
    ]
    assert climbs[:4] == [31, 61, 121, 241]
    assert max(climbs) == LONGEST * 30 + 1


def test_a_quota_that_stops_it_counts_as_overload() -> None:
    hours = Hours()
    hours.pass_by(6, 0.3, throttled=0.25)
    assert hours.governor.standing == Standing(1, "the CPU quota stopped it for 25% of the time")


def test_a_quota_is_read_from_the_control_group(tmp_path: Path) -> None:
    own, folder = tmp_path / "cgroup", tmp_path / "sys" / "box"
    own.write_text("0::/box\n")
    folder.mkdir(parents=True)
    statistics = folder / "cpu.stat"
    statistics.write_text("usage_usec 5\nthrottled_usec 1000000\n")
    quota = Quota(tmp_path / "sys", own)
    assert quota.throttled(10.0) == 0.0
    statistics.write_text("usage_usec 5\nthrottled_usec 1500000\n")
    assert quota.throttled(12.0) == pytest.approx(0.25)
    statistics.write_text("damaged\n")
    assert quota.throttled(13.0) == 0.0
    assert Quota(tmp_path / "nowhere", own).throttled(1.0) == 0.0
    assert Quota(tmp_path, tmp_path / "nothing").throttled(1.0) == 0.0


# The ladder


DOCUMENT: dict[str, Any] = {
    "models": {"m": {"bundle": "large", "labels": "l.txt"}},
    "cameras": {"porch": {"source": "test"}, "yard": {"source": "test", "fps": 2}},
}


def test_a_rung_changes_what_it_names_and_nothing_else() -> None:
    rung = RungTable.parse(
        {"fps": 5, "models": {"m": {"bundle": "small"}}, "cameras": {"porch": {"weight": 3}}}
    )
    changed = on_rung(DOCUMENT, rung, "governor.ladder[0]")
    assert changed["models"] == {"m": {"bundle": "small", "labels": "l.txt"}}
    assert changed["cameras"]["porch"] == {"source": "test", "fps": 5, "weight": 3}
    assert changed["cameras"]["yard"]["fps"] == 2, "it was slower already"
    assert DOCUMENT["models"]["m"]["bundle"] == "large"


def test_a_rung_that_names_nothing_known_says_so() -> None:
    with pytest.raises(ConfigError, match="did you mean yard") as caught:
        on_rung(DOCUMENT, RungTable.parse({"cameras": {"yord": {}}}), "governor.ladder[1]")
    assert caught.value.path == "governor.ladder[1].cameras.yord"


CAMERA = '[cameras.porch]\nsource = { uses = "test", width = 160, height = 120, fps = 30 }\n'


@pytest.mark.parametrize(
    ("governor", "wanted"),
    [
        ("[governor]\nladder = []", "governor.ladder"),
        ("[governor]\nhigh = 2\nladder = [{ fps = 1 }]", "governor.high"),
        ("[governor]\nladder = [{ fpss = 1 }]", "did you mean fps?"),
        ("[governor]\nladder = [{ cameras = { porch = { fsp = 1 } } }]", "cameras.porch.fsp"),
        ("[governor]\nladder = [{ cameras = { yard = { fps = 1 } } }]", "cameras.yard: there is no"),
        (
            '[governor]\nladder = [{ fps = 1 }, { cameras.porch.stages = [{ uses = "no" }] }]',
            "on rung 2 of the governor's ladder",
        ),
    ],
)
def test_what_is_wrong_on_a_rung_is_told_before_anything_starts(
    tmp_path: Path, governor: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"{CAMERA}{governor}\n")
    assert main(["check", str(file)]) == 78
    told = capsys.readouterr().err
    assert wanted in told
    assert told.count("\n") == 1


def test_a_configuration_is_read_as_it_is_on_a_rung(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"{CAMERA}[governor]\nladder = [{{ fps = 4 }}, {{ fps = 1 }}]\n")
    rates = [read_config(file, rung).tables.cameras["porch"].fps for rung in range(4)]
    assert rates == [None, 4.0, 1.0, 1.0]
    file.write_text(CAMERA)
    assert read_config(file, 3).rung == 0
    file.write_text(f"{CAMERA}[governor]\nladder = [{{ cameras = {{ porch = {{ fps = -1 }} }} }}]\n")
    with pytest.raises(ConfigFileError, match=r"with what it changes, cameras\.porch\.fps"):
        read_config(file, 1)


SLOW = """
import time
from edge_vision import Stage, hookimpl


class Slow(Stage):
    name = "slow"

    def __call__(self, result):
        time.sleep(0.12)
        return result


@hookimpl
def register_stages(register):
    register(Slow)
"""


def test_the_daemon_goes_down_says_so_and_climbs_back(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "slow.py").write_text(SLOW)
    file = tmp_path / "config.toml"
    file.write_text(
        f"""
workers = 1
stats_interval = 0.5
{CAMERA}
stages = [{{ uses = "slow" }}]
[governor]
down_after = 0.5
up_after = 1.0
ladder = [{{ fps = 2 }}]
[plugins]
folder = "plugins"
[sinks.out]
uses = "jsonl"
stats = true
"""
    )

    def stats() -> list[dict[str, Any]]:
        return [json.loads(line) for line in list(process.out) if '"edge-vision/stats/1"' in line]

    def rungs() -> list[int]:
        return [each["governor"]["rung"] for each in stats()]

    with daemon(file) as process:
        process.until(lambda: 1 in rungs())
        process.until(lambda: 0 in rungs()[rungs().index(1) :])
        process.send(signal.SIGTERM)
        assert process.wait(6) == 0
        results = process.results()
    for payload in stats():
        jsonschema.validate(payload, schema_of("stats"))
    down = next(each for each in stats() if each["governor"]["rung"] == 1)
    assert down["governor"]["why"].startswith("the load was ")
    assert down["governor"]["rungs"] == 1
    assert process.said("the governor goes to rung 1 of 1, because the load was")
    assert [each["cameras"]["porch"]["reconnects"] for each in stats()][-1] == 0, "it went on"
    takes = {result["boot"] for result in results}
    assert len(takes) == 1
