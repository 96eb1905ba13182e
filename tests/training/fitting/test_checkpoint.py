from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.fitting.checkpoint import FILE, PREVIOUS, Checkpoint, Checkpoints, Partial
from edge_vision.training.fitting.history import EpochRow, History
from edge_vision.training.fitting.state import State, plain

STATE = State(("dense/kernel", "seed"), (np.eye(3, dtype=np.float32), np.array([7, 8], np.uint32)))


class Variable:
    """A variable as Keras has them."""

    def __init__(self, path: str, value: Any) -> None:
        self.path, self.value = path, np.asarray(value)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> str:
        return str(self.value.dtype)

    def assign(self, value: Any) -> None:
        self.value = np.array(value)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.value


class Holder:
    """Something with variables, such as a network."""

    def __init__(self, *variables: Variable) -> None:
        self.variables = variables


def checkpoint(epoch: int = 1, best: State | None = STATE) -> Checkpoint:
    history = History()
    history.add(EpochRow(epoch, 1.0, {"scores": 1.0}, 0.1, {"right": 0.5}))
    identity = {"settings": {"batch": 16, "seed": 1}, "losses": {"scores": "CrossEntropy"}}
    return Checkpoint(identity, STATE, STATE, best, history, 6, Partial(32, {"loss": 0.5}, 2.0))


def network(kernel: str = "dense/kernel", size: int = 3) -> Holder:
    return Holder(
        Variable(kernel, np.zeros((size, size), np.float32)), Variable("seed", np.zeros(2, np.uint32))
    )


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path / "run")
    assert store.load() is None
    store.save(checkpoint())
    found = store.load()
    assert found is not None
    assert found.history == checkpoint().history
    assert (found.steps, found.partial) == (6, Partial(32, {"loss": 0.5}, 2.0))
    learnt = network()
    found.network.put(learnt.variables)
    np.testing.assert_array_equal(learnt.variables[0].value, np.eye(3))
    assert learnt.variables[1].value.dtype == np.uint32
    store.save(checkpoint(best=None))
    found = store.load()
    assert found is not None
    assert found.best is None


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 what is this", None])
def test_a_damaged_checkpoint_falls_back_on_the_one_before(
    tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    store = Checkpoints(tmp_path)
    store.save(checkpoint(1))
    store.save(checkpoint(2))
    content = (tmp_path / FILE).read_bytes()
    if damage is None:  # one byte of an array, which its checksum tells
        place = content.index(np.eye(3, dtype=np.float32).tobytes())
        damage = content[:place] + b"\x01" + content[place + 1 :]
    (tmp_path / FILE).write_bytes(damage)
    with caplog.at_level(logging.WARNING):
        found = store.load()
    assert found is not None
    assert found.history.rows[0].epoch == 1
    assert "checkpoint.npz is damaged" in caplog.text
    (tmp_path / PREVIOUS).write_bytes(damage)
    with pytest.raises(TrainingError, match=r"damaged.*--restart"):
        store.load()
    store.remove()
    assert store.load() is None


def test_the_one_before_is_there_while_the_newest_is_being_put_in_place(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path)
    store.save(checkpoint(1))
    store.save(checkpoint(2))
    (tmp_path / FILE).unlink()  # as if killed between the two renames
    found = store.load()
    assert found is not None
    assert found.history.rows[0].epoch == 1


def test_another_training_is_refused_saying_what_differs() -> None:
    saved, own = checkpoint(), network()
    saved.check(saved.identity, own, own)
    changed = {"settings": {"batch": 32, "seed": 1}, "losses": {"scores": "CrossEntropy"}}
    with pytest.raises(TrainingError, match=r"batch was 16, is 32.*--restart"):
        saved.check(changed, own, own)
    with pytest.raises(TrainingError, match=r"another network: it has dense/kernel \(3, 3\) where"):
        saved.check(saved.identity, network(size=4), own)
    with pytest.raises(TrainingError, match="another network: it has seed"):
        saved.check(saved.identity, Holder(network().variables[0]), own)
    with pytest.raises(TrainingError, match="another optimiser"):
        saved.check(saved.identity, own, network("momentum/kernel"))


def test_numbers_that_keras_gives_to_layers_do_not_make_another_network() -> None:
    saved = checkpoint()
    saved.check(saved.identity, network("dense_17/kernel"), network("dense_2/kernel"))
    assert plain("conv2d_12/kernel_1") == "conv2d/kernel"


def test_a_network_is_left_alone_where_the_state_does_not_fit() -> None:
    other = network(size=4)
    with pytest.raises(TrainingError):
        STATE.put(other.variables)
    assert not other.variables[0].value.any()
    assert not other.variables[1].value.any()
