"""The stage classify: what the whole view is."""

from __future__ import annotations

from edge_vision import ClassScores, Labels, ModelName, Result, Runner, Stage, StageContext, option
from edge_vision import Options as BaseOptions


class Classify(Stage):
    """Says what the whole view is, by a model with one score a class."""

    name = "classify"

    class Options(BaseOptions):
        """Options of classify."""

        model: ModelName = option(..., "The classifier, as named in [models].")
        top: int = option(5, "So many labels at most, best first.", live=True, ge=1, le=100)
        min_score: float = option(0.0, "Labels with a lower score are left out.", live=True, ge=0, le=1)
        reset_after: float = option(
            2.0, "A recurrent model starts anew after so long without a frame.", unit="s", gt=0
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._run = Runner(context.model(options.model), ClassScores, options.reset_after)
        self.stateful = self._run.recurrent

    def __call__(self, result: Result) -> Result:
        """Add the best labels."""
        options = self.options
        scores = self._run(self._run.view(result.view))
        return result.add(Labels(scores.best(options.top, options.min_score)))
