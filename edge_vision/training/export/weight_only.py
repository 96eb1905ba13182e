"""Weight-only int8: kernels stored as bytes, everything computed in floats; a third of the size."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from edge_vision.data.errors import TrainingError
from edge_vision.training.export.flatbuffer import Content


def weight_only(content: Content) -> Content:
    """A float .tflite file with its kernels as int8, a scale for each output channel.

    It runs as fast as the float file: the runtime unpacks the kernels once, when it opens it. Needs
    the package ai-edge-quantizer, and no TensorFlow.
    """
    try:
        quantizer: Any = import_module("ai_edge_quantizer.quantizer")
        recipe: Any = import_module("ai_edge_quantizer.recipe")
    except ImportError as error:
        raise TrainingError(
            f"weight-int8 needs the package ai-edge-quantizer: pip install ai-edge-quantizer ({error})"
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "float.tflite"
        file.write_bytes(content)
        made = quantizer.Quantizer(str(file))
        made.load_quantization_recipe(recipe.weight_only_wi8_afp32())
        return bytes(made.quantize().quantized_model)
