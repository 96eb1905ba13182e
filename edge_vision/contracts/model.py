"""The promise of a model, and what is known about one before it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A model file and what is known about it.

    name     what the configuration calls it
    file     the .tflite file
    labels   names of the classes, in the model's order; empty where it has none
    task     classify, detect, segment, generate, ...; empty while unknown
    inputs   its input tensors; before it is opened only what was said of them, shapes and types empty
    outputs  its output tensors; before it is opened likewise
    layout   the name of the arrangement its outputs follow (see layouts); empty while unknown
    """

    name: str
    file: Path
    labels: tuple[str, ...] = ()
    task: str = ""
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    layout: str = ""

    @property
    def image_input(self) -> TensorSpec:
        """The input that takes an image; raises ModelError where there is none or more than one."""
        images = [spec for spec in self.inputs if len(spec.shape) == 4 and spec.shape[3] in (1, 3)]
        if len(images) != 1:
            seen = ", ".join(str(spec) for spec in self.inputs)
            raise ModelError(f"{self.name}: needs one image input (1, height, width, 3), has {seen}")
        return images[0]

    def output(self, meaning: str) -> TensorSpec:
        """The output of that meaning; raises ModelError where it is missing or not the only one."""
        found = [spec for spec in self.outputs if spec.meaning == meaning]
        if len(found) != 1:
            seen = ", ".join(str(spec) for spec in self.outputs)
            raise ModelError(
                f"{self.name}: needs one output that means {meaning}, has {seen}; where an output means "
                f'something else, say so in its bundle.toml: [[outputs]] name = "...", meaning = "..."'
            )
        return found[0]


class Model(Protocol):
    """An opened model. Calls may come from several threads at once."""

    @property
    def bundle(self) -> ModelBundle:
        """What is known about it, its tensors filled in."""

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run it once: arrays by input name in, arrays of one's own by output name out."""

    def close(self) -> None:
        """Let go of the runtime's memory."""
