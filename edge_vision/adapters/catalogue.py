"""The catalogue of layouts, and telling what a model is: task, layout, meanings, pixels, state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edge_vision.adapters.backbones import SCORES_AND_EMBEDDING
from edge_vision.adapters.blazeface import BLAZEFACE
from edge_vision.adapters.boxes import BOXES_AND_SCORES
from edge_vision.adapters.centres import CENTRES
from edge_vision.adapters.classification import SCORES
from edge_vision.adapters.embeddings import EMBEDDING
from edge_vision.adapters.generators import input_meanings, is_sequence
from edge_vision.adapters.heatmaps import HEATMAPS, HEATMAPS_WITH_OFFSETS
from edge_vision.adapters.keypoints import MOVENET
from edge_vision.adapters.landmarks import IRIS, LANDMARKS
from edge_vision.adapters.layout import Adapter, Layout, Meanings, Reading
from edge_vision.adapters.pictures import IMAGE
from edge_vision.adapters.redrawing import REDRAWING
from edge_vision.adapters.segmentation import CLASS_MAP, CLASS_SCORES, MASK
from edge_vision.adapters.sequences import CTC, SLOTS
from edge_vision.adapters.ssd import SSD_POSTPROCESSED
from edge_vision.adapters.states import check_state, proposed_state
from edge_vision.adapters.texts import CHARACTERS, CLASSES_AS_TEXT
from edge_vision.adapters.yolo import YOLO_END_TO_END, YOLOV5, YOLOV8
from edge_vision.adapters.yolo_grids import YOLO_GRIDS
from edge_vision.adapters.yolo_pose import YOLOV8_POSE
from edge_vision.contracts.model import IGNORED, STATE, ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, ModelError, suggestion

LAYOUTS: tuple[Layout[Any], ...] = (
    EMBEDDING,
    SCORES,
    SCORES_AND_EMBEDDING,
    CTC,
    SLOTS,
    CLASSES_AS_TEXT,
    CHARACTERS,
    CENTRES,
    MOVENET,
    HEATMAPS_WITH_OFFSETS,
    HEATMAPS,
    LANDMARKS,
    IRIS,
    SSD_POSTPROCESSED,
    BLAZEFACE,
    YOLOV8_POSE,
    YOLOV5,
    YOLOV8,
    YOLO_END_TO_END,
    YOLO_GRIDS,
    BOXES_AND_SCORES,
    CLASS_MAP,
    MASK,
    CLASS_SCORES,
    IMAGE,
    REDRAWING,
)
"""All layouts that are known, in the order in which they are tried."""

MOST_SHOWN = 3
"""So many layouts are named at most where a model's cannot be told."""

FEWEST_BOXES = 64
"""A detector of the YOLO families proposes more boxes than this."""


def describe(bundle: ModelBundle) -> ModelBundle:
    """A copy with everything filled in that can be told of an opened model.

    Task, layout and the meaning of each output; which inputs are images or state; how pixels become
    values. What was declared is kept. A model of no known layout is returned with its layout empty.
    Raises ModelError where something was declared that cannot be.
    """
    doubts = bundle.warnings
    if bundle.state is None:
        proposed = proposed_state(bundle)
        bundle, doubts = replace(bundle, state=proposed.pairs), (*doubts, *proposed.doubts)
    check_state(bundle)
    _check_meanings(bundle)
    layout, meanings = _layout(bundle)
    bundle = replace(bundle, outputs=_with_meanings(bundle, meanings))
    if layout is not None:
        bundle = replace(bundle, task=layout.task, layout=layout.name)
        doubts = (*doubts, *layout.doubts(bundle))
    return _with_inputs(replace(bundle, warnings=tuple(dict.fromkeys(doubts))), layout)


def layout_named(name: str) -> Layout[Any] | None:
    """The layout of a name, None where there is none."""
    return next((layout for layout in LAYOUTS if layout.name == name), None)


