"""A result: all that is known about one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.data.errors import StageError
from edge_vision.data.findings import Detections, Finding, Picture, signed
from edge_vision.data.frame import Frame, Image
from edge_vision.data.view import View
from edge_vision.data.warp import Warp, reference_warp

F = TypeVar("F", bound=Finding)
Paint = Callable[[NDArray[np.uint8], geometry.Map], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """All that is known about one frame. Frozen: a stage returns a changed copy.

    frame     the captured frame
    view      what the next stage looks at
    findings  what stages said, in the order they said it; each names its stage
    timings   milliseconds each stage took, by the stage's name
    sequence  counts the delivered results of the camera from 1; 0 before delivery
    """

    frame: Frame
    view: View
    findings: tuple[Finding, ...] = ()
    timings: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    sequence: int = 0

    @classmethod
    def of(cls, frame: Frame, warp: Warp = reference_warp) -> Result:
        """A result that knows nothing yet about the frame."""
        return cls(frame, View.of(frame, warp))

    def add(self, *findings: Finding) -> Result:
        """A copy that says more."""
        return Result(self.frame, self.view, self.findings + findings, self.timings, self.sequence)

    def exchange(self, finding: Finding, by: Finding) -> Result:
        """A copy that says something else in place of one finding, and keeps its stage's name."""
        said = signed(by, finding.stage)
        findings = tuple(said if each is finding else each for each in self.findings)
        return Result(self.frame, self.view, findings, self.timings, self.sequence)

    def with_view(self, view: View) -> Result:
        """A copy whose next stage looks at another view."""
        return Result(self.frame, view, self.findings, self.timings, self.sequence)

    def numbered(self, sequence: int) -> Result:
        """A copy that is delivered under this number."""
        return Result(self.frame, self.view, self.findings, self.timings, sequence)

    def all(self, kind: type[F], stages: tuple[str, ...] | None = None) -> Iterator[F]:
        """The findings of one kind, in order; of the named stages only, where they are given."""
        for finding in self.findings:
            if isinstance(finding, kind) and (stages is None or finding.stage in stages):
                yield finding

    @property
    def detections(self) -> tuple[Detections, ...]:
        """All Detections, in order."""
        return tuple(self.all(Detections))

    def repainted(self, paint: Paint) -> Result:
        """A copy in which every picture of the frame went through `paint`, and none is left as it was.

        `paint(image, to_frame)` is given each image that shows the frame (the frame's own, the
        view's pixels where a photometric stage made them, pictures made by earlier stages) with the
        3x3 map from its pixels to frame pixels, and returns the new image of the same size; a map
        such as a mask comes as (height, width). Raises StageError where the size is another.
        """
        frame = replace(self.frame, image=_painted(paint, self.frame.image, geometry.identity()))
        if self.view.base is self.frame.image:
            base = frame.image
        else:
            base = _painted(paint, self.view.base, self.view.base_to_frame)
        view = replace(self.view, frame=frame, base=base)
        return replace(
            self, frame=frame, view=view, findings=tuple(_repaint(f, paint) for f in self.findings)
        )


def _repaint(finding: Finding, paint: Paint) -> Finding:
    if isinstance(finding, Picture) and finding.to_frame is not None:
        return replace(finding, image=_painted(paint, finding.image, finding.to_frame))
    return finding


def _painted(paint: Paint, image: Image, to_frame: geometry.Map) -> Image:
    painted = paint(image, to_frame)
    if painted.shape[:2] != image.shape[:2]:
        raise StageError(f"the painted image is {painted.shape[:2]}, the one given {image.shape[:2]}")
    return painted
