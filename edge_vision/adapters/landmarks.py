"""Landmarks: rows of points that a model places on what fills its input, such as a face or a hand.

The meanings this adds:

landmarks  (1, v k), (1, 1, 1, v k) or (1, k, v) x, y and perhaps z of k points, in pixels of the input
presence   (1, 1) or (1, 1, 1, 1) whether what has the landmarks is there at all
contours   (1, 213) x, y, z of 71 points around an eye, in pixels of the input
iris       (1, 15) x, y, z of 5 points of its iris, in pixels of the input
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.keypoints import Poses, names_and_label
from edge_vision.adapters.layout import Adapter, Layout, Meanings, NoDecoding, Outputs
from edge_vision.adapters.values import box_scores, real_values, told_activation
from edge_vision.contracts.model import IGNORED, ModelBundle
from edge_vision.contracts.options import Options, option
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

KNOWN_COUNTS = {21: "hand", 468: "face", 478: "face"}
"""What MediaPipe gives so many landmarks: a hand, a face, and a face with its irises."""

_NUMBER = re.compile(r"(.*?)[_:]?(\d*)")


class LandmarksDecoding(Options):
    """[decoding] of landmarks."""

    values: Literal[2, 3] = option(3, "Values a point: x and y, or x, y and z.")
    unit: Literal["pixels", "fractions"] = option("pixels", "What x and y are of the input.")


def _recognise_landmarks(bundle: ModelBundle) -> Meanings | None:
    """A row of landmarks and a single value; the row by itself where it is declared to be one.

    MediaPipe's hand says more: after the landmarks and the presence, which hand it is, and the same
    landmarks in metres of the world.
    """
    outputs = bundle.answers
    rows = [spec for spec in outputs if _is_row(spec) and np.prod(spec.shape) > 1]
    single = [spec for spec in outputs if spec.shape and np.prod(spec.shape) == 1]
    if not rows or len(rows) + len(single) != len(outputs):
        return None
    alike = len({spec.shape for spec in rows}) == 1
    if not alike or len(rows) > 2 or len(single) > 2 or (len(rows) == 2 and len(single) < 2):
        return None
    declared = bundle.task == "keypoints" or bundle.layout == "landmarks"
    known = single and int(np.prod(rows[0].shape)) in [3 * count for count in KNOWN_COUNTS]
    if not declared and not known:
        return None
    told = {_first(rows).name: "landmarks"}
    if single:
        told[_first(single).name] = "presence"
    return {spec.name: told.get(spec.name, IGNORED) for spec in outputs}


def _is_row(spec: TensorSpec) -> bool:
    """True for points one after the other, (1, ..., v k), or one below the other."""
    return _values_a_point(spec) > 0 or (bool(spec.shape) and all(n == 1 for n in spec.shape[:-1]))


def _values_a_point(spec: TensorSpec) -> int:
    """The v of a table (1, k, v) of points, 0 of other shapes."""
    table = len(spec.shape) == 3 and spec.shape[0] == 1 and spec.shape[1] > 1 and spec.shape[2] in (2, 3)
    return spec.shape[2] if table else 0


def _first(outputs: list[TensorSpec]) -> TensorSpec:
    """The first of outputs of one kind: landmarks come before those of the world, the presence before
    the side.

    What names say goes first, then the numbers of names such as Identity, Identity_1, ...: files list
    outputs in any order. Where the names have no common stem, the order of the file counts.
    """
    plain = [spec for spec in outputs if not re.search("world|handedness", spec.name.lower())]
    outputs = plain or outputs
    parts = [_NUMBER.fullmatch(spec.name) for spec in outputs]
    numbers = [int(part[2] or 0) for part in parts if part]
    stems = {part[1] for part in parts if part}
    if len(stems) > 1 or len(set(numbers)) != len(outputs):
        return outputs[0]
    return outputs[numbers.index(min(numbers))]


def _landmarks(bundle: ModelBundle, options: LandmarksDecoding) -> Adapter[Poses]:
    """Reads points as they are; each has the score of the presence, or 1 where there is none."""
    spec = bundle.output("landmarks")
    size = np.ones(2) if options.unit == "fractions" else np.array(bundle.image_input.size)
    total = int(np.prod(spec.shape))
    each = _values_a_point(spec) or options.values
    if total % each:
        raise ModelError(
            f"{bundle.name}: {spec} holds {total} values, not {each} for each point; "
            "write values = 2 or 3 in [decoding] of its bundle.toml"
        )
    count = total // each
    names, label = names_and_label(bundle, count, KNOWN_COUNTS.get(count, "object"))
    presence = _presence(bundle)

    def read(outputs: Outputs) -> Poses:
        rows = real_values(spec, outputs[spec.name]).reshape(1, count, each)
        return _seen(rows[:, :, :2] / size, presence(outputs), names, label)

    return Adapter(read, names)


def _presence(bundle: ModelBundle) -> Callable[[Outputs], float]:
    """How the score of a whole row of landmarks is read; without an output for it, it is 1."""
    if not any(spec.meaning == "presence" for spec in bundle.outputs):
        return lambda _: 1.0
    spec = bundle.output("presence")
    activation = told_activation(bundle.facts.producer(spec.name), "sigmoid")
    return lambda outputs: float(box_scores(spec, outputs[spec.name], activation).reshape(-1)[0])


def _seen(places: NDArray[np.floating], score: float, names: tuple[str, ...], label: str) -> Poses:
    """A pose whose points, (1, k, 2), all have one score."""
    scores = np.full((1, places.shape[1], 1), score)
    points = np.concatenate([places, scores], axis=2).astype(np.float32)
    return Poses(points, np.array([score], np.float32), names, label)


def _recognise_iris(bundle: ModelBundle) -> Meanings | None:
    """71 landmarks around an eye and 5 of its iris."""
    shapes = {spec.shape: spec.name for spec in bundle.answers}
    if len(bundle.answers) != 2 or set(shapes) != {(1, 213), (1, 15)}:
        return None
    return {shapes[1, 213]: "contours", shapes[1, 15]: "iris"}


def _iris(bundle: ModelBundle, _options: NoDecoding) -> Adapter[Poses]:
    """Reads the points around the eye, then those of the iris; it tells no score, so each has 1."""
    specs = bundle.output("contours"), bundle.output("iris")
    size = np.array(bundle.image_input.size)
    if any(np.prod(spec.shape) % 3 for spec in specs):
        raise ModelError(f"{bundle.name}: {specs[0]} and {specs[1]} hold not x, y, z for each point")
    count = sum(int(np.prod(spec.shape)) // 3 for spec in specs)
    names, label = names_and_label(bundle, count, "eye")

    def read(outputs: Outputs) -> Poses:
        rows = [real_values(spec, outputs[spec.name]).reshape(1, -1, 3) for spec in specs]
        return _seen(np.concatenate(rows, axis=1)[:, :, :2] / size, 1.0, names, label)

    return Adapter(read, names)


LANDMARKS = Layout(
    name="landmarks",
    task="keypoints",
    says="a row of points in pixels of the input, and whether there are any",
    reading=Poses,
    meanings=("landmarks", "presence"),
    recognise=_recognise_landmarks,
    adapter=_landmarks,
    options=LandmarksDecoding,
)
IRIS = Layout(
    name="iris",
    task="keypoints",
    says="points around an eye and of its iris, in pixels of the input",
    reading=Poses,
    meanings=("contours", "iris"),
    recognise=_recognise_iris,
    adapter=_iris,
)
