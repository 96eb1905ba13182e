"""Choosing how a model is judged, by its task and by what the data tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_vision.adapters.catalogue import describe
from edge_vision.builtin.litert import LiteRTModel
from edge_vision.builtin.warp import opencv_warp
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.model import ModelBundle
from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection, Truth
from edge_vision.training.evaluation.classification import evaluate_classifier
from edge_vision.training.evaluation.evaluators import evaluator_of
from edge_vision.training.examples import Examples

from .conftest import colour_model


def test_a_classifier_is_judged_on_labelled_pictures(colours: Collection) -> None:
    model = colour_model()
    judge = evaluator_of(describe(model.bundle), colours)
    assert judge(model, colours, opencv_warp).values["accuracy"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("task", "truth", "said"),
    [
        ("detect", "label", "is judged on pictures with boxes.*these data have a class each"),
        ("classify", "mask", "is judged on a folder of pictures for each class.*these data have masks"),
        ("segment", "boxes", "is judged on pictures with masks"),
        ("generate", "boxes", "is judged on a folder of pictures, by models that make them larger"),
        ("embed", "label", "models of the task embed cannot be judged on data"),
        ("", "label", r"the task \(unknown\) cannot be judged"),
    ],
)
def test_data_of_another_kind_are_answered_with_what_is_needed(
    task: str, truth: Truth, said: str
) -> None:
    with pytest.raises(TrainingError, match=said):
        evaluator_of(ModelBundle("it", Path("it.tflite"), task=task), Collection((), truth=truth))


@pytest.mark.shared
def test_a_real_classifier_is_judged(shared: Path) -> None:
    """People in the middle of pictures of pedestrians, and patches of black."""
    from tests import penn_fudan  # noqa: PLC0415 - needs the shared pictures

    shown = [each.image[:300, :300, ::-1] for each in penn_fudan.pictures()[:6]]
    pictures = np.stack([*shown, *(np.zeros_like(each) for each in shown)])
    bundle = load_bundle(shared / "models" / "mlperf_tiny_vww_96_int8.tflite", "vww")
    model = LiteRTModel(replace(bundle, labels=("no person", "person")))
    truth = np.repeat([1, 0], 6)
    score = evaluate_classifier(
        model, Examples(pictures, {"label": truth}), ("No_person", "Person"), warp=opencv_warp
    )
    assert score.examples == 12
    assert score.chief > 0.6
