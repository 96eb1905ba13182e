from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.adapters.catalogue import describe
from edge_vision.adapters.generators import Conditions, input_meanings
from edge_vision.adapters.pictures import RealPicture
from edge_vision.adapters.runner import Runner
from edge_vision.builtin.litert import LiteRTModel
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.file_facts import FileFacts, Signature, TensorNote
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ConfigError, ModelError
from tests import tiny_models

DIGITS = tuple("0123456789")


def spec(name: str, *shape: int, dtype: str = "float32", meaning: str = "") -> TensorSpec:
    return TensorSpec(name, shape, dtype, meaning=meaning)


PICTURE = spec("picture", 1, 28, 28, 1)
IMAGE = spec("image", 1, 28, 28, 3)
SCORES = spec("scores", 1, 10)
Z = spec("z", 1, 100)


def bundle(*inputs: TensorSpec, output: TensorSpec = PICTURE, **known: Any) -> ModelBundle:
    return ModelBundle("digits", Path("m.tflite"), inputs=inputs, outputs=(output,), **known)


def meanings(bundle: ModelBundle) -> list[str]:
    return [spec.meaning for spec in describe(bundle).inputs]


# What inputs are


@pytest.mark.parametrize(
    ("inputs", "labels", "expected"),
    [
        ((spec("dense_input", 1, 100),), (), ["latent"]),
        ((spec("x", 1, 100, 1, 1),), (), ["latent"]),
        ((spec("x", 1, 16, 128),), (), ["latent"]),
        ((Z, spec("digit", 1, 1, dtype="int32")), (), ["latent", "label"]),
        ((Z, spec("b", 1, dtype="int64")), (), ["latent", "label"]),
        ((Z, spec("b", 1, 10)), DIGITS, ["latent", "label"]),
        ((Z, spec("class_label", 1, 10)), (), ["latent", "label"]),
        ((Z, spec("serving_default_y:0", 1, 10)), (), ["latent", "label"]),
        ((spec("noise_1", 1, 8), spec("noise_2", 1, 16)), (), ["latent", "latent"]),
        ((spec("label", 1, 10),), DIGITS, ["label"]),
        ((IMAGE,), (), ["image"]),
        ((IMAGE, spec("label", 1, 4)), (), ["image", "label"]),
        ((IMAGE, spec("noise", 1, 28, 28, 8)), (), ["image", "latent"]),
        ((IMAGE, spec("bottleneck", 1, 1, 1, 100)), (), ["image", "features"]),
    ],
)
def test_what_a_generator_takes_is_told(
    inputs: tuple[TensorSpec, ...], labels: tuple[str, ...], expected: list[str]
) -> None:
    given = bundle(*inputs, labels=labels)
    assert meanings(given) == expected
    assert describe(describe(given)) == describe(given)


def test_names_of_signatures_and_metadata_tell_too() -> None:
    odd = (spec("a", 1, 10), spec("b", 1, 10))
    facts = FileFacts(
        notes={"a": TensorNote("category")},
        signatures=(Signature("serving_default", {"noise": "b"}, {}),),
    )
    assert meanings(bundle(*odd, facts=facts)) == ["label", "latent"]


def test_declared_meanings_go_first() -> None:
    first, second = replace(spec("label", 1, 10), meaning="latent"), replace(Z, meaning="label")
    assert meanings(bundle(first, second)) == ["latent", "label"]


def test_a_declared_image_leaves_the_other_alone() -> None:
    left, right = spec("left", 1, 28, 28, 3), spec("right", 1, 28, 28, 3, meaning="image")
    assert meanings(bundle(left, right)) == ["", "image"]
    assert describe(bundle(left, right)).image_input.name == "right"


def test_a_latent_of_the_shape_of_an_image_may_be_declared() -> None:
    noise = spec("x", 1, 8, 8, 3, meaning="latent")
    described = describe(bundle(noise))
    assert not described.takes_image
    assert [s.meaning for s in described.inputs] == ["latent"]


def test_rows_of_a_classifier_are_a_picture_unless_something_says_features() -> None:
    assert meanings(bundle(spec("x", 1, 28, 28), output=SCORES)) == ["image"]
    assert meanings(bundle(spec("x", 1, 1, 28), output=SCORES)) == [""], "a single row is no picture"
    assert meanings(bundle(spec("features", 1, 16, 256), output=SCORES)) == ["features"]
    assert meanings(bundle(spec("x", 1, 16, 256, meaning="features"), output=SCORES)) == ["features"]
    noted = FileFacts(notes={"x": TensorNote("pose embeddings")})
    assert meanings(bundle(spec("x", 1, 16, 256), output=SCORES, facts=noted)) == ["features"]


# Drawing


def test_latents_are_drawn_from_a_standard_normal() -> None:
    conditions = Conditions.of(bundle(spec("z", 1, 20000)))
    assert conditions.inputs == ("z",)
    drawn = conditions.drawn(np.random.default_rng(1))["z"]
    assert drawn.shape == (1, 20000)
    assert drawn.dtype == np.float32
    assert abs(drawn.mean()) < 0.05
    assert abs(drawn.std() - 1) < 0.05
    np.testing.assert_array_equal(drawn, conditions.drawn(np.random.default_rng(1))["z"])
    assert (drawn != conditions.drawn(np.random.default_rng(2))["z"]).any()


