"""The folder sink: pictures as files, whole, named, and not too many."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_vision import ConfigError, Identity, Picture, Result, SinkContext
from edge_vision.builtin.encode import encode_picture
from edge_vision.builtin.folder import FolderSink, file_name

Make = Callable[..., FolderSink]


@pytest.fixture
def make_folder(tmp_path: Path) -> Iterator[Make]:
    made: list[FolderSink] = []

    def make(**options: Any) -> FolderSink:
        context = SinkContext("folder", Identity("porch-pi", "boot1"), lambda *_: "", tmp_path)
        sink = FolderSink(FolderSink.Options.parse({"path": "out", **options}), context)
        made.append(sink)
        sink.open()
        return sink

    yield make
    for sink in made:
        sink.close()


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_every_picture_becomes_a_file_that_can_be_read(
    make_folder: Make,
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    tmp_path: Path,
) -> None:
    sink = make_folder()
    grey = Picture(np.arange(12, dtype=np.uint8).reshape(3, 4), "mask", "png")
    sink.write(make_result(7, make_picture("style"), grey))
    sink.write(make_result(8))
    assert sink.flush(10)
    folder = tmp_path / "out" / "porch"
    assert names(folder) == ["mask-00000007.png", "style-00000007.jpg"]
    read = cv2.imread(str(folder / "mask-00000007.png"), cv2.IMREAD_UNCHANGED)
    assert read is not None
    np.testing.assert_array_equal(read, grey.image)
    assert sink.counters() == {"sent": 2, "lost": 0, "pending": 0}


def test_only_the_newest_files_of_each_name_stay_and_earlier_runs_count(
    make_folder: Make,
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "out" / "porch"
    folder.mkdir(parents=True)
    for age, name in enumerate(("a-00000900.jpg", "a-00000002.jpg", "a-b-00000001.jpg", "notes.txt")):
        (folder / name).touch()
        os.utime(folder / name, (1000 - age, 1000 - age))
    (folder / ".a-00000003.jpg.part").touch()
    sink = make_folder(keep=3)
    for index in range(2):
        sink.write(make_result(index, make_picture("a")), wait=True)
    assert sink.flush(10)
    assert names(folder) == [
        "a-00000000.jpg",
        "a-00000001.jpg",
        "a-00000900.jpg",
        "a-b-00000001.jpg",
        "notes.txt",
    ]
    for index in range(10):
        sink.write(make_result(index, make_picture("a")), wait=True)
    assert sink.flush(10)
    assert [name for name in names(folder) if name.startswith("a-0")] == [
        "a-00000007.jpg",
        "a-00000008.jpg",
        "a-00000009.jpg",
    ]


def test_keep_0_keeps_all(
    make_folder: Make,
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    tmp_path: Path,
) -> None:
    sink = make_folder(keep=0)
    for index in range(20):
        sink.write(make_result(index, make_picture()), wait=True)
    sink.close()
    assert len(names(tmp_path / "out" / "porch")) == 20


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("style", "style"),
        ("../../etc/x", "_._.._etc_x"),
        ("..", "_."),
        (".hidden", "_hidden"),
        ("a b", "a_b"),
    ],
)
def test_no_name_leads_out_of_the_folder(name: str, expected: str) -> None:
    assert file_name(name) == expected


def test_quality_makes_files_smaller(
    make_picture: Callable[..., Picture],
) -> None:
    picture = make_picture(side=128)
    assert len(encode_picture(picture, 30).data) < len(encode_picture(picture, 95).data)
    flipped = Picture(picture.image[::-1, ::-1], "flipped", "png")
    decoded = cv2.imdecode(np.frombuffer(encode_picture(flipped, 1).data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded, flipped.image)


def test_a_picture_that_cannot_be_encoded_is_counted_and_the_others_are_written(
    make_folder: Make,
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = make_folder()
    wide = Picture(np.zeros((1, 70000), np.uint8), "wide")
    sink.write(make_result(1, wide, make_picture("style")))
    sink.write(make_result(2, wide))
    sink.close()
    assert names(tmp_path / "out" / "porch") == ["style-00000001.jpg"]
    assert sink.counters()["lost"] == 2
    assert caplog.text.count("the picture wide (1, 70000) cannot be encoded as jpeg") == 1


def test_a_folder_that_goes_away_is_made_again_and_one_that_cannot_be_is_counted(
    make_folder: Make,
    make_result: Callable[..., Result],
    make_picture: Callable[..., Picture],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = make_folder()
    (tmp_path / "out").rmdir()
    sink.write(make_result(1, make_picture()))
    assert sink.flush(10)
    assert sink.counters()["sent"] == 1
    (tmp_path / "out" / "garden").touch()
    for index in range(2):
        sink.write(make_result(index, make_picture(), camera="garden"))
    assert sink.flush(10)
    assert sink.counters()["lost"] == 2
    assert caplog.text.count("cannot write") == 1


def test_a_folder_that_cannot_be_made_is_an_error_that_says_why(
    make_folder: Make, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"path: .*/file is no folder"):
        make_folder(path="file/out")
    with pytest.raises(ConfigError, match="path: is missing"):
        FolderSink.Options.parse({})
