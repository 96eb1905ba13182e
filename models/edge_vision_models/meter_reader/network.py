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
from edge_vision_models.meter_reader.rows import LABELS, PLACES

SEEN = TENTHS + 1
"""What a wheel may show: a tenth, or that there is none."""
DIGITS = "digits"
"""The output: logits, then probabilities, of each place's digit."""


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """The two networks that a reader is made of.

    body    from wheels of -1 to 1 to logits (n, 101) of what each shows
    memory  from shares (n, 8, 101) of what the wheels of rows show to logits "digits" (n, 8, 11)
    """

    body: Any
    memory: Any

    def network(self) -> Any:
        """Both, to be trained together: rows "image" (n, 32, 160, 3) in, logits "digits" out."""
        width, height = SIZE
        image = keras.Input((height, PLACES * width, 3), name="image")
        return keras.Model({"image": image}, {DIGITS: self._read(image, _cut(image))})

    def device_graph(self) -> Any:
        """One row in, probabilities out."""
        width, height = SIZE
        image = keras.Input(batch_shape=(1, height, PLACES * width, 3), name="image")
        logits = self._read(image, _cut_one(image))
        return keras.Model({"image": image}, {DIGITS: layers.Softmax(name="digits_softmax")(logits)})

    def positions(self, pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Where it sees that wheels stand, (n,) in tenths, from their pictures (n, 32, 20, 3)."""
        return np.asarray(shares_of(wheel_network(self.body), pictures)[:, :TENTHS].argmax(axis=1))

    def _read(self, image: Any, wheels: Any) -> Any:
        """Logits of all digits from wheels (n * 8, 32, 20, 3)."""
        shares = layers.Softmax(name="seen")(self.body(wheels))
        rows = -1 if image.shape[0] is None else image.shape[0]
        return self.memory({SCORES: ops.reshape(shares, (rows, PLACES, SEEN))})[DIGITS]


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


def new_reader(
    filters: tuple[int, ...], hidden: int, dropout: float, memory: tuple[int, int, int]
) -> Reader:
    """A reader that has learnt nothing yet; see `wheel_body` and `memory_network`."""
    return Reader(wheel_body(filters, hidden, SEEN, dropout), memory_network(*memory))


def _cut(image: Any) -> Any:
    """The wheels (n * 8, 32, 20, 3) of rows, scaled."""
    width, height = SIZE
    made = ops.reshape(pixels_scaled(image), (-1, height, PLACES, width, 3))
    return ops.reshape(ops.transpose(made, (0, 2, 1, 3, 4)), (-1, height, width, 3))


def _cut_one(image: Any) -> Any:
    """The same of a single row, in four dimensions, which all of TFLite's operators know."""
    width, height = SIZE
    made = ops.reshape(pixels_scaled(image), (height, PLACES, width, 3))
    return ops.transpose(made, (1, 0, 2, 3))