def test_quantised_latents_are_the_nearest_stored_values() -> None:
    stored = TensorSpec("z", (1, 1000), "int8", Quantisation(0.03, 5))
    conditions = Conditions.of(bundle(stored))
    drawn = conditions.drawn(np.random.default_rng(1))["z"]
    exact = np.random.default_rng(1).standard_normal((1, 1000))
    assert drawn.dtype == np.int8
    inside = np.abs(exact) < 3.5
    assert np.abs(stored.real(drawn) - exact)[inside].max() <= 0.0151


def test_a_label_is_one_hot_or_a_number() -> None:
    one_hot = Conditions.of(bundle(Z, spec("label", 1, 3)))
    drawn = one_hot.drawn(np.random.default_rng(0), 2)
    assert drawn["label"].tolist() == [[0, 0, 1]]
    number = Conditions.of(bundle(Z, spec("label", 1, 1, dtype="int32")))
    drawn = number.drawn(np.random.default_rng(0), 7)
    assert drawn["label"].tolist() == [[7]]
    assert drawn["label"].dtype == np.int32
    quantised = TensorSpec("label", (1, 3), "uint8", Quantisation(1 / 255, 0))
    drawn = Conditions.of(bundle(Z, quantised)).drawn(np.random.default_rng(0), 0)
    assert drawn["label"].tolist() == [[255, 0, 0]]


def test_without_a_label_one_is_drawn() -> None:
    conditions = Conditions.of(bundle(Z, spec("label", 1, 3)))
    random = np.random.default_rng(0)
    seen = {int(conditions.drawn(random)["label"].argmax()) for _ in range(50)}
    assert seen == {0, 1, 2}


def test_labels_go_by_name_or_number() -> None:
    conditions = Conditions.of(bundle(Z, spec("label", 1, 3), labels=("cat", "dog", "bird")))
    assert [conditions.number_of(label) for label in ("dog", "2", 0)] == [1, 2, 0]
    named = Conditions.of(bundle(Z, spec("label", 1, 10), labels=DIGITS[::-1]))
    assert named.number_of("9") == 0, "a name goes before a number"


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("dgo", "no label dgo, did you mean dog"),
        ("fish", "no label fish; known: bird, cat, dog"),
        (3, "labels 0 to 2, not 3"),
        (-1, "no label -1"),
    ],
)
def test_unknown_labels_are_refused(label: str | int, problem: str) -> None:
    conditions = Conditions.of(bundle(Z, spec("label", 1, 3), labels=("cat", "dog", "bird")))
    with pytest.raises(ConfigError, match=problem):
        conditions.number_of(label)


def test_a_model_without_a_label_takes_none() -> None:
    with pytest.raises(ConfigError, match="takes no label"):
        Conditions.of(bundle(Z)).number_of(1)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (bundle(Z, spec("label", 1, 3), labels=DIGITS), "one of 3 classes but has 10 labels"),
        (bundle(spec("label", 1, 3), spec("class", 1, 3)), r"inputs label, class.*\[\[inputs\]\]"),
    ],
)
def test_labels_that_do_not_fit_are_refused(given: ModelBundle, problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        Conditions.of(given)


def test_only_what_generates_is_given_latents() -> None:
    assert input_meanings(bundle(Z, output=SCORES), "classify") == {}


# A real model: its picture shows the numbers it is given


def test_a_tflite_generator_is_told_and_run_without_an_image(tmp_path: Path) -> None:
    file = tiny_models.copying(tmp_path / "m.tflite", (1, 192), (1, 8, 8, 3))
    model = LiteRTModel(load_bundle(file, "m"))
    assert (model.bundle.task, model.bundle.layout) == ("generate", "image")
    conditions = Conditions.of(model.bundle)
    runner = Runner(model, RealPicture, provides=conditions.inputs)
    drawn = conditions.drawn(np.random.default_rng(3))
    np.testing.assert_array_equal(runner(more=drawn).values.reshape(1, 192), drawn["input"])


def declared(tmp_path: Path, name: str, meaning: str) -> ModelBundle:
    tiny_models.copying(tmp_path / "model.tflite", (1, 8, 8, 3))
    table = f'[[inputs]]\nname = "{name}"\nmeaning = "{meaning}"\n'
    (tmp_path / "bundle.toml").write_text(table)
    return load_bundle(tmp_path, "m")


def test_a_bundle_says_what_an_input_takes(tmp_path: Path) -> None:
    opened = LiteRTModel(declared(tmp_path, "input", "latent")).bundle
    assert [spec.meaning for spec in opened.inputs] == ["latent"]
    assert not opened.takes_image


def test_a_bundle_that_names_a_wrong_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"the input imput, which the model.*did you mean input"):
        LiteRTModel(declared(tmp_path, "imput", "image"))
    with pytest.raises(ModelError, match=r"bundle\.toml: inputs\[0\]\.meaning"):
        declared(tmp_path, "input", "noise")
