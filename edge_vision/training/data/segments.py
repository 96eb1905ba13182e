"""Segments: what happens in videos, and from when to when."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.collection import Collection, Item, Part, listed
from edge_vision.training.data.files import (
    VIDEOS,
    look_at,
    natural_order,
    part_named,
    part_of,
    path_order,
    read_text,
)
from edge_vision.training.data.videos import duration

HEADER = ("file", "start", "end", "label")
"""The columns of a table with a heading; a column `part` may stand beside them."""

SLACK = 0.05
"""The share of its length by which a segment may end after its video; it is cut."""


class _Segment(NamedTuple):
    """A segment, in seconds, and the line it was read from."""

    line: int
    video: str
    start: float
    end: float
    label: str
    part: Part = ""


def is_segments(text: str) -> bool:
    """True where a table looks like labelled segments of videos."""
    for line in text.splitlines()[:1]:
        cells = [cell.strip() for cell in line.split(",")]
        if set(HEADER) <= set(cells):
            return True
        return len(cells) >= 4 and all(cell.replace(".", "", 1).isdigit() for cell in cells[1:3])
    return False


def read_segments(table: Path, videos: Path, time_scale: float = 1.0) -> Collection:
    """Labelled segments of videos from a table of comma-separated values, in one of two forms.

    With a heading `file,start,end,label` there is a row for each segment; a column `part` may declare
    the part. Without one there is a row for each video: `file,start,end,label,start,end,label,...`.
    Files are named by their stems, whatever their endings. A video is a group. Parts may be declared by
    folders.

    videos      the folder of the videos
    time_scale  seconds in one unit of the table's times, such as 1 / rate where they count frames
    Raises TrainingError with the line of what is wrong.
    """
    if not (math.isfinite(time_scale) and time_scale > 0):
        raise TrainingError(f"time_scale is {time_scale}; it is the seconds in one unit of {table.name}")
    try:
        segments = list(_segments(table, time_scale))
    except csv.Error as error:
        raise TrainingError(f"{table}: is no table of comma-separated values: {error}") from None
    if not segments:
        raise TrainingError(f"{table}: holds no segment; write lines {','.join(HEADER)}")
    known = {path.stem: path for path in look_at(videos).ending(*VIDEOS)}
    missing = sorted({each.video for each in segments} - set(known), key=natural_order)
    found = [each for each in segments if each.video in known]
    if not found:
        raise TrainingError(f"{table}: none of its videos is in {videos}: {listed(missing)}")
    found = _within(table, found, {stem: videos / path for stem, path in known.items()})
    labels = tuple(sorted({each.label for each in found}, key=natural_order))
    found.sort(key=lambda each: (path_order(known[each.video]), each.start, each.end))
    items = tuple(_item(videos, known[each.video], each, labels) for each in found)
    unlabelled = sorted(set(known) - {each.video for each in found}, key=natural_order)
    counts = Counter(each.label for each in found)
    count = (
        f"{len(items)} segments of {len(labels)} classes in {len(set(known) - set(unlabelled))} videos"
    )
    return Collection(items, labels, "segments").noting(
        f"{count}: " + ", ".join(f"{label} {counts[label]}" for label in labels),
        f"{len(missing)} videos of the table are not there: {listed(missing)}" if missing else "",
        f"{len(unlabelled)} videos are not in the table: {listed(unlabelled)}" if unlabelled else "",
    )


def _item(videos: Path, path: PurePosixPath, segment: _Segment, labels: tuple[str, ...]) -> Item:
    return Item(
        videos / path,
        str(path),
        group=str(path),
        part=segment.part or part_of(path),
        label=labels.index(segment.label),
        start=segment.start,
        end=segment.end,
    )


def _within(table: Path, segments: list[_Segment], files: dict[str, Path]) -> list[_Segment]:
    """The segments cut to their videos.

    Raises TrainingError where one ends long after its video: mostly the times have another unit.
    """
    lengths = {video: duration(files[video]) for video in {each.video for each in segments}}
    for each in segments:
        length = lengths[each.video]
        if each.end > length * (1 + SLACK) + 1.0 or each.start >= length:
            raise TrainingError(
                f"{table}: line {each.line}: {each.start:.1f} to {each.end:.1f} s, but {each.video} "
                f"lasts {length:.1f} s; give time_scale, the seconds in one unit of the table"
            )
    return [each._replace(end=min(each.end, lengths[each.video])) for each in segments]


def _segments(table: Path, scale: float) -> Iterator[_Segment]:
    reader = csv.reader(read_text(table).splitlines())
    columns: list[str] | None = None
    for row in reader:
        cells = [cell.strip() for cell in row]
        said = f"{table}: line {reader.line_num}"
        if not any(cells):
            continue
        if columns is None and set(HEADER) <= set(cells):
            columns = cells
        elif columns is not None:
            yield _headed(said, reader.line_num, dict(zip(columns, cells, strict=False)), scale)
        else:
            yield from _unheaded(said, reader.line_num, cells, scale)


def _headed(said: str, line: int, cells: dict[str, str], scale: float) -> _Segment:
    if missing := [name for name in HEADER if not cells.get(name)]:
        raise TrainingError(f"{said}: has no {listed(missing)}")
    start, end = _times(said, cells["start"], cells["end"], scale)
    part = cells.get("part", "")
    if part and not part_named(part):
        raise TrainingError(f"{said}: part is {part!r}, not train, validation or test")
    return _Segment(
        line, PurePosixPath(cells["file"]).stem, start, end, cells["label"], part_named(part)
    )


def _unheaded(said: str, line: int, cells: list[str], scale: float) -> Iterator[_Segment]:
    while cells and not cells[-1]:  # rows are often filled up with commas
        cells.pop()
    video, *rest = cells
    if not rest or len(rest) % 3:
        raise TrainingError(
            f"{said}: after the file come start,end,label again and again, not {len(rest)} values"
        )
    for start, end, label in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        if not label:
            raise TrainingError(f"{said}: the segment from {start} to {end} has no label")
        yield _Segment(line, PurePosixPath(video).stem, *_times(said, start, end, scale), label)


def _times(said: str, start: str, end: str, scale: float) -> tuple[float, float]:
    try:
        first, last = float(start) * scale, float(end) * scale
    except ValueError:
        raise TrainingError(f"{said}: {start!r} to {end!r} are no times") from None
    if not (math.isfinite(last) and 0 <= first < last):
        raise TrainingError(f"{said}: the segment from {start} to {end} ends before it begins")
    return first, last
