from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_vision.builtin.capture.pictures import PicturesSource, natural_order
from edge_vision.contracts.source import SourceContext
from edge_vision.data.errors import ConfigError, SourceLost
from edge_vision.testing import still


def write(file: Path, value: int) -> None:
    assert cv2.imwrite(str(file), still(value))


def pictures(folder: Path, **options: Any) -> PicturesSource:
    table = {"path": ".", **options}
    source = PicturesSource(PicturesSource.Options.parse(table), SourceContext("porch", folder))
    source.open()
    return source


def values(source: PicturesSource, most: int = 100) -> list[int]:
    """The grey of each picture."""
    found: list[int] = []
    while len(found) < most and (image := source.read()) is not None:
        found.append(round(float(image.mean())))
    return found


@pytest.fixture
def three(tmp_path: Path) -> Path:
    write(tmp_path / "shot10.png", 30)
    write(tmp_path / "shot2.BMP", 20)
    write(tmp_path / "Shot1.png", 10)
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def test_pictures_come_in_the_natural_order_of_their_names_and_then_it_ends(three: Path) -> None:
    source = pictures(three)
    assert not source.live
    assert source.rate == 1.0
    assert values(source) == [10, 20, 30]
    assert source.read() is None


def test_opened_again_it_begins_again(three: Path) -> None:
    source = pictures(three)
    source.read()
    source.open()
    assert values(source) == [10, 20, 30]


def test_a_loop_begins_again_after_the_last_picture(three: Path) -> None:
    source = pictures(three, loop=True)
    assert values(source, most=3) == [10, 20, 30]
    assert source.takes == 0
    assert values(source, most=4) == [10, 20, 30, 10]
    assert source.takes == 2


def test_a_still_in_a_loop_has_no_seam(three: Path) -> None:
    source = pictures(three, path="shot2.BMP", loop=True)
    assert values(source, most=4) == [20, 20, 20, 20]
    assert source.takes == 0


def test_one_picture_is_enough(three: Path) -> None:
    assert values(pictures(three, path="shot2.BMP")) == [20]


def test_a_picture_may_be_passed_over(three: Path) -> None:
    source = pictures(three)
    assert [source.skip() for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff"])
def test_every_known_kind_can_be_read(tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"a.{ending}", 100)
    image = pictures(tmp_path).read()
    assert image is not None
    assert image.shape == (48, 64, 3)
    assert image.dtype == np.uint8
    assert abs(int(image[20, 20, 0]) - 100) <= 2


def test_grey_deep_and_transparent_pictures_become_three_channels(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8), 50, np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.full((8, 8, 3), 60 * 257, np.uint16))
    cv2.imwrite(str(tmp_path / "c.png"), np.full((8, 8, 4), 70, np.uint8))
    assert values(pictures(tmp_path)) == [50, 60, 70]


def test_what_cannot_be_read_is_logged_once_and_passed_over(
    three: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (three / "shot3.jpg").write_bytes(b"no picture at all")
    (three / "shot4.jpg").write_bytes(b"")
    whole = (three / "shot10.png").read_bytes()
    (three / "shot5.png").write_bytes(whole[:40])
    with caplog.at_level(logging.WARNING):
        source = pictures(three, loop=True)
        assert values(source, most=6) == [10, 20, 30, 10, 20, 30]
    assert source.unreadable == {"shot3.jpg", "shot4.jpg", "shot5.png"}
    assert len(caplog.records) == 3
    assert "porch: shot4.jpg passed over: the file is empty" in caplog.text


def test_unreadable_pictures_at_the_end_are_the_end(three: Path) -> None:
    (three / "z.jpg").write_bytes(b"")
    assert values(pictures(three)) == [10, 20, 30]


@pytest.mark.parametrize("loop", [False, True])
def test_a_folder_of_which_nothing_can_be_read_is_lost_rather_than_read_forever(
    tmp_path: Path, loop: bool
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(SourceLost, match="none of the 2 pictures can be read"):
        pictures(tmp_path, loop=loop).read()


def test_a_picture_deleted_meanwhile_is_passed_over(three: Path) -> None:
    source = pictures(three)
    (three / "shot2.BMP").unlink()
    assert values(source) == [10, 30]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"path": "empty"}, "path: there is no picture in empty"),
        ({"path": "missing"}, "path: no such file or folder: missing"),
        ({"path": "a.mp4"}, 'path: is a video; videos are read by uses = "opencv"'),
        ({"path": ""}, "path: is empty"),
        ({"path": "concat:a.png"}, "path: concat: is no protocol"),
        ({"fps": 0}, "fps: should be greater than or equal to 0.001"),
        ({"fps": 0.1, "realtime": True}, "fps: should be at least 0.2 with realtime"),
    ],
)
def test_what_cannot_work_is_refused(three: Path, options: dict[str, Any], problem: str) -> None:
    (three / "empty").mkdir()
    (three / "a.mp4").touch()
    with pytest.raises(ConfigError, match=problem):
        pictures(three, **options)


def test_in_real_time_it_waits_for_the_beat(three: Path) -> None:
    assert values(pictures(three, fps=200, realtime=True)) == [10, 20, 30]


def test_natural_order_compares_numbers_by_their_value() -> None:
    names = ["a10", "a2", "A1", "b", "a02", "10", "9", "a1b3", "a1b20"]
    assert sorted(names, key=natural_order) == [
        "9",
        "10",
        "A1",
        "a1b3",
        "a1b20",
        "a02",
        "a2",
        "a10",
        "b",
    ]
