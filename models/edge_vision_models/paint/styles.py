"""Styles: a folder with a picture of each, whose file names are their labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError
from edge_vision.training.data.files import look_at
from edge_vision.training.data.pictures import UnreadableError, read_picture


@dataclass(frozen=True, slots=True, eq=False)
class Styles:
    """The style pictures of a folder.

    labels    what each is called: the file's name without its ending, in natural order
    pictures  each (height, width, 3) float32 red, green, blue, 0 to 255
    """

    labels: tuple[str, ...]
    pictures: tuple[NDArray[np.float32], ...]

    @classmethod
    def read(cls, written: str, side: int) -> Styles:
        """All pictures below a folder; raises TrainingError where there are none to learn from.

        side  pixels of the shorter side of what is given
        """
        if not written:
            raise TrainingError(
                "which styles shall be learnt? --set styles=FOLDER names a folder with a picture of each"
            )
        folder = Path(written)
        paths = look_at(folder).pictures()
        labels = tuple(path.stem for path in paths)
        if not labels:
            raise TrainingError(f"{folder}: there is no picture in it; a style is a picture")
        if double := sorted({label for label in labels if labels.count(label) > 1}):
            raise TrainingError(f"{folder}: two styles are called {double[0]}; rename one of the files")
        return cls(labels, tuple(_read(folder / path, side) for path in paths))

    def number_of(self, label: str) -> int:
        """The number of a style; raises TrainingError where there is none of that name."""
        if label not in self.labels:
            raise TrainingError(
                f"there is no picture of the style {label}, only of {', '.join(self.labels)}"
            )
        return self.labels.index(label)


def _read(file: Path, side: int) -> NDArray[np.float32]:
    try:
        picture = read_picture(file)
    except UnreadableError as error:
        raise TrainingError(f"{file}: {error}") from None
    factor = side / min(picture.shape[:2])
    width, height = (max(side, round(length * factor)) for length in picture.shape[1::-1])
    road = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=road), np.float32)
