from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError, StageError
from edge_vision.data.frame import Image
from edge_vision.testing import still

WIDTH, HEIGHT = 5, 4


def pixels() -> Image:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def spec(dtype: str, channels: int = 3, **more: Any) -> TensorSpec:
    return TensorSpec("image", (1, HEIGHT, WIDTH, channels), dtype, **more)


def luma(image: Image) -> NDArray[np.float64]:
    blue, green, red = np.moveaxis(image.astype(np.float64), 2, 0)
    return np.asarray(0.299 * red + 0.587 * green + 0.114 * blue)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32", "float16"])
def test_an_input_has_the_tensors_shape_and_type_and_lies_in_one_piece(
    dtype: str, channels: int
) -> None:
    image = pixels()
    image.flags.writeable = False
    filled = spec(dtype, channels).from_pixels(image)
    assert filled.shape == (1, HEIGHT, WIDTH, channels)
    assert filled.dtype == dtype
    assert filled.flags.c_contiguous
    assert not np.shares_memory(filled, image)


def test_channels_become_red_green_blue() -> None:
    filled = spec("uint8").from_pixels(still((1, 2, 3), WIDTH, HEIGHT))
    assert filled[0, 0, 0].tolist() == [3, 2, 1]


def test_eight_bits_with_a_sign_are_the_pixels_less_128() -> None:
    image = pixels()
    image[0, 0], image[0, 1] = 0, 255
    np.testing.assert_array_equal(
        spec("int8").from_pixels(image)[0], image[:, :, ::-1].astype(np.int16) - 128
    )


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(("mean", "std"), [(0.0, 255.0), (127.5, 127.5), (0.0, 1.0)])
def test_floats_are_normalised(dtype: str, mean: float, std: float) -> None:
    image = pixels()
    filled = spec(dtype, mean=mean, std=std).from_pixels(image)[0]
    wanted = (image[:, :, ::-1].astype(np.float64) - mean) / std
    np.testing.assert_allclose(filled, wanted, rtol=2e-3 if dtype == "float16" else 1e-6, atol=1e-3)


def test_grey_is_the_luma_of_the_pixels() -> None:
    image = pixels()
    filled = spec("uint8", 1).from_pixels(image)[0, :, :, 0]
    np.testing.assert_allclose(filled.astype(float), luma(image), atol=0.51)
    assert (spec("uint8", 1).from_pixels(still(255, WIDTH, HEIGHT)) == 255).all()


def test_a_part_of_a_larger_image_is_taken_as_it_lies() -> None:
    large = np.random.default_rng(1).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    part = large[3 : 3 + HEIGHT, 2 : 2 + WIDTH]
    np.testing.assert_array_equal(spec("uint8").from_pixels(part)[0], part[:, :, ::-1])


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((WIDTH, HEIGHT, 3), np.uint8),
        np.zeros((HEIGHT, WIDTH), np.uint8),
        np.zeros((HEIGHT, WIDTH, 4), np.uint8),
        np.zeros((HEIGHT, WIDTH, 3), np.float32),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_pixels_of_another_size_or_type_are_refused(wrong: Any) -> None:
    with pytest.raises(StageError, match=r"image takes pixels \(4, 5, 3\) uint8, not"):
        spec("uint8").from_pixels(wrong)


def test_a_tensor_that_holds_no_pixels_is_refused() -> None:
    with pytest.raises(ModelError, match="an image input is of integers or floats"):
        spec("bool").from_pixels(pixels())


def test_wider_integers_take_the_pixels_as_they_are() -> None:
    image = pixels()
    np.testing.assert_array_equal(spec("int32").from_pixels(image)[0], image[:, :, ::-1])


@pytest.mark.parametrize("zero", [-128, -14])
def test_quantised_values_that_are_no_pixels_are_quantised_from_the_real_ones(zero: int) -> None:
    image = pixels()
    filled = spec("int8", quantisation=Quantisation(0.018658, zero)).from_pixels(image)
    wanted = np.clip(np.rint(image[:, :, ::-1] / 255.0 / 0.018658) + zero, -128, 127)
    np.testing.assert_array_equal(filled[0], wanted)


@pytest.mark.parametrize(("scale", "zero"), [(1 / 255, 0), (1 / 128, 128), (1.0, 0)])
def test_quantised_pixels_are_taken_as_they_are(scale: float, zero: int) -> None:
    image = pixels()
    filled = spec("uint8", quantisation=Quantisation(scale, zero), std=58.0).from_pixels(image)
    np.testing.assert_array_equal(filled[0], image[:, :, ::-1])


def test_each_channel_may_have_its_own_normalisation() -> None:
    image = pixels()
    filled = spec("float32", mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0)).from_pixels(image)
    wanted = (image[:, :, ::-1] - np.array([1.0, 2.0, 3.0])) / np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(filled[0], wanted, rtol=1e-6)


def test_channels_may_come_first_and_in_the_order_of_opencv() -> None:
    image = pixels()
    first = TensorSpec("image", (1, 3, HEIGHT, WIDTH), "uint8", order="bgr")
    assert first.size == (WIDTH, HEIGHT)
    filled = first.from_pixels(image)
    assert filled.flags.c_contiguous
    np.testing.assert_array_equal(filled[0], np.moveaxis(image, 2, 0))


def test_the_rows_of_a_picture_may_be_the_steps_of_a_sequence() -> None:
    image = pixels()
    rows = TensorSpec("steps", (1, HEIGHT, WIDTH), "float32").from_pixels(image)
    assert rows.shape == (1, HEIGHT, WIDTH)
    np.testing.assert_allclose(rows[0], np.rint(luma(image)) / 255.0, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 4, 5, 2), (2, 4, 5, 3), (4, 5, 3), (1, 10)])
def test_what_is_no_image_has_no_size(shape: tuple[int, ...]) -> None:
    odd = TensorSpec("odd", shape, "uint8")
    with pytest.raises(ModelError, match=r"odd .* is not an image"):
        _ = odd.size
    with pytest.raises(ModelError, match=r"odd .* is not an image"):
        odd.from_pixels(pixels())


def test_the_size_is_width_and_height() -> None:
    assert spec("uint8").size == (WIDTH, HEIGHT)


def test_outputs_are_dequantised() -> None:
    quantised = TensorSpec("out", (1, 3), "int8", Quantisation(0.5, -128))
    real = quantised.real(np.array([[-128, 0, 127]], np.int8))
    assert real.dtype == np.float32
    assert real.tolist() == [[0, 64, 127.5]]


def test_outputs_stored_as_they_are_stay_so_in_an_array_of_their_own() -> None:
    stored = np.array([[1.5, 2.5]], np.float32)
    real = TensorSpec("out", (1, 2), "float32").real(stored)
    assert real.tolist() == stored.tolist()
    assert not np.shares_memory(real, stored)


def test_a_tensor_says_what_it_is() -> None:
    assert str(spec("uint8", meaning="image")) == "image (1, 4, 5, 3) uint8 (image)"
    assert str(spec("uint8")).endswith("(?)")
