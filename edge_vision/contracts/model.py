"""The promise of a model, and what is known about one before it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from edge_vision.contracts.file_facts import FileFacts
from edge_vision.contracts.tensors import PerChannel, TensorSpec
from edge_vision.data.errors import ModelError

TASKS = ("classify", "detect", "segment", "generate", "keypoints", "read", "embed")
"""What models are for; the stage that runs one has the same name."""

STATE = "state"
"""The meaning of an input or output that is nothing but state."""

IGNORED = "ignore"
"""The meaning of an output that nobody reads."""

Fit = Literal["stretch", "letterbox"]
"""How a view is made to fit a model's input: stretched, or as a whole with bars beside it."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody declared of a model's image input; None for what was left to be told.

    mean, std  real value = (pixel - mean) / std
    order      of the channels, "rgb" or "bgr"
    fit        how a view is made to fit
    """

    mean: PerChannel | None = None
    std: PerChannel | None = None
    order: Literal["rgb", "bgr"] | None = None
    fit: Fit | None = None


@dataclass(frozen=True, slots=True)
class StatePair:
    """An output that is an input of the next run: the state of a recurrent model.

    A tensor that the graph keeps to itself (a variable of a fused LSTM) goes by one name on both sides:
    the runtime then offers it as an input and an output.
    """

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of a model, such as float32 or int8: a file with the inputs and outputs of the others.

    sha256  digest of the file, empty where its bundle does not say
    """

    name: str
    file: Path
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A model file and what is known about it.

    name      what the configuration calls it
    file      the .tflite file
    labels    names of the classes, in the model's order; empty where it has none
    task      one of TASKS; empty while unknown
    inputs    its input tensors; before it is opened only what was declared of them, without shapes
    outputs   its output tensors; likewise
    layout    the name of the arrangement its outputs follow (see adapters); empty while unknown
    wishes    what was declared of its image input
    decoding  what was declared for the layout's adapter, such as anchors
    state     which outputs are inputs of the next run; None while unknown, empty for none
    fit       how a view is made to fit its image input
    facts     what the file says of itself, where it was read
    warnings  what is doubtful about it, a sentence each
    declared  True where a bundle.toml said what it is for
    folder    the bundle's folder, None for a bare .tflite file
    variant   the name of the form that `file` is; empty for a bare .tflite file
    variants  all forms that its folder holds, that of model.tflite first; none for a bare .tflite file
    """

    name: str
    file: Path
    labels: tuple[str, ...] = ()
    task: str = ""
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    layout: str = ""
    wishes: Wishes = Wishes()
    decoding: Mapping[str, Any] = field(default_factory=dict)
    state: tuple[StatePair, ...] | None = None
    fit: Fit = "stretch"
    facts: FileFacts = field(default_factory=FileFacts)
    warnings: tuple[str, ...] = ()
    declared: bool = False
    folder: Path | None = None
    variant: str = ""
    variants: tuple[Variant, ...] = ()

    @property
    def image_input(self) -> TensorSpec:
        """The input that takes an image; raises ModelError where there is none or more than one."""
        images = [spec for spec in self.inputs if spec.meaning == "image"]
        if not images:
            images = [spec for spec in self.inputs if spec.is_image and not spec.meaning]
        if len(images) != 1:
            seen = ", ".join(str(spec) for spec in self.inputs)
            raise ModelError(f"{self.name}: needs one image input (1, height, width, 3), has {seen}")
        return images[0]

    @property
    def takes_image(self) -> bool:
        """True where one of its inputs is an image."""
        return any(
            spec.meaning == "image" or (spec.is_image and not spec.meaning) for spec in self.inputs
        )

    @property
    def answers(self) -> tuple[TensorSpec, ...]:
        """Its outputs without those that are ignored, or state only.

        A state that was declared to mean something (a GRU's, say, which is its embedding too) is both.
        """
        carried = {pair.output for pair in self.state or ()}
        return tuple(
            spec
            for spec in self.outputs
            if spec.meaning not in (IGNORED, STATE) and (spec.meaning or spec.name not in carried)
        )

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
