from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters import memory
from edge_vision.adapters.memory import Memory
from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.model import ModelBundle, StatePair
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, StageError

HERE = TensorSpec("h_in", (1, 2), "float32")
NEXT = TensorSpec("h_out", (1, 2), "float32")


def make(reset_after: float | None = None, taken: TensorSpec = HERE, given: TensorSpec = NEXT) -> Memory:
    state = (StatePair(taken.name, given.name),)
    return Memory(
        ModelBundle("m", Path("m"), inputs=(taken,), outputs=(given,), state=state), reset_after
    )


def gave(*values: float) -> dict[str, NDArray[np.float32]]:
    return {"h_out": np.array([values], np.float32), "scores": np.zeros((1, 5), np.float32)}


def keep(kept: Memory, key: Hashable, time: float, outputs: Mapping[str, NDArray[Any]]) -> None:
    kept.keep(key, time, kept.next_state(key, outputs))


def recalled(kept: Memory, key: Hashable, time: float) -> list[float]:
    values: list[float] = kept.recall(key, time)["h_in"].reshape(-1).tolist()
    return values


def test_a_state_begins_as_zeros_and_is_kept() -> None:
    kept = make()
    assert recalled(kept, None, 0.0) == [0, 0]
    keep(kept, None, 0.0, gave(1, 2))
    assert recalled(kept, None, 0.1) == [1, 2]
    assert set(kept.recall(None, 0.1)) == {"h_in"}


@pytest.mark.parametrize(("dtype", "zero"), [("uint8", 128), ("int8", -3), ("int16", 0)])
def test_zero_is_meant_in_real_values(dtype: str, zero: int) -> None:
    stored = Quantisation(0.1, zero)
    kept = make(None, TensorSpec("a", (1, 2), dtype, stored), TensorSpec("b", (1, 2), dtype, stored))
    first = kept.recall(None, 0.0)["a"]
    assert first.dtype == dtype
    assert (first == zero).all()


def test_a_state_starts_anew_in_another_take() -> None:
    kept = make()
    kept.keep("track", 0.9, kept.next_state("track", gave(1, 2)))
    kept.keep(None, 1.0, kept.next_state(None, gave(1, 2)))
    assert kept.recall(None, 1.1, 1)["h_in"].any() == 0
    assert kept.recall(None, 1.1, 0)["h_in"].any() == 1
    kept.keep(None, 1.1, kept.next_state(None, gave(3, 4)), 1)
    assert kept.recall(None, 1.2, 1)["h_in"].tolist() == [[3, 4]]
    assert len(kept) == 1, "what was kept in the take before is dropped"


def test_keys_are_never_mixed() -> None:
    kept = make()
    keep(kept, None, 0.0, gave(1, 1))
    keep(kept, ("people", 7), 0.0, gave(7, 7))
    keep(kept, ("cars", 7), 0.0, gave(8, 8))
    assert recalled(kept, None, 0.0) == [1, 1]
    assert recalled(kept, ("people", 7), 0.0) == [7, 7]
    assert recalled(kept, ("cars", 7), 0.0) == [8, 8]
    assert recalled(kept, ("people", 8), 0.0) == [0, 0]


def test_a_longer_gap_than_reset_after_starts_anew() -> None:
    kept = make(2.0)
    keep(kept, None, 10.0, gave(1, 1))
    assert recalled(kept, None, 12.0) == [1, 1]
    assert recalled(kept, None, 12.1) == [0, 0]


def test_without_reset_after_no_gap_is_too_long() -> None:
    kept = make(None)
    keep(kept, None, 0.0, gave(1, 1))
    assert recalled(kept, None, 1e6) == [1, 1]


@pytest.mark.parametrize("reset_after", [None, 2.0])
def test_a_clock_set_back_starts_anew(reset_after: float | None) -> None:
    kept = make(reset_after)
    keep(kept, None, 10.0, gave(1, 1))
    assert recalled(kept, None, 9.9) == [0, 0]


def test_what_is_too_old_is_dropped_when_something_is_kept() -> None:
    kept = make(2.0)
    for time in range(5):
        keep(kept, ("people", time), float(time), gave(1, 1))
    assert len(kept) == 3
    keep(kept, ("people", 0), 0.0, gave(1, 1))  # the clock was set back
    assert len(kept) == 1


