"""Perceptual losses: how differently a trained network sees two pictures, or a picture and a style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import keras
from keras import ops
from numpy.typing import NDArray

from edge_vision.data.errors import TrainingError, suggestion
from edge_vision.training.fitting.losses import ExampleLoss

_WHITE = 255.0
_NOTHING = 1e-6
"""Added to what is divided by, for pictures of a single colour."""


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
            features = self.seen(_batch(style_of), training=False)
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


class Distances(NamedTuple):
    """How far pictures are from what a painting is to be, each (n,) float32.

    content  mean squared difference of what is seen, in variances of what is seen in the truth
    style    squared difference of means and covariances of what is seen, as shares of the style's
    rough    mean difference between neighbouring pixels, as a share of white
    """

    content: Any
    style: Any
    rough: Any


USUAL = Distances(1.0, 10.0, 1.0)
"""What the distances usually count in the loss."""

Statistics: TypeAlias = dict[tuple[int, str], tuple[Any, Any]]
"""Means (n, channels) and covariances (n, channels, channels), by scale and layer."""


class Painting(ExampleLoss):
    """How far pictures are from the truth painted in the style that it is told, seen by a network.

    As `Perceptual`, but for several styles, and made for a small network that never saw a painting: the
    style is the means and the covariances of features (for which Gram matrices stand in Gatys and
    others, "Image style transfer using convolutional neural networks", 2016) at several scales, so that
    small fields of view judge broad strokes too (Gatys and others, "Controlling perceptual factors in
    neural style transfer", 2017, 6), and every difference is relative, so that each layer counts as
    its weight says.

    truth     (n, height, width, channels + 1) pixel values 0 to 255; behind the channels of the picture,
              in each place, the number of the style
    pictures  (n, height, width, channels) the painted pictures, 0 to 255

    network  a functional model of one input; it is only looked through, never trained
    content  layers that shall see what they see in the truth, by name, with their weights
    style    layers to which the style shall look alike, by name, with their weights
    styles   the style pictures, each (height, width, channels), in the order of their numbers
    scales   so many times smaller the style is looked at, all counting alike; the content is not
    weights  of the three distances in the loss
    """

    def __init__(
        self,
        network: Any,
        content: Mapping[str, float],
        style: Mapping[str, float],
        styles: Sequence[NDArray[Any]],
        scales: Sequence[int] = (1, 2, 4),
        weights: Distances = USUAL,
    ) -> None:
        super().__init__(name="painting")
        self.content, self.style = _shares(content), _shares(style)
        self.scales, self.weights = tuple(scales), weights
        # What is seen of the painted pictures themselves serves both, so it is computed once.
        self.seen = _features(network, tuple(dict.fromkeys((*content, *style))))
        self.seen_smaller = _features(network, tuple(style))
        self.seen_truth = _features(network, tuple(content))
        each = [self._statistics(_batch(picture)) for picture in styles]
        self.aims = {
            key: [ops.concatenate([of[key][part] for of in each]) for part in (0, 1)] for key in each[0]
        }

    def call(self, truth: Any, pictures: Any) -> Any:
        """The loss of each example, (n,)."""
        return self.weighed(self.distances(truth, pictures))

    def weighed(self, distances: Distances) -> Any:
        """The loss that distances amount to."""
        return sum(weight * each for weight, each in zip(self.weights, distances, strict=True))

    def distances(self, truth: Any, pictures: Any) -> Distances:
        """The parts of the loss, without their weights."""
        number = ops.cast(truth[:, 0, 0, -1], "int32")
        wanted = self.seen_truth(ops.cast(truth[..., :-1], pictures.dtype), training=False)
        seen = self.seen(pictures, training=False)
        return Distances(
            self._from_content(seen, wanted),
            self._from_style(self._statistics(pictures, seen), number),
            roughness(pictures),
        )

    def _from_content(self, seen: Mapping[str, Any], wanted: Mapping[str, Any]) -> Any:
        total = 0.0
        for layer, share in self.content.items():
            spread = ops.mean(ops.var(wanted[layer], axis=(1, 2)), axis=-1)
            difference = ops.mean(ops.square(seen[layer] - wanted[layer]), axis=(1, 2, 3))
            total = total + share * difference / (spread + _NOTHING)
        return total

    def _from_style(self, found: Statistics, number: Any) -> Any:
        total = 0.0
        for (scale, layer), (mean, covariance) in found.items():
            mean_aim, aim = (ops.take(part, number, axis=0) for part in self.aims[scale, layer])
            variance = ops.sum(ops.diagonal(aim, axis1=1, axis2=2), axis=1)
            colours = ops.sum(ops.square(mean - mean_aim), axis=1) / (variance + _NOTHING)
            size = ops.sum(ops.square(aim), axis=(1, 2))
            strokes = ops.sum(ops.square(covariance - aim), axis=(1, 2)) / (size + _NOTHING)
            total = total + self.style[layer] * (colours + strokes) / len(self.scales)
        return total

    def _statistics(self, pictures: Any, seen: Mapping[str, Any] | None = None) -> Statistics:
        """What the layers of the style see at each scale.

        seen  what they see of the pictures in their own size, where that is known
        """
        found: Statistics = {}
        for scale in self.scales:
            if scale > 1 or seen is None:
                smaller = ops.average_pool(pictures, scale, scale) if scale > 1 else pictures
                features = self.seen_smaller(smaller, training=False)
            else:
                features = seen
            found |= {(scale, layer): statistics(features[layer]) for layer in self.style}
        return found


def statistics(features: Any) -> tuple[Any, Any]:
    """Means (n, channels) and covariances (n, channels, channels) of features over all places.

    features  (n, height, width, channels)
    """
    mean = ops.mean(features, axis=(1, 2), keepdims=True)
    return mean[:, 0, 0], gram(features - mean) * features.shape[-1]


def roughness(pictures: Any) -> Any:
    """The mean difference between neighbouring pixels, (n,), as a share of white: total variation.

    pictures  (n, height, width, channels) pixel values 0 to 255
    """
    down = ops.mean(ops.abs(pictures[:, 1:] - pictures[:, :-1]), axis=(1, 2, 3))
    across = ops.mean(ops.abs(pictures[:, :, 1:] - pictures[:, :, :-1]), axis=(1, 2, 3))
    return (down + across) / _WHITE


def gram(features: Any) -> Any:
    """The Gram matrix of features' channels, (n, channels, channels): how they appear together.

    features  (n, height, width, channels)
    """
    height, width, channels = features.shape[1:]
    places = height if height is not None else ops.shape(features)[1]
    places = places * (width if width is not None else ops.shape(features)[2])
    flat = ops.reshape(features, (-1, places, channels))
    return ops.matmul(ops.transpose(flat, (0, 2, 1)), flat) / ops.cast(places * channels, flat.dtype)


def _batch(picture: NDArray[Any]) -> Any:
    return ops.convert_to_tensor(picture[None], "float32")


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights as shares of their sum."""
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _features(network: Any, layers: tuple[str, ...]) -> Any:
    """The part of a network that gives the outputs of some layers, by name."""
    known = {layer.name: layer for layer in network.layers}
    for name in layers:
        if name not in known:
            raise TrainingError(f"the network has no layer {name}{suggestion(name, known)}")
    return keras.Model(network.inputs[0], {name: known[name].output for name in layers})
