from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.pictures import RealPicture
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError

IMAGE = TensorSpec("image", (1, 16, 16, 3), "float32")
FIRST = TensorSpec("image", (1, 3, 16, 16), "float32")


def bundle(
    *shape: int,
    dtype: str = "float32",
    quantisation: Quantisation | None = None,
    producer: str = "",
    image: TensorSpec = IMAGE,
    **known: Any,
) -> ModelBundle:
    facts = FileFacts(producers={"o": Producer(producer)} if producer else {})
    output = TensorSpec("o", shape, dtype, quantisation)
    return ModelBundle(
        "wave", Path("m.tflite"), inputs=(image,), outputs=(output,), facts=facts, **known
    )


def read(given: ModelBundle, array: np.ndarray[Any, Any]) -> RealPicture:
    return adapter_of(describe(given), RealPicture).read({"o": array})


def test_one_value_a_pixel_of_a_colour_picture_is_doubtful_until_it_is_declared() -> None:
    known = bundle(1, 16, 16, 1, producer="CONV_2D")
    assert describe(known).task == "generate"
    assert 'write task = "segment"' in describe(known).warnings[0]
    assert not describe(bundle(1, 16, 16, 1, producer="CONV_2D", declared=True)).warnings
    assert not describe(bundle(1, 32, 32, 1, producer="CONV_2D")).warnings
    assert not describe(bundle(1, 16, 16, 3, producer="CONV_2D")).warnings


@pytest.mark.parametrize(
    ("producer", "told"), [("TANH", "-1..1"), ("LOGISTIC", "0..1"), ("CONV_2D", None), ("", None)]
)
def test_the_operator_tells_the_range_before_any_picture_is_seen(
    producer: str, told: str | None
) -> None:
    dark = np.zeros((1, 16, 16, 3), np.float32)
    assert read(bundle(1, 16, 16, 3, producer=producer), dark).told == told


def test_what_an_integer_output_can_store_goes_before_the_operator() -> None:
    stored = bundle(1, 16, 16, 3, dtype="uint8", quantisation=Quantisation(1 / 255, 0), producer="TANH")
    assert read(stored, np.zeros((1, 16, 16, 3), np.uint8)).told == "0..1"


def test_a_declared_range_goes_first() -> None:
    declared = bundle(1, 16, 16, 3, producer="TANH", decoding={"range": "0..255"})
    assert read(declared, np.zeros((1, 16, 16, 3), np.float32)).told == "0..255"
    with pytest.raises(ModelError, match=r"bundle\.toml: decoding\.range"):
        read(bundle(1, 16, 16, 3, decoding={"range": "0..2"}), np.zeros(1))


def test_channels_may_come_first_where_they_do_in_the_input() -> None:
    array = np.zeros((1, 3, 16, 20), np.float32)
    array[0, 0] = 1.0  # red
    found = read(bundle(1, 3, 16, 20, image=FIRST), array)
    assert found.values.shape == (16, 20, 3)
    assert found.pixels("0..1")[5, 5].tolist() == [0, 0, 255]
    assert describe(bundle(1, 1, 16, 20)).layout == "", "beside an image with its channels last"


@pytest.mark.parametrize("size", [(16, 16), (32, 48)])
def test_a_picture_may_be_of_any_size_in_colour_or_grey(size: tuple[int, int]) -> None:
    for channels in (1, 3):
        array = np.full((1, *size, channels), 0.2, np.float32)
        pixels = read(bundle(1, *size, channels), array).pixels("0..1")
        assert pixels.shape == (size if channels == 1 else (*size, 3))
        assert (pixels == 51).all()


@pytest.mark.parametrize("shape", [(1, 16, 16, 4), (1, 16, 16), (2, 16, 16, 3), (1, 100)])
def test_what_is_no_picture_is_refused_where_it_is_called_one(shape: tuple[int, ...]) -> None:
    output = TensorSpec("o", shape, "float32", meaning="image")
    given = ModelBundle("wave", Path("m.tflite"), inputs=(IMAGE,), outputs=(output,))
    with pytest.raises(ModelError, match="has not the shape"):
        adapter_of(describe(given), RealPicture)
