"""The networks of `digits-maker`: an encoder, a decoder that draws, and who looks at what it drew.

A conditional variational autoencoder (Kingma and Welling, "Auto-encoding variational Bayes", 2013).
Redrawn pictures are compared pixel by pixel and as a reader of wheels sees them, which learnt before;
what it reads in drawn ones shall be what was wanted (Odena and others, "Conditional image synthesis with
auxiliary classifier GANs", 2017). A critic learns to tell real from drawn pictures of a tenth (Larsen
and others, "Autoencoding beyond pixels using a learned similarity metric", 2015; Miyato and Koyama,
"cGANs with projection discriminator", 2018), in the same steps: what it shall not learn from, and what
only it shall, is told by stopping gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from edge_vision.training.fitting.losses import ExampleLoss
from edge_vision.training.networks.blocks import convolution
from edge_vision_models.digits_maker.circle import PLACE, table
from edge_vision_models.meter_digits.network import wheel_body, wheel_network
from edge_vision_models.meter_digits.wheels import SIZE, TENTHS

WIDTH, HEIGHT = SIZE
REDRAWN, DIVERGENCE, ALIKE = "redrawn", "divergence", "alike"
CRITIC, FOOLED, READABLE = "critic", "fooled", "readable"
LATENT, LABEL, IMAGE = "latent", "label", "image"
_FIRST = WIDTH // 4, HEIGHT // 4


def encoder(latents: int, channels: tuple[int, ...] = (24, 40, 56)) -> Any:
    """A keras.Model from pictures (n, 32, 20, 3) of 0 to 1 and places to means and log-variances.

    Gives (n, 2 latents).
    """
    picture, place = keras.Input((HEIGHT, WIDTH, 3)), keras.Input((PLACE,))
    made = picture
    for number, width in enumerate(channels):
        made = convolution(made, width, f"look_{number}", stride=2)
    made = layers.Concatenate()([layers.Flatten()(made), place])
    made = layers.Dense(96, activation="relu", name="look_hidden")(made)
    return keras.Model([picture, place], layers.Dense(2 * latents, name="look_code")(made))


def decoder(latents: int, hidden: int, channels: tuple[int, int, int, int]) -> Any:
    """A keras.Model from latent values and places to the logits of pictures, (n, 32, 20, 3).

    channels  of 5 x 8 places as they begin, then after each of the convolutions that come before
              5 x 8, 10 x 16 and 20 x 32
    """
    latent, place = keras.Input((latents,)), keras.Input((PLACE,))
    begin, few, more, most = channels
    made = layers.Concatenate()([latent, place])
    made = layers.Dense(hidden, activation="relu", name="draw_hidden")(made)
    made = layers.Dense(begin * _FIRST[0] * _FIRST[1], activation="relu", name="draw_places")(made)
    made = layers.Reshape((_FIRST[1], _FIRST[0], begin))(made)
    made = convolution(made, few, "draw_few")
    made = layers.UpSampling2D(2, interpolation="bilinear")(made)
    made = convolution(made, more, "draw_more")
    made = convolution(made, more, "draw_more_again")
    made = layers.UpSampling2D(2, interpolation="bilinear")(made)
    made = convolution(made, most, "draw_most")
    logits = layers.Conv2D(3, 3, padding="same", name="draw_pixels")(made)
    return keras.Model([latent, place], logits, name="draw")


def critic(channels: tuple[int, ...] = (24, 40, 56)) -> Any:
    """A keras.Model from pictures of 0 to 1 and places to how real they look, (n, 1)."""
    picture, place = keras.Input((HEIGHT, WIDTH, 3)), keras.Input((PLACE,))
    made = layers.Rescaling(2.0, -1.0)(picture)
    for number, width in enumerate(channels):
        made = layers.Conv2D(width, 4, 2, "same", name=f"judge_{number}")(made)
        made = layers.LeakyReLU(0.2)(made)
    made = layers.Dense(96, name="judge_hidden")(layers.Flatten()(made))
    made = layers.LeakyReLU(0.2)(made)
    wanted = layers.Dense(96, name="judge_wanted")(layers.Dense(64, activation="relu")(place))
    score = layers.Dense(1, name="judge_score")(made) + ops.mean(made * wanted, axis=1, keepdims=True)
    return keras.Model([picture, place], score)


def reader(filters: Sequence[Sequence[int]] = ((16,), (24,), (40,)), hidden: int = 48) -> Any:
    """The keras.Model that learns to read wheels, as meter-digits does, but smaller."""
    return wheel_network(wheel_body(filters, hidden, TENTHS, 0.1))


def seen_by(learnt: Any) -> Any:
    """A keras.Model from pictures of 0 to 1 to a reader's logits and features; it learns no more."""
    body = learnt.get_layer("wheel")
    seen = [body.get_layer(f"wheel_{number}_1_relu").output for number in (1, 2)]
    whole = keras.Model(body.inputs[0], [body.output, *seen])
    whole.trainable = False
    picture = keras.Input((HEIGHT, WIDTH, 3))
    return keras.Model(picture, whole(layers.Rescaling(2.0, -1.0)(picture), training=False))


