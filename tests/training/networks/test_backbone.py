"""The backbone's topology, maps, forms and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras
from keras import layers

from edge_vision.data.errors import ConfigError
from edge_vision.training.networks.backbone import BackboneOptions, backbone
from edge_vision.training.networks.blocks import class_head, map_head, residual, upsampling

SMALL = BackboneOptions(width=0.25, embedding=16)


def prototype() -> Any:
    """The topology that the shipped weights were first trained in, written out plainly."""

    def convolution(x: Any, channels: int, kernel: int, stride: int = 1, activate: bool = True) -> Any:
        x = layers.Conv2D(channels, kernel, stride, "same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.ReLU()(x) if activate else x

    image = keras.Input((None, None, 3))
    x = convolution(layers.Rescaling(1 / 127.5, -1)(image), 24, 3, 2)
    for channels, first, expand, blocks in ((24, 1, 1, 1), (32, 2, 4, 2), (64, 2, 4, 3), (112, 2, 4, 3)):
        for block in range(blocks):
            stride = first if block == 0 else 1
            entered = x.shape[-1]
            y = convolution(x, entered * expand, 1)
            y = layers.DepthwiseConv2D(3, stride, "same", use_bias=False)(y)
            y = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(y))
            y = convolution(y, channels, 1, activate=False)
            x = layers.Add()([x, y]) if stride == 1 and entered == channels else y
    return keras.Model(image, layers.GlobalAveragePooling2D()(convolution(x, 256, 1)))


def test_it_is_the_topology_that_was_tried_and_takes_its_weights_in_order() -> None:
    tried, network = prototype(), backbone()
    network.set_weights(tried.get_weights())
    picture = np.random.default_rng(0).integers(0, 256, (2, 40, 56, 3)).astype(np.float32)
    expected = tried.predict_on_batch(picture)
    given = network.predict_on_batch({"image": picture})
    assert network.count_params() == 405_888
    np.testing.assert_allclose(given["embedding"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("stride", "shapes"),
    [
        (8, {"stride4": (16, 24, 8), "stride8": (8, 12, 32)}),
        (16, {"stride4": (16, 24, 8), "stride8": (8, 12, 16), "stride16": (4, 6, 32)}),
        (
            32,
            {
                "stride4": (16, 24, 8),
                "stride8": (8, 12, 16),
                "stride16": (4, 6, 32),
                "stride32": (2, 3, 40),
            },
        ),
    ],
)
def test_maps_are_named_by_their_stride(stride: Any, shapes: dict[str, tuple[int, ...]]) -> None:
    network = backbone(SMALL.model_copy(update={"stride": stride}), (96, 64))
    maps = {name: tuple(tensor.shape[1:]) for name, tensor in network.output.items()}
    assert maps.pop("embedding") == (16,)
    assert maps == shapes


def test_the_dilated_form_has_the_same_weights_and_looks_as_far_around() -> None:
    plain, dilated = (backbone(SMALL.model_copy(update={"stride": s})) for s in (16, 8))
    dilated.set_weights(plain.get_weights())
    picture = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
    coarse = plain.predict_on_batch({"image": picture})["stride16"]
    fine = dilated.predict_on_batch({"image": picture})["stride8"]
    # A stride of 2 is padded behind only, so every second place of the finer map is one of the coarse.
    np.testing.assert_allclose(fine[:, 1::2, 1::2], coarse, rtol=1e-4, atol=1e-7)


def test_layers_are_called_the_same_however_often_it_is_built() -> None:
    first, second = ([w.path for w in backbone(SMALL).weights] for _ in range(2))
    assert first == second
    assert first[0] == "stem/kernel"
    assert "stage2_block1_depthwise_norm/moving_mean" in first


def test_it_takes_grey_pictures_of_any_size() -> None:
    network = backbone(SMALL.model_copy(update={"channels": 1}))
    for side in (32, 50):
        given = network.predict_on_batch({"image": np.zeros((1, side, side + 7, 1), np.float32)})
        assert given["embedding"].shape == (1, 16)


def test_a_stride_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="stride"):
        BackboneOptions.parse({"stride": 4})


def test_heads_and_blocks_fit_together() -> None:
    small = backbone(SMALL, (32, 32))
    wide = upsampling(small.output["stride16"], 8, "up1", skip=small.output["stride8"])
    places = map_head(residual(upsampling(wide, 8, "up2"), 12, "block", stride=2), 3, bias=-4.6)
    scores = class_head(small.output["embedding"], 5, dropout=0.2)
    network = keras.Model(small.input, {"map": places, "scores": scores})
    given = network.predict_on_batch({"image": np.zeros((1, 32, 32, 3), np.float32)})
    assert given["map"].shape == (1, 4, 4, 3)
    assert given["scores"].shape == (1, 5)
    assert {"map/bias", "up1_skip/kernel", "block_shortcut/kernel"} <= {w.path for w in network.weights}
    np.testing.assert_allclose(network.get_layer("map").bias.numpy(), -4.6)
