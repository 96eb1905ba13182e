"""The perceptual loss: how differently a trained network sees two pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError, suggestion
from edge_vision.training.fitting.losses import ExampleLoss


class Perceptual(ExampleLoss):
    """Differences between pictures in the features, and in the style, that a trained network sees.

    Johnson and others, "Perceptual losses for real-time style transfer and super-resolution", 2016:
    the mean squared difference of a layer's features, and for style the squared differences of the
    Gram matrices of its channels, each divided by height x width x channels.

    truth, pictures  (n, height, width, channels) as the network takes them, pixel values 0 to 255

    network   a functional model of one input; it is only looked through, never trained
    content   layers whose features shall be as the truth's, by name, with their weights
    style     layers whose Gram matrices shall be as the style picture's, by name, with their weights
    style_of  (height, width, channels) the style picture; None takes the style of the truth
    """

    def __init__(
        self,
        network: Any,
        content: Mapping[str, float],
        style: Mapping[str, float] | None = None,
        style_of: NDArray[Any] | None = None,
        name: str = "perceptual",
    ) -> None:
        super().__init__(name=name)
        self.content = dict(content)
        self.style = dict(style or {})
        self.seen = _features(network, (*self.content, *self.style))
        self.grams: dict[str, Any] | None = None
        if style_of is not None:
            features = self.seen(ops.convert_to_tensor(style_of[None], "float32"), training=False)
            self.grams = {layer: ops.stop_gradient(gram(features[layer])) for layer in self.style}

    def call(self, truth: Any, pictures: Any) -> Any:
        """The loss of each example, (n,)."""
        seen, wanted = self.seen(pictures, training=False), self.seen(truth, training=False)
        loss = 0.0 * ops.sum(pictures, axis=(1, 2, 3))
        for layer, weight in self.content.items():
            loss = loss + weight * ops.mean(ops.square(seen[layer] - wanted[layer]), axis=(1, 2, 3))
        for layer, weight in self.style.items():
            aim = gram(wanted[layer]) if self.grams is None else self.grams[layer]
            loss = loss + weight * ops.sum(ops.square(gram(seen[layer]) - aim), axis=(1, 2))
        return loss


def gram(features: Any) -> Any:
    """The Gram matrix of features' channels, (n, channels, channels): how they appear together.

    features  (n, height, width, channels)
    """
    height, width, channels = features.shape[1:]
    places = height if height is not None else ops.shape(features)[1]
    places = places * (width if width is not None else ops.shape(features)[2])
    flat = ops.reshape(features, (-1, places, channels))
    return ops.matmul(ops.transpose(flat, (0, 2, 1)), flat) / ops.cast(places * channels, flat.dtype)


def _features(network: Any, layers: tuple[str, ...]) -> Any:
    """The part of a network that gives the outputs of some layers, by name."""
    known = {layer.name: layer for layer in network.layers}
    for name in layers:
        if name not in known:
            raise TrainingError(f"the network has no layer {name}{suggestion(name, known)}")
    return keras.Model(network.inputs[0], {name: known[name].output for name in layers})
