"""The stage classify: what the whole view is."""

from __future__ import annotations

import numpy as np

from edge_vision import Labels, ModelName, Result, Stage, StageContext, option
from edge_vision import Options as BaseOptions
from edge_vision_recognition.scores import class_labels, class_probabilities


class Classify(Stage):
    """Says what the whole view is, by a model with one score a class."""

    name = "classify"

    class Options(BaseOptions):
        """Options of classify."""

        model: ModelName = option(..., "The classifier, as named in [models].")
        top: int = option(5, "So many labels at most, best first.", live=True, ge=1, le=100)
        min_score: float = option(0.0, "Labels with a lower score are left out.", live=True, ge=0, le=1)

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._model = context.model(options.model)
        bundle = self._model.bundle
        self._image = bundle.image_input
        self._scores = bundle.output("scores")
        self._labels = class_labels(bundle.labels, int(np.prod(self._scores.shape)), bundle.name)

    def __call__(self, result: Result) -> Result:
        """Add the best labels."""
        options = self.options
        pixels = result.view.pixels(self._image.size)
        outputs = self._model({self._image.name: self._image.from_pixels(pixels)})
        scores = class_probabilities(self._scores, outputs[self._scores.name])
        best = np.argsort(-scores, kind="stable")[: options.top]
        rows = tuple((self._labels[i], float(scores[i])) for i in best if scores[i] >= options.min_score)
        return result.add(Labels(rows))
