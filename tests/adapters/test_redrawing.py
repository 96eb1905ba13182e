from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.pictures import RealPicture
from edge_vision.adapters.redrawing import Redrawing
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError

IMAGE = TensorSpec("image", (1, 32, 48, 3), "uint8")
PICTURE = TensorSpec("redrawn", (1, 32, 48, 3), "float32", meaning="image")


def bundle(heat: TensorSpec) -> ModelBundle:
    return describe(ModelBundle("usual", Path("m.tflite"), inputs=(IMAGE,), outputs=(PICTURE, heat)))


def test_a_declared_heat_makes_a_redrawing_that_can_be_read_as_a_picture_too() -> None:
    known = bundle(TensorSpec("heat", (1, 8, 12, 1), "float32", meaning="heat"))
    assert (known.task, known.layout) == ("generate", "image-and-heat")
    heat = np.full((1, 8, 12, 1), -1.0, np.float32)
    heat[0, 2, 3] = 2.5
    outputs = {"redrawn": np.full(PICTURE.shape, 0.5, np.float32), "heat": heat}
    reading = adapter_of(known, Redrawing).read(outputs)
    assert reading.heat.shape == (8, 12)
    assert (reading.heat[2, 3], reading.heat[0, 0]) == (2.5, 0.0)
    assert reading.picture.pixels("0..1")[0, 0].tolist() == [128] * 3
    assert adapter_of(known, RealPicture).read(outputs).values.shape == (32, 48, 3)


def test_a_quantised_heat_is_read_as_real_values() -> None:
    heat = TensorSpec("heat", (1, 8, 12, 1), "int8", Quantisation(0.1, -128), "heat")
    outputs: dict[str, np.ndarray[Any, Any]] = {
        "redrawn": np.zeros(PICTURE.shape, np.float32),
        "heat": np.full(heat.shape, -118, np.int8),
    }
    assert adapter_of(bundle(heat), Redrawing).read(outputs).heat.max() == pytest.approx(1.0)


def test_a_heat_of_several_values_a_place_is_refused() -> None:
    known = bundle(TensorSpec("heat", (1, 8, 12, 2), "float32", meaning="heat"))
    with pytest.raises(ModelError, match=r"has not the shape \(1, height, width, 1\)"):
        adapter_of(known, Redrawing)
