"""A rehearsal: a model's file read and the model run, on nothing that matters, to see what it does.

It may crash the process or never end, so it belongs in a child process: see trial.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.tflite.file import read_facts, variable_indices
from edge_vision.builtin.tflite.runtime import (
    Interpreter,
    Tensors,
    find_runtime,
    runtime_version,
    short_reason,
)
from edge_vision.builtin.tflite.trial_answer import Trial
from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
"""What the outputs held, by their names."""

RUNTIME_ERRORS = (ValueError, RuntimeError, TypeError)
"""What an interpreter raises."""

_SEED = 1

_UNRESOLVED = re.compile(r"unresolved custom op: (.+?)\.\s?See instructions")
_FLEX = "Flex"


def rehearse(content: bytes) -> Trial:
    """Try a model, once on zeros and once on noise.

    Raises ModelError, without the file's name, where it cannot be used.
    """
    facts = read_facts(content)
    if facts.has_resources:
        raise ModelError(
            "keeps a state in resource variables, which cannot be reset or kept for each camera; "
            "export one step of it, with its state as inputs and outputs"
        )
    try:
        interpreter = find_runtime()(model_content=content, num_threads=1)
        _refuse_unusable_inputs(interpreter.get_input_details())
        interpreter.allocate_tensors()
        inputs = Tensors.of(interpreter.get_input_details())
    except RUNTIME_ERRORS as error:
        raise ModelError(_refusal(error, facts)) from None
    outputs, runs, seconds = _run_twice(interpreter, inputs)
    wrong = [{name for name, array in run.items() if not _is_finite(array)} for run in runs]
    return Trial(
        inputs.specs,
        outputs.specs,
        variable_indices(content) if facts.variables else {},
        facts,
        round(seconds * 1000.0, 3),
        tuple(name for name in outputs.indices if all(name in names for names in wrong)),
        runtime_version(interpreter),
    )


def _run_twice(interpreter: Interpreter, inputs: Tensors) -> tuple[Tensors, list[Arrays], float]:
    """The outputs, what they held in each run, and how long the last one took.

    Noise makes no sense to some models, nor do zeros to others, so one of the runs may fail.
    """
    runs: list[Arrays] = []
    failures: list[Exception] = []
    outputs, seconds = Tensors((), {}), 0.0
    for fill in (_zeros, _noise):
        try:
            interpreter.reset_all_variables()
            for spec in inputs.specs:
                interpreter.set_tensor(inputs.indices[spec.name], fill(spec))
            started = time.perf_counter()
            interpreter.invoke()
            seconds = time.perf_counter() - started
            # Some models know the shapes of their outputs only after a run.
            outputs = Tensors.of(interpreter.get_output_details())
            runs.append({name: interpreter.get_tensor(i) for name, i in outputs.indices.items()})
        except RUNTIME_ERRORS as error:
            failures.append(error)
    if not runs:
        raise ModelError(f"cannot be used (a run on zeros failed: {short_reason(failures[0])})")
    return outputs, runs, seconds


def _zeros(spec: TensorSpec) -> NDArray[Any]:
    return np.zeros(spec.shape, spec.dtype)


def _noise(spec: TensorSpec) -> NDArray[Any]:
    """Noise over all that bytes can hold, or from 0 to 1 in floats.

    Wider integers may be indices, which have to be small, but for the pixels of an image.
    """
    kind = np.dtype(spec.dtype)
    if kind.kind not in "iuf" or (kind.kind != "f" and kind.itemsize > 1 and not spec.is_image):
        return _zeros(spec)
    count = int(np.prod(spec.shape))
    noise = np.frombuffer(random.Random(_SEED).randbytes(count), np.uint8)  # noqa: S311 - no secret
    values = noise.view(np.int8) if kind == np.int8 else noise / 255.0 if kind.kind == "f" else noise
    return values.astype(kind).reshape(spec.shape)


def _is_finite(array: NDArray[Any]) -> bool:
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def _refuse_unusable_inputs(details: list[dict[str, Any]]) -> None:
    """Refuse an input of texts or with an open side; an open batch is one."""
    for detail in details:
        sides = [int(side) for side in detail["shape_signature"]]
        if -1 in sides[1:]:
            shown = ", ".join("?" if side == -1 else str(side) for side in sides)
            raise ValueError(f"the input {detail['name']} is ({shown}); export it with a fixed size")
        if np.dtype(detail["dtype"]).kind not in "biuf":
            kind = np.dtype(detail["dtype"]).name
            raise ValueError(f"the input {detail['name']} takes {kind}; only numbers can be given to it")


def _refusal(error: Exception, facts: FileFacts) -> str:
    """Why the runtime does not take a model, and what to do about it."""
    flex = [name for name in facts.operators if name.startswith(_FLEX)]
    if flex:
        return (
            f"was converted with Select TensorFlow operators ({', '.join(flex)}), which this runtime "
            "does not have; convert it with TFLite's built-in operators only"
        )
    found = _UNRESOLVED.search(str(error))
    if found:
        return (
            f"needs the custom operator {found[1]}, which this runtime does not have; convert it "
            "without it, or open it with a plugin (hook open_model)"
        )
    return f"cannot be used ({short_reason(error)})"
