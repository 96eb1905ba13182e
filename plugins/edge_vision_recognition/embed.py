"""The stage embed: a vector that stands for what the view shows."""

from __future__ import annotations

from edge_vision import Embedding, ModelName, Result, Runner, Stage, StageContext, Vector, option
from edge_vision import Options as BaseOptions


class Embed(Stage):
    """Adds a vector that stands for the whole view, for subscribers to compare with others."""

    name = "embed"

    class Options(BaseOptions):
        """Options of embed."""

        model: ModelName = option(..., "The embedder, as named in [models].")
        normalise: bool = option(
            False, "Scale the vector to the length 1, so that a product tells the cosine.", live=True
        )
        reset_after: float = option(
            2.0, "A recurrent model starts anew after so long without a frame.", unit="s", gt=0
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._run = Runner(context.model(options.model), Vector, options.reset_after)
        self.stateful = self._run.recurrent

    def __call__(self, result: Result) -> Result:
        """Add the vector."""
        normalise = self.options.normalise
        vector = self._run(self._run.view(result.view))
        return result.add(Embedding((vector.normalised() if normalise else vector).values))
