"""Averaged weights: what is validated and kept where settings.ema asks for a moving average."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from edge_vision.training.fitting.epoch_data import EpochData
from edge_vision.training.fitting.learner import arranged
from edge_vision.training.fitting.state import State

MEASURED_BATCHES = 16
"""From at most so many batches the normalisation of averaged weights is measured."""


@contextmanager
def averaged(network: Any, optimiser: Any, data: EpochData, batch: int) -> Iterator[None]:
    """The network with the moving average of its weights; afterwards it has its own again.

    The means and variances of BatchNormalization are measured anew, as they belong to other weights:
    Izmailov and others, "Averaging weights leads to wider optima and better generalization", 2018.
    """
    if not optimiser.use_ema:
        yield
        return
    own = State.of(network.variables)
    optimiser.put_average(network.trainable_variables)
    try:
        _measure(network, data, batch)
        yield
    finally:
        own.put(network.variables)


def _measure(network: Any, data: EpochData, batch: int) -> None:
    """Set the kept means and variances to those over some batches, each counted alike."""
    layers = list(_normalising(network))
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    try:
        for number, first in enumerate(range(0, min(len(data), MEASURED_BATCHES * batch), batch)):
            for layer in layers:
                layer.momentum = number / (number + 1)
            rows = data.rows(slice(first, first + batch))
            network(arranged(network, rows.inputs), training=True)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


def _normalising(network: Any) -> Iterator[Any]:
    """The layers of a network that keep statistics of batches."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            yield layer
        elif hasattr(layer, "layers"):
            yield from _normalising(layer)