def adapter_of(bundle: ModelBundle, reading: type[Reading]) -> Adapter[Reading]:
    """How one run's outputs of a described model are read.

    reading  what is asked for, such as ClassScores or Candidates; object for whatever there is

    Raises ModelError where its layout is not known, is for another task, or does not fit its labels.
    """
    layout = layout_named(bundle.layout)
    if layout is None:
        raise unknown_layout(bundle)
    readable = (layout, *layout.also)
    fitting = next((each for each in readable if issubclass(each.reading, reading)), None)
    if fitting is None:
        raise ModelError(
            f"{bundle.name}: its task is {layout.task} (layout {layout.name}); "
            f"use it with the stage {' or '.join(each.task for each in readable)}"
        )
    try:
        options = layout.options.parse(bundle.decoding)
    except ConfigError as error:
        raise ModelError(f"{bundle.name}: bundle.toml: {error.below('decoding')}") from None
    adapter: Adapter[Reading] = fitting.adapter(bundle, options)
    return adapter


def _layout(bundle: ModelBundle) -> tuple[Layout[Any] | None, Meanings]:
    """The layout of a model and the meanings of its outputs; those declared where there is none."""
    declared = {spec.name: spec.meaning for spec in bundle.answers if spec.meaning}
    if bundle.layout and layout_named(bundle.layout) is None:
        names = [layout.name for layout in LAYOUTS]
        hint = suggestion(bundle.layout, names) or f"; there are {', '.join(names)}"
        raise ModelError(f"{bundle.name}: bundle.toml: layout {bundle.layout!r} is not known{hint}")
    for layout in LAYOUTS:
        if bundle.layout not in ("", layout.name) or bundle.task not in ("", layout.task):
            continue
        meanings = _fitting(layout, bundle, declared)
        if meanings is not None:
            return layout, meanings
    if bundle.layout:
        seen = ", ".join(str(spec) for spec in bundle.answers)
        raise ModelError(
            f"{bundle.name}: the outputs {seen} are not of the layout {bundle.layout}; "
            "name another in its bundle.toml, or say what each output means"
        )
    return None, declared


def _fitting(layout: Layout[Any], bundle: ModelBundle, declared: Meanings) -> Meanings | None:
    """The meanings of the outputs under a layout, None where it does not fit."""
    if len(declared) == len(bundle.answers) and sorted(declared.values()) == sorted(layout.meanings):
        return declared
    guessed = layout.recognise(bundle)
    if guessed is None:
        return None
    meanings = {**guessed, **declared}
    open_ones = [name for name, meaning in meanings.items() if meaning == "classes-or-scores"]
    missing = [meaning for meaning in layout.meanings if meaning not in meanings.values()]
    if len(open_ones) == 1 and len(missing) == 1:
        meanings[open_ones[0]] = missing[0]
    allowed = (*layout.meanings, "classes-or-scores", IGNORED, "")
    return meanings if all(meaning in allowed for meaning in meanings.values()) else None


def _with_meanings(bundle: ModelBundle, meanings: Meanings) -> tuple[TensorSpec, ...]:
    carried = {pair.output for pair in bundle.state or ()}
    return tuple(
        replace(spec, meaning=meanings.get(spec.name, STATE if spec.name in carried else spec.meaning))
        for spec in bundle.outputs
    )


def _with_inputs(bundle: ModelBundle, layout: Layout[Any] | None) -> ModelBundle:
    """The bundle with the meanings of its inputs, and how its image is made from pixels."""
    state = {pair.input for pair in bundle.state or ()}
    told = input_meanings(bundle, layout.task if layout else "")
    free = [spec for spec in bundle.inputs if spec.name not in state]
    images = [spec for spec in free if told.get(spec.name) == "image"]
    if not images:
        free = [spec for spec in free if spec.name not in told]
        images = [spec for spec in free if spec.is_image]
    if not images and len(free) == 1 and is_sequence(free[0]):
        images = free  # the rows of a picture as the steps of a sequence
    inputs = tuple(
        replace(spec, meaning="state")
        if spec.name in state
        else _as_image(spec, bundle, layout)
        if len(images) == 1 and spec is images[0]
        else replace(spec, meaning=told.get(spec.name, ""))
        for spec in bundle.inputs
    )
    fit = bundle.wishes.fit or (layout.pixels.fit if layout else None) or "stretch"
    return replace(bundle, inputs=inputs, fit=fit)


