"""The recipe of `scenes`, from a few drawn pictures to a bundle that remembers."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.classification import ClassScores
from edge_vision.adapters.runner import Runner
from edge_vision.contracts.model import Model
from edge_vision.data.view import View
from edge_vision.service.cli import main
from edge_vision.service.models import library
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from edge_vision.training.clips import chance, clip
from edge_vision.training.evaluation.sights import as_frame
from tests.small_recipe import SmallRecipe, Trained

pytest.importorskip("tensorflow")
pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

recipe = SmallRecipe(
    "scenes",
    {
        "backbone": "''",
        "size": 32,
        "kept": 40,
        "width": 0.25,
        "view.frames": 3,
        "dropout": 0.0,
        "mixup": 0.0,
        "moving": 0.0,
        "label_smoothing": 0.0,
        "epochs": 12,
        "every": 12,
        "batch": 4,
        "learning_rate": 0.01,
        "recurrence.units": 8,
        "recurrence.rounds": 2,
        "recurrence.epochs": 10,
        "recurrence.learning_rate": 0.02,
        "recurrence.dropout": 0.0,
    },
    form="float16",
)
SIZE = 32, 32
CONFIGURATION = Path(__file__).parents[2] / "models/edge_vision_models/scenes/scenes.toml"


def draw_scenes(folder: Path) -> Path:
    """Grey pictures of three kinds of places in folders train/ and test/, as the data set has them."""
    random = np.random.default_rng(1)
    for part, each in (("train", 8), ("test", 4)):
        for kind in ("Field", "Forest", "Wall"):
            (folder / part / kind).mkdir(parents=True)
            for number in range(each):
                picture = random.normal(120.0, 12.0, (44, 60))
                if kind == "Field":
                    picture[22:] -= 80.0
                if kind == "Forest":
                    picture[:, int(random.integers(0, 4)) :: 8] -= 90.0
                pixels = np.clip(picture, 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / part / kind / f"{number}.png"), pixels)
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("scenes")
    return recipe.train(draw_scenes(folder / "pictures"), folder / "run")


def test_the_test_pictures_judge_and_nothing_else_does(shop: Trained, tmp_path: Path) -> None:
    made = recipe()
    parts = made.read(shop.data, tmp_path)
    assert (len(parts.training), len(parts.validation)) == (24, 12)
    assert all(name.startswith("test/") for name in parts.validation.names)
    assert parts.training.pictures.shape[1:] == (40, 40, 1)
    for part in ("validation", "test"):
        exam = made.exam(shop.data, tmp_path, part)
        assert len(exam.source) == 12
        assert set(exam.truths) == {"Field", "Forest", "Wall"}


def test_it_learns_single_views_first_and_then_to_remember(shop: Trained) -> None:
    assert shop.said.index("features:") < shop.said.index("recurrence:")
    assert "frames of moving views in" in shop.said
    for name in ("features", "recurrence"):
        assert (shop.run / name / "history.csv").is_file()


def test_where_objects_is_not_there_it_says_so_and_begins_from_nothing(
    shop: Trained, tmp_path: Path
) -> None:
    made, said = recipe(backbone="objects"), list[str]()
    network = made.network(shop.session(said), made.read(shop.data, tmp_path))
    assert network.output["scores"].shape == (None, 3)
    assert said == [
        "no bundle is called objects; the backbone begins from nothing, and will be worse for it"
    ]


def test_its_bundle_is_one_step_and_tells_all_that_was_judged(shop: Trained) -> None:
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        bundle = model.bundle
    assert [(pair.input, pair.output) for pair in bundle.state or ()] == [("state_h", "next_h")]
    assert (bundle.image_input.shape, bundle.image_input.dtype) == ((1, 32, 32, 3), "uint8")
    assert {spec.name: spec.shape for spec in bundle.outputs} == {"scores": (1, 3), "next_h": (1, 8)}
    assert bundle.labels == ("Field", "Forest", "Wall")
    table = tomllib.loads((shop.bundle / "bundle.toml").read_text())
    assert table["variant"] == "float16"
    assert "none stated" in table["made"]["licence"]
    judged = table["made"]["metrics"]["float16"]
    assert next(iter(judged)) == "accuracy"
    assert {"moving_accuracy", "moving_mean", "moving_single"} <= judged.keys()
    assert judged["accuracy"] >= 0.6


def test_its_bundle_verifies_and_the_shipped_configuration_takes_it(
    shop: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "verify", str(shop.bundle)]) == 0
    monkeypatch.setenv(library.VARIABLE, str(tmp_path))
    shutil.copytree(shop.bundle, tmp_path / "scenes")
    assert main(["check", str(CONFIGURATION)]) == 0
    capsys.readouterr()


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def looked_at(model: Model, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores after each frame, as the daemon gets them."""
    runner = Runner(model, ClassScores)
    images = np.ascontiguousarray(frames[..., ::-1])
    views = [View.of(as_frame(image, number, number / 5)) for number, image in enumerate(images)]
    return np.stack([runner(runner.view(view)).score for view in views])


