from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.contracts.options import Options as BaseOptions
from edge_vision.contracts.options import option
from edge_vision.contracts.sink import Sink
from edge_vision.contracts.source import Source
from edge_vision.contracts.stage import Stage
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, SourceError, SourceLost, StageError
from edge_vision.data.event import Event
from edge_vision.data.findings import Labels
from edge_vision.data.payload import Identity
from edge_vision.data.result import Result
from edge_vision.testing import (
    STARTED,
    FakeModel,
    FakeSource,
    MemorySink,
    make_frame,
    make_stage,
    run,
    still,
)


class Brightness(Stage):
    """Calls a picture bright or dark."""

    name = "brightness"

    class Options(BaseOptions):
        """Where bright begins."""

        threshold: int = option(128, "where bright begins", ge=0, le=255)
        drop: bool = option(False, "drop what is dark")

    options: Options
    opened = 0

    def open(self) -> None:
        self.opened += 1

    def __call__(self, result: Result) -> Result | None:
        bright = result.frame.image.mean() >= self.options.threshold
        if self.options.drop and not bright:
            return None
        return result.add(Labels((("bright" if bright else "dark", 1.0),)))


def test_the_example_of_the_module_holds() -> None:
    stage = make_stage(Brightness, threshold=128)
    assert next(run(stage, still(255)).all(Labels)).rows[0][0] == "bright"
    assert next(run(stage, still(0)).all(Labels)).rows[0][0] == "dark"


def test_a_made_stage_is_open_once_and_knows_its_name() -> None:
    stage = make_stage(Brightness)
    assert stage.opened == 1
    assert (stage.context.camera, stage.context.name) == ("test", "brightness")
    assert make_stage(Brightness, name="day").context.name == "day"


def test_wrong_options_are_refused_as_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match="thresold: unknown option, did you mean threshold"):
        make_stage(Brightness, thresold=1)


def test_a_dropped_frame_and_earlier_findings() -> None:
    with pytest.raises(StageError, match="brightness dropped the frame"):
        run(make_stage(Brightness, drop=True), still(0))
    earlier = Labels((("seen", 0.5),), "other")
    result = run(make_stage(Brightness), still(0), earlier, index=3)
    assert result.findings[0] is earlier
    assert len(result.findings) == 2
    assert result.frame.index == 3


def test_a_stage_gets_the_models_it_is_given_by_name() -> None:
    model = FakeModel([], [], dict)
    stage = make_stage(Brightness, {"people": model})
    assert stage.context.model("people") is model
    with pytest.raises(ConfigError, match="no such model: peple, did you mean people"):
        stage.context.model("peple")


def test_frames_come_at_the_rate_they_are_made_with() -> None:
    frame = make_frame(still(), index=5, camera="porch", fps=2)
    assert (frame.index, frame.camera, frame.monotonic) == (5, "porch", 2.5)
    assert (frame.captured_at - STARTED).total_seconds() == 2.5


@pytest.mark.parametrize(("value", "pixel"), [(7, [7, 7, 7]), ((1, 2, 3), [1, 2, 3])])
def test_a_still_has_one_colour(value: Any, pixel: list[int]) -> None:
    image = still(value, 5, 4)
    assert image.shape == (4, 5, 3)
    assert (image == pixel).all()


def played(source: Source, count: int) -> list[Any]:
    seen: list[Any] = []
    for _ in range(count):
        try:
            image = source.read()
            seen.append(None if image is None else int(image[0, 0, 0]))
        except (SourceLost, ValueError) as error:
            seen.append(type(error).__name__)
    return seen


def test_a_recording_plays_its_script_and_ends() -> None:
    source = FakeSource([still(1), None, ValueError("bad"), lambda: still(2)])
    source.open()
    assert played(source, 6) == [1, None, "ValueError", 2, None, None]
    assert (source.live, source.rate) == (False, 10.0)


def test_a_live_source_is_lost_when_its_script_is_over() -> None:
    source = FakeSource([still(1), SourceLost("gone"), still(2)], live=True)
    assert played(source, 5) == [1, "SourceLost", 2, "SourceLost", "SourceLost"]
    assert source.rate is None


def test_a_source_begins_again_as_often_as_it_is_told() -> None:
    source = FakeSource([still(1), still(2)], loops=2)
    source.open()
    assert played(source, 7) == [1, 2, 1, 2, 1, 2, None]
    assert source.takes == 2


def test_a_source_fails_to_open_as_often_as_it_is_told() -> None:
    source = FakeSource([], failures=2)
    for _ in range(2):
        with pytest.raises(SourceError):
            source.open()
    source.open()
    source.close()
    assert (source.opened, source.closed) == (3, 1)


def test_a_model_answers_and_remembers() -> None:
    inputs = [TensorSpec("image", (1, 4, 4, 3), "uint8", meaning="image")]
    outputs = [TensorSpec("scores", (1, 2), "float32", meaning="scores")]
    model = FakeModel(
        inputs, outputs, lambda given: {"scores": given["image"].mean(keepdims=True)}, ("a",)
    )
    image = np.full((1, 4, 4, 3), 9, np.uint8)
    assert model({"image": image})["scores"].item() == 9
    assert model.calls[0]["image"] is image
    assert model.bundle.image_input == inputs[0]
    assert model.bundle.output("scores") == outputs[0]
    assert model.bundle.labels == ("a",)
    assert model.bundle.file == Path("fake.tflite")
    model.close()


def test_a_memory_sink_remembers_all_that_a_sink_is_told() -> None:
    sink: Sink = MemorySink(Identity("node", "boot2"))
    assert isinstance(sink, MemorySink)
    assert sink.context.identity.boot == "boot2"
    result = Result.of(make_frame(still()))
    event = Event("1", "started", "person", "porch", STARTED, STARTED)
    sink.open()
    sink.write(result, wait=True)
    sink.notify(event)
    sink.status("porch", "online")
    sink.state("porch", "enabled", True)
    sink.state("porch", "enabled", False)
    sink.stats({"uptime_s": 1})
    sink.forget("porch")
    assert sink.flush(0.0)
    sink.close()
    assert sink.seen.results == [result]
    assert sink.seen.events == [event]
    assert sink.seen.statuses == [("porch", "online")]
    assert sink.seen.states == {("porch", "enabled"): False}
    assert sink.seen.stats == [{"uptime_s": 1}]
    assert sink.seen.forgotten == ["porch"]


def test_a_memory_sink_takes_no_commands() -> None:
    with pytest.raises(NotImplementedError, match="nobody listens for porch enabled off"):
        MemorySink().context.change("porch", "enabled", "off")
