"""The JSON-lines sink: what it writes, where, and what it does when it cannot."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge_vision import ConfigError, Event, Identity, Result, SinkContext
from edge_vision.builtin import background
from edge_vision.builtin.jsonl import LINES_WAITING, JsonLinesSink
from edge_vision.contracts.schemas import schema_of

Make = Callable[..., JsonLinesSink]
Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def make_lines(tmp_path: Path) -> Iterator[Make]:
    made: list[JsonLinesSink] = []

    def make(**options: Any) -> JsonLinesSink:
        context = SinkContext("jsonl", Identity("porch-pi", "boot1"), lambda *_: "", tmp_path)
        sink = JsonLinesSink(JsonLinesSink.Options.parse(options), context)
        made.append(sink)
        sink.open()
        return sink

    yield make
    for sink in made:
        sink.close()


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[FileIO]:
    """The reading end of a named pipe in the folder."""
    os.mkfifo(tmp_path / "pipe")
    descriptor = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    with FileIO(descriptor) as reading:
        yield reading


def fill(pipe: Path) -> None:
    """Write to a pipe until nothing more fits."""
    writing = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"\n" * 4096)
    os.close(writing)


def write_until_full(sink: JsonLinesSink, result: Result) -> None:
    """Write until one line is stuck in the pipe, LINES_WAITING wait, and one is lost."""
    while sink.counters()["pending"] <= LINES_WAITING:
        sink.write(result)
    assert sink.counters()["sent"] == 0


def test_results_and_events_go_to_standard_output_one_a_line(
    make_lines: Make,
    make_result: Callable[..., Result],
    make_event: Callable[..., Event],
    capfd: pytest.CaptureFixture[str],
) -> None:
    sink = make_lines()
    sink.write(make_result(5))
    sink.notify(make_event())
    sink.stats({"schema": "edge-vision/stats/1"})
    assert sink.flush(10)
    result, event = capfd.readouterr().out.splitlines()
    jsonschema.validate(json.loads(result), schema_of("result"))
    jsonschema.validate(json.loads(event), schema_of("event"))
    assert ": " not in result, "compact"
    assert sink.counters() == {"sent": 2, "lost": 0, "pending": 0}


def test_a_file_is_appended_to_and_holds_utf8(
    make_lines: Make, make_result: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "results.jsonl").write_text("before\n")
    sink = make_lines(path="results.jsonl", stats=True)
    for index in range(3 * LINES_WAITING):
        sink.write(make_result(index), wait=True)
    sink.stats({"node": "Größe"})
    sink.close()
    lines = (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "before"
    assert lines[-1] == '{"node":"Größe"}'
    assert [json.loads(line)["frame"]["index"] for line in lines[1:-1]] == list(range(3 * LINES_WAITING))


def test_a_slow_reader_costs_live_results_but_not_recorded_ones(
    make_lines: Make, make_result: Callable[..., Result], pipe: FileIO, tmp_path: Path
) -> None:
    sink = make_lines(path="pipe")
    fill(tmp_path / "pipe")
    write_until_full(sink, make_result(0))
    sink.write(make_result(0))
    before = sink.counters()
    assert before["lost"] > 0
    recorded = threading.Thread(target=sink.write, args=(make_result(7),), kwargs={"wait": True})
    recorded.start()
    lines = b""
    while b'"index":7' not in lines:
        lines += pipe.read(65536) or b""
    recorded.join(10)
    assert sink.counters()["lost"] == before["lost"]


def test_a_reader_that_goes_away_ends_the_writing_but_not_the_pipeline(
    make_lines: Make,
    make_result: Callable[..., Result],
    pipe: FileIO,
    until: Until,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = make_lines(path="pipe")
    pipe.close()
    sink.write(make_result(1))
    until(lambda: sink.counters()["lost"] == 1)
    sink.write(make_result(2))
    sink.write(make_result(3), wait=True)
    assert sink.flush(0)
    assert sink.counters() == {"sent": 0, "lost": 3, "pending": 0}
    assert caplog.text.count("the reader has gone") == 1


def test_close_lets_a_writer_go_that_waits_for_a_stuck_reader(
    make_lines: Make,
    make_result: Callable[..., Result],
    pipe: FileIO,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
) -> None:
    monkeypatch.setattr(background, "CLOSE_PATIENCE", 0.1)
    sink = make_lines(path="pipe")
    fill(tmp_path / "pipe")
    write_until_full(sink, make_result(0))
    waiting = threading.Thread(target=sink.write, args=(make_result(7),), kwargs={"wait": True})
    waiting.start()
    sink.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert sink.counters()["lost"] > LINES_WAITING
    pipe.close()  # so that the thread, stuck in its last write, can end
    until(lambda: sink.counters()["pending"] == 0)


def test_a_full_disk_is_told_once_and_the_next_line_is_whole(
    make_lines: Make,
    make_result: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = make_lines(path="results.jsonl")
    really, room = os.write, [10, 0, 0]

    def write(descriptor: int, data: Any) -> int:
        if not room:
            return really(descriptor, data)
        left = room.pop(0)
        if not left:
            raise OSError(28, "No space left on device")
        return really(descriptor, data[:left])

    monkeypatch.setattr(os, "write", write)
    for index in range(3):
        sink.write(make_result(index))
    assert sink.flush(10)
    assert sink.counters() == {"sent": 1, "lost": 2, "pending": 0}
    torn, whole = (tmp_path / "results.jsonl").read_text().splitlines()
    assert len(torn) == 10
    assert json.loads(whole)["frame"]["index"] == 2
    assert caplog.text.count("No space left") == 1


def test_what_is_not_json_is_counted_and_told_once(
    make_lines: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = make_lines(path="lines", stats=True)
    for value in (float("nan"), float("nan"), object(), "\ud800"):
        sink.stats({"value": value})
    sink.close()
    assert (tmp_path / "lines").read_text() == ""
    assert sink.counters()["lost"] == 4
    assert caplog.text.count("Out of range float") == 1


def test_a_file_that_cannot_be_opened_is_an_error_that_says_why(make_lines: Make) -> None:
    with pytest.raises(ConfigError, match=r"path: no such folder: .*/missing"):
        make_lines(path="missing/file")
    with pytest.raises(ConfigError, match=r"path: .* is a folder"):
        make_lines(path=".")
    with pytest.raises(ConfigError, match=r"pth: unknown option, did you mean path\?"):
        make_lines(pth="x")
