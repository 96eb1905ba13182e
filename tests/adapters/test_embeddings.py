from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.embeddings import Vector
from edge_vision.contracts.file_facts import FileFacts, Producer, Signature, TensorNote
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec

IMAGE = TensorSpec("image", (1, 32, 32, 3), "uint8")


def bundle(output: TensorSpec, producer: str = "", **known: Any) -> ModelBundle:
    facts = known.pop("facts", FileFacts(producers={output.name: Producer(producer)}))
    return ModelBundle("m", Path("m.tflite"), inputs=(IMAGE,), outputs=(output,), facts=facts, **known)


def row(*shape: int, name: str = "o") -> TensorSpec:
    return TensorSpec(name, shape, "float32")


def ending(operator: str, after: str) -> FileFacts:
    return FileFacts(operators={operator: 1, after: 1}, producers={"o": Producer(operator)})


@pytest.mark.parametrize(
    "known",
    [
        bundle(row(1, 1, 1, 1024)),
        bundle(row(1, 1280), "MEAN"),
        bundle(row(1, 1, 1, 256), "AVERAGE_POOL_2D"),
        bundle(row(1, 16), "L2_NORMALIZATION"),
        bundle(row(1, 128), facts=ending("MUL", after="RSQRT")),
        bundle(row(1, 32), facts=ending("MUL", after="L2_NORMALIZATION")),
        bundle(row(1, 64), facts=ending("DIV", after="SQRT")),
        bundle(row(1, 192, name="embeddings"), "FULLY_CONNECTED"),
        bundle(row(1, 128), facts=FileFacts(notes={"o": TensorNote("feature")})),
        bundle(row(1, 128), facts=FileFacts(signatures=(Signature("s", {}, {"embedding": "o"}),))),
        bundle(row(1, 10), "FULLY_CONNECTED", task="embed"),
        bundle(row(1, 1, 10), layout="embedding"),
        bundle(row(1, 1000), "SOFTMAX", task="embed"),
    ],
    ids=str,
)
def test_embeddings_are_told(known: ModelBundle) -> None:
    described = describe(known)
    assert (described.task, described.layout) == ("embed", "embedding")
    assert described.outputs[0].meaning == "embedding"
    assert describe(described) == described


@pytest.mark.parametrize(
    "known",
    [
        bundle(row(1, 16), facts=ending("MUL", after="RSQRT")),
        bundle(row(1, 128), facts=ending("MUL", after="SUM")),
        bundle(row(1, 128), facts=ending("ADD", after="RSQRT")),
        bundle(row(1, 1024)),
        bundle(row(1, 512), "FULLY_CONNECTED"),
        bundle(row(1, 512), "SOFTMAX"),
        bundle(row(1, 1, 1, 512), "LOGISTIC"),
        bundle(row(1, 1001), "MEAN"),
        bundle(row(1, 1, 1, 1000)),
        bundle(row(1, 10), "MEAN"),
        bundle(row(1, 100), "MEAN", labels=tuple(map(str, range(100)))),
        bundle(row(1, 101), "MEAN", labels=tuple(map(str, range(100)))),
        bundle(row(1, 64, name="features/logits"), "FULLY_CONNECTED"),
        bundle(row(1, 1280), "MEAN", task="classify"),
    ],
    ids=str,
)
def test_classifiers_are_not_taken_for_embeddings(known: ModelBundle) -> None:
    assert describe(known).task == "classify"


def test_values_are_dequantised_and_flat() -> None:
    output = TensorSpec("o", (1, 1, 1, 64), "uint8", Quantisation(0.5, 2))
    read = adapter_of(describe(bundle(output)), Vector).read
    values = read({"o": np.full((1, 1, 1, 64), 4, np.uint8)}).values
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.ones(64))


def test_a_bundle_may_ask_for_the_length_1() -> None:
    known = bundle(row(1, 2), task="embed", decoding={"normalise": True})
    found = adapter_of(describe(known), Vector).read({"o": np.array([[3, 4]], np.float32)})
    np.testing.assert_allclose(found.values, [0.6, 0.8])
    nothing = adapter_of(describe(known), Vector).read({"o": np.zeros((1, 2), np.float32)})
    np.testing.assert_array_equal(nothing.values, [0, 0])
