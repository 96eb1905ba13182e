from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from edge_vision.training.networks.backbone import BackboneOptions, backbone
from edge_vision.training.networks.segmenter import segmenter

SIZE = 64, 48


def made(classes: int, stride: int = 2) -> Any:
    keras.utils.set_random_seed(3)
    return segmenter(backbone(BackboneOptions(width=0.25), SIZE), classes, 8, stride)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_its_map_has_places_so_many_pixels_apart(stride: int) -> None:
    network = made(5, stride)
    assert {name: each.shape for name, each in network.output.items()} == {
        "classes": (None, 48 // stride, 64 // stride, 5)
    }


def test_of_two_classes_a_mask_is_the_logit_of_the_second() -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (2, 48, 64, 3)).astype(np.float32)
    said = made(2).predict_on_batch({"image": pictures})
    assert said["mask"].shape == (2, 24, 32, 1)
    assert said["mask"].std() > 0
    np.testing.assert_array_equal(said["classes"][..., 0], 0.0)
    np.testing.assert_array_equal(said["classes"][..., 1], said["mask"][..., 0])


def test_finer_maps_are_the_same_enlarged_and_add_no_weights() -> None:
    coarse, fine = made(3, 4), made(3, 1)
    assert [each.shape for each in coarse.weights] == [each.shape for each in fine.weights]
    fine.set_weights(coarse.get_weights())
    pictures = np.random.default_rng(1).integers(0, 256, (1, 48, 64, 3)).astype(np.float32)
    small = coarse.predict_on_batch({"image": pictures})["classes"][0]
    large = fine.predict_on_batch({"image": pictures})["classes"][0]
    # Bilinear about the middles of places: the four pixels in the middle of one average to it.
    middles = large.reshape(12, 4, 16, 4, 3)[:, 1:3, :, 1:3].mean(axis=(1, 3))
    inner = slice(1, -1), slice(1, -1)
    assert np.abs(middles[inner] - small[inner]).mean() < 0.5 * small.std()
    assert large.min() >= small.min() - 1e-5
    assert large.max() <= small.max() + 1e-5


def test_every_place_sees_the_whole_picture() -> None:
    network = made(3, 4)
    plain = np.full((1, 48, 64, 3), 120, np.float32)
    changed = plain.copy()
    changed[:, :, -8:] = 250
    before, after = (
        network.predict_on_batch({"image": each})["classes"][0] for each in (plain, changed)
    )
    assert (after[:, 0] != before[:, 0]).any(), "the left side is told of a change on the right"
