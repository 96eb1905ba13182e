"""Embeddings: a vector that stands for what a model sees, near those of what is alike.

The meaning this adds:

embedding  (1, d), or (1, 1, 1, d), d values of no unit
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.classification import IMAGENET
from edge_vision.adapters.layout import Adapter, Layout, Meanings, Outputs, only
from edge_vision.adapters.values import real_values
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec

FEWEST_VALUES = 32
"""Of fewer values nobody makes an embedding; they are more likely the classes of a small classifier."""

_POOLS = ("AVERAGE_POOL_2D", "MEAN")
_NORMALISATIONS = {"MUL": ("RSQRT", "L2_NORMALIZATION"), "DIV": ("SQRT",)}
"""A last operator, and those of which one comes before it where it scales a vector to a length."""

_SCORES = ("SOFTMAX", "LOGISTIC", "LOG_SOFTMAX")
_WORDS = ("embed", "feature")
_OTHER_WORDS = ("logit", "prob", "score", "predict", "class")


@dataclass(frozen=True, slots=True)
class Vector:
    """What an image is, as a vector.

    values  (d,) float32, of no unit
    """

    values: NDArray[np.float32]

    def normalised(self) -> Vector:
        """The vector of length 1 (Euclidean) in its direction; one of zeros stays as it is."""
        length = float(np.linalg.norm(self.values))
        return Vector(self.values / np.float32(length)) if length > 0.0 else self


class EmbeddingDecoding(Options):
    """[decoding] of an embedding."""

    normalise: bool = option(False, "Scale the vector to the length 1.")


def _recognise(bundle: ModelBundle) -> Meanings | None:
    """One row of values that are no scores, by what they come from, their names or their shape.

    A feature extractor ends in a pool over the places of its last map; one that was trained to compare
    ends in a normalisation.
    """
    output = only(bundle)
    if output is None or any(side != 1 for side in output.shape[:-1]):
        return None
    if bundle.task == "embed" or bundle.layout == "embedding":
        return {output.name: "embedding"}
    if len(output.shape) not in (2, 4):
        return None
    producer = bundle.facts.producer(output.name)
    if bundle.labels or output.shape[-1] in IMAGENET or producer in _SCORES:
        return None
    if producer == "L2_NORMALIZATION" or _is_called_embedding(bundle, output):
        return {output.name: "embedding"}
    pooled = producer in _POOLS or len(output.shape) == 4
    scaled = any(name in bundle.facts.operators for name in _NORMALISATIONS.get(producer, ()))
    wide = output.shape[-1] >= FEWEST_VALUES
    return {output.name: "embedding"} if wide and (pooled or scaled) else None


def _is_called_embedding(bundle: ModelBundle, output: TensorSpec) -> bool:
    """True where a name or a note of the output speaks of an embedding or features."""
    said = [output.name]
    if note := bundle.facts.notes.get(output.name):
        said += [note.name, note.description]
    for signature in bundle.facts.signatures:
        said += [caller for caller, tensor in signature.outputs.items() if tensor == output.name]
    words = " ".join(said).lower()
    return any(w in words for w in _WORDS) and not any(w in words for w in _OTHER_WORDS)


def _adapter(bundle: ModelBundle, options: EmbeddingDecoding) -> Adapter[Vector]:
    """Reads the real values as they are, or scaled to the length 1."""
    spec = bundle.output("embedding")

    def read(outputs: Outputs) -> Vector:
        vector = Vector(real_values(spec, outputs[spec.name]).reshape(-1))
        return vector.normalised() if options.normalise else vector

    return Adapter(read)


EMBEDDING = Layout(
    name="embedding",
    task="embed",
    says="a vector that stands for the whole picture",
    reading=Vector,
    meanings=("embedding",),
    recognise=_recognise,
    adapter=_adapter,
    options=EmbeddingDecoding,
)
