"""What a .tflite file says of itself, read from its graph and its metadata without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_vision.contracts.tensors import PerChannel, TensorSpec


@dataclass(frozen=True, slots=True)
class Producer:
    """The operator that an output comes from, past those that change its form only.

    operator  TFLite's name, such as SOFTMAX or ARG_MAX; a custom operator's own name; empty where
              the output is an input or a constant
    place     which of that operator's outputs it is, from 0
    classes   how many classes the operator chooses from: of ARG_MAX the length of the axis it looks
              along, of TFLite_Detection_PostProcess those it was told of; 0 where that is not known
    """

    operator: str
    place: int = 0
    classes: int = 0


@dataclass(frozen=True, slots=True)
class TensorNote:
    """What TFLite's metadata says of one input or output; all may be empty.

    mean, std    real value = (pixel - mean) / std, where it has NormalizationOptions
    label_files  names of associated files that hold labels, in its order
    """

    name: str = ""
    description: str = ""
    mean: PerChannel | None = None
    std: PerChannel | None = None
    label_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """A named way to call a model: names for callers, and the tensors' own names behind them."""

    key: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a model file beside its inputs and outputs. Tensors go by their unique names.

    sha256           digest of the file
    size             bytes of the file
    about            name, description, version, author, licence where the metadata gives them, and the
                     task (detect, pose, ...) where an exporter of YOLO models packed it
    operators        how many there are of each operator, custom ones by their own names
    producers        where each output comes from
    distances        by input and output, how many operators that change values lie between at least;
                     outputs that do not depend on an input, or are it in another form, are left out
    copies           of outputs that hold the same values as one before them, the name of that one
    rescaled         of a float or quantised image input: (factor, offset) that the graph itself applies
                     to it first, where it begins so; a graph that scales pixels takes them as they are
    notes            what the metadata says of inputs and outputs
    signatures       the named ways to call it
    labels           names of the classes packed in the file, in the model's order
    variables        tensors that keep their values from one run to the next (fused LSTM, SVDF)
    has_resources    True where a run changes variables that are kept as resources, which no caller can
                     read, set or reset
    time_steps       steps that one run of a fused recurrent operator takes: those of its sequence, 1 of
                     an operator that takes a single one; 0 without such an operator
    files            names of the files packed in it
    missing          names of the files that the metadata promises and that are not packed
    """

    sha256: str = ""
    size: int = 0
    about: Mapping[str, str] = field(default_factory=dict)
    operators: Mapping[str, int] = field(default_factory=dict)
    producers: Mapping[str, Producer] = field(default_factory=dict)
    distances: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)
    rescaled: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: Mapping[str, TensorNote] = field(default_factory=dict)
    signatures: tuple[Signature, ...] = ()
    labels: tuple[str, ...] = ()
    variables: tuple[TensorSpec, ...] = ()
    has_resources: bool = False
    time_steps: int = 0
    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def producer(self, output: str) -> str:
        """The name of the operator an output comes from, empty where it is not known."""
        found = self.producers.get(output)
        return "" if found is None else found.operator
