"""A classifier with an embedding beside its scores serves classify and embed, recurrent or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.embeddings import Vector
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import ModelBundle, StatePair
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError
from edge_vision.data.view import View
from edge_vision.testing import FakeModel, make_frame, still

IMAGE = TensorSpec("image", (1, 64, 64, 3), "uint8")
SCORES = TensorSpec("scores", (1, 200), "float32")
VECTOR = TensorSpec("embedding", (1, 256), "float32")
FACTS = FileFacts(producers={"scores": Producer("SOFTMAX"), "embedding": Producer("MEAN")})


def backbone(*outputs: TensorSpec, **known: Any) -> ModelBundle:
    return ModelBundle("objects", Path("m.tflite"), inputs=(IMAGE,), outputs=outputs, **known)


DECLARED = [replace(SCORES, meaning="scores"), replace(VECTOR, meaning="embedding")]


@pytest.mark.parametrize(
    "known",
    [
        backbone(*DECLARED),
        backbone(*reversed(DECLARED), task="classify"),
        backbone(SCORES, VECTOR, layout="scores-and-embedding", facts=FACTS),
        backbone(VECTOR, SCORES, facts=FACTS),
        backbone(SCORES, VECTOR, facts=FACTS, labels=tuple(map(str, range(200)))),
        backbone(SCORES, DECLARED[1], facts=FACTS),
    ],
    ids=["declared", "declared, the other way round", "layout", "told", "labelled", "half declared"],
)
def test_scores_and_an_embedding_are_read_by_both_stages(known: ModelBundle) -> None:
    told = describe(known)
    assert (told.task, told.layout) == ("classify", "scores-and-embedding")
    assert describe(told) == told
    outputs = {"scores": np.eye(200, dtype=np.float32)[[3]], "embedding": np.ones((1, 256), np.float32)}
    assert adapter_of(told, ClassScores).read(outputs).best(1) == (("3", 1.0),)
    assert adapter_of(told, Vector).read(outputs).values.tolist() == [1.0] * 256
    assert isinstance(adapter_of(told, object).read(outputs), ClassScores)


def test_each_is_decoded_as_its_own_layout_would() -> None:
    told = describe(backbone(*DECLARED, decoding={"activation": "softmax", "normalise": True}))
    outputs = {"scores": np.zeros((1, 200), np.float32), "embedding": np.full((1, 256), 3.0, np.float32)}
    assert adapter_of(told, ClassScores).read(outputs).score == pytest.approx(1 / 200)
    assert adapter_of(told, Vector).read(outputs).values == pytest.approx(1 / 16)
    wrong = describe(backbone(*DECLARED, decoding={"normalize": True}))
    with pytest.raises(ModelError, match=r"decoding\.normalize: .*normalise"):
        adapter_of(wrong, Vector)


def test_other_stages_are_told_which_two_it_is_for() -> None:
    with pytest.raises(ModelError, match="use it with the stage classify or embed"):
        adapter_of(describe(backbone(*DECLARED)), Candidates)


@pytest.mark.parametrize(
    "outputs",
    [
        (SCORES, replace(SCORES, name="more")),
        (SCORES, TensorSpec("logits", (1, 40), "float32")),
        (SCORES, TensorSpec("boxes", (1, 20, 4), "float32")),
    ],
    ids=["two classifiers", "logits", "boxes"],
)
def test_what_may_be_something_else_is_left_open(outputs: tuple[TensorSpec, ...]) -> None:
    producers = {spec.name: Producer("SOFTMAX" if spec.shape == (1, 200) else "ADD") for spec in outputs}
    assert describe(backbone(*outputs, facts=FileFacts(producers=producers))).layout == ""


def test_a_recurrent_classifier_is_read_and_its_state_carried() -> None:
    """An image and a state in, scores and the next state out, declared by [[state]]."""
    states = [TensorSpec(name, (1, 8), "float32") for name in ("state_h", "next_h")]
    scores = TensorSpec("scores", (1, 2), "float32", meaning="scores")

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        held = inputs["state_h"] + 1.0
        sure = min(held[0, 0] / 4.0, 1.0)
        return {"scores": np.array([[1.0 - sure, sure]], np.float32), "next_h": held}

    model = FakeModel((IMAGE, states[0]), (scores, states[1]), answer, ("still", "moving"))
    bundle = replace(model.bundle, state=(StatePair("state_h", "next_h"),), task="classify")
    model._bundle = bundle
    runner = Runner(model, ClassScores)
    assert runner.recurrent
    view = runner.view(View.of(make_frame(still(9, 64, 64))))
    found = [runner(view).best(1)[0][0] for _ in range(4)]
    assert found == ["still", "still", "moving", "moving"]
