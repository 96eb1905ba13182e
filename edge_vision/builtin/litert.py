"""The built-in runtime: TFLite models through LiteRT, with as many interpreters as calls at once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import describe
from edge_vision.builtin.tflite.native_stderr import without_native_lines
from edge_vision.builtin.tflite.runtime import Interpreter, Tensors, find_runtime, short_reason
from edge_vision.builtin.tflite.trial import read_model, try_model
from edge_vision.builtin.tflite.trial_answer import Trial
from edge_vision.contracts.bundles import with_tensors
from edge_vision.contracts.hookspecs import hookimpl
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.data.errors import ModelError, suggestion

_log = logging.getLogger(__name__)


@hookimpl(trylast=True)
def open_model(bundle: ModelBundle, threads: int) -> Model | None:
    """Open any TFLite model; asked after every plugin."""
    return LiteRTModel(bundle, threads)


def described(bundle: ModelBundle) -> ModelBundle:
    """What can be told of a bundle by trying its model in a child process; nothing is opened here.

    Raises ModelError where the model cannot be used.
    """
    return _described(bundle, try_model(bundle.file))


class LiteRTModel:
    """A TFLite model and its interpreters, opened as calls come in at once and kept for later ones.

    The model is tried in a child process first. Each interpreter runs on `threads` threads. There are
    never more interpreters than calls have been under way at the same time, so the caller's workers
    bound them. All read one copy of the file that is held in memory: a file that is replaced or cut
    short while the daemon runs does no harm, as it would were it mapped. Outputs are copies.

    Variables inside the graph are reset before each run, so that a call depends on its inputs only. One
    that the bundle's state names is an input and an output of that name beside the others.
    """

    def __init__(self, bundle: ModelBundle, threads: int = 1) -> None:
        self._name = bundle.name
        runtime = find_runtime()
        content = read_model(bundle.file)
        trial = try_model(bundle.file, content)
        self._bundle = _described(bundle, trial)
        self._create = partial(runtime, model_content=content, num_threads=threads)
        self._closed = False
        try:
            with without_native_lines(lambda line: line.startswith("INFO:")):
                first = self._new()
                carried = {name: trial.variables[name] for name in _carried(self._bundle)}
                self._inputs = {**Tensors.of(first.get_input_details()).indices, **carried}
                self._outputs = {**Tensors.of(first.get_output_details()).indices, **carried}
        except (ValueError, RuntimeError, TypeError) as error:
            raise ModelError(f"{bundle.file}: cannot be used ({short_reason(error)})") from None
        # A list: its append and pop are atomic, and the last one used is the one warm in the caches.
        self._idle = [first]
        for warning in self._bundle.warnings:
            _log.warning("%s: %s", self._name, warning)
        _log.debug("%s: opened %s", self._name, bundle.file)

    @property
    def bundle(self) -> ModelBundle:
        """What is known about it, its tensors filled in."""
        return self._bundle

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run it once: arrays by input name in, copies of the outputs by name out."""
        self._check(inputs)
        try:
            interpreter = self._take()
            try:
                return self._run(interpreter, inputs)
            finally:
                self._give_back(interpreter)
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{self._name}: the run failed ({short_reason(error)})") from None

    def close(self) -> None:
        """Let go of the interpreters; those at work go when their calls end."""
        self._closed = True
        self._idle.clear()

    def _new(self) -> Interpreter:
        interpreter = self._create()
        interpreter.allocate_tensors()
        return interpreter

    def _take(self) -> Interpreter:
        try:
            return self._idle.pop()
        except IndexError:
            return self._new()

    def _give_back(self, interpreter: Interpreter) -> None:
        self._idle.append(interpreter)
        if self._closed:
            self._idle.clear()

    def _run(
        self, interpreter: Interpreter, inputs: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        interpreter.reset_all_variables()
        for name, index in self._inputs.items():
            interpreter.set_tensor(index, inputs[name])
        interpreter.invoke()
        return {name: interpreter.get_tensor(index) for name, index in self._outputs.items()}

    def _check(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        if self._closed:
            raise ModelError(f"{self._name}: is closed")
        for name in inputs:
            if name not in self._inputs:
                hint = suggestion(name, self._inputs)
                raise ModelError(f"{self._name}: has no input {name}{hint}")
        for spec in self._bundle.inputs:
            array = inputs.get(spec.name)
            if array is None:
                raise ModelError(f"{self._name}: the input {spec.name} is missing")
            if array.shape != spec.shape or array.dtype != np.dtype(spec.dtype):
                raise ModelError(
                    f"{self._name}: the input {spec.name} is {spec.shape} {spec.dtype}, "
                    f"not {array.shape} {array.dtype}"
                )


def _described(bundle: ModelBundle, trial: Trial) -> ModelBundle:
    """A bundle with all that its trial told, and what can be told from that."""
    told = describe(with_tensors(bundle, trial.inputs, trial.outputs, trial.facts))
    variables = {spec.name: replace(spec, meaning="state") for spec in trial.facts.variables}
    carried = tuple(variables[name] for name in _carried(told))
    return replace(
        told,
        inputs=told.inputs + carried,
        outputs=told.outputs + carried,
        warnings=told.warnings + _doubts(trial),
    )


def _carried(bundle: ModelBundle) -> tuple[str, ...]:
    """The variables inside the graph that the bundle's state names."""
    variables = {spec.name for spec in bundle.facts.variables}
    pairs = bundle.state or ()
    return tuple(p.input for p in pairs if p.input == p.output and p.input in variables)


def _doubts(trial: Trial) -> tuple[str, ...]:
    """What is doubtful about a model after its trial, a sentence each."""
    doubts = [
        f"the output {name} held values that are no numbers for each of two test pictures; "
        "its answers will be refused, so convert or train it again"
        for name in trial.not_finite
    ]
    if trial.facts.missing:
        doubts.append(
            f"its metadata names {', '.join(trial.facts.missing)}, which is not packed in the file; "
            "labels can be given beside it"
        )
    return tuple(doubts)
