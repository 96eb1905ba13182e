"""Redrawing: a picture of what a camera usually sees, and how unusual each place of the view is.

The meaning this adds:

heat  (1, height, width, 1) how unusual each place is, 0 or more; what reaches 1 is seldom normal
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import Adapter, Layout, Outputs
from edge_vision.adapters.pictures import IMAGE, ImageDecoding, RealPicture
from edge_vision.contracts.model import ModelBundle
from edge_vision.data.errors import ModelError, StageError


@dataclass(frozen=True, slots=True)
class Redrawing:
    """A view as a model that knows its usual looks redraws it.

    picture  what it redraws
    heat     (height, width) float32, 0 or more, how unusual each place of the view is; 1 is what the
             model was calibrated to
    """

    picture: RealPicture
    heat: NDArray[np.float32]


def _adapter(bundle: ModelBundle, options: ImageDecoding) -> Adapter[Redrawing]:
    """Reads the picture and the heat."""
    spec = bundle.output("heat")
    if len(spec.shape) != 4 or spec.shape[0] != 1 or spec.shape[3] != 1:
        raise ModelError(f"{bundle.name}: the output {spec} has not the shape (1, height, width, 1)")
    picture: Adapter[RealPicture] = IMAGE.adapter(bundle, options)

    def read(outputs: Outputs) -> Redrawing:
        heat = spec.real(outputs[spec.name])[0, :, :, 0]
        if not np.isfinite(heat).all():
            raise StageError(f"the model's output {spec.name} (heat) holds values that are no numbers")
        return Redrawing(picture.read(outputs), np.maximum(heat, np.float32(0.0)))

    return Adapter(read)


REDRAWING = Layout(
    name="image-and-heat",
    task="generate",
    says="a picture of what is usual, and how unusual each place is: for remember and generate",
    reading=Redrawing,
    meanings=("image", "heat"),
    recognise=lambda _: None,  # two maps may be many things: it is declared
    adapter=_adapter,
    options=ImageDecoding,
    also=(IMAGE,),
)
