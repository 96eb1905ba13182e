"""Masks: what their values mean."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import UNKNOWN, VOID
from edge_vision.training.data.masks import Coding, read_mask_folder, read_masks
from edge_vision.training.data.pictures import UnreadableError, read_mask
from tests.training.data.drawing import draw, save, write


def pair(folder: Path, name: str, values: list[list[int]], part: str = "") -> None:
    mask = np.repeat(np.repeat(np.array(values, np.uint8), 4, axis=0), 4, axis=1)
    height, width = mask.shape
    draw(folder / part / "images" / f"{name}.jpg", size=(max(width, 8), max(height, 8)))
    save(folder / part / "masks" / f"{name}.png", mask)


def palette_png(indices: NDArray[np.uint8], depth: int) -> bytes:
    """A PNG file with a palette; each row of indices fills whole bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = indices.shape
    bits = np.unpackbits(indices[..., np.newaxis], axis=2)[..., 8 - depth :].reshape(height, -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits)
    header = struct.pack(">IIBBBBB", width, height, depth, 3, 0, 0, 0)
    palette = bytes(np.random.default_rng(0).integers(0, 256, 3 << depth, np.uint8))
    parts = chunk(b"IHDR", header) + chunk(b"PLTE", palette) + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IEND", b"")


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palettes_indices_count_not_its_colours(tmp_path: Path, depth: int) -> None:
    indices = np.random.default_rng(depth).integers(0, 1 << depth, (6, 16), np.uint8)
    file = tmp_path / "mask.png"
    file.write_bytes(palette_png(indices, depth))
    np.testing.assert_array_equal(read_mask(file), indices)


def test_colours_and_large_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="has colours"):
        read_mask(draw(tmp_path / "a.png"))
    deep = np.full((8, 8), 300, np.uint16)
    with pytest.raises(UnreadableError, match="up to 300"):
        read_mask(save(tmp_path / "b.png", deep))  # type: ignore[arg-type]


def test_0_and_255_are_background_and_object(tmp_path: Path) -> None:
    pair(tmp_path, "a", [[0, 255], [0, 0]])
    collection = read_mask_folder(tmp_path)
    assert collection.labels == ("background", "object")
    assert collection.mask_table is not None
    assert collection.mask_table[[0, 255, 7]].tolist() == [0, 1, UNKNOWN]


def test_named_classes_and_one_value_more_for_void(tmp_path: Path) -> None:
    write(tmp_path / "labels.txt", "sky\nroad\n")
    pair(tmp_path, "a", [[0, 1], [2, 1]], "train")
    pair(tmp_path, "b", [[0, 1], [1, 1]], "val")
    collection = read_mask_folder(tmp_path)
    assert collection.labels == ("sky", "road")
    assert collection.mask_table is not None
    assert collection.mask_table[:4].tolist() == [0, 1, VOID, UNKNOWN]
    assert [item.part for item in collection.items] == ["training", "validation"]
    assert any("value 2 has no name" in note for note in collection.notes)
    assert not any("labels.txt" in note for note in collection.notes)


def test_more_values_than_names_are_refused(tmp_path: Path) -> None:
    pair(tmp_path, "a", [[0, 1], [5, 9]])
    with pytest.raises(TrainingError, match="values 5, 9, but only 2 classes"):
        read_masks(tmp_path / "images", tmp_path / "masks", Coding(labels=("a", "b")))


def test_objects_become_one_class(tmp_path: Path) -> None:
    pair(tmp_path, "a", [[0, 1], [2, 3]])
    pair(tmp_path, "b", [[0, 1], [1, 0]])
    collection = read_mask_folder(tmp_path)
    assert collection.mask_table is not None
    assert collection.mask_table[:4].tolist() == [0, 1, 1, 1]
    numbered = read_mask_folder(tmp_path, Coding(instances=False))
    assert numbered.labels == ("0", "1", "2", "3")


def test_suffixes_match_and_lonely_files_are_told(tmp_path: Path) -> None:
    draw(tmp_path / "p" / "a.jpg")
    draw(tmp_path / "p" / "lonely.jpg")
    save(tmp_path / "m" / "a_mask.png", np.zeros((24, 32), np.uint8))
    collection = read_masks(tmp_path / "p", tmp_path / "m")
    assert [item.name for item in collection.items] == ["a.jpg"]
    assert any("lonely.jpg" in note for note in collection.notes)


def test_no_match_is_refused(tmp_path: Path) -> None:
    draw(tmp_path / "p" / "a.jpg")
    save(tmp_path / "m" / "b.png", np.zeros((24, 32), np.uint8))
    with pytest.raises(TrainingError, match=r"no picture has a mask .* a\.jpg; b\.png"):
        read_masks(tmp_path / "p", tmp_path / "m")
