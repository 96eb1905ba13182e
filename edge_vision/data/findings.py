"""Findings: what stages say about a frame. Each is frozen and names the stage that made it.

A stage leaves `stage` empty; the engine fills in the name the stage has in the configuration.
Boxes, points and maps are in pixels of the captured frame. What cannot be said to subscribers (a
score that is not a number, a box without end) is refused with StageError where the finding is made.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import repeat
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.data.checks import (
    Box,
    checked_box,
    checked_column,
    checked_map,
    checked_score,
    checked_track,
)
from edge_vision.data.errors import StageError
from edge_vision.data.frame import as_image, read_only


class Detection(NamedTuple):
    """One row of Detections, for people: box is (x1, y1, x2, y2) in frame pixels."""

    box: Box
    score: float
    class_id: int
    label: str
    track_id: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Objects found, as columns of one length n.

    xyxy            (n, 4) float32, boxes in frame pixels
    score           (n,) float32, 0 to 1 of a model
    class_id        (n,) int32, index into labels
    labels          the names of all classes; a class without one is called by its number
    track_id        (n,) int64, or None before a tracker; UNTRACKED for what belongs to no track
    keypoints       (n, k, 3) float32: x, y in frame pixels and a score, or None
    keypoint_names  k names such as "nose"; empty where they have none
    mask            (n, height, width) bool over the frame, or None
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]
    labels: tuple[str, ...] = ()
    track_id: NDArray[np.int64] | None = None
    keypoints: NDArray[np.float32] | None = None
    keypoint_names: tuple[str, ...] = field(default=(), kw_only=True)
    mask: NDArray[np.bool_] | None = None
    stage: str = ""

    UNTRACKED: ClassVar[int] = -1

    def __post_init__(self) -> None:
        count = np.size(self.score)
        columns: tuple[tuple[str, Any, tuple[int, ...]], ...] = (
            ("xyxy", np.float32, (count, 4)),
            ("score", np.float32, (count,)),
            ("class_id", np.int32, (count,)),
            ("track_id", np.int64, (count,)),
            ("keypoints", np.float32, (count, -1, 3)),
            ("mask", np.bool_, (count, -1, -1)),
        )
        for name, dtype, shape in columns:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, checked_column(name, value, dtype, shape))
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "keypoint_names", tuple(self.keypoint_names))
        points = 0 if self.keypoints is None or not count else self.keypoints.shape[1]
        if points and self.keypoint_names and len(self.keypoint_names) != points:
            raise StageError(f"{points} keypoints have {len(self.keypoint_names)} names")

    @classmethod
    def none(cls, labels: tuple[str, ...] = ()) -> Detections:
        """Nothing found."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), labels)

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, rows: NDArray[Any] | slice | list[int]) -> Detections:
        """The chosen rows, by mask, indices or slice, as new Detections; one row is [i : i + 1]."""
        if np.ndim(rows) == 0 and not isinstance(rows, slice):  # type: ignore[arg-type]
            raise TypeError("rows are chosen by mask, indices or slice; for one row write [i : i + 1]")

        def pick(column: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if column is None else column[rows]

        return replace(
            self,
            xyxy=self.xyxy[rows],
            score=self.score[rows],
            class_id=self.class_id[rows],
            track_id=pick(self.track_id),
            keypoints=pick(self.keypoints),
            mask=pick(self.mask),
        )

    def __iter__(self) -> Iterator[Detection]:
        columns = self.xyxy.tolist(), self.score.tolist(), self.class_id.tolist()
        tracks = repeat(self.UNTRACKED) if self.track_id is None else self.track_id.tolist()
        for (x1, y1, x2, y2), score, number, track_id in zip(*columns, tracks, strict=False):
            track = None if track_id == self.UNTRACKED else track_id
            yield Detection((x1, y1, x2, y2), score, number, self.label_of(number), track)

    def label_of(self, class_id: int) -> str:
        """The name of a class, or its number where it has none."""
        named = 0 <= class_id < len(self.labels)
        return self.labels[class_id] if named else str(class_id)


@dataclass(frozen=True, slots=True)
class Labels:
    """What the view is, or the part of it in a box: (label, score) rows, best first.

    rows      a model's scores are 0 to 1
    box       what they are said of, in frame pixels; None for the whole view
    track_id  the track that they are said of, or None
    """

    rows: tuple[tuple[str, float], ...]
    stage: str = ""
    box: Box | None = field(default=None, kw_only=True)
    track_id: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        rows = tuple([(str(label), checked_score(score)) for label, score in self.rows])
        object.__setattr__(self, "rows", rows)
        if self.box is not None or self.track_id is not None:
            _check_place(self, "a label's")


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Which class each place of the view belongs to.

    class_map  (height, width) uint8, at the resolution the model gives; UNSEEN where the view shows
               nothing of the frame, such as the bars of a letterbox
    labels     names of the classes; one without is called by its number
    to_frame   3x3 map from class-map pixels to frame pixels
    """

    class_map: NDArray[np.uint8]
    labels: tuple[str, ...]
    to_frame: geometry.Map
    stage: str = ""

    UNSEEN: ClassVar[int] = 255

    def __post_init__(self) -> None:
        class_map = np.array(self.class_map)
        if class_map.dtype != np.uint8 or class_map.ndim != 2:
            raise StageError(
                f"class_map is (height, width) uint8, not {class_map.shape} {class_map.dtype}"
            )
        object.__setattr__(self, "class_map", read_only(class_map))
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "to_frame", checked_map(self.to_frame))

    def shares(self) -> tuple[tuple[str, float], ...]:
        """The share of what is seen that each class present covers, 0 to 1, largest first."""
        counts = np.bincount(self.class_map.ravel(), minlength=self.UNSEEN + 1)[: self.UNSEEN]
        order = np.argsort(-counts, kind="stable")
        total = max(1, int(counts.sum()))
        return tuple((self.label_of(int(i)), float(counts[i]) / total) for i in order if counts[i])

    def label_of(self, class_id: int) -> str:
        """The name of a class, or its number where it has none."""
        return self.labels[class_id] if class_id < len(self.labels) else str(class_id)


@dataclass(frozen=True, slots=True)
class Text:
    """A string read from the frame, its score, 0 to 1, its box in frame pixels, and its track if any."""

    text: str
    score: float
    box: Box
    stage: str = ""
    track_id: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", str(self.text))
        object.__setattr__(self, "score", checked_score(self.score))
        object.__setattr__(self, "box", checked_box("a text's", self.box))
        object.__setattr__(self, "track_id", checked_track(self.track_id))


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A vector that stands for what the view shows, or the part of it in a box.

    Vectors of one model are near each other where what they stand for is alike.

    vector    (d,) float32, of no unit
    box       what it is made of, in frame pixels; None for the whole view
    track_id  the track that it stands for, or None
    """

    vector: NDArray[np.float32]
    box: Box | None = None
    track_id: int | None = None
    stage: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "vector", checked_column("vector", self.vector, np.float32, (-1,)))
        _check_place(self, "an embedding's")


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image that a stage made, to be sent on images/<name>.

    image     (height, width, 3) uint8 BGR, or (height, width) uint8 for a map such as a mask
    name      the last part of its topic; empty: the stage's name
    encoding  "jpeg" for what people look at, "png" where every value counts
    to_frame  3x3 map from its pixels to frame pixels where it shows the frame, None where it shows
              no part of it; a stage that hides something paints it here too
    """

    image: NDArray[np.uint8]
    name: str = ""
    encoding: str = "jpeg"
    to_frame: geometry.Map | None = None
    stage: str = ""

    def __post_init__(self) -> None:
        if self.encoding not in ("jpeg", "png"):
            raise StageError(f"a picture is encoded as jpeg or png, not {self.encoding}")
        if not self.name.isprintable() or any(mark in self.name for mark in "/+#"):
            raise StageError(f"a picture's name is one part of a topic, without / + #: {self.name!r}")
        flat = self.image.ndim == 2 and self.image.dtype == np.uint8 and self.image.size > 0
        object.__setattr__(self, "image", read_only(self.image) if flat else as_image(self.image))
        if self.to_frame is not None:
            object.__setattr__(self, "to_frame", checked_map(self.to_frame))


Finding: TypeAlias = Detections | Labels | Segments | Text | Embedding | Picture
F = TypeVar("F", bound=Finding)


def signed(finding: F, stage: str) -> F:
    """A copy that names the stage; what was checked when the finding was made is not checked again."""
    kind: type[Any] = type(finding)
    copy: F = object.__new__(kind)
    for name in _field_names(cast("Hashable", kind)):
        object.__setattr__(copy, name, getattr(finding, name))
    object.__setattr__(copy, "stage", stage)
    return copy


@cache
def _field_names(kind: Hashable) -> tuple[str, ...]:
    return tuple(each.name for each in fields(cast("type[Any]", kind)))


def _check_place(finding: Labels | Embedding, whose: str) -> None:
    """Make the box and the track of a finding plain, where it has them."""
    box = None if finding.box is None else checked_box(whose, finding.box)
    object.__setattr__(finding, "box", box)
    object.__setattr__(finding, "track_id", checked_track(finding.track_id))
