"""Generators: what a model that makes pictures is given beside a picture, or instead of one.

Inputs have these meanings beside `image` and `state`:

latent    real values drawn at random (standard normal), any shape; each draw makes another picture
label     which class it shall be: (1, k) one-hot, or a single whole number
features  values that neither are a picture nor are drawn; whoever runs the model has to know them
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import Meanings
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, ModelError, suggestion

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LABEL_WORDS = frozenset(
    ("label", "labels", "class", "classes", "category", "cond", "condition", "digit")
)
_LATENT_WORDS = frozenset(("latent", "latents", "noise", "random", "z", "seed"))
_FEATURE_WORDS = frozenset(("feature", "features", "embedding", "embeddings", "mfcc", "spectrogram"))


def input_meanings(bundle: ModelBundle, task: str) -> Meanings:
    """What the inputs of a model are that are neither a picture nor its state, by name.

    task  what the model is for, empty where that is not known

    Declared meanings are kept. Of a model that generates, an input is a label by its name or because it
    has one value a label; what is called so is latent. What remains is latent too where the model takes
    no picture, and features beside one.
    """
    state = {pair.input for pair in bundle.state or ()}
    free = [spec for spec in bundle.inputs if spec.name not in state]
    remaining = "features" if any(_is_picture(spec) for spec in free) else "latent"
    told: dict[str, str] = {}
    for spec in free:
        words = _words(bundle, spec)
        if spec.meaning:
            told[spec.name] = spec.meaning
        elif _is_picture(spec):
            continue
        elif task != "generate":
            if words & _FEATURE_WORDS:
                told[spec.name] = "features"
        elif _is_label(bundle, spec, words):
            told[spec.name] = "label"
        else:
            told[spec.name] = "latent" if words & _LATENT_WORDS else remaining
    return told


def _words(bundle: ModelBundle, spec: TensorSpec) -> set[str]:
    """The words of what an input is called in the graph, the metadata and the signatures."""
    said = [spec.name.rpartition("/")[2]]
    if note := bundle.facts.notes.get(spec.name):
        said.append(note.name)
    for signature in bundle.facts.signatures:
        said += [caller for caller, tensor in signature.inputs.items() if tensor == spec.name]
    return {word.lower() for text in said for word in _WORD.findall(text)}


def _is_label(bundle: ModelBundle, spec: TensorSpec, words: set[str]) -> bool:
    count = prod(spec.shape)
    if count == 1 and "int" in spec.dtype and spec.quantisation is None:
        return True
    is_row = count == max(spec.shape, default=1)
    called = bool(words & _LABEL_WORDS) or "y" in words
    return is_row and (called or count == len(bundle.labels))


def _is_picture(spec: TensorSpec) -> bool:
    """True for a picture by its meaning or its shape; a row or a column of numbers is none."""
    if spec.meaning:
        return spec.meaning == "image"
    return spec.is_image and min(spec.size) > 1


def is_sequence(spec: TensorSpec) -> bool:
    """True for steps (1, steps, values) that may be the rows of a picture; a single row is none."""
    return len(spec.shape) == 3 and spec.shape[0] == 1 and min(spec.shape[1:]) > 1


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a generator is told beside a picture: latents that are drawn, and which class it shall be.

    latents  the inputs that are drawn
    label    the input for the class, None where it takes none
    names    names of the classes, their numbers where they have none; empty where their number is not
             known
    """

    latents: tuple[TensorSpec, ...] = ()
    label: TensorSpec | None = None
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, bundle: ModelBundle) -> Conditions:
        """What a model that generates takes; raises ModelError where its labels do not fit."""
        told = input_meanings(bundle, "generate")
        latents = tuple(spec for spec in bundle.inputs if told.get(spec.name) == "latent")
        labels = [spec for spec in bundle.inputs if told.get(spec.name) == "label"]
        if len(labels) > 1:
            seen = ", ".join(spec.name for spec in labels)
            raise ModelError(
                f"{bundle.name}: cannot tell which of its inputs {seen} is the label; say in its "
                'bundle.toml what they are: [[inputs]] name = "...", meaning = "label" or "latent"'
            )
        if not labels:
            return cls(latents)
        count, names = prod(labels[0].shape), bundle.labels
        if count > 1 and names and len(names) != count:
            raise ModelError(
                f"{bundle.name}: takes one of {count} classes but has {len(names)} labels; "
                "give it those it was trained with"
            )
        if count > 1 and not names:
            names = tuple(str(number) for number in range(count))
        return cls(latents, labels[0], names)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs that `drawn` gives."""
        return tuple(spec.name for spec in (*self.latents, *((self.label,) if self.label else ())))

    def number_of(self, label: str | int) -> int:
        """The class of a label, given by name or number; raises ConfigError for an unknown one."""
        if self.label is None:
            raise ConfigError("the model takes no label; leave it out")
        if isinstance(label, str) and label in self.names:
            return self.names.index(label)
        text = str(label)
        if not text.isdecimal():
            hint = suggestion(text, self.names) or "; write the number of the class"
            raise ConfigError(f"the model has no label {text}{hint}")
        number = int(text)
        if self.names and number >= len(self.names):
            raise ConfigError(f"the model has labels 0 to {len(self.names) - 1}, not {text}")
        return number

    def drawn(self, random: np.random.Generator, label: int | None = None) -> dict[str, NDArray[Any]]:
        """The arrays of one draw, by the names of the inputs.

        label  the class it shall be; None: one is drawn, or the first where nobody knows how many
        """
        arrays = {spec.name: _stored(spec, random.standard_normal(spec.shape)) for spec in self.latents}
        if self.label is not None:
            number = int(random.integers(max(1, len(self.names)))) if label is None else label
            arrays[self.label.name] = _said(self.label, number)
        return arrays


def _said(spec: TensorSpec, number: int) -> NDArray[Any]:
    """A class as a label input takes it: one-hot where it has more than one value."""
    if prod(spec.shape) > 1:
        return _stored(spec, (np.arange(prod(spec.shape)) == number).reshape(spec.shape))
    return _stored(spec, np.full(spec.shape, number))


def _stored(spec: TensorSpec, values: NDArray[Any]) -> NDArray[Any]:
    """Real values as an input stores them: quantised to the nearest, cut to what it can hold."""
    dtype = np.dtype(spec.dtype)
    if spec.quantisation is not None:
        values = np.rint(values / spec.quantisation.scale) + spec.quantisation.zero_point
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return values.astype(dtype)