def _as_image(spec: TensorSpec, bundle: ModelBundle, layout: Layout[Any] | None) -> TensorSpec:
    """The image input with its normalisation: declared, else noted in the file, else the family's."""
    wishes, note = bundle.wishes, bundle.facts.notes.get(spec.name)
    family = layout.pixels if layout else None
    if wishes.mean is not None or wishes.std is not None:
        if spec.takes_pixels and len(bundle.variants) < 2:  # else they are for other variants
            raise ModelError(f"{bundle.name}: mean and std are for float images; {spec} takes pixels")
        mean, std = wishes.mean, wishes.std
    elif note is not None and note.mean is not None:
        mean, std = note.mean, note.std
    elif spec.name in bundle.facts.rescaled:
        mean, std = 0.0, 1.0  # the graph scales pixels itself
    else:
        mean, std = (family.mean, family.std) if family else (None, None)
    return replace(
        spec,
        meaning="image",
        mean=0.0 if mean is None else mean,
        std=255.0 if std is None else std,
        order=wishes.order or (family.order if family else None) or "rgb",
    )


def unknown_layout(bundle: ModelBundle) -> ModelError:
    """The error for a model whose layout cannot be told: what was seen, and what to write."""
    for spec in bundle.inputs:
        if len(spec.shape) == 4 and spec.shape[0] > 1:
            return ModelError(
                f"{bundle.name}: takes {spec.shape[0]} pictures at once, {spec}; convert it with a "
                "batch of 1"
            )
    seen = ", ".join(str(spec) for spec in bundle.answers)
    characters = (
        "where it reads text give it its characters (--labels, one a line), else "
        if not bundle.labels and _would_fit(CTC, bundle)
        else ""
    )
    return ModelError(
        f"{bundle.name}: cannot tell what this model is for from its outputs {seen}; {characters}put it "
        f"in a folder as model.tflite beside a bundle.toml that says {_what_to_say(bundle)}"
    )


def _what_to_say(bundle: ModelBundle) -> str:
    """The layouts that would fit if they were declared, else the meanings that outputs can have."""
    fitting = [layout for layout in LAYOUTS if _would_fit(layout, bundle)]
    if fitting:
        shown = [f'layout = "{layout.name}" (task {layout.task})' for layout in fitting[:MOST_SHOWN]]
        return f"which it is: {' or '.join(shown)}"
    first = bundle.answers[0].name if bundle.answers else "..."
    several = len(bundle.answers) > 1
    return (
        f'what each output means, as in [[outputs]] name = "{first}", meaning = one of '
        f"{', '.join(_known_meanings())}"
        + (f' (of one that nobody needs: meaning = "{IGNORED}")' if several else "")
    )


def _would_fit(layout: Layout[Any], bundle: ModelBundle) -> bool:
    """True where a model could be read by a layout if that were declared.

    One that needs labels is tried with as many as would fit.
    """
    if bundle.task not in ("", layout.task):
        return False
    declared = replace(bundle, task=layout.task, layout=layout.name)
    meanings = layout.recognise(declared)
    if meanings is None:
        return False
    read = replace(declared, outputs=_with_meanings(declared, meanings))
    sides = {side for spec in bundle.answers for side in spec.shape}
    if layout.name.startswith("yolo") and max(sides, default=0) < FEWEST_BOXES:
        return False
    if layout.task == "segment" and not _is_shaped_as_an_input(bundle):
        return False
    if bundle.labels or layout.task != "read":
        return _can_read(layout, read)
    return any(
        _can_read(layout, replace(read, labels=tuple(str(number) for number in range(side - 1))))
        for side in sides
        if side > 1
    )


def _is_shaped_as_an_input(bundle: ModelBundle) -> bool:
    """True where the first output is about as wide for its height as an image that goes in."""
    images = [spec.size for spec in bundle.inputs if spec.is_image]
    height, width = (*bundle.answers[0].shape, 1, 1)[1:3]
    return any(abs(w * height - h * width) <= 0.1 * w * height for w, h in images)


def _can_read(layout: Layout[Any], bundle: ModelBundle) -> bool:
    try:
        layout.adapter(_with_inputs(bundle, layout), layout.options())
    except ModelError:
        return False
    return True


def _known_meanings() -> list[str]:
    return sorted({meaning for layout in LAYOUTS for meaning in layout.meanings})


def _check_meanings(bundle: ModelBundle) -> None:
    """Raise ModelError where the meaning that was declared of an output is none."""
    known = (*_known_meanings(), "classes-or-scores", STATE, IGNORED)
    for spec in bundle.outputs:
        if spec.meaning and spec.meaning not in known:
            raise ModelError(
                f"{bundle.name}: bundle.toml: the output {spec.name} has the meaning "
                f"{spec.meaning!r}, which is not known{suggestion(spec.meaning, known)}"
            )
