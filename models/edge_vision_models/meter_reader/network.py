"""The network of a row: one CNN looks at each wheel, a GRU goes over them from right to left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from edge_vision.training.networks.blocks import pixels_scaled
from edge_vision.training.networks.recurrent import Recurrence
from edge_vision_models.meter_digits.network import SCORES, shares_of, wheel_body, wheel_network
from edge_vision_models.meter_digits.wheels import SIZE, TENTHS
from edge_vision_models.meter_reader.options import MeterReaderOptions
from edge_vision_models.meter_reader.rows import LABELS, PLACES

SEEN = TENTHS + 1
"""What a wheel may show: a tenth, or that there is none."""
DIGITS = "digits"
"""The output: logits, then probabilities, of each place's digit."""


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """The two networks that a reader is made of.

    body       from wheels of -1 to 1 to logits (n, 101) of what each shows
    memory     from shares (n, 8, 101) of what the wheels of rows show to logits "digits" (n, 8, 11)
    sharpness  what logits are multiplied by before they become those shares
    """

    body: Any
    memory: Any
    sharpness: float

    def shares(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What it sees in pictures of wheels (n, 32, 20, 3), as shares (n, 101)."""
        return shares_of(wheel_network(self.body), pictures, self.sharpness)

    def positions(self, pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Where it sees that wheels stand, (n,) in tenths."""
        return np.asarray(self.shares(pictures)[:, :TENTHS].argmax(axis=1))

    def device_graph(self) -> Any:
        """One row in, probabilities of each place's digit out."""
        width, height = SIZE
        image = keras.Input(batch_shape=(1, height, PLACES * width, 3), name="image")
        made = ops.reshape(pixels_scaled(image), (height, PLACES, width, 3))
        logits = self.body(ops.transpose(made, (1, 0, 2, 3)))
        shares = layers.Softmax(name="seen")(logits * self.sharpness)
        read = self.memory({SCORES: ops.reshape(shares, (1, PLACES, SEEN))})[DIGITS]
        return keras.Model({"image": image}, {DIGITS: layers.Softmax(name="digits_softmax")(read)})


def memory_network(embedding: int, units: int, mixed: int) -> Any:
    """The keras.Model from what wheels show to digits: a GRU from the last wheel to the first.

    embedding  values of a wheel
    units      of the GRU, which carries how far the right neighbour has turned
    mixed      values from which the digit is told, with those of the wheel itself
    """
    scores = keras.Input((PLACES, SEEN), name=SCORES)
    wheels = layers.Dense(embedding, activation="relu", name="embedding")(scores)
    carried = Recurrence("gru", units, name="carry").unrolled(wheels, backwards=True)
    both = layers.Concatenate(name="both")([carried, wheels])
    both = layers.Dense(mixed, activation="relu", name="mixed")(both)
    return keras.Model({SCORES: scores}, {DIGITS: layers.Dense(len(LABELS), name=DIGITS)(both)})


def new_reader(options: MeterReaderOptions) -> Reader:
    """A reader that has learnt nothing yet."""
    body = wheel_body(options.filters, options.hidden, SEEN, options.dropout)
    return Reader(body, memory_network(*options.memory), options.sharpness)
