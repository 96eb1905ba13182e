from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.masks import mask_labels
from edge_vision.adapters.segmentation import ClassMap
from edge_vision.contracts.file_facts import FileFacts, Producer, TensorNote
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, StageError

COLOUR = TensorSpec("image", (1, 16, 16, 3), "float32")
GREY = TensorSpec("image", (1, 16, 16, 1), "float32")
FLOATS = (1, 16, 16, 1)


def bundle(
    shape: tuple[int, ...] = FLOATS,
    *,
    name: str = "activation_10",
    image: TensorSpec = COLOUR,
    dtype: str = "float32",
    quantisation: Quantisation | None = None,
    producer: str = "",
    note: str = "",
    **known: Any,
) -> ModelBundle:
    facts = FileFacts(
        producers={name: Producer(producer)} if producer else {},
        notes={name: TensorNote(note)} if note else {},
    )
    output = TensorSpec(name, shape, dtype, quantisation)
    return ModelBundle(
        "selfie", Path("m.tflite"), inputs=(image,), outputs=(output,), facts=facts, **known
    )


def classes(described: ModelBundle, array: NDArray[Any]) -> NDArray[np.uint8]:
    found = adapter_of(describe(described), ClassMap).read({described.outputs[0].name: array}).classes
    assert found.dtype == np.uint8
    return found


@pytest.mark.parametrize(
    "mask",
    [
        bundle(producer="LOGISTIC"),
        bundle(labels=("person",)),
        bundle(labels=("background", "road")),
        bundle(name="mask"),
        bundle(name="serving/segmentation_head"),
        bundle(note="Alpha matte"),
        bundle(task="segment"),
        bundle((1, 16, 16), task="segment"),
        bundle((1, 16, 16), labels=("person",)),
        bundle((1, 1, 16, 16), task="segment"),
        bundle(dtype="uint8", quantisation=Quantisation(1 / 256, 0), name="mask"),
    ],
)
def test_a_mask_is_told_from_a_grey_picture(mask: ModelBundle) -> None:
    described = describe(mask)
    assert (described.task, described.layout) == ("segment", "mask")
    assert describe(described) == described


@pytest.mark.parametrize(
    "picture",
    [
        bundle(),
        bundle(producer="CONV_2D"),
        bundle(producer="LOGISTIC", image=GREY),
        bundle(producer="LOGISTIC", image=TensorSpec("z", (1, 100), "float32")),
        bundle(name="unmasked"),
        bundle(dtype="uint8"),
        bundle(task="generate", name="mask"),
        bundle(labels=tuple("abc")),
    ],
)
def test_a_grey_picture_stays_one(picture: ModelBundle) -> None:
    assert describe(picture).layout == "image"


def test_probabilities_above_the_threshold_are_foreground() -> None:
    values = np.full(FLOATS, 0.4, np.float32)
    values[0, 0, :4, 0] = 0.6, 0.5, 0.51, 1.0
    described = bundle(producer="LOGISTIC")
    assert classes(described, values)[0, :5].tolist() == [1, 0, 1, 1, 0]
    assert classes(described, values)[1:].sum() == 0
    low = bundle(producer="LOGISTIC", decoding={"threshold": 0.3})
    assert classes(low, values).all()


@pytest.mark.parametrize("producer", ["", "CONV_2D"])
def test_logits_go_through_a_sigmoid(producer: str) -> None:
    values = np.full(FLOATS, -3.0, np.float32)
    values[0, 0, :3, 0] = 0.1, -0.1, 5.0
    described = bundle(producer=producer, task="segment")
    assert classes(described, values)[0, :4].tolist() == [1, 0, 1, 0]


def test_small_logits_are_told_by_the_operator_not_by_their_values() -> None:
    values = np.full(FLOATS, 0.2, np.float32)
    assert classes(bundle(producer="CONV_2D", task="segment"), values).all()
    assert not classes(bundle(producer="LOGISTIC"), values).any()
    declared = bundle(producer="CONV_2D", task="segment", decoding={"activation": "none"})
    assert not classes(declared, values).any()


def test_the_threshold_holds_for_logits_too() -> None:
    values = np.full(FLOATS, 2.0, np.float32)  # a probability of 0.88
    for threshold, expected in ((0.87, 1), (0.89, 0)):
        decoding = {"activation": "sigmoid", "threshold": threshold}
        assert (classes(bundle(task="segment", decoding=decoding), values) == expected).all()


@pytest.mark.parametrize(("dtype", "zero"), [("uint8", 0), ("int8", -128)])
def test_quantised_masks_are_read(dtype: str, zero: int) -> None:
    described = bundle(dtype=dtype, quantisation=Quantisation(1 / 256, zero), labels=("person",))
    values = np.full(FLOATS, 128 + zero, dtype)
    values[0, 0, 0] += 1
    assert classes(described, values).sum() == 1


@pytest.mark.parametrize("shape", [FLOATS, (1, 16, 16), (1, 1, 16, 16)])
def test_a_mask_has_the_size_of_its_plane(shape: tuple[int, ...]) -> None:
    found = classes(bundle(shape, task="segment"), np.zeros(shape, np.float32))
    assert found.shape == (16, 16)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((), ("background", "foreground")),
        (("person",), ("background", "person")),
        (("background", "person"), ("background", "person")),
        (("person", "background"), ("background", "person")),
        (("grass", "road"), ("grass", "road")),
    ],
)
def test_a_mask_has_two_labels(labels: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert mask_labels(bundle(labels=labels)) == expected


def test_more_labels_than_two_are_refused() -> None:
    with pytest.raises(ModelError, match="a background and a foreground, but 3 labels"):
        adapter_of(describe(bundle(labels=tuple("abc"), task="segment")), ClassMap)


@pytest.mark.parametrize("threshold", [0.0, 1.0, 2])
def test_thresholds_are_probabilities(threshold: float) -> None:
    with pytest.raises(ModelError, match=r"bundle\.toml: decoding\.threshold"):
        adapter_of(describe(bundle(task="segment", decoding={"threshold": threshold})), ClassMap)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_an_error(bad: float) -> None:
    with pytest.raises(StageError, match=r"\(mask\) holds values that are no numbers"):
        classes(bundle(task="segment"), np.full(FLOATS, bad, np.float32))
