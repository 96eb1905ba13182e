"""Layouts: how the outputs of well-known models are arranged, and how one is told from its tensors.

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

What bundle.toml says goes before what is guessed here. A new family of models is one more recogniser
and one more row of LAYOUTS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

Outputs = tuple[TensorSpec, ...]
Meanings = Mapping[str, str]
Recogniser = Callable[[Outputs], Meanings | None]

SMALLEST_MAP = 8
"""Shorter sides than this, in pixels, are no picture or map of classes: key points are (1, 1, n, 3)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One arrangement of outputs.

    name       what it is called
    task       what models of this layout are for
    meanings   one for each output, in any order; outputs declared so are of this layout, whatever
               their shapes
    recognise  gives the meaning of each output by its name where the tensors look like this layout
    """

    name: str
    task: str
    meanings: tuple[str, ...]
    recognise: Recogniser


def _scores(outputs: Outputs) -> Meanings | None:
    """Classification: one row of scores."""
    if len(outputs) != 1 or len(outputs[0].shape) != 2:
        return None
    rows, classes = outputs[0].shape
    return {outputs[0].name: "scores"} if rows == 1 and classes >= 2 else None


def _ssd_postprocessed(outputs: Outputs) -> Meanings | None:
    """The four outputs of the operator TFLite_Detection_PostProcess, in any order.

    Boxes and count are told by their shapes. Classes and scores are told by the names the operator's
    converter gives them, or by a name that holds "class" or "score"; failing that they stay open.
    """
    if len(outputs) != 4:
        return None
    boxes = [s for s in outputs if len(s.shape) == 3 and s.shape[0] == 1 and s.shape[2] == 4]
    count = [s for s in outputs if s.shape in ((1,), ())]
    rows = [s for s in outputs if len(s.shape) == 2 and s.shape[0] == 1]
    if (len(boxes), len(count), len(rows)) != (1, 1, 2):
        return None
    if any(row.shape[1] != boxes[0].shape[1] for row in rows):
        return None
    return {boxes[0].name: "boxes", count[0].name: "count", **_classes_and_scores(rows)}


def _classes_and_scores(rows: list[TensorSpec]) -> dict[str, str]:
    words = (("classes", ("postprocess:1", "class")), ("scores", ("postprocess:2", "score")))
    told = {
        row.name: meaning
        for row in rows
        for meaning, endings in words
        if any(word in row.name.lower() for word in endings)
    }
    if len(told) == 2 and len(set(told.values())) == 1:
        told = {}
    for known, other in (rows, rows[::-1]):
        if known.name in told and other.name not in told:
            told[other.name] = "scores" if told[known.name] == "classes" else "classes"
    return told or {row.name: "classes-or-scores" for row in rows}


def _boxes_and_scores(outputs: Outputs) -> Meanings | None:
    """Detection without suppression: boxes (1, n, 4) and scores (1, n, c)."""
    if len(outputs) != 2 or any(len(s.shape) != 3 or s.shape[0] != 1 for s in outputs):
        return None
    if outputs[0].shape[1] != outputs[1].shape[1]:
        return None
    boxes = [s for s in outputs if s.shape[2] == 4]
    if len(boxes) == 2:
        boxes = [s for s in boxes if "box" in s.name.lower()]
    if len(boxes) != 1:
        return None
    return {s.name: "boxes" if s is boxes[0] else "scores" for s in outputs}


def _class_map(outputs: Outputs) -> Meanings | None:
    """Segmentation that ends in an arg-max."""
    if len(outputs) != 1 or len(outputs[0].shape) != 3 or "int" not in outputs[0].dtype:
        return None
    batch, height, width = outputs[0].shape
    wide = min(height, width) >= SMALLEST_MAP
    return {outputs[0].name: "class-map"} if batch == 1 and wide else None


def _class_scores(outputs: Outputs) -> Meanings | None:
    """Segmentation that gives one score a class; two classes, or more than three."""
    fits = _is_map(outputs) and outputs[0].shape[3] not in (1, 3)
    return {outputs[0].name: "class-scores"} if fits else None


def _image(outputs: Outputs) -> Meanings | None:
    """Generation: a picture in colour or grey."""
    fits = _is_map(outputs) and outputs[0].shape[3] in (1, 3)
    return {outputs[0].name: "image"} if fits else None


def _is_map(outputs: Outputs) -> bool:
    if len(outputs) != 1 or len(outputs[0].shape) != 4:
        return False
    batch, height, width, _ = outputs[0].shape
    return batch == 1 and min(height, width) >= SMALLEST_MAP


LAYOUTS: tuple[Layout, ...] = (
    Layout("scores", "classify", ("scores",), _scores),
    Layout("ssd-postprocessed", "detect", ("boxes", "classes", "scores", "count"), _ssd_postprocessed),
    Layout("boxes-and-scores", "detect", ("boxes", "scores"), _boxes_and_scores),
    Layout("class-map", "segment", ("class-map",), _class_map),
    Layout("class-scores", "segment", ("class-scores",), _class_scores),
    Layout("image", "generate", ("image",), _image),
)
"""All layouts that are known, in the order in which they are tried."""


def describe(bundle: ModelBundle) -> ModelBundle:
    """A copy with task, layout and the meaning of each tensor filled in where they can be told.

    What was declared is kept. A model of no known layout is returned with its layout empty.
    """
    bundle = replace(bundle, inputs=_with_image(bundle.inputs))
    declared = {spec.name: spec.meaning for spec in bundle.outputs if spec.meaning}
    for layout in LAYOUTS:
        if bundle.task not in ("", layout.task):
            continue
        meanings = _fitting(layout, bundle.outputs, declared)
        if meanings is not None:
            outputs = tuple(replace(spec, meaning=meanings[spec.name]) for spec in bundle.outputs)
            return replace(bundle, task=layout.task, layout=layout.name, outputs=outputs)
    return bundle


def _fitting(layout: Layout, outputs: Outputs, declared: Meanings) -> Meanings | None:
    """The meanings of the outputs under a layout, None where it does not fit."""
    if len(declared) == len(outputs) and sorted(declared.values()) == sorted(layout.meanings):
        return declared
    guessed = layout.recognise(outputs)
    if guessed is None:
        return None
    meanings = {**guessed, **declared}
    open_ones = [name for name, meaning in meanings.items() if meaning == "classes-or-scores"]
    missing = [meaning for meaning in layout.meanings if meaning not in meanings.values()]
    if len(open_ones) == 1 and len(missing) == 1:
        meanings[open_ones[0]] = missing[0]
    allowed = (*layout.meanings, "classes-or-scores")
    return meanings if all(meaning in allowed for meaning in meanings.values()) else None


def _with_image(inputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    images = [spec for spec in inputs if len(spec.shape) == 4 and spec.shape[3] in (1, 3)]
    if len(images) != 1 or images[0].meaning:
        return inputs
    return tuple(replace(spec, meaning="image") if spec is images[0] else spec for spec in inputs)


def unknown_layout(bundle: ModelBundle) -> ModelError:
    """The error for a model whose layout cannot be told: what was seen, and what to write."""
    known = sorted({meaning for layout in LAYOUTS for meaning in layout.meanings})
    seen = ", ".join(str(spec) for spec in bundle.outputs)
    first = bundle.outputs[0].name if bundle.outputs else "..."
    return ModelError(
        f"{bundle.name}: cannot tell what this model is for from its outputs {seen}; put it in a folder "
        f"as model.tflite beside a bundle.toml that says what each output means, as in [[outputs]] "
        f'name = "{first}", meaning = one of {", ".join(known)}'
    )