def test_the_state_that_was_kept_longest_ago_is_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_KEYS", 3)
    kept = make()
    for key in ("a", "b", "c"):
        keep(kept, key, 0.0, gave(1, 1))
    keep(kept, "a", 1.0, gave(2, 2))
    keep(kept, "d", 1.0, gave(3, 3))
    assert [recalled(kept, key, 1.0)[0] for key in "abcd"] == [2, 0, 1, 3]
    assert len(kept) == 3


def test_a_forgotten_key_starts_anew() -> None:
    kept = make()
    keep(kept, "a", 0.0, gave(1, 1))
    kept.forget("a")
    kept.forget("never seen")
    assert recalled(kept, "a", 0.0) == [0, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_state_that_is_no_number_is_dropped_and_an_error(value: float) -> None:
    kept = make()
    keep(kept, None, 0.0, gave(1, 1))
    keep(kept, "other", 0.0, gave(2, 2))
    with pytest.raises(StageError, match="state h_out holds values that are no numbers"):
        keep(kept, None, 0.1, gave(1, value))
    assert recalled(kept, None, 0.2) == [0, 0]
    assert recalled(kept, "other", 0.2) == [2, 2]


def test_a_state_that_is_missing_or_of_another_shape_is_an_error() -> None:
    kept = make()
    with pytest.raises(StageError, match="gives nothing for its state h_out"):
        keep(kept, None, 0.0, {"scores": np.zeros(1)})
    with pytest.raises(StageError, match=r"gives the shape \(1, 3\) for its state h_out"):
        keep(kept, None, 0.0, gave(1, 2, 3))


# Tensors that store their values otherwise


def test_a_state_quantised_otherwise_goes_through_real_values() -> None:
    taken = TensorSpec("h_in", (1, 4), "uint8", Quantisation(0.5, 128))
    given = TensorSpec("h_out", (1, 4), "uint8", Quantisation(0.25, 0))
    kept = make(None, taken, given)
    keep(kept, None, 0.0, {"h_out": np.array([[0, 4, 7, 255]], np.uint8)})
    state = kept.recall(None, 0.0)["h_in"]
    # Real 0, 1, 1.75 and 63.75; halves of the step are rounded to even.
    assert state.dtype == np.uint8
    assert state.tolist() == [[128, 130, 132, 255]]


@pytest.mark.parametrize(
    ("dtype", "quantisation", "expected"),
    [
        ("int8", Quantisation(0.01, 0), [[-128, 0, 50, 127]]),
        ("uint8", Quantisation(1.0, 0), [[0, 0, 0, 9]]),
        ("int32", None, [[-2, 0, 0, 9]]),
        ("float16", None, [[-2, 0, 0.5, 9]]),
    ],
)
def test_a_state_of_another_type_is_stored_as_near_as_it_can(
    dtype: str, quantisation: Quantisation | None, expected: list[list[float]]
) -> None:
    taken = TensorSpec("h_in", (1, 4), dtype, quantisation)
    kept = make(None, taken, TensorSpec("h_out", (1, 4), "float32"))
    keep(kept, None, 0.0, {"h_out": np.array([[-2, 0, 0.5, 9]], np.float32)})
    state = kept.recall(None, 0.0)["h_in"]
    assert state.dtype == dtype
    assert state.tolist() == expected


def test_bytes_of_one_quantisation_are_carried_bit_for_bit() -> None:
    stored = Quantisation(0.0235, 3)
    kept = make(None, TensorSpec("a", (256,), "uint8", stored), TensorSpec("b", (256,), "uint8", stored))
    given = np.arange(256, dtype=np.uint8)
    keep(kept, None, 0.0, {"b": given})
    assert (kept.recall(None, 0.0)["a"] == given).all()


# What does not fit


def test_a_pair_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ModelError, match="different shapes"):
        make(None, TensorSpec("h_in", (1, 3), "float32"))


def test_a_variable_that_the_runtime_keeps_to_itself_is_refused() -> None:
    bundle = ModelBundle(
        "m", Path("m"), state=(StatePair("cell", "cell"),), facts=FileFacts(variables=(HERE, NEXT))
    )
    with pytest.raises(ModelError, match=r"\[\[state\]\]: the model has no output cell"):
        Memory(bundle, None)
    bundle = ModelBundle(
        "m", Path("m"), state=(StatePair("h_in", "h_in"),), facts=FileFacts(variables=(HERE,))
    )
    with pytest.raises(ModelError, match="does not give out the variable h_in"):
        Memory(bundle, None)
