"""The built-in runtime: TFLite models through LiteRT, with as many interpreters as calls at once."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import describe
from edge_vision.builtin.native_stderr import without_native_lines
from edge_vision.contracts.bundles import with_tensors
from edge_vision.contracts.hookspecs import hookimpl
from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, suggestion

_log = logging.getLogger(__name__)

RUNTIMES = (
    ("ai_edge_litert.interpreter", "Interpreter"),
    ("tflite_runtime.interpreter", "Interpreter"),
    ("tensorflow", "lite.Interpreter"),
)
"""Where an interpreter may come from: module, and the class in it. The first that imports is used."""

_MESSAGE_LENGTH = 200


class Interpreter(Protocol):
    """What this module uses of an interpreter; the same in all three runtimes."""

    def allocate_tensors(self) -> None:
        """Make room for the tensors."""

    def invoke(self) -> None:
        """Run the graph."""

    def reset_all_variables(self) -> None:
        """Forget what variables inside the graph hold."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantisation of each input."""

    def get_output_details(self) -> list[dict[str, Any]]:
        """The same of each output."""

    def set_tensor(self, tensor_index: int, value: NDArray[Any]) -> None:
        """Copy an array into a tensor."""

    def get_tensor(self, tensor_index: int) -> NDArray[Any]:
        """A copy of a tensor."""


@dataclass(frozen=True, slots=True)
class _Tensors:
    """The inputs or outputs of a model: what is known of each, and its index in the interpreter."""

    specs: tuple[TensorSpec, ...]
    indices: Mapping[str, int]

    @classmethod
    def of(cls, details: Sequence[Mapping[str, Any]]) -> _Tensors:
        names = _unique([str(detail["name"]) for detail in details])
        specs = tuple(_spec(name, detail) for name, detail in zip(names, details, strict=True))
        indices = {name: int(detail["index"]) for name, detail in zip(names, details, strict=True)}
        return cls(specs, indices)


@hookimpl(trylast=True)
def open_model(bundle: ModelBundle, threads: int) -> Model | None:
    """Open any TFLite model; asked after every plugin."""
    return LiteRTModel(bundle, threads)


def find_runtime() -> Callable[..., Interpreter]:
    """The interpreter class of the first runtime that is installed; raises ModelError without one."""
    reasons = []
    for module_name, path in RUNTIMES:
        try:
            found: Any = importlib.import_module(module_name)
        except ImportError as error:
            reasons.append(f"{module_name}: {_one_line(error)}")
            continue
        for attribute in path.split("."):
            found = getattr(found, attribute)
        chosen: Callable[..., Interpreter] = found
        return chosen
    raise ModelError(
        f"no runtime for TFLite models is installed: pip install ai-edge-litert ({'; '.join(reasons)})"
    )


class LiteRTModel:
    """A TFLite model and its interpreters, opened as calls come in at once and kept for later ones.

    Each interpreter runs on `threads` threads. There are never more interpreters than calls have been
    under way at the same time, so the caller's workers bound them. All read one copy of the file that
    is held in memory: a file that is replaced or cut short while the daemon runs does no harm, as it
    would were it mapped. Outputs are copies. Variables inside the graph are reset before each run, so
    that a call depends on its inputs only.
    """

    def __init__(self, bundle: ModelBundle, threads: int = 1) -> None:
        self._name = bundle.name
        runtime = find_runtime()
        try:
            content = bundle.file.read_bytes()
        except OSError as error:
            raise ModelError(f"{bundle.file}: {error.strerror or error}") from None
        self._create = partial(runtime, model_content=content, num_threads=threads)
        self._closed = False
        try:
            with without_native_lines(lambda line: line.startswith("INFO:")):
                first = self._try()
        except (ValueError, RuntimeError, TypeError) as error:
            raise ModelError(f"{bundle.file}: cannot be used ({_one_line(error)})") from None
        self._bundle = describe(with_tensors(bundle, self._inputs.specs, self._outputs.specs))
        # A list: its append and pop are atomic, and the last one used is the one warm in the caches.
        self._idle = [first]
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
            raise ModelError(f"{self._name}: the run failed ({_one_line(error)})") from None

    def close(self) -> None:
        """Let go of the interpreters; those at work go when their calls end."""
        self._closed = True
        self._idle.clear()

    def _try(self) -> Interpreter:
        """The first interpreter, after a run on zeros that tells what comes in and out."""
        first = self._new()
        self._inputs = _Tensors.of(first.get_input_details())
        _refuse_open_sizes(first.get_input_details())
        for spec in self._inputs.specs:
            first.set_tensor(self._inputs.indices[spec.name], np.zeros(spec.shape, spec.dtype))
        first.invoke()
        # Some models know the shapes of their outputs only after a run.
        self._outputs = _Tensors.of(first.get_output_details())
        return first

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
        for name, index in self._inputs.indices.items():
            interpreter.set_tensor(index, inputs[name])
        interpreter.invoke()
        return {name: interpreter.get_tensor(index) for name, index in self._outputs.indices.items()}

    def _check(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        if self._closed:
            raise ModelError(f"{self._name}: is closed")
        for name in inputs:
            if name not in self._inputs.indices:
                hint = suggestion(name, self._inputs.indices)
                raise ModelError(f"{self._name}: has no input {name}{hint}")
        for spec in self._inputs.specs:
            array = inputs.get(spec.name)
            if array is None:
                raise ModelError(f"{self._name}: the input {spec.name} is missing")
            if array.shape != spec.shape or array.dtype != np.dtype(spec.dtype):
                raise ModelError(
                    f"{self._name}: the input {spec.name} is {spec.shape} {spec.dtype}, "
                    f"not {array.shape} {array.dtype}"
                )


def _spec(name: str, detail: Mapping[str, Any]) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    return TensorSpec(
        name,
        tuple(int(side) for side in detail["shape"]),
        np.dtype(detail["dtype"]).name,
        Quantisation(float(scale), int(zero_point)) if scale else None,
    )


def _unique(names: list[str]) -> list[str]:
    """The names, each repeated one with the first free number behind it: a, a_2, a_3."""
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, number = name, 1
        while candidate in taken or (number > 1 and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate)
        unique.append(candidate)
    return unique


def _refuse_open_sizes(details: Sequence[Mapping[str, Any]]) -> None:
    """Refuse an input with an open side; an open batch is one."""
    for detail in details:
        sides = [int(side) for side in detail["shape_signature"]]
        if -1 in sides[1:]:
            shown = ", ".join("?" if side == -1 else str(side) for side in sides)
            raise ValueError(f"the input {detail['name']} is ({shown}); export it with a fixed size")


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[: _MESSAGE_LENGTH - 3]}..."
