"""The digest of data: what it notices, and what it does not mind."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.service.training.data_digest import digest_of


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data" / "cats").mkdir(parents=True)
    (tmp_path / "data" / "cats" / "a.png").write_bytes(b"1234")
    return tmp_path / "data"


def test_names_and_contents_count_and_what_is_hidden_does_not(data: Path) -> None:
    first = digest_of(data)
    (data / ".DS_Store").write_bytes(b"x")
    assert digest_of(data) == first
    (data / "cats" / "a.png").write_bytes(b"1235")
    assert digest_of(data) != first
    (data / "cats" / "a.png").write_bytes(b"1234")
    assert digest_of(data) == first
    (data / "cats" / "a.png").rename(data / "cats" / "b.png")
    assert digest_of(data) != first


@pytest.mark.parametrize("place", [0, 100_000, 199_999])
def test_large_pictures_are_sampled_at_three_places(data: Path, place: int) -> None:
    content = bytearray(200_000)
    (data / "large.bmp").write_bytes(content)
    first = digest_of(data)
    content[place] = 1
    (data / "large.bmp").write_bytes(content)
    assert digest_of(data) != first


def test_annotations_are_looked_at_whole(data: Path) -> None:
    content = bytearray(b" " * 200_000)
    (data / "boxes.json").write_bytes(content)
    first = digest_of(data)
    content[40_000] = ord("1")
    (data / "boxes.json").write_bytes(content)
    assert digest_of(data) != first


def test_copied_data_are_the_same(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    os.utime(copy / "cats" / "a.png", (1, 1))
    assert digest_of(copy) == digest_of(data)


def test_links_in_a_circle_dangling_ones_and_pipes_do_not_stop_it(data: Path) -> None:
    first = digest_of(data)
    (data / "cats" / "loop").symlink_to("..")
    assert digest_of(data) == first
    (data / "cats" / "itself.png").symlink_to("itself.png")
    (data / "cats" / "dangling.png").symlink_to("nowhere.png")
    os.mkfifo(data / "cats" / "pipe.png")
    before = digest_of(data)
    assert before != first
    (data / "cats" / "nowhere.png").write_bytes(b"1")
    assert digest_of(data) != before


def test_a_folder_that_is_not_there_is_told(data: Path) -> None:
    with pytest.raises(TrainingError, match="does not exist"):
        digest_of(data / "nowhere")


def test_a_single_file_counts_by_its_content_wherever_it_is(tmp_path: Path) -> None:
    first, other = tmp_path / "hour.mp4", tmp_path / "copy.mp4"
    first.write_bytes(b"frames" * 50_000)
    other.write_bytes(first.read_bytes())
    assert digest_of(first) == digest_of(other)
    other.write_bytes(b"others" * 50_000)
    assert digest_of(first) != digest_of(other)
