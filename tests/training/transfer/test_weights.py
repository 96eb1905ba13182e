"""Weights in files: by path, whole or not at all, and refused where they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras
from keras import layers

from edge_vision.data.errors import TrainingError
from edge_vision.training.transfer.weights import (
    load_weights,
    read_weights,
    save_weights,
    weights_of,
    write_weights,
)


def network(units: int = 3, name: str = "head") -> Any:
    entered = keras.Input((4,), name="values")
    return keras.Model(
        entered, layers.Dense(units, name=name)(layers.BatchNormalization(name="norm")(entered))
    )


def test_they_come_back_as_they_were(tmp_path: Path) -> None:
    first, second = network(), network()
    save_weights(first, tmp_path / "new" / "weights.npz")
    load_weights(second, tmp_path / "new" / "weights.npz")
    assert sorted(weights_of(first)) == sorted(
        f"{path}"
        for path in (
            "norm/gamma",
            "norm/beta",
            "norm/moving_mean",
            "norm/moving_variance",
            "head/kernel",
            "head/bias",
        )
    )
    for ours, theirs in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_float16_takes_half_the_room_and_three_digits(tmp_path: Path) -> None:
    learnt = network(500)
    for dtype in ("float32", "float16"):
        save_weights(learnt, tmp_path / f"{dtype}.npz", dtype)
    small, large = ((tmp_path / f"{d}.npz").stat().st_size for d in ("float16", "float32"))
    assert small < 0.6 * large
    for path, array in read_weights(tmp_path / "float16.npz").items():
        np.testing.assert_allclose(array, weights_of(learnt)[path], rtol=1e-3, atol=1e-6)


def test_nothing_is_left_where_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "weights.npz"
    save_weights(network(), file)
    before = file.read_bytes()
    with pytest.raises(TrainingError, match=r"kernel.*too large for float16"):
        write_weights({"kernel": np.full(3, 1e6, np.float32)}, file, "float16")
    with pytest.raises(TrainingError, match="no numbers"):
        write_weights({"kernel": np.full(3, np.nan, np.float32)}, file)
    assert file.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["weights.npz"]


def test_names_that_numpy_itself_would_take_are_kept(tmp_path: Path) -> None:
    write_weights(
        {"file": np.ones(2, np.float32), "a/kernel": np.zeros(1, np.float32)}, tmp_path / "w.npz"
    )
    assert set(read_weights(tmp_path / "w.npz")) == {"file", "a/kernel"}


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (network(5), r"head/kernel \(4, 5\) is \(4, 3\) there, and 1 more"),
        (network(3, "top"), "top/kernel.*not there"),
    ],
)
def test_others_are_refused_and_nothing_is_set(tmp_path: Path, other: Any, problem: str) -> None:
    learnt = network()
    learnt.get_layer("norm").gamma.assign([2.0] * 4)
    save_weights(learnt, tmp_path / "weights.npz")
    with pytest.raises(TrainingError, match=problem):
        load_weights(other, tmp_path / "weights.npz")
    np.testing.assert_array_equal(other.get_layer("norm").gamma.numpy(), np.ones(4))


def test_what_is_no_file_of_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no such file"):
        read_weights(tmp_path / "none.npz")
    for content in (b"", b"PK\x03\x04 cut short", b"some text"):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(TrainingError, match=r"bad\.npz"):
            read_weights(tmp_path / "bad.npz")


def test_layers_of_nested_networks_may_not_share_a_name() -> None:
    entered = keras.Input((4,))
    twice = keras.Model(entered, network()(entered) + network()(entered))
    with pytest.raises(TrainingError, match="two weights"):
        weights_of(twice)
