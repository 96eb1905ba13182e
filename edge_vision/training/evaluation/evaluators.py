"""Evaluators: which way of judging fits a model and the data it is to be judged on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from edge_vision.contracts.model import Model, ModelBundle
from edge_vision.data.errors import TrainingError
from edge_vision.data.warp import Warp
from edge_vision.training.data.collection import Collection, Truth
from edge_vision.training.evaluation.actions import evaluate_actions
from edge_vision.training.evaluation.classification import evaluate_classifier
from edge_vision.training.evaluation.detection import evaluate_detector
from edge_vision.training.evaluation.enlarging import evaluate_enlarger
from edge_vision.training.evaluation.reading import evaluate_reader
from edge_vision.training.evaluation.segmentation import evaluate_segmenter
from edge_vision.training.score import Score

Evaluator: TypeAlias = Callable[[Model, Collection, Warp], Score]
"""Judges an opened model on a collection; pixels are taken by a warp."""

_EVALUATORS: dict[tuple[str, Truth], Evaluator] = {
    ("classify", "label"): lambda model, data, warp: evaluate_classifier(model, data, warp=warp),
    ("classify", "segments"): lambda model, data, warp: evaluate_actions(model, data, warp=warp),
    ("detect", "boxes"): lambda model, data, warp: evaluate_detector(model, data, warp=warp),
    ("segment", "mask"): lambda model, data, warp: evaluate_segmenter(model, data, warp=warp),
    ("read", "label"): lambda model, data, warp: evaluate_reader(model, data, warp=warp),
    ("generate", "label"): lambda model, data, _: evaluate_enlarger(model, data),
}

_NEEDS = {
    "classify": "a folder of pictures for each class, or videos with a list of labelled segments",
    "detect": "pictures with boxes, as COCO, Pascal VOC and YOLO write them",
    "segment": "pictures with masks of classes",
    "read": "a folder of pictures for each text",
    "generate": "a folder of pictures, by models that make them larger",
}

_HOLDS: dict[Truth, str] = {
    "label": "a class each",
    "boxes": "boxes",
    "mask": "masks",
    "segments": "labelled segments",
}


def evaluator_of(bundle: ModelBundle, collection: Collection) -> Evaluator:
    """How a model is judged on a collection.

    bundle  of the opened model, so that its task is known

    Raises TrainingError, which says what data are needed, where they do not go together.
    """
    found = _EVALUATORS.get((bundle.task, collection.truth))
    if found is not None:
        return found
    if bundle.task not in _NEEDS:
        known = ", ".join(_NEEDS)
        raise TrainingError(
            f"{bundle.name}: models of the task {bundle.task or '(unknown)'} cannot be judged on data; "
            f"those of {known} can"
        )
    raise TrainingError(
        f"{bundle.name}: its task is {bundle.task}, which is judged on {_NEEDS[bundle.task]}; these "
        f"data have {_HOLDS[collection.truth]}"
    )
