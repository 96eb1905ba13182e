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
from edge_vision.contracts.labels import label_files
from edge_vision.contracts.model import IGNORED, Model, ModelBundle
from edge_vision.contracts.packed import begun_files
from edge_vision.data.errors import ModelError, suggestion

_log = logging.getLogger(__name__)

_LABELLED = ("classify", "detect", "segment")
"""What models have labels for."""
_MOST_NAMES = 5
"""So many packed files are named in a sentence."""


@hookimpl(trylast=True)
def open_model(bundle: ModelBundle, threads: int) -> Model | None:
    """Open any TFLite model; asked after every plugin."""
    return LiteRTModel(bundle, threads)


def described(bundle: ModelBundle) -> ModelBundle:
    """What can be told of a bundle by trying its model in a child process; nothing is opened here.

    Raises ModelError where the model cannot be used.
    """
    content = read_model(bundle.file)
    return _described(bundle, try_model(bundle.file, content), content)


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
        self._bundle = _described(bundle, trial, content)
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
        self._wanted = {spec.name: (spec.shape, np.dtype(spec.dtype)) for spec in self._bundle.inputs}
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
        if self._bundle.facts.variables:
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
        for name, (shape, dtype) in self._wanted.items():
            array = inputs.get(name)
            if array is None:
                raise ModelError(f"{self._name}: the input {name} is missing")
            if array.shape != shape or array.dtype != dtype:
                raise ModelError(
                    f"{self._name}: the input {name} is {shape} {dtype}, not {array.shape} {array.dtype}"
                )


def _described(bundle: ModelBundle, trial: Trial, content: bytes) -> ModelBundle:
    """A bundle with all that its trial told, and what can be told from that.

    Raises ModelError where that cannot be used.
    """
    told = describe(with_tensors(bundle, trial.inputs, trial.outputs, trial.facts))
    _refuse_what_gives_no_numbers(told, trial)
    variables = {spec.name: replace(spec, meaning="state") for spec in trial.facts.variables}
    carried = tuple(variables[name] for name in _carried(told))
    return replace(
        told,
        inputs=told.inputs + carried,
        outputs=told.outputs + carried,
        warnings=told.warnings + _doubts(told, trial, content),
    )


def _carried(bundle: ModelBundle) -> tuple[str, ...]:
    """The variables inside the graph that the bundle's state names."""
    variables = {spec.name for spec in bundle.facts.variables}
    pairs = bundle.state or ()
    return tuple(p.input for p in pairs if p.input == p.output and p.input in variables)


def _refuse_what_gives_no_numbers(bundle: ModelBundle, trial: Trial) -> None:
    """Raise ModelError where an output that is used held no numbers, whatever the model was shown."""
    used = [spec.name for spec in bundle.outputs if spec.meaning != IGNORED]
    for name in trial.not_finite:
        if name in used:
            raise ModelError(
                f"{bundle.file}: its output {name} held values that are no numbers for each of two test "
                "pictures; convert or train it again, or where nobody needs that output, write "
                f'[[outputs]] name = "{name}", meaning = "{IGNORED}" in its bundle.toml'
            )


def _doubts(bundle: ModelBundle, trial: Trial, content: bytes) -> tuple[str, ...]:
    """What is doubtful about the files packed in a model, a sentence each."""
    doubts = []
    if trial.facts.missing:
        doubts.append(
            f"its metadata names {', '.join(trial.facts.missing)}, which is not packed in the file; "
            "labels can be given beside it"
        )
    begun = () if trial.facts.files else begun_files(content)
    if begun:
        doubts.append(
            f"what is packed at its end ({', '.join(begun[:_MOST_NAMES])}) is damaged or cut short and "
            "cannot be read; copy the file again, or give its labels beside it"
        )
    if bundle.task in _LABELLED and bundle.labels == trial.facts.labels:
        doubts += _doubtful_labels(trial)
    return tuple(doubts)


def _doubtful_labels(trial: Trial) -> tuple[str, ...]:
    """What is doubtful about the choice among the packed files that may hold the labels."""
    facts = trial.facts
    named = [name for note in facts.notes.values() for name in note.label_files]
    if any(name in facts.files for name in named):
        return ()
    found = label_files(facts.files)
    if len(found) > 1:
        names = ", ".join(found[:_MOST_NAMES])
        doubt = (
            f"{names} are packed in it and no output names its labels: those of {found[0]} are taken; "
            "where that is wrong, give the labels beside it"
        )
        return (doubt,)
    texts = [name for name in facts.files if name.endswith(".txt")]
    if texts and not facts.labels:
        names = ", ".join(texts[:_MOST_NAMES])
        doubt = (
            f"{names} is packed in it and nothing says that it holds the labels; where it does, give "
            "them beside it"
        )
        return (doubt,)
    return ()
