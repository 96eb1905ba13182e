"""Bundles of detectors for the tests of their adapters, and what the adapters read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.candidates import Candidates
from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec


def detector(
    *outputs: TensorSpec,
    size: tuple[int, int] = (64, 64),
    labels: tuple[str, ...] = (),
    facts: FileFacts | None = None,
    **known: Any,
) -> ModelBundle:
    """A described bundle with an image input of (width, height); known are further fields of it."""
    width, height = size
    image = TensorSpec("image", (1, height, width, 3), "uint8")
    made = ModelBundle("m", Path("m.tflite"), labels, inputs=(image,), outputs=outputs)
    return describe(replace(made, facts=facts or FileFacts(), **known))


def output(
    *shape: int, name: str = "o", dtype: str = "float32", scale: float = 0.0, zero: int = 0
) -> TensorSpec:
    """An output of a model, quantised where a scale is given."""
    return TensorSpec(name, shape, dtype, Quantisation(scale, zero) if scale else None)


def produced(operator: str, **places: int) -> FileFacts:
    """Facts of a graph in which one operator gives these outputs, each by its place."""
    return FileFacts(
        operators={operator: 1},
        producers={name: Producer(operator, place) for name, place in places.items()},
    )


def read(bundle: ModelBundle, *arrays: NDArray[Any]) -> Candidates:
    """What the bundle's adapter reads from one array for each output, in their order."""
    adapter = adapter_of(bundle, Candidates)
    return adapter.read(
        {
            spec.name: np.asarray(array).reshape(spec.shape).astype(spec.dtype)
            for spec, array in zip(bundle.outputs, arrays, strict=True)
        }
    )


def stored(spec: TensorSpec, values: NDArray[Any]) -> NDArray[Any]:
    """Real values as a quantised output stores them."""
    assert spec.quantisation is not None
    limits = np.iinfo(spec.dtype)
    steps = np.rint(np.asarray(values) / spec.quantisation.scale) + spec.quantisation.zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max), dtype=spec.dtype)
