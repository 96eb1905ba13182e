"""A classifier as it is after a training, and the .tflite files of it, made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIZE = (40, 32)
"""(width, height) of the pictures that the files take."""

Classifier = Callable[..., Any]


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """Make a classifier from a seed, whose normalisations have been trained, as it were."""
    pytest.importorskip("tensorflow")
    import keras  # noqa: PLC0415 - only where it is installed

    from edge_vision.training.networks.backbone import BackboneOptions, backbone  # noqa: PLC0415
    from edge_vision.training.networks.blocks import class_head  # noqa: PLC0415

    def make(seed: int, classes: int = 4, **options: Any) -> Any:
        keras.utils.set_random_seed(seed)
        body = backbone(BackboneOptions(**{"width": 0.25, "embedding": 16, **options}))
        made = keras.Model(body.input, {"scores": class_head(body.output["embedding"], classes)})
        random = np.random.default_rng(seed)
        for layer in made.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                spread, shift = (random.uniform(0.5, 1.5, layer.gamma.shape) for _ in range(2))
                layer.set_weights([spread, shift - 1, 1 - spread, shift])
        return made

    return make


@pytest.fixture(scope="session")
def file_of(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The .tflite file, in some form, of the classifier with seed 1."""
    from edge_vision.training.networks.device import for_device  # noqa: PLC0415
    from tests.training.converting import converted  # noqa: PLC0415

    @cache
    def make(form: str) -> Path:
        return converted(for_device(classifier(1), SIZE), tmp_path_factory.mktemp("files"), form)

    return make
