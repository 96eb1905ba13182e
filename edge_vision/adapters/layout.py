"""A layout: one arrangement of a model's outputs, how it is told from a file, and how it is read.

A layout gives each output a meaning, and the whole a task. The meanings in use:

scores             (1, n) one score a class, or a box; (1, n, c) one score a box and class
boxes              (1, n, 4) ymin, xmin, ymax, xmax as fractions of the input
classes            (1, n) the class of each box, whole numbers, background not counted
count              (1,) how many of the boxes are meant
classes-or-scores  (1, n), twice: one is classes, the other scores; their values tell: classes are
                   whole numbers
class-map          (1, height, width) the class of each place, integers
class-scores       (1, height, width, c) one score a place and class
image              (1, height, width, 3 or 1) red, green, blue, or grey

Each module beside this one names the meanings it adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from numpy.typing import NDArray

from edge_vision.contracts.model import ModelBundle, Wishes
from edge_vision.contracts.options import Options
from edge_vision.contracts.tensors import TensorSpec

Reading = TypeVar("Reading")
Outputs: TypeAlias = Mapping[str, NDArray[Any]]
"""What one run gave, arrays by output name."""

Meanings: TypeAlias = Mapping[str, str]
"""The meaning of each output by its name."""

SMALLEST_MAP = 8
"""Shorter sides than this, in pixels, are no picture or map of classes: key points are (1, 1, n, 3)."""


@dataclass(frozen=True, slots=True)
class Adapter(Generic[Reading]):
    """How the outputs of one model are read.

    read    the pure function from one run's outputs to the reading
    labels  names of what it tells apart: classes, or key points
    """

    read: Callable[[Outputs], Reading]
    labels: tuple[str, ...] = ()


class NoDecoding(Options):
    """The [decoding] of a layout that has nothing to be told."""


@dataclass(frozen=True, slots=True)
class Layout(Generic[Reading]):
    """One arrangement of outputs. A new family of models is one of these, and a row of the catalogue.

    name       what it is called
    task       what models of this layout are for
    says       one sentence for people: what the outputs are and how they are used
    reading    the type that its adapter gives
    meanings   one for each output, in any order; outputs declared so are of this layout, whatever
               their shapes
    recognise  gives the meaning of each output (the bundle's `answers`) by its name where the model
               looks like this layout, None where it does not
    adapter    gives the adapter of a bundle whose outputs have their meanings, and of the options in its
               [decoding]; raises ModelError where shapes or labels do not fit
    options    what [decoding] of a bundle.toml may say
    pixels     how models of this layout take pixels where neither file nor bundle.toml says so
    doubts     what looks wrong with a model of this layout, a sentence each
    also       layouts whose outputs are among these: it can be read as one of them, too
    """

    name: str
    task: str
    says: str
    reading: type[Reading]
    meanings: tuple[str, ...]
    recognise: Callable[[ModelBundle], Meanings | None]
    adapter: Callable[[ModelBundle, Any], Adapter[Reading]]
    options: type[Options] = NoDecoding
    pixels: Wishes = field(default_factory=Wishes)
    doubts: Callable[[ModelBundle], tuple[str, ...]] = lambda _: ()
    also: tuple[Layout[Any], ...] = ()


def only(bundle: ModelBundle) -> TensorSpec | None:
    """The one output of a model beside its state, None where it has more."""
    return bundle.answers[0] if len(bundle.answers) == 1 else None


def is_map(spec: TensorSpec) -> bool:
    """True for (1, height, width, c) of a size that is a picture or a map."""
    return len(spec.shape) == 4 and spec.shape[0] == 1 and min(spec.shape[1:3]) >= SMALLEST_MAP


def holds_whole_numbers(spec: TensorSpec) -> bool:
    """True for an output of integers that count, such as numbers of classes; they are no scores."""
    return spec.quantisation is None and "int" in spec.dtype
