"""A .tflite file rebuilt in Keras says what LiteRT says of it, and goes on learning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("tensorflow")
import keras
from keras import layers, ops

from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError
from edge_vision.training.networks.blocks import class_head
from edge_vision.training.transfer.tflite_graph import TfliteGraph
from edge_vision.training.transfer.tflite_network import read_network
from tests.tiny_models import TinyModel, averaging
from tests.training.converting import converted, tensor_in

SIZE = (24, 20)


def noise(height: int = SIZE[1], width: int = SIZE[0], channels: int = 3) -> NDArray[np.uint8]:
    """A blurred picture (1, height, width, channels): noise alone looks like nothing a model knows."""
    small = np.random.default_rng(0).integers(0, 256, (8, 8, channels), np.uint8)
    return cv2.resize(small, (width, height)).reshape(1, height, width, channels).astype(np.uint8)


def rebuilt(network: Any, picture: NDArray[Any]) -> NDArray[np.float32]:
    given: NDArray[np.float32] = network.predict_on_batch({"image": picture.astype(np.float32)})[
        "features"
    ]
    return given


def agrees(file: Path, until: str = "", tolerance: float = 1e-4) -> None:
    """The rebuilt network differs from LiteRT by less than so much of the largest value."""
    graph, network = TfliteGraph(file), read_network(file, until)
    last = graph.index_of(until) if until else graph.needed_for(graph.outputs[0])[-1].outputs[0]
    picture = noise(*graph.shape(graph.input)[1:])
    expected = tensor_in(file, last, picture.astype(np.float32))
    given = rebuilt(network, picture)
    assert np.abs(given - expected.reshape(given.shape)).max() <= tolerance * np.abs(expected).max()


def last_of(file: Path) -> str:
    graph = TfliteGraph(file)
    return graph.name(graph.outputs[0])


@pytest.mark.slow
@pytest.mark.parametrize("form", ["float32", "float16"])
def test_our_own_classifier_comes_back_whole_and_up_to_its_features(
    form: str, classifier: Callable[..., Any], file_of: Callable[[str], Path]
) -> None:
    file, learnt = file_of(form), classifier(1)
    agrees(file, last_of(file))
    features = read_network(file)
    assert features.output["features"].shape == (None, 16)
    body = keras.Model(learnt.input, learnt.get_layer("embedding").output)
    expected = body.predict_on_batch({"image": noise(32, 40).astype(np.float32)})
    tolerance = 1e-4 if form == "float32" else 1e-2  # float16 rounds the weights themselves
    given = rebuilt(features, noise(32, 40))
    np.testing.assert_allclose(given, expected, atol=tolerance * abs(expected).max())


def residual(image: Any) -> Any:
    x = layers.Conv2D(8, (3, 5), (2, 1), "valid", activation="relu6")(image)
    y = layers.Conv2D(8, 3, dilation_rate=2, padding="same", activation="tanh")(x)
    x = layers.Subtract()([layers.Multiply()([x, y]), y])
    return ops.mean(x, axis=(1, 2), keepdims=True)


def pyramid(image: Any) -> Any:
    x = layers.MaxPooling2D(2, padding="same")(layers.ZeroPadding2D(((1, 2), (0, 3)))(image))
    y = layers.AveragePooling2D(3, 2, "same")(x)
    z = layers.Conv2DTranspose(4, 4, 2, "same", use_bias=False)(y)
    w = layers.UpSampling2D(2, interpolation="bilinear")(
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(y)
    )
    v = layers.UpSampling2D(2)(y)
    joined = layers.Concatenate()([z, w, v])
    return layers.Conv2D(6, 1, activation="hard_silu")(layers.DepthwiseConv2D(3, 2, "valid")(joined))


def arithmetic(image: Any) -> Any:
    scaled = (image - np.array([10.0, 20.0, 30.0], np.float32)) * np.float32(0.02)
    x = layers.Conv2D(4, 3, 2)(1.0 - scaled)
    x = layers.LeakyReLU(0.1)(layers.BatchNormalization()(layers.ReLU()(x) * np.float32(3.0)))
    x = layers.Dense(6, activation="sigmoid")(layers.Flatten()(x))
    return layers.Softmax()(4.0 * layers.Dense(3)(x))


@pytest.mark.parametrize("make", [residual, pyramid, arithmetic])
def test_operators_of_all_kinds_compute_the_same(tmp_path: Path, make: Callable[[Any], Any]) -> None:
    keras.utils.set_random_seed(1)
    image = keras.Input(batch_shape=(1, SIZE[1], SIZE[0], 3), name="image")
    file = converted(keras.Model({"image": image}, {"out": make(image / 255.0)}), tmp_path)
    agrees(file, last_of(file))


def test_it_goes_on_learning_from_any_number_of_pictures(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    image = keras.Input(batch_shape=(1, 12, 16, 3), name="image")
    x = layers.Conv2D(8, 3, 2, "same", activation="relu")(image / 127.5 - 1.0)
    x = layers.Conv2D(12, 1, activation="relu")(layers.DepthwiseConv2D(3, padding="same")(x))
    pooled = layers.GlobalAveragePooling2D()(x)
    file = converted(keras.Model({"image": image}, {"pooled": pooled}), tmp_path)
    features = read_network(file)
    network = keras.Model(features.input, {"scores": class_head(features.output["features"], 2)})
    random = np.random.default_rng(3)
    labels = np.arange(32) % 2
    pictures = random.integers(0, 100, (32, 12, 16, 3)).astype(np.float32)
    pictures[labels == 1, ..., 0] += 120.0
    pictures[labels == 0, ..., 2] += 120.0
    before = [w.numpy().copy() for w in network.trainable_weights]
    network.compile(
        keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    network.fit({"image": pictures}, {"scores": labels}, batch_size=8, epochs=8, verbose=0)
    said = network.predict_on_batch({"image": pictures})["scores"].argmax(axis=1)
    assert (said == labels).mean() >= 0.95
    moved = [
        abs(w.numpy() - old).max() > 0 for w, old in zip(network.trainable_weights, before, strict=True)
    ]
    assert all(moved)


def test_pixels_are_scaled_as_the_opened_model_says(tmp_path: Path) -> None:
    file = averaging(tmp_path / "means.tflite")
    spec = TensorSpec(
        "image", (1, 4, 4, 3), "float32", meaning="image", mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 5.0)
    )
    picture = noise(4, 4)
    expected = ((picture - np.array([1.0, 2.0, 3.0])) / [2.0, 4.0, 5.0]).mean(axis=(1, 2))
    np.testing.assert_allclose(rebuilt(read_network(file, image=spec), picture), expected, rtol=1e-5)
    np.testing.assert_allclose(
        rebuilt(read_network(file), picture), picture.mean(axis=(1, 2)), rtol=1e-5
    )
    swapped = TensorSpec(
        "image", (1, 4, 4, 3), "float32", meaning="image", mean=0.0, std=1.0, order="bgr"
    )
    turned = rebuilt(read_network(file, image=swapped), picture)
    np.testing.assert_allclose(turned, picture.mean(axis=(1, 2))[:, ::-1], rtol=1e-5)


def test_what_pools_everything_may_be_given_pictures_of_another_size(tmp_path: Path) -> None:
    network = read_network(averaging(tmp_path / "means.tflite"), size=(6, 9))
    assert network.inputs[0].shape == (None, 9, 6, 3)
    picture = noise(9, 6)
    np.testing.assert_allclose(rebuilt(network, picture), picture.mean(axis=(1, 2)), rtol=1e-5)


def test_an_operator_that_cannot_be_rebuilt_is_named(tmp_path: Path) -> None:
    model = TinyModel()
    image, table = model.tensor("image", [1, 8, 8, 3]), model.tensor("made", [1, 8, 8, 3])
    axes, means = (
        model.tensor("axes", [2], "int32", value=np.array([1, 2])),
        model.tensor("means", [1, 3]),
    )
    model.custom("Mystery", [image], [table])
    model.operator("MEAN", [table, axes], [means])
    file = model.write(tmp_path / "custom.tflite", [image], [means])
    with pytest.raises(
        ModelError, match=r"custom\.tflite: cannot be rebuilt.*operator Mystery \(number 0\)"
    ):
        read_network(file)


def test_a_tensor_that_there_is_not_and_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    file = averaging(tmp_path / "means.tflite")
    with pytest.raises(ModelError, match="no tensor mean, did you mean means"):
        read_network(file, "mean")
    (tmp_path / "text.tflite").write_text("just some words")
    with pytest.raises(ModelError, match="not a TFLite model"):
        read_network(tmp_path / "text.tflite")
    with pytest.raises(ModelError, match="no such file"):
        read_network(tmp_path / "none.tflite")
    content = file.read_bytes()
    (tmp_path / "cut.tflite").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="damaged"):
        read_network(tmp_path / "cut.tflite")


@pytest.mark.shared
@pytest.mark.parametrize("output", ["regressors", "classificators"])
def test_a_real_detector_of_faces_in_float16_comes_back_exactly(shared: Path, output: str) -> None:
    agrees(shared / "models" / "face_detection_short_range.tflite", output)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "values", "least"),
    [
        ("mobilenet_v1_0.25_224_quant_metadata", 256, 0.98),
        ("mobilenet_v1_0.25_128_quant", 256, 0.99),
        ("mlperf_tiny_resnet8_cifar10_int8", 64, 0.99),
        ("mlperf_tiny_vww_96_int8", 256, 0.99),
        ("dig-class100-0180-s2_q", 256, 0.99),
    ],
)
def test_real_quantised_classifiers_come_back_nearly(
    shared: Path, name: str, values: int, least: float
) -> None:
    """Bytes round at each layer, which the rebuilt network does not: features correlate."""
    file = shared / "models" / f"{name}.tflite"
    graph, network = TfliteGraph(file), read_network(file)
    assert network.output["features"].shape == (None, values)
    picture = noise(*graph.shape(graph.input)[1:])
    given = rebuilt(network, picture)
    vector = next(
        each.outputs[0]
        for each in reversed(graph.operators)
        if int(np.prod(graph.shape(each.outputs[0]))) == values
    )
    stored = {"uint8": picture, "int8": (picture ^ 0x80).view(np.int8)}
    expected = tensor_in(file, vector, stored.get(graph.dtype(graph.input), picture.astype(np.float32)))
    assert np.corrcoef(given.reshape(-1), expected.reshape(-1))[0, 1] >= least


@pytest.mark.shared
def test_biases_that_are_marked_like_their_kernels_are_read(shared: Path) -> None:
    """Their quantised dimension is one that they do not have; not every runtime takes such a file."""
    network = read_network(shared / "models" / "tflm_person_detect.tflite")
    given = rebuilt(network, noise(96, 96, 1))
    assert given.shape == (1, 256)
    assert np.isfinite(given).all()
    assert given.std() > 0.01


@pytest.mark.shared
def test_a_real_recurrent_model_is_refused_by_its_operator(shared: Path) -> None:
    with pytest.raises(ModelError, match="UNIDIRECTIONAL_SEQUENCE_LSTM"):
        read_network(shared / "models" / "tflm_mnist_lstm_float.tflite")
