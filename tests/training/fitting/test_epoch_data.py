from __future__ import annotations

import threading

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.epoch_data import EpochData, EpochMaker


def numbered(epoch: int, random: np.random.Generator) -> EpochData:
    return EpochData({"image": np.arange(20)}, {"scores": np.arange(20) + 100})


def test_rows_are_drawn_anew_each_epoch_and_stay_together() -> None:
    first, second = (EpochMaker(numbered, 1).take(epoch) for epoch in (0, 1))
    assert first is not None
    assert second is not None
    assert sorted(first.inputs["image"]) == list(range(20))
    assert list(first.inputs["image"]) != list(second.inputs["image"])
    np.testing.assert_array_equal(first.targets["scores"], first.inputs["image"] + 100)


def test_an_epoch_depends_on_the_seed_and_its_number_only() -> None:
    maker = EpochMaker(numbered, 7)
    maker.take(0)
    after, alone, other = maker.take(1), EpochMaker(numbered, 7).take(1), EpochMaker(numbered, 8).take(1)
    assert after is not None
    assert alone is not None
    assert other is not None
    np.testing.assert_array_equal(after.inputs["image"], alone.inputs["image"])
    assert list(alone.inputs["image"]) != list(other.inputs["image"])


def test_an_order_that_is_meant_stays() -> None:
    def ordered(epoch: int, random: np.random.Generator) -> EpochData:
        return EpochData({"image": np.arange(9)}, {}, shuffled=True)

    data = EpochMaker(ordered, 1).take(0)
    assert data is not None
    assert list(data.inputs["image"]) == list(range(9))


def test_the_next_epoch_is_made_in_a_thread_of_its_own() -> None:
    seen = []

    def make(epoch: int, random: np.random.Generator) -> EpochData:
        seen.append((epoch, threading.current_thread() is threading.main_thread()))
        return numbered(epoch, random)

    maker = EpochMaker(make, 1)
    maker.start(0)
    maker.take(0)
    maker.start(1)
    maker.finish()
    assert seen == [(0, False), (1, False)]


def test_what_goes_wrong_in_the_thread_reaches_who_takes() -> None:
    def broken(epoch: int, random: np.random.Generator) -> EpochData:
        raise TimeoutError("the disk sleeps")

    maker = EpochMaker(broken, 1)
    with pytest.raises(TimeoutError, match="the disk sleeps"):
        maker.take(0)


def test_waiting_ends_when_somebody_wants_to_stop() -> None:
    gate = threading.Event()

    def slow(epoch: int, random: np.random.Generator) -> EpochData:
        gate.wait(30)
        return numbered(epoch, random)

    maker = EpochMaker(slow, 1)
    assert maker.take(0, stopping=lambda: True) is None
    gate.set()
    assert maker.take(0, stopping=lambda: False) is not None


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(TrainingError, match="image 3, scores 2"):
        EpochData({"image": np.zeros(3)}, {"scores": np.zeros(2)})
    with pytest.raises(TrainingError, match="at least one"):
        EpochData({"image": np.zeros(0)}, {"scores": np.zeros(0)})


def test_what_a_network_needs_is_picked_and_what_is_missing_named() -> None:
    data = EpochData({"image": np.zeros(2), "more": np.ones(2)}, {"a": np.ones(2)}, {"a": np.ones(2)})
    picked = data.checked(("image",), ("a",))
    assert list(picked.inputs) == ["image"]
    assert picked.weights is not None
    with pytest.raises(TrainingError, match="no target b"):
        data.checked(("image",), ("b",))
    with pytest.raises(TrainingError, match="no input sound"):
        data.checked(("sound",), ())
