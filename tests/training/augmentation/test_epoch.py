"""An epoch of augmented examples, and mixtures of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.augmentation.augmentation import Augmentation, usual
from edge_vision.training.augmentation.epoch import CHUNK, epoch
from edge_vision.training.augmentation.mixing import cutmix, mixup, one_hot
from edge_vision.training.examples import Examples


def examples(count: int) -> Examples:
    random = np.random.default_rng(0)
    boxes = tuple(np.array([[4, 4, 12, 12]] * (n % 3), np.float32).reshape(-1, 4) for n in range(count))
    return Examples(
        random.integers(0, 256, (count, 16, 20, 3), np.uint8),
        {
            "label": np.arange(count),
            "boxes": boxes,
            "classes": tuple(np.arange(len(each)) for each in boxes),
            "mask": np.ones((count, 16, 20), np.uint8),
        },
        tuple(f"{n}.png" for n in range(count)),
        tuple(f"g{n}" for n in range(count)),
    )


def test_an_epoch_does_not_depend_on_the_number_of_threads() -> None:
    given = examples(CHUNK + 40)
    made = [epoch(given, usual(), (24, 18), np.random.default_rng(7), threads) for threads in (1, 2, 5)]
    for other in made[1:]:
        np.testing.assert_array_equal(made[0].pictures, other.pictures)
        np.testing.assert_array_equal(made[0].targets["mask"], other.targets["mask"])
        for first, second in zip(made[0].targets["boxes"], other.targets["boxes"], strict=True):
            np.testing.assert_array_equal(first, second)
    assert made[0].pictures.shape == (CHUNK + 40, 18, 24, 3)
    again = epoch(given, usual(), (24, 18), np.random.default_rng(8))
    assert not np.array_equal(made[0].pictures, again.pictures)


def test_targets_follow_their_pictures() -> None:
    given = examples(10)
    made = epoch(given, Augmentation(flip=1.0), (20, 16), np.random.default_rng(0), repeat=3)
    assert len(made) == 30
    assert np.asarray(made.targets["label"]).tolist() == [*range(10)] * 3
    assert made.names == given.names * 3
    np.testing.assert_array_equal(made.pictures[20:], given.pictures[:, :, ::-1])
    np.testing.assert_allclose(made.targets["boxes"][12], [[8, 4, 16, 12]] * 2, atol=1e-4)
    assert made.targets["classes"][12].tolist() == [0, 1]


def test_each_repetition_is_changed_anew() -> None:
    made = epoch(examples(4), usual(), (20, 16), np.random.default_rng(0), repeat=2)
    assert not np.array_equal(made.pictures[:4], made.pictures[4:])


def test_an_epoch_needs_a_thread() -> None:
    with pytest.raises(TrainingError, match="at least one thread"):
        epoch(examples(1), usual(), (8, 8), np.random.default_rng(0), threads=0)


def test_the_given_examples_stay_as_they_are() -> None:
    given = examples(5)
    kept = given.pictures.copy()
    made = epoch(given, Augmentation(), (20, 16), np.random.default_rng(0))
    made.pictures[:] = 0
    np.testing.assert_array_equal(given.pictures, kept)


def plain(count: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Pictures of one level each, ten times their label, and their targets."""
    levels = (np.arange(count) * 10).astype(np.uint8)
    pictures = np.broadcast_to(levels[:, None, None, None], (count, 12, 12, 3)).copy()
    return pictures, one_hot(np.arange(count), count)


def test_mixup_shares_pictures_as_it_shares_targets() -> None:
    pictures, targets = plain(20)
    mixed = mixup(pictures, targets, np.random.default_rng(0), alpha=1.0)
    expected = mixed.targets @ (np.arange(20) * 10.0)
    assert np.abs(mixed.pictures.mean(axis=(1, 2, 3)) - expected).max() <= 1.0
    np.testing.assert_allclose(mixed.targets.sum(axis=1), 1.0, atol=1e-6)
    assert ((mixed.targets > 0).sum(axis=1) == 2).any()


def test_cutmix_shares_areas_as_it_shares_targets() -> None:
    pictures, targets = plain(20)
    mixed = cutmix(pictures, targets, np.random.default_rng(0))
    expected = mixed.targets @ (np.arange(20) * 10.0)
    np.testing.assert_allclose(mixed.pictures.mean(axis=(1, 2, 3)), expected, atol=1e-3)
    assert mixed.pictures.dtype == np.uint8
    assert set(np.unique(mixed.pictures)) <= set(range(0, 200, 10))


def test_grey_pictures_mix() -> None:
    pictures, targets = plain(4)
    assert mixup(pictures[..., :1], targets, np.random.default_rng(0)).pictures.shape == (4, 12, 12, 1)


def test_one_hot_leaves_out_what_has_no_label() -> None:
    assert one_hot(np.array([1, -1]), 3).tolist() == [[0, 1, 0], [0, 0, 0]]
