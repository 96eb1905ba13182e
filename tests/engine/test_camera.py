"""A camera: its frames pass the stages in order, several at once; trouble stays where it is."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.contracts.options import Options, option
from edge_vision.contracts.stage import Stage
from edge_vision.data.errors import ConfigError
from edge_vision.data.findings import Labels
from edge_vision.data.result import Result
from edge_vision.testing import FakeSource, make_stage, still
from tests.engine.rig import Call, Rig, frames, jumble, rig, say_index, sums, wait_until


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_recording_is_delivered_whole_and_in_order(workers: int) -> None:
    seen: list[int] = []

    def note(result: Result) -> Result:
        seen.append(result.frame.index)
        return result

    with rig(workers) as made:
        stages = [Call(jumble, "a"), Call(note, "b", ordered=True), Call(jumble, "c")]
        camera = made.camera(FakeSource(frames(120)), stages)
        assert camera.finished.wait(20)
        assert made.indices() == seen == list(range(120))
        assert [r.sequence for r in made.sink.seen.results] == list(range(1, 121))
        sums(camera)


def test_stateless_stages_of_one_camera_run_at_once() -> None:
    barrier = threading.Barrier(2, timeout=10)

    def meet(result: Result) -> Result:
        barrier.wait()
        return result

    with rig(2) as made:
        camera = made.camera(FakeSource(frames(20)), [Call(meet)])
        made.supervise_until(camera.finished)
        assert camera.tally.counts().delivered == 20


def test_a_frame_that_takes_long_does_not_make_the_other_workers_idle() -> None:
    others, begun = Event(), []

    def take(result: Result) -> Result:
        begun.append(result.frame.index)
        if result.frame.index == 0:
            assert others.wait(10), "the frames behind it were not begun"
        elif result.frame.index == 3:
            others.set()
        return result

    with rig(2) as made:
        camera = made.camera(FakeSource(frames(8)), [Call(take)])
        made.supervise_until(camera.finished)
        assert made.indices() == list(range(8)), "delivered in order all the same"
        assert begun[:2] in ([0, 1], [1, 0])
        assert camera.tally.counts().failed == 0


def test_behind_a_frame_that_takes_long_as_many_wait_as_there_are_workers_and_no_more() -> None:
    most, begun = Event(), []

    def take(result: Result) -> Result:
        begun.append(result.frame.index)
        if result.frame.index == 0:
            most.wait(0.1)
            assert len(begun) <= 4
        return result

    with rig(2) as made:
        camera = made.camera(FakeSource(frames(20)), [Call(take)])
        assert camera.finished.wait(20)
        assert camera.tally.counts().delivered == 20


def test_a_live_camera_keeps_frames_fresh_until_their_turn_at_the_first_stage_comes() -> None:
    entered, go_on = Event(), Event()

    def first_takes_long(result: Result) -> Result:
        if result.frame.index == 0:
            entered.set()
            assert go_on.wait(10)
        return result

    def given(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        assert entered.wait(10)
        time.sleep(0.02)
        return image

    with rig(2) as made:
        pictures = frames(4)
        script: list[Any] = [pictures[0], *(partial(given, each) for each in pictures[1:])]
        camera = made.camera(FakeSource(script, live=True), [Call(first_takes_long, ordered=True)])
        wait_until(lambda: camera.tally.counts().captured == 4)
        go_on.set()
        wait_until(lambda: len(made.sink.seen.results) == 2)
        assert made.indices() == [0, 3]
        assert camera.tally.counts().dropped_by == {"overwritten": 2}


def test_an_ordered_stage_is_called_by_one_thread_at_a_time() -> None:
    inside, most = [0], [0]

    def enter(result: Result) -> Result:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.001)
        inside[0] -= 1
        return result

    with rig(4) as made:
        camera = made.camera(FakeSource(frames(60)), [Call(jumble), Call(enter, "one", ordered=True)])
        assert camera.finished.wait(20)
    assert most[0] == 1


def test_a_stage_that_returns_none_drops_the_frame_and_is_named_in_the_count() -> None:
    with rig() as made:
        gate = Call(lambda r: r if r.frame.index % 3 == 0 else None, "gate", ordered=True)
        camera = made.camera(FakeSource(frames(30)), [gate])
        assert camera.finished.wait(10)
        assert made.indices() == list(range(0, 30, 3))
        assert camera.tally.counts().dropped_by == {"gate": 20}
        sums(camera)


def test_findings_carry_the_name_of_the_stage_in_the_configuration() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(1)), [Call(say_index, "people"), Call(say_index, "cars")])
        assert camera.finished.wait(10)
        result = made.sink.seen.results[0]
        assert [finding.stage for finding in result.findings] == ["people", "cars"]
        assert list(result.timings) == ["people", "cars"]


def failing(until: int) -> Call:
    def fail(result: Result) -> Result:
        if result.frame.index < until:
            raise RuntimeError("broken on purpose")
        return result

    return Call(fail, "people")


@pytest.mark.filterwarnings("default")
def test_a_stage_that_raises_costs_its_frame_only_and_is_announced_when_it_keeps_failing() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(30)), [failing(until=10)])
        assert camera.finished.wait(10)
        counts = camera.tally.counts()
        assert counts.failed == 10
        assert made.indices() == list(range(10, 30))
        assert counts.stages["people"].failures == 10
        assert made.whats("started") == made.whats("ended") == ["stage-failing"]
        first, last = made.sink.seen.events
        assert first.id == last.id
        assert first.details == {"stage": "people", "error": "RuntimeError: broken on purpose"}
        sums(camera)


def test_a_stage_that_gives_something_else_than_a_result_is_failing() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(3)), [Call(lambda r: "nonsense")])
        assert camera.finished.wait(10)
        assert camera.tally.counts().failed == 3


def test_of_a_live_camera_a_failing_stage_is_left_alone() -> None:
    calls = [0]

    def fail(result: Result) -> Result:
        calls[0] += 1
        raise RuntimeError("broken on purpose")

    def slowly() -> NDArray[np.uint8]:
        time.sleep(0.002)
        return still()

    with rig() as made:
        camera = made.camera(FakeSource([slowly] * 100, live=True), [Call(fail, "people")])
        wait_until(lambda: camera.tally.counts().captured == 100)
        assert calls[0] < 20
        assert camera.tally.counts().stages["people"].open
    sums(camera)


@pytest.mark.parametrize("trouble", ["raises", "hangs", "freezes", "dies"])
def test_one_camera_in_trouble_does_not_take_frames_from_another(trouble: str) -> None:
    stop = Event()

    def bad_stage(result: Result) -> Result:
        if trouble == "raises":
            raise RuntimeError("broken on purpose")
        if trouble == "hangs":
            stop.wait(30)
        return result

    def bad_read() -> NDArray[np.uint8]:
        if trouble == "freezes":
            stop.wait(30)
        if trouble == "dies":
            raise OSError("unplugged")
        return still()

    with rig(2, overdue=0.1) as made:
        bad = made.camera(FakeSource([bad_read] * 500, live=True), [Call(bad_stage)], name="bad")
        good = made.camera(FakeSource(frames(300)), [Call(jumble)], name="good")
        while not good.finished.wait(0.05):
            made.workers.check()
            assert good.tally.counts().captured > 0
        assert made.indices("good") == list(range(300))
        stop.set()
        assert bad.tally.counts().delivered == len(made.indices("bad"))


def test_a_sink_that_raises_is_counted_and_the_others_get_everything() -> None:
    class Broken(type(Rig().sink)):  # type: ignore[misc]
        def write(self, result: Result, *, wait: bool = False) -> None:
            raise OSError("no space")

    with rig() as made:
        made.delivery.connect({"broken": Broken(), "memory": made.sink})
        camera = made.camera(FakeSource(frames(10)))
        assert camera.finished.wait(10)
        assert made.indices() == list(range(10))
        assert made.delivery.counters()["broken"] == {"failures": 10}


def test_stopping_lets_frames_in_flight_finish_and_counts_the_rest() -> None:
    entered, gate = Event(), Event()

    def hold(result: Result) -> Result:
        entered.set()
        gate.wait(10)
        return result

    stage = Call(hold)
    with rig(1) as made:
        camera = made.camera(FakeSource(frames(50)), [stage])
        assert entered.wait(5)
        camera.request_stop()
        gate.set()
        assert camera.stop(5)
        assert stage.closed
        sums(camera)
        assert camera.tally.counts().delivered >= 1


class Threshold(Stage):
    """A stage with one live option and one that is not."""

    name = "threshold"

    class Options(Options):
        limit: float = option(0.5, "the limit", ge=0, le=1, live=True)
        fixed: int = option(1, "never changes")
        flag: bool = option(True, "yes or no", live=True)

    options: Options

    def __call__(self, result: Result) -> Result:
        return result.add(Labels((("limit", self.options.limit),)))


def test_live_options_change_while_running_and_others_do_not() -> None:
    more = Event()

    def wait_for_more() -> NDArray[np.uint8]:
        more.wait(10)
        return still()

    with rig() as made:
        stage = make_stage(Threshold, name="people")
        camera = made.camera(FakeSource([still(), wait_for_more]), [stage])
        wait_until(lambda: len(made.indices()) == 1)
        assert made.sink.seen.states == {
            ("porch", "enabled"): True,
            ("porch", "people.limit"): 0.5,
            ("porch", "people.flag"): True,
        }
        assert camera.change("people.limit", "0.75") == 0.75
        assert camera.change("people.flag", "OFF") is False
        for key, text, problem in [
            ("people.limit", "7", "people.limit: should be less than or equal to 1, not 7"),
            ("people.limit", "much", 'people.limit: should be a valid number, not "much"'),
            ("people.limt", "1", "people.limt: no such setting, did you mean people.limit?"),
            ("people.fixed", "1", "people.fixed: no such setting"),
            ("enabled", "perhaps", "should be true or false, not 'perhaps'"),
        ]:
            with pytest.raises(ConfigError) as refused:
                camera.change(key, text)
            assert problem in str(refused.value)
        more.set()
        assert camera.finished.wait(10)
        values = [next(r.all(Labels)).rows[0][1] for r in made.sink.seen.results]
        assert values == [0.5, 0.75]
        assert made.sink.seen.states["porch", "people.limit"] == 0.75


def test_a_sink_that_comes_later_is_told_how_things_stand() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(2)))
        assert camera.finished.wait(10)
        late = type(made.sink)()
        made.delivery.connect({"memory": made.sink, "late": late})
        assert late.seen.statuses == [("porch", "offline")]
        assert late.seen.states == {("porch", "enabled"): True}


def test_results_are_frozen_copies() -> None:
    with rig() as made:
        camera = made.camera(FakeSource(frames(1)), [Call(lambda r: replace(r))])
        assert camera.finished.wait(10)
        with pytest.raises(ValueError, match="read-only"):
            made.sink.seen.results[0].frame.image[0, 0, 0] = 1
