"""Tiny recurrent .tflite models whose answers can be computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.tiny_models import TinyModel

CELLS = 4
"""Values of the state of `lstm`."""

VALUES = 3
"""Values of one step that `lstm` takes."""


def accumulator(path: Path, side: int = 4) -> Path:
    """An image (1, side, side, 3) of 0 to 1 -> the sums of its channels' means over all runs, (1, 3).

    The state goes in as `total_in` and comes out as `total_out`; `sums` is the answer, red first.
    """
    model = TinyModel()
    image = model.tensor("image", [1, side, side, 3])
    before = model.tensor("total_in", [1, 3])
    axes = model.tensor("axes", [2], "int32", value=np.array([1, 2]))
    shape = model.tensor("shape", [2], "int32", value=np.array([1, 3]))
    means = model.tensor("means", [1, 3])
    after = model.tensor("total_out", [1, 3])
    sums = model.tensor("sums", [1, 3])
    model.operator("MEAN", [image, axes], [means])
    model.operator("ADD", [before, means], [after])
    model.operator("RESHAPE", [after, shape], [sums], newShape=[1, 3])
    return model.write(path, [image, before], [sums, after])


def accumulator_bundle(folder: Path, side: int = 4) -> Path:
    """The accumulator as a bundle: its sums are published as they are, as an embedding."""
    folder.mkdir()
    accumulator(folder / "model.tflite", side)
    (folder / "bundle.toml").write_text('task = "embed"\n')
    return folder


def gated(path: Path, order: Sequence[str] = ("hidden", "answer", "cell")) -> Path:
    """An image (1, 4, 4, 3) of 0 to 1 and a state of two -> its next, and an answer, (1, 3) each.

    It is wired as an LSTM is, and nothing is called what it is:

        gate = (hidden + means) / 2
        new cell = cell * gate + means
        new hidden = (new cell - 1/2) * gate
        answer = new hidden / 2

    order  of the outputs, named "output:0" to "output:2"; the inputs are "x" (the cell) and "y"
    """
    model = TinyModel()
    image, cell = model.tensor("image", [1, 4, 4, 3]), model.tensor("x", [1, 3])
    hidden = model.tensor("y", [1, 3])
    axes = model.tensor("axes", [2], "int32", value=np.array([1, 2]))
    half = model.tensor("half", [1, 3], value=np.full((1, 3), 0.5))
    means, sums, gate, kept, less = (
        model.tensor(name, [1, 3]) for name in ("means", "sums", "gate", "kept", "less")
    )
    new = {name: model.tensor(f"output:{place}", [1, 3]) for place, name in enumerate(order)}
    model.operator("MEAN", [image, axes], [means])
    model.operator("ADD", [hidden, means], [sums])
    model.operator("MUL", [sums, half], [gate])
    model.operator("MUL", [cell, gate], [kept])
    model.operator("ADD", [kept, means], [new["cell"]])
    model.operator("SUB", [new["cell"], half], [less])
    model.operator("MUL", [less, gate], [new["hidden"]])
    model.operator("MUL", [new["hidden"], half], [new["answer"]])
    return model.write(path, [image, cell, hidden], list(new.values()))


def lstm(path: Path, steps: int, seed: int = 5) -> Path:
    """A fused LSTM over rows (1, steps, VALUES) -> its last hidden state, (1, CELLS).

    Its state is two variable tensors. Models of one seed have the same weights, however many steps
    one run takes.
    """
    random = np.random.default_rng(seed)
    model = TinyModel()

    def weights(name: str, *shape: int) -> int:
        return model.tensor(name, shape, value=random.normal(0.0, 0.7, shape))

    rows = model.tensor("rows", [1, steps, VALUES])
    gates = ("input", "forget", "cell", "output")
    kernels = [weights(f"{gate}_kernel", CELLS, VALUES) for gate in gates]
    recurrent = [weights(f"{gate}_recurrent", CELLS, CELLS) for gate in gates]
    biases = [weights(f"{gate}_bias", CELLS) for gate in gates]
    state = [model.tensor(name, [1, CELLS], variable=True) for name in ("hidden", "cell")]
    sequence = model.tensor("sequence", [1, steps, CELLS])
    absent = -1
    peepholes, projection, norms = [absent] * 3, [absent] * 2, [absent] * 4
    inputs = [rows, *kernels, *recurrent, *peepholes, *biases, *projection, *state, *norms]
    model.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs,
        [sequence],
        fusedActivationFunction=4,  # tanh
        timeMajor=False,
    )
    last = model.tensor("last", [], "int32", value=np.array(steps - 1))
    answer = model.tensor("answer", [1, CELLS])
    model.operator("GATHER", [sequence, last], [answer], axis=1)
    return model.write(path, [rows], [answer])


def plain(value: int, side: int = 4) -> NDArray[Any]:
    """The input of the accumulator for a picture of one grey."""
    return np.full((1, side, side, 3), value / 255.0, np.float32)
