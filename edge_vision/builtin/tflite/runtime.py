"""The runtime of TFLite models: where an interpreter comes from, and the tensors it tells of."""

from __future__ import annotations

import importlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_vision.builtin.tflite.native_stderr import without_native_lines
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, suggestion

RUNTIMES = {
    "litert": ("ai_edge_litert.interpreter", "Interpreter"),
    "tflite_runtime": ("tflite_runtime.interpreter", "Interpreter"),
    "tensorflow": ("tensorflow", "lite.Interpreter"),
}
"""Where an interpreter may come from: module, and the class in it. The first that imports is used."""

VARIABLE = "EDGE_VISION_RUNTIME"
"""The environment variable that names the only one of RUNTIMES that is used."""

_DEPRECATION = r"[\s\S]*tf\.lite\.Interpreter is deprecated"
"""TensorFlow's advice to take LiteRT instead of its interpreter."""
_MESSAGE_LENGTH = 200
_REPEATED = 20
_JOINED = re.compile(r"\.(?=[A-Z])|\.?\s?(?=Node number \d)")
_NO_REASON = "it does not say why; often its tensors do not fit in memory"


class Interpreter(Protocol):
    """What is used of an interpreter; the same in all three runtimes."""

    def allocate_tensors(self) -> None:
        """Make room for the tensors."""

    def invoke(self) -> None:
        """Run the graph."""

    def reset_all_variables(self) -> None:
        """Forget what variable tensors hold; variables kept as resources are not touched."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantisation of each input."""

    def get_output_details(self) -> list[dict[str, Any]]:
        """The same of each output."""

    def set_tensor(self, tensor_index: int, value: NDArray[Any]) -> None:
        """Copy an array into a tensor."""

    def get_tensor(self, tensor_index: int) -> NDArray[Any]:
        """A copy of a tensor."""


@dataclass(frozen=True, slots=True)
class Tensors:
    """The inputs or outputs of a model: what is known of each, and its index in the interpreter."""

    specs: tuple[TensorSpec, ...]
    indices: Mapping[str, int]

    @classmethod
    def of(cls, details: Sequence[Mapping[str, Any]]) -> Tensors:
        """The tensors an interpreter tells of."""
        names = unique_names([str(detail["name"]) for detail in details])
        specs = tuple(_spec(name, detail) for name, detail in zip(names, details, strict=True))
        indices = {name: int(detail["index"]) for name, detail in zip(names, details, strict=True)}
        return cls(specs, indices)


def wanted_runtimes() -> tuple[str, ...]:
    """The runtimes that may be used, the best first; raises ModelError where none such is known."""
    named = os.environ.get(VARIABLE)
    if not named:
        return tuple(RUNTIMES)
    if named not in RUNTIMES:
        raise ModelError(f"{VARIABLE}: there is no runtime {named!r}{suggestion(named, RUNTIMES)}")
    return (named,)


def find_runtime() -> Callable[..., Interpreter]:
    """The interpreter class of the first runtime that is installed; raises ModelError without one."""
    reasons = []
    names = wanted_runtimes()
    for name in names:
        module_name, path = RUNTIMES[name]
        found: Any
        try:
            found = _tensorflow() if name == "tensorflow" else importlib.import_module(module_name)
        except ImportError as error:
            reasons.append(f"{module_name}: {short_reason(error)}")
            continue
        for attribute in path.split("."):
            found = getattr(found, attribute)
        chosen: Callable[..., Interpreter] = found
        return chosen
    if len(names) == 1:
        raise ModelError(f"the runtime {names[0]} of {VARIABLE} is not installed ({reasons[0]})")
    raise ModelError(
        f"no runtime for TFLite models is installed: pip install ai-edge-litert ({'; '.join(reasons)})"
    )


def _tensorflow() -> Any:
    """TensorFlow, imported without what it says of itself and its interpreter: who asks for it knows."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", _DEPRECATION, UserWarning)
    with without_native_lines(lambda _: True):
        return importlib.import_module("tensorflow")


def runtime_version(interpreter: object) -> str:
    """The package an interpreter comes from and its version, as in `ai_edge_litert 2.3.0`."""
    package = type(interpreter).__module__.partition(".")[0]
    version = getattr(sys.modules.get(package), "__version__", "")
    return f"{package} {version}".strip()


def unique_names(names: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The names, each repeated one with the first free number behind it: a, a_2, a_3.

    taken  names that others have, which are not given again
    """
    used = set(taken)
    unique = []
    for name in names:
        candidate, number = name, 1
        while candidate in used or (number > 1 and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        used.add(candidate)
        unique.append(candidate)
    return unique


def short_reason(error: Exception) -> str:
    """What an exception says, in one line that is not long.

    The runtime joins its messages without a space, and often says the same again for the next tensor.
    """
    text = _JOINED.sub(". ", " ".join(str(error).split())).rstrip(".")
    again = text.find(text[:_REPEATED], _REPEATED) if len(text) > _REPEATED else -1
    text = text[:again].rstrip(" .") if again > 0 else text or _NO_REASON
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[: _MESSAGE_LENGTH - 3]}..."


def _spec(name: str, detail: Mapping[str, Any]) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    return TensorSpec(
        name,
        tuple(int(side) for side in detail["shape"]),
        np.dtype(detail["dtype"]).name,
        Quantisation(float(scale), int(zero_point)) if scale else None,
    )
