"""The cache: pictures decoded once, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.data import cache
from edge_vision.training.data.cache import cached
from edge_vision.training.data.collection import VOID, Collection, Item
from edge_vision.training.data.fits import GREY, Fit
from edge_vision.training.data.folders import read_folders
from edge_vision.training.data.masks import read_mask_folder
from tests.training.data.drawing import draw, draw_classes, save


@pytest.fixture
def classes(tmp_path: Path) -> Collection:
    return read_folders(draw_classes(tmp_path / "data", {"a": 3, "b": 2}))


def test_pictures_come_with_what_is_told_of_them(classes: Collection, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    made = cached(classes, (16, 12), tmp_path / "cache", progress=lambda *step: steps.append(step))
    assert made.pictures.shape == (5, 12, 16, 3)
    assert isinstance(made.pictures, np.memmap)
    assert not made.pictures.flags.writeable
    assert np.asarray(made.targets["label"]).tolist() == [0, 0, 0, 1, 1]
    assert made.names == made.groups == tuple(item.name for item in classes.items)
    assert steps == [(done, 5) for done in range(1, 6)]
    assert made.pictures[3, 11, 15].tolist() == [40, 90, 120]


def test_a_second_time_nothing_is_decoded(
    classes: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cached(classes, (16, 12), tmp_path / "cache")
    monkeypatch.setattr(cache, "_build", None)
    again = cached(classes, (16, 12), tmp_path / "cache")
    np.testing.assert_array_equal(first.pictures, again.pictures)
    relabelled = classes.of(replace(item, label=1, group="g") for item in classes.items)
    other = cached(relabelled, (16, 12), tmp_path / "cache")
    assert set(np.asarray(other.targets["label"])) == {1}
    assert set(other.groups) == {"g"}


def test_changed_files_and_settings_make_another(classes: Collection, tmp_path: Path) -> None:
    place = tmp_path / "cache"
    cached(classes, (16, 12), place)
    cached(classes, (16, 12), place, channels=1)
    cached(classes, (16, 12), place, fit="letterbox")
    draw(classes.items[0].file, (1, 2, 3), size=(40, 40))
    assert cached(classes, (16, 12), place).pictures[0, 11, 15].tolist() == [1, 2, 3]
    assert len(list(place.iterdir())) == 4


def test_an_interrupted_build_leaves_nothing(classes: Collection, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(classes, (16, 12), tmp_path / "cache", progress=interrupt)
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_killed_build_left_is_removed(classes: Collection, tmp_path: Path) -> None:
    left = tmp_path / "cache" / ".part-killed"
    left.mkdir(parents=True)
    (left / "lock").touch()
    (left / "pictures.npy").touch()
    cached(classes, (16, 12), tmp_path / "cache")
    assert not left.exists()


def test_unreadable_pictures_are_named_and_left_out(
    classes: Collection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")  # a command that ran in this process before may have set another
    data = classes.items[1].file.read_bytes()
    classes.items[1].file.write_bytes(data[:-30])
    made = cached(classes, (16, 12), tmp_path / "cache")
    assert len(made) == 4
    assert np.asarray(made.targets["label"]).tolist() == [0, 0, 1, 1]
    assert made.names == tuple(item.name for row, item in enumerate(classes.items) if row != 1)
    assert made.pictures[2, 11, 15].tolist() == [40, 90, 120]
    assert "1 of 5" in caplog.text
    assert "picture_1.png is cut off" in caplog.text


def test_too_many_unreadable_pictures_are_an_error(classes: Collection, tmp_path: Path) -> None:
    for item in classes.items[:2]:
        item.file.write_bytes(b"x")
    with pytest.raises(TrainingError, match=r"2 of 5 pictures cannot be used: .*picture_0\.png"):
        cached(classes, (16, 12), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_damaged_cache_and_a_missing_file_are_named(classes: Collection, tmp_path: Path) -> None:
    cached(classes, (16, 12), tmp_path / "cache")
    (place,) = (tmp_path / "cache").iterdir()
    (place / "pictures.npy").write_bytes(b"x")
    with pytest.raises(TrainingError, match="damaged"):
        cached(classes, (16, 12), tmp_path / "cache")
    classes.items[0].file.unlink()
    with pytest.raises(TrainingError, match=r"picture_0\.png: is gone"):
        cached(classes, (16, 12), tmp_path / "cache")


def boxed(file: Path, stated: tuple[int, int]) -> Collection:
    draw(file, size=(64, 32))
    boxes = np.array([[16, 8, 48, 24], [0, 0, 8, 8]], np.float32)
    item = Item(file, "a", "a", boxes=boxes, classes=np.array([1, 0]), size=stated)
    return Collection((item,), ("x", "y"), "boxes")


@pytest.mark.parametrize(
    ("fit", "boxes"),
    [
        ("stretch", [[8, 8, 24, 24], [0, 0, 4, 8]]),
        ("letterbox", [[8, 12, 24, 20], [0, 8, 4, 12]]),
        ("crop", [[0, 8, 32, 24]]),
    ],
)
def test_boxes_are_in_the_new_pixels(tmp_path: Path, fit: Fit, boxes: list[list[float]]) -> None:
    made = cached(boxed(tmp_path / "a.png", (64, 32)), (32, 32), tmp_path / "cache", fit)
    np.testing.assert_allclose(made.targets["boxes"][0], boxes, atol=1e-4)
    assert len(made.targets["classes"][0]) == len(boxes)
    bars = bool((made.pictures[0, [0, -1]] == GREY).all())
    assert bars == (fit == "letterbox")


def test_a_picture_of_another_size_than_annotated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is 64 x 32, but its annotation says 32 x 64"):
        cached(boxed(tmp_path / "a.png", (32, 64)), (32, 32), tmp_path / "cache")


def test_masks_are_carried_with_their_pictures(tmp_path: Path) -> None:
    draw(tmp_path / "data" / "images" / "a.png", size=(64, 32))
    mask = np.zeros((32, 64), np.uint8)
    mask[8:24, 16:48] = 255
    save(tmp_path / "data" / "masks" / "a.png", mask)
    collection = read_mask_folder(tmp_path / "data")
    made = cached(collection, (32, 32), tmp_path / "cache", "letterbox")
    (carried,) = made.targets["mask"]
    expected = np.full((32, 32), VOID)
    expected[8:24] = 0
    expected[12:20, 8:24] = 1
    np.testing.assert_array_equal(carried, expected)
    save(tmp_path / "data" / "masks" / "a.png", np.full((32, 64), 7, np.uint8))
    with pytest.raises(TrainingError, match="the value 7, which no class has"):
        cached(collection, (32, 32), tmp_path / "cache")


def test_nonsense_is_refused(classes: Collection, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="empty"):
        cached(classes.of([]), (16, 12), tmp_path)
    with pytest.raises(TrainingError, match="2 channels"):
        cached(classes, (16, 12), tmp_path, channels=2)
