"""The networks of `scenes`: what a single view shows, and what a GRU remembers of the views before."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops

from edge_vision.training.networks.backbone import EMBEDDING
from edge_vision.training.networks.keras_model import IMAGE
from edge_vision.training.networks.recurrent import Recurrence, next_outputs

SCORES, FEATURES = "scores", "features"
LUMA = (0.299, 0.587, 0.114)
"""The shares of red, green and blue in what is bright: ITU-R BT.601."""


class Networks(NamedTuple):
    """What has been learnt.

    still       from a picture to logits "scores", by its layer "embedding"
    memory      from sequences of embeddings, "features" (n, steps, values), to logits "scores"
                (n, steps, classes) after each step
    recurrence  the GRU within it
    """

    still: Any
    memory: Any
    recurrence: Recurrence


def still_features(still: Any) -> Any:
    """The network from a picture to its embedding alone."""
    return keras.Model({IMAGE: still.inputs[0]}, still.get_layer(EMBEDDING).output)


def with_memory(still: Any, units: int, dropout: float) -> Networks:
    """A memory on top of a network that knows single views, which stays as it is.

    Its logits are those of the single view plus what a layer makes of the GRU's state, less what the
    state would be without a memory. So a first view is answered just as if it were alone, whatever is
    learnt, and later ones by what came before.

    dropout  share of the features that a whole sequence goes without
    """
    values, head = still.get_layer(EMBEDDING).output.shape[-1], still.get_layer(SCORES)
    recurrence = Recurrence("gru", units, name="memory")
    features = keras.Input((None, values), name=FEATURES)
    alone = layers.Dense(head.units, name=SCORES, trainable=False)
    remembered = layers.Dense(head.units, use_bias=False, kernel_initializer="zeros", name="remembered")
    told = layers.Dropout(dropout, noise_shape=(None, 1, values), name="untold")(features)
    carried = recurrence.over(told)
    nothing = ops.zeros_like(ops.reshape(carried, (-1, units)))
    forgetful, _ = recurrence.step(
        ops.reshape(told, (-1, values)), dict.fromkeys(recurrence.states, nothing)
    )
    changed = layers.Subtract(name="changed")([carried, _Sequences()(forgetful, carried)])
    scores = layers.Add(name="sum")([alone(features), remembered(changed)])
    alone.set_weights(head.get_weights())
    memory = keras.Model({FEATURES: features}, {SCORES: scores}, name="recurrence")
    return Networks(still, memory, recurrence)


class _Sequences(layers.Layer):  # type: ignore[misc] # keras has no types
    """Rows (n * steps, values) as sequences (n, steps, values), of which others tell the shape."""

    def call(self, rows: Any, others: Any) -> Any:
        """The rows in the shape of the others."""
        return ops.reshape(rows, ops.shape(others))

    def compute_output_shape(self, rows_shape: Any, others_shape: Any) -> Any:
        """The shape of the others."""
        return others_shape


def device_step(networks: Networks) -> Any:
    """One view and the state before it in; probabilities and the state after it out.

    The view is in colour and looked at in grey, as all pictures were that it learnt from.
    """
    height, width, channels = networks.still.inputs[0].shape[1:]
    image = keras.Input(batch_shape=(1, height, width, 3), name=IMAGE)
    seen = keras.Model(
        {IMAGE: networks.still.inputs[0]},
        [networks.still.get_layer(EMBEDDING).output, networks.still.output[SCORES]],
        name="still",
    )
    features, alone = seen({IMAGE: _grey(image) if channels == 1 else image})
    state = networks.recurrence.state_inputs()
    carried, following = networks.recurrence.step(features, state)
    nothing = {name: np.zeros(tensor.shape, np.float32) for name, tensor in state.items()}
    forgetful, _ = networks.recurrence.step(features, nothing)
    changed = layers.Subtract(name="changed")([carried, forgetful])
    remembered = networks.memory.get_layer("remembered")(changed)
    scores = layers.Softmax(name="scores_softmax")(layers.Add(name="sum")([alone, remembered]))
    inputs = {IMAGE: image, **{tensor.name: tensor for tensor in state.values()}}
    return keras.Model(inputs, {SCORES: scores, **next_outputs(following)}, name="scenes")


def _grey(image: Any) -> Any:
    """Pixels in colour as one channel of brightness, by a convolution that nothing is learnt in."""
    made = layers.Conv2D(1, 1, use_bias=False, trainable=False, name="grey")
    grey = made(image)
    made.set_weights([np.reshape(LUMA, (1, 1, 3, 1)).astype(np.float32)])
    return grey
