"""The stage read: what is written in the view."""

from __future__ import annotations

from edge_vision import (
    ModelName,
    ReadText,
    Result,
    Runner,
    Stage,
    StageContext,
    Text,
    View,
    geometry,
    option,
)
from edge_vision import Options as BaseOptions


class Read(Stage):
    """Reads what is written in the view, by a model that gives characters, or texts as classes."""

    name = "read"

    class Options(BaseOptions):
        """Options of read."""

        model: ModelName = option(..., "The reader, as named in [models].")
        min_score: float = option(0.0, "A text of lower probability is left out.", live=True, ge=0, le=1)
        reset_after: float = option(
            2.0, "A recurrent model starts anew after so long without a frame.", unit="s", gt=0
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._run = Runner(context.model(options.model), ReadText, options.reset_after)
        self.stateful = self._run.recurrent

    def __call__(self, result: Result) -> Result:
        """Add the text, where something is read; its box is the part of the frame the view shows."""
        options = self.options
        found = self._run(self._run.view(result.view))
        text = found.text.strip()
        box = _bounds(result.view)
        if not text or found.score < options.min_score or geometry.areas(box)[0] <= 0.0:
            return result
        x1, y1, x2, y2 = box[0].tolist()
        return result.add(Text(text, found.score, (x1, y1, x2, y2)))


def _bounds(view: View) -> geometry.Boxes:
    """The upright box around what a view shows of the frame, (1, 4), in frame pixels."""
    box = view.boxes_to_frame([(0.0, 0.0, view.width, view.height)])
    return geometry.clip_boxes(box, view.frame.width, view.frame.height)
