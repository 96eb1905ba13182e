"""Nearness: how near the pictures that a form of a model makes are to those of the network in Keras."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_vision.adapters.catalogue import adapter_of
from edge_vision.adapters.pictures import IMAGE, Range, RealPicture
from edge_vision.contracts.model import Model
from edge_vision.data.frame import Image
from edge_vision.service.models.stimuli import answers
from edge_vision.training.evaluation.images import psnr
from edge_vision.training.recipe import Inputs

COMPARED = 12
"""So many sequences are compared."""
EQUAL = 99.0
"""Decibels that stand for pictures without any difference."""


def nearness(network: Model, form: Model, sequences: Sequence[Sequence[Inputs]]) -> float | None:
    """The peak signal-to-noise ratio in decibels of all pictures that a form makes.

    network    the one in Keras; what it makes is the signal
    sequences  runs in a row; the first of them are compared

    None where the model makes no pictures.
    """
    if network.bundle.layout != IMAGE.name:
        return None
    chosen = sequences[:COMPARED]
    wanted, made = (_pictures(model, chosen) for model in (network, form))
    return min(psnr(np.concatenate(made), np.concatenate(wanted)), EQUAL)


def _pictures(model: Model, sequences: Sequence[Sequence[Inputs]]) -> list[Image]:
    """What a model makes, as a stage would send it."""
    read = adapter_of(model.bundle, RealPicture).read
    found = [read(outputs) for sequence in sequences for outputs in answers(model, sequence)]
    known: Range = "0..1"
    for each in found:
        known = each.wider(known) if each.told is None else each.told
    return [each.pixels(known) for each in found]
