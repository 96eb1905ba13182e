"""The networks of `room-actions`: what sees a frame, and what remembers the frames before."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from edge_vision.training.networks.backbone import EMBEDDING, BackboneOptions, backbone
from edge_vision.training.networks.keras_model import IMAGE
from edge_vision.training.networks.recurrent import Recurrence, next_outputs
from edge_vision_models.room_actions.sight import (
    AREA,
    FLOOR,
    LUMA,
    SIZE,
    SMALL,
    STRENGTH,
    Kept,
    differences,
)

SCORES, FEATURES, CHANGE = "scores", "features", "change"


class Networks(NamedTuple):
    """What has been learnt.

    eyes        from a picture "image" and its differences "change" to features (n, values)
    memory      from sequences of them, "features" (n, steps, values), to logits "scores" at each step
    recurrence  the GRU within it
    """

    eyes: Any
    memory: Any
    recurrence: Recurrence


class Scale(NamedTuple):
    """What brings features to about -1 to 1, (values,) each: features x factor + shift."""

    factor: NDArray[np.float32]
    shift: NDArray[np.float32]

    @classmethod
    def of(cls, features: NDArray[np.floating]) -> Scale:
        """That of features (n, values)."""
        spread = features.std(axis=0) + 0.02
        factor = (1.0 / spread).astype(np.float32)
        return cls(factor, (-features.mean(axis=0) / spread).astype(np.float32))


def seeing_backbone(width: float) -> Any:
    """Our backbone, for small pictures."""
    return backbone(BackboneOptions(width=width), SMALL)


def eyes(body: Any) -> Any:
    """What sees a frame: the backbone looks at it, and at how it differs; and sums of what changed.

    Takes "image" (n, 144, 192, 3) of 0 to 255 and "change" (n, 72, 96, 3); gives (n, values), of which
    the first ones, as many as an embedding has, are of the picture alone.
    """
    image = keras.Input((SIZE[1], SIZE[0], 3), name=IMAGE)
    change = keras.Input((SMALL[1], SMALL[0], 3), name=CHANGE)
    look = keras.Model(body.inputs[0], body.output[EMBEDDING], name="backbone")
    colours = layers.AveragePooling2D(2, name="half")(image)
    shown = ops.clip(change * STRENGTH + 127.5, 0.0, 255.0)
    changed = ops.relu(ops.abs(change) - FLOOR)
    areas = layers.Flatten(name="areas")(layers.AveragePooling2D(AREA, name="sums")(changed))
    both = look(ops.concatenate([colours, shown], axis=0))  # at once, so that its weights occur once
    seen = [*ops.split(both, 2, axis=0), areas * 10.0]
    return keras.Model({IMAGE: image, CHANGE: change}, layers.Concatenate(name=FEATURES)(seen))


def with_memory(
    look: Any, scale: Scale, values: int, units: int, classes: int, dropout: float
) -> Networks:
    """A memory of what the eyes see, which stay as they are."""
    recurrence = Recurrence("gru", units, name="memory")
    features, condensed = _condensed(scale, values, dropout)
    answers = recurrence.over(condensed)
    scores = _scores(answers, classes, dropout)
    return Networks(look, keras.Model({FEATURES: features}, {SCORES: scores}), recurrence)


def without_memory(scale: Scale, values: int, units: int, classes: int, dropout: float) -> Any:
    """The same, with a layer that sees one frame only in the place of the GRU."""
    features, condensed = _condensed(scale, values, dropout)
    answers = layers.Dense(units, activation="relu", name="alone")(condensed)
    return keras.Model({FEATURES: features}, {SCORES: _scores(answers, classes, dropout)})


def _condensed(scale: Scale, values: int, dropout: float) -> tuple[Any, Any]:
    """The input of features (n, steps, given), and what is made of each step's, (n, steps, values).

    What is left out is left out in all steps of a sequence: it cannot be seen one step later.
    """
    features = keras.Input((None, len(scale.factor)), name=FEATURES)
    scaled = layers.Rescaling(scale.factor, scale.shift, name="scaled")(features)
    some = layers.SpatialDropout1D(dropout, name="some_features")(scaled)
    condensed = layers.Dense(values, activation="relu", name="condensed")(some)
    return features, layers.SpatialDropout1D(dropout, name="some_condensed")(condensed)


def _scores(answers: Any, classes: int, dropout: float) -> Any:
    some = layers.SpatialDropout1D(dropout, name="some_answers")(answers)
    return layers.Dense(classes, name=SCORES)(some)


def device_step(networks: Networks) -> Any:
    """One picture and what was before it in; probabilities, and what is kept from then on, out."""
    image = keras.Input(batch_shape=(1, SIZE[1], SIZE[0], 3), name=IMAGE)
    pictures = keras.Input(batch_shape=(1, SMALL[1], SMALL[0], 3), name="state_pictures")
    age = keras.Input(batch_shape=(1, 1, 1, 1), name="state_age")
    state = networks.recurrence.state_inputs()
    change, kept = differences(ops, _small_grey(image), Kept(pictures, age))
    features = networks.eyes({IMAGE: image, CHANGE: change})
    memory = networks.memory
    condensed = memory.get_layer("condensed")(memory.get_layer("scaled")(features))
    answer, following = networks.recurrence.step(condensed, state)
    scores = layers.Softmax(name="scores_softmax")(memory.get_layer(SCORES)(answer))
    inputs = {IMAGE: image, "state_pictures": pictures, "state_age": age}
    inputs |= {tensor.name: tensor for tensor in state.values()}
    following |= {"pictures": kept.pictures, "age": kept.age}
    return keras.Model(inputs, {SCORES: scores, **next_outputs(following)}, name="room-actions")


def _small_grey(image: Any) -> Any:
    """The picture in grey and half the size, 0 to 1, by a convolution that nothing is learnt in."""
    made = layers.Conv2D(1, 1, use_bias=False, trainable=False, name="grey")
    grey = made(layers.AveragePooling2D(2, name="half_grey")(image))
    made.set_weights([np.reshape(np.array(LUMA) / 255, (1, 1, 3, 1)).astype(np.float32)])
    return grey