class Rivals(layers.Layer):  # type: ignore[misc] # keras has no types
    """An encoder, a decoder and a critic, and what each of them is to make small.

    draws  the decoder
    reads  a reader, which does not learn
    """

    def __init__(self, looks: Any, draws: Any, judges: Any, reads: Any) -> None:
        super().__init__(name="rivals")
        self.looks, self.draws, self.judges, self.reads = looks, draws, judges, reads

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The redrawn pictures, and (n, 1) figures to make small, by the names of outputs.

        inputs  pictures (n, 32, 20, 3) of 0 to 255, places (n, PLACE), shares of all tenths (n, TENTHS)
                and chance (n, 2 latents)
        """
        picture, place, shares, chance = inputs
        real = picture / 255.0
        mean, variance = ops.split(self.looks([real, place], training=training), 2, axis=1)
        variance = ops.clip(variance, -8.0, 4.0)
        own, free = ops.split(chance, 2, axis=1)
        code = mean + ops.exp(0.5 * variance) * own
        codes, places = ops.concatenate([code, free]), ops.concatenate([place, place])
        drawn = ops.sigmoid(self.draws([codes, places], training=training))
        apart = 0.5 * (ops.square(mean) + ops.exp(variance) - 1.0 - variance)
        count = ops.shape(real)[0]
        return {
            REDRAWN: drawn[:count],
            DIVERGENCE: ops.sum(apart, axis=1, keepdims=True),
            **self._judged(real, drawn, place),
            **self._read(real, drawn, shares),
        }

    def _judged(self, real: Any, drawn: Any, place: Any) -> dict[str, Any]:
        """What the critic says of real pictures, and of drawn ones: first the redrawn, then the free."""
        count, given = ops.shape(real)[0], ops.stop_gradient(drawn)
        score = self.judges([ops.concatenate([real, given, drawn]), ops.tile(place, (5, 1))])
        told = ops.relu(1.0 - score[:count]) + 0.5 * (
            ops.relu(1.0 + score[count : 2 * count]) + ops.relu(1.0 + score[2 * count : 3 * count])
        )
        # The difference is 0, and so is its gradient for the critic's weights: only pictures learn.
        blind = score[count : 3 * count]
        each = ops.stop_gradient(-blind) - (score[3 * count :] - blind)
        return {CRITIC: told, FOOLED: 0.5 * (each[:count] + each[count:])}

    def _read(self, real: Any, drawn: Any, shares: Any) -> dict[str, Any]:
        """How the reader sees what was drawn: beside what is real, and beside what was wanted."""
        count = ops.shape(real)[0]
        _, *wanted = self.reads(real)
        logits, *seen = self.reads(drawn)
        alike = sum(
            ops.mean(ops.abs(ops.stop_gradient(one) - other[:count]), axis=(1, 2, 3))
            for one, other in zip(wanted, seen, strict=True)
        )
        surprise = -ops.sum(ops.tile(shares, (2, 1)) * ops.log_softmax(logits), axis=1, keepdims=True)
        return {
            ALIKE: ops.expand_dims(alike, 1),
            READABLE: 0.5 * (surprise[:count] + surprise[count:]),
        }


class AsItIs(ExampleLoss):
    """What an output says is what is to be made small; the truth does not count."""

    def __init__(self, name: str = "as_it_is") -> None:
        super().__init__(name=name)

    def call(self, truth: Any, said: Any) -> Any:
        """The figure of each example, (n,)."""
        return said[:, 0]


class Difference(ExampleLoss):
    """The mean absolute difference between pictures: the truth of 0 to 255, what is said of 0 to 1."""

    def __init__(self, name: str = "difference") -> None:
        super().__init__(name=name)

    def call(self, truth: Any, said: Any) -> Any:
        """The loss of each example, (n,)."""
        wanted = ops.cast(truth, said.dtype) / 255.0
        return ops.mean(ops.abs(wanted - said), axis=(1, 2, 3))


def learning_network(decodes: Any, latents: int, reads: Any) -> Any:
    """The keras.Model that learns: "image", "place", "shares" and "chance" in, what shall be small out.

    reads  what `seen_by` gave
    """
    image = keras.Input((HEIGHT, WIDTH, 3), name=IMAGE)
    place, shares = keras.Input((PLACE,), name="place"), keras.Input((TENTHS,), name="shares")
    chance = keras.Input((2 * latents,), name="chance")
    rivals = Rivals(encoder(latents), decodes, critic(), reads)
    given = {"image": image, "place": place, "shares": shares, "chance": chance}
    return keras.Model(given, rivals([image, place, shares, chance]), name="digits_maker")


def decoder_of(network: Any) -> Any:
    """The decoder of the network that learns."""
    return network.get_layer("rivals").draws


def drawn_by(
    network: Any, latents: NDArray[np.float32], where: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """What the network that learns draws, (n, 32, 20, 3) red, green, blue.

    latents  (n, latents)
    where    (n, PLACE) places on the wheel
    """
    logits = decoder_of(network).predict([latents, where], batch_size=250, verbose=0)
    pictures = np.asarray(ops.sigmoid(logits))
    return np.asarray(np.rint(255.0 * pictures), np.uint8)


def drawing_step(network: Any) -> Any:
    """The keras.Model that a device runs: latent values and a tenth in, a picture of 0 to 1 out."""
    draws = decoder_of(network)
    latent = keras.Input(batch_shape=(1, draws.inputs[0].shape[1]), name=LATENT)
    label = keras.Input(batch_shape=(1, TENTHS), name=LABEL)
    circle = layers.Dense(PLACE, use_bias=False, name="circle")
    place = circle(label)
    circle.set_weights([np.asarray(table())])
    image = layers.Activation("sigmoid", name="pixels")(draws([latent, place]))
    return keras.Model({LATENT: latent, LABEL: label}, {IMAGE: image}, name="digits_maker_step")