def test_step_by_step_it_says_what_keras_says_of_the_whole_sequence(
    shop: Trained, tmp_path: Path
) -> None:
    from edge_vision.training.networks.keras_model import KerasModel  # noqa: PLC0415 - needs Keras

    made = recipe()
    parts = made.read(shop.data, tmp_path)
    networks = made.train(shop.session(), parts)  # trained already, so only its weights are taken
    view = made.options.view.model_copy(update={"frames": 6})
    grey = clip(parts.validation.pictures[5], view, SIZE, chance((1,), 0))
    still = networks.still
    import keras  # noqa: PLC0415

    look = keras.Model(still.inputs[0], still.get_layer("embedding").output)
    features = look.predict_on_batch(grey)
    logits = networks.memory.predict_on_batch({"features": np.asarray(features)[np.newaxis]})["scores"]
    wanted = softmax(np.asarray(logits)[0])
    alone = softmax(np.asarray(still.predict_on_batch({"image": grey})["scores"]))

    coloured = np.repeat(grey, 3, axis=3)
    stepped = looked_at(KerasModel(made.device_graph(networks)), coloured)
    assert stepped == pytest.approx(wanted, abs=2e-4)
    assert np.abs(np.diff(stepped, axis=0)).max() > 1e-3
    assert stepped[0] == pytest.approx(alone[0], abs=2e-4)
    assert np.abs(stepped[1:] - alone[1:]).max() > 1e-3
    with opened_bundle(declared_bundle(shop.bundle)) as model:
        assert looked_at(model, coloured) == pytest.approx(wanted, abs=0.02)


def test_before_it_has_learnt_to_remember_it_says_what_the_still_classifier_says(shop: Trained) -> None:
    import keras  # noqa: PLC0415
    from edge_vision_models.scenes.network import still_features, with_memory  # noqa: PLC0415

    from edge_vision.training.networks.backbone import (  # noqa: PLC0415 - needs Keras
        BackboneOptions,
        backbone,
    )
    from edge_vision.training.networks.blocks import class_head  # noqa: PLC0415

    body = backbone(BackboneOptions(width=0.25, channels=1), SIZE)
    scores = class_head(body.output["embedding"], 3)
    still = keras.Model({"image": body.inputs[0]}, {"scores": scores})
    networks = with_memory(still, 4, 0.3)
    pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), np.uint8)
    features = np.asarray(still_features(still).predict_on_batch({"image": pictures}))
    given = networks.memory.predict_on_batch({"features": features[np.newaxis]})["scores"]
    assert np.asarray(given)[0] == pytest.approx(
        np.asarray(still.predict_on_batch({"image": pictures})["scores"]), abs=1e-5
    )
    learnt = {variable.path.split("/")[0] for variable in networks.memory.trainable_variables}
    assert learnt == {"memory", "remembered"}


def test_any_classifier_is_judged_and_one_without_memory_by_averaging(
    shop: Trained, tmp_path: Path
) -> None:
    from edge_vision.training.networks.device import for_device  # noqa: PLC0415 - needs Keras
    from edge_vision.training.networks.keras_model import KerasModel, Purpose  # noqa: PLC0415

    made = recipe(judged=5)
    parts = made.read(shop.data, tmp_path)
    networks = recipe().train(shop.session(), parts)
    graph = for_device(networks.still, endings={"scores": "softmax"})
    model = KerasModel(graph, Purpose("still", parts.labels, "classify", "scores", {"scores": "scores"}))
    exam = made.exam(shop.data, tmp_path, "validation")
    told = made.evaluate(model, exam)
    assert [*told.values] == ["accuracy", "macro_f1", "moving_mean", "moving_single"]
    assert told.examples == 12
    with opened_bundle(declared_bundle(shop.bundle)) as remembering:
        assert "moving_accuracy" in made.evaluate(remembering, exam).values
