"""The stage segment: which class each place of the view belongs to."""

from __future__ import annotations

from edge_vision import (
    ModelBundle,
    ModelError,
    ModelName,
    Picture,
    Result,
    Segments,
    Stage,
    StageContext,
    TensorSpec,
    geometry,
    option,
)
from edge_vision import Options as BaseOptions
from edge_vision_segmentation.classes import class_map, map_size
from edge_vision_segmentation.seen import over_frame, unseen


class Segment(Stage):
    """Says which class each place of the view belongs to, by a model with a class map or scores."""

    name = "segment"

    class Options(BaseOptions):
        """Options of segment."""

        model: ModelName = option(..., "The segmentation model, as named in [models].")
        mask: bool = option(
            False,
            "Also send the classes as a PNG of the frame's size, one grey value a class.",
            live=True,
        )

    options: Options

    def __init__(self, options: Options, context: StageContext) -> None:
        super().__init__(options, context)
        self._model = context.model(options.model)
        bundle = self._model.bundle
        self._image = bundle.image_input
        self._output = _classes_output(bundle)
        self._size = map_size(self._output, bundle.labels, bundle.name)
        self._labels = bundle.labels

    def __call__(self, result: Result) -> Result:
        """Add the classes, and the mask where it is wanted."""
        options, view = self.options, result.view
        pixels = view.pixels(self._image.size)
        outputs = self._model({self._image.name: self._image.from_pixels(pixels)})
        classes = class_map(self._output, outputs[self._output.name])
        width, height = self._size
        to_frame = view.to_frame @ geometry.scaling(view.width / width, view.height / height)
        nothing = unseen(view, to_frame, self._size)
        if nothing is not None:
            classes[nothing] = Segments.UNSEEN
        segments = Segments(classes, self._labels, to_frame)
        if not options.mask:
            return result.add(segments)
        mask = over_frame(segments, (result.frame.width, result.frame.height))
        # It shows class numbers, no part of the frame: a stage that hides something must not blur them.
        return result.add(segments, Picture(mask, encoding="png", to_frame=None))


def _classes_output(bundle: ModelBundle) -> TensorSpec:
    for spec in bundle.outputs:
        if spec.meaning in ("class-map", "class-scores"):
            return bundle.output(spec.meaning)
    seen = ", ".join(str(spec) for spec in bundle.outputs)
    raise ModelError(f"{bundle.name}: needs an output that means class-map or class-scores, has {seen}")
