"""Labelled segments of videos, and the frames that a cache takes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.cache import cached
from edge_vision.training.data.segments import read_segments
from tests.training.data.drawing import video, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    video(tmp_path / "videos" / "one.avi", 4.0)
    video(tmp_path / "videos" / "two.avi", 3.0)
    return tmp_path


def test_both_forms_tell_the_same(folder: Path) -> None:
    headed = write(
        folder / "a.csv", "file,start,end,label\none.avi,0,1.5,walk\none.avi,2,4,sit\ntwo,1,3,walk\n"
    )
    rows = write(folder / "b.csv", "one.csv,0,15,walk,20,40,sit,,,\ntwo.csv,10,30,walk\n")
    first = read_segments(headed, folder / "videos")
    second = read_segments(rows, folder / "videos", time_scale=0.1)
    for collection in (first, second):
        assert collection.labels == ("sit", "walk")
        assert [(i.name, i.group, i.label, i.start, i.end) for i in collection.items] == [
            ("one.avi", "one.avi", 1, 0.0, 1.5),
            ("one.avi", "one.avi", 0, 2.0, 4.0),
            ("two.avi", "two.avi", 1, 1.0, 3.0),
        ]


def test_frames_have_the_label_of_their_time(folder: Path) -> None:
    table = write(folder / "a.csv", "file,start,end,label\none,1,2,walk\none,2,3.1,sit\ntwo,0,1,walk\n")
    collection = read_segments(table, folder / "videos")
    examples = cached(collection, (32, 24), folder / "cache", rate=2.0)
    assert len(examples) == 8 + 6
    assert examples.targets["label"] == pytest.approx([-1, -1, 1, 1, 0, 0, 0, -1, 1, 1, -1, -1, -1, -1])
    assert examples.names[1] == "one.avi@0.5s"
    assert set(examples.groups) == {"one.avi", "two.avi"}
    seconds = [float(name.split("@")[1][:-1]) for name in examples.names]
    levels = examples.pictures.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(levels, np.floor(seconds) * 10, atol=3)


def test_new_segments_need_no_new_frames(folder: Path) -> None:
    for rows in ("one,1,2,walk\none,2,3,sit\ntwo,0,1,walk\n", "one,0,4,run\ntwo,0,3,rest\n"):
        table = write(folder / "a.csv", f"file,start,end,label\n{rows}")
        examples = cached(read_segments(table, folder / "videos"), (32, 24), folder / "cache", rate=1.0)
    assert np.asarray(examples.targets["label"]).tolist() == [1, 1, 1, 1, 0, 0, 0]
    assert examples.groups == ("one.avi",) * 4 + ("two.avi",) * 3
    assert len(list((folder / "cache").iterdir())) == 1


def test_grey_frames(folder: Path) -> None:
    table = write(folder / "a.csv", "file,start,end,label\none,0,4,walk\n")
    collection = read_segments(table, folder / "videos")
    examples = cached(collection, (16, 12), folder / "cache", channels=1, rate=1.0)
    assert examples.pictures.shape == (4, 12, 16, 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("one,0,40,walk\n", "line 1: .* 40.0 s, but one lasts 4.0 s; give time_scale"),
        ("one,0,1,walk,2\n", "line 1: .* not 4 values"),
        ("one,2,1,walk\n", "ends before it begins"),
        ("one,0,x,walk\n", "are no times"),
        ("one,0,1,,2,3,sit\n", "has no label"),
        ("file,start,end,label\none,0,1\n", "line 2: has no label"),
        ("nobody,0,1,walk\n", "none of its videos"),
        ("\n", "holds no segment"),
    ],
)
def test_bad_tables_are_refused(folder: Path, text: str, problem: str) -> None:
    with pytest.raises(TrainingError, match=problem):
        read_segments(write(folder / "a.csv", text), folder / "videos")


def test_missing_and_unlabelled_videos_are_told(folder: Path) -> None:
    table = write(folder / "a.csv", "one,0,1,walk\ngone,0,1,sit\n")
    notes = read_segments(table, folder / "videos").notes
    assert any("gone" in note for note in notes)
    assert any("not in the table: two" in note for note in notes)


def test_what_is_no_video_is_refused(folder: Path) -> None:
    write(folder / "videos" / "one.avi", "no video")
    with pytest.raises(TrainingError, match=r"one\.avi: is no video"):
        read_segments(write(folder / "a.csv", "one,0,1,walk\n"), folder / "videos")
