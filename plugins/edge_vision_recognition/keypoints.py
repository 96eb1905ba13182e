"""The stage keypoints: where people's joints are, or the points of whatever a model knows."""

from __future__ import annotations

from edge_vision import ModelName, Poses, Result, Runner, Stage, StageContext, option
from edge_vision import Options as BaseOptions
from edge_vision_recognition.answers import poses_in_frame


class Keypoints(Stage):
    """Says where the key points of people are, or of whatever the model knows by its points.

    Each pose becomes a detection: its key points, and the box around those that are sure enough.
    """

    name = "keypoints"

    class Options(BaseOptions):
        """Options of keypoints."""

        model: ModelName = option(..., "The model of key points, as named in [models].")
        min_score: float = option(
            0.3,
            "Poses with a lower score, which is the mean of their points', are left out; "
            "points with a lower score do not count for the box.",
            live=True,
            ge=0,
            le=1,
        )
        reset_after: float = option(
            2.0, "A recurrent model starts anew after so long without a frame.", unit="s", gt=0
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._run = Runner(context.model(options.model), Poses, options.reset_after)
        self.stateful = self._run.recurrent

    def __call__(self, result: Result) -> Result:
        """Add the poses found, best first."""
        min_score, view = self.options.min_score, self._run.view(result.view)
        return result.add(poses_in_frame(self._run(view), view, min_score))
