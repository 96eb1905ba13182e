"""Pictures from files: whole ones, cut ones, turned ones."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_vision.training.data.pictures import UnreadableError, picture_size, read_picture
from tests.training.data.drawing import draw


def with_orientation(file: Path, value: int) -> None:
    """Put an EXIF segment with an orientation into a JPEG file."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, value, 0)
    exif = b"Exif\0\0" + b"II*\0" + struct.pack("<IH", 8, 1) + entry + b"\0\0\0\0"
    data = file.read_bytes()
    file.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])


def test_colours_are_red_green_blue(tmp_path: Path) -> None:
    picture = read_picture(draw(tmp_path / "a.png", (200, 60, 20)))
    assert picture.shape == (24, 32, 3)
    assert picture[20, 30].tolist() == [200, 60, 20]
    assert read_picture(tmp_path / "a.png", channels=1).shape == (24, 32, 1)


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp", "webp", "tif", "ppm"])
def test_the_size_is_known_without_the_pixels(tmp_path: Path, ending: str) -> None:
    assert picture_size(draw(tmp_path / f"a.{ending}", size=(40, 30))) == (40, 30)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_has_the_size_it_is_seen_in(tmp_path: Path, orientation: int) -> None:
    file = draw(tmp_path / "a.jpg", size=(40, 30))
    with_orientation(file, orientation)
    seen = read_picture(file).shape
    assert picture_size(file) == (seen[1], seen[0])
    assert seen[:2] == ((40, 30) if orientation >= 5 else (30, 40))
    assert read_picture(file, upright=False).shape == (30, 40, 3)


@pytest.mark.parametrize("ending", ["jpg", "png"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_cut_files_are_refused(tmp_path: Path, ending: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    file = tmp_path / f"a.{ending}"
    assert cv2.imwrite(str(file), noise)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(UnreadableError, match=r"cut off|is empty"):
        read_picture(file)


def test_a_progressive_file_is_whole(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    file = str(tmp_path / "a.jpg")
    assert cv2.imwrite(file, noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert read_picture(Path(file)).shape == (64, 64, 3)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture at all")
    with pytest.raises(UnreadableError, match="cannot be decoded"):
        read_picture(tmp_path / "a.jpg")
    with pytest.raises(UnreadableError, match="cannot be read"):
        read_picture(tmp_path / "gone.jpg")
    with pytest.raises(UnreadableError):
        picture_size(tmp_path / "a.jpg")
