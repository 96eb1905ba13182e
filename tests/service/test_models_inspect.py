"""`edge-vision models inspect`: what a model is, for people and programs, or why it is of no use."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest

from edge_vision.contracts.bundle_table import BundleTable
from edge_vision.contracts.model import TASKS
from edge_vision.service.models.toml_text import toml_text
from tests.recurrent_models import accumulator, lstm
from tests.service.models import Command, colours, labels
from tests.tiny_models import TinyModel, copying, customised

SHARED = {
    "automl_video_traffic_model_lstm": ("detect", "ssd-postprocessed", "its integers are the pixels"),
    "coco_ssd_mobilenet_v1_quant_metadata": (
        "detect",
        "ssd-postprocessed",
        "its integers are the pixels",
    ),
    "deeplabv3_mnv2_dm05_pascal_quant": ("segment", "class-map", "its integers are the pixels"),
    "dig-class100-0180-s2_q": ("classify", "scores", "told by the graph, which scales pixels itself"),
    "face_detection_short_range": ("detect", "blazeface", "usual for blazeface"),
    "mlperf_tiny_resnet8_cifar10_int8": ("classify", "scores", "its integers are the pixels"),
    "mlperf_tiny_vww_96_int8": ("classify", "scores", "its integers are the pixels"),
    "mobilenet_v1_0.25_128_quant": ("classify", "scores", "its integers are the pixels"),
    "mobilenet_v1_0.25_224_quant_metadata": ("classify", "scores", "its integers are the pixels"),
    "mobilenet_v2_1.0_224_quant": ("classify", "scores", "its integers are the pixels"),
    "movenet_single_pose_lightning_ptq": ("keypoints", "movenet", "its integers are the pixels"),
    "tflm_mnist_lstm_float": ("classify", "scores", "assumed: nothing says so"),
    "yolov5n320_int8": ("detect", "yolov5", "its integers are the pixels"),
    "yolov8n_int8": ("detect", "yolov8", "usual for yolov8"),
}
REFUSED = {
    "tflm_person_detect": "quantized_dimension must be in range",
    "yolo_fastest_coco_uint8": "looks mis-calibrated",
}


def test_a_program_is_told_everything(models: Command, tmp_path: Path) -> None:
    file = colours(tmp_path)
    said = models("inspect", file, "--json", "--labels", labels(tmp_path, "red", "green", "blue")).json
    assert (said["task"], said["layout"]) == ("classify", "scores")
    assert said["inputs"] == [
        {
            "name": "image",
            "shape": [1, 4, 4, 3],
            "dtype": "float32",
            "quantisation": None,
            "meaning": "image",
            "mean": 0.0,
            "std": 255.0,
            "order": "rgb",
            "width": 4,
            "height": 4,
        }
    ]
    assert said["outputs"] == [
        {
            "name": "means",
            "shape": [1, 3],
            "dtype": "float32",
            "quantisation": None,
            "meaning": "scores",
        }
    ]
    assert said["labels"] == ["red", "green", "blue"]
    assert said["labels_from"] == str(tmp_path / "names.txt")
    assert said["state"] == []
    assert said["variables"] == []
    assert said["fit"] == "stretch"
    assert said["operators"] == {"MEAN": 1}
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert said["size"] == file.stat().st_size
    assert said["milliseconds"] >= 0.0
    assert BundleTable.parse(tomllib.loads(said["bundle_toml"])).task == "classify"


def test_a_person_is_told_what_to_write(models: Command, tmp_path: Path) -> None:
    answer = models("inspect", colours(tmp_path))
    assert answer.status == 0
    assert answer.err == ""
    for said in (
        "classify: one score a class (scores)",
        "image (1, 4, 4, 3) float32: image",
        "means (1, 3) float32: scores",
        "4 x 4, red, green, blue; the view is stretched",
        "value = (pixel - 0) / 255; assumed: nothing says so",
        "none: classes go by their numbers",
        f'bundle = "{tmp_path}/colours.tflite"',
        'stages = [{ uses = "classify", model = "colours" }]',
        'task = "classify"',
    ):
        assert said in answer.out


def test_quantised_tensors_are_told_with_scale_and_zero_point(models: Command, tmp_path: Path) -> None:
    file = copying(tmp_path / "m.tflite", (1, 16, 16, 3), dtype="int8", quantisation=(1 / 255, -128))
    said = models("inspect", file, "--json").json
    scale = said["inputs"][0]["quantisation"]["scale"]
    assert scale == pytest.approx(1 / 255)
    assert said["inputs"][0]["quantisation"]["zero_point"] == -128
    assert "mean" not in said["inputs"][0]
    assert said["pixels_from"] == "its integers are the pixels"


def test_state_is_told_in_pairs(models: Command, tmp_path: Path) -> None:
    said = models("inspect", accumulator(tmp_path / "m.tflite"), "--json").json
    assert said["state"] == [{"input": "total_in", "output": "total_out"}]
    meanings = {tensor["name"]: tensor["meaning"] for tensor in said["inputs"] + said["outputs"]}
    assert meanings == {"image": "image", "total_in": "state", "total_out": "state", "sums": "scores"}
    table = BundleTable.parse(tomllib.loads(said["bundle_toml"]))
    assert [(pair.input, pair.output) for pair in table.state or ()] == [("total_in", "total_out")]


@pytest.mark.parametrize("carried", [True, False])
def test_variables_are_told_with_whether_they_are_carried(
    models: Command, tmp_path: Path, carried: bool
) -> None:
    lstm(tmp_path / "model.tflite", 5)
    state = [{"output": "hidden"}, {"output": "cell"}] if carried else []
    (tmp_path / "bundle.toml").write_text(toml_text({"state": state}))
    said = models("inspect", tmp_path, "--json").json
    told = {variable["name"]: variable["carried"] for variable in said["variables"]}
    assert told == {"hidden": carried, "cell": carried}
    assert len(said["state"]) == (2 if carried else 0)
    text = models("inspect", tmp_path).out
    assert ("reset before each run: " in text) is not carried
    assert ("of the next run" in text) is carried


def test_the_bundle_toml_it_proposes_says_the_same_again(models: Command, tmp_path: Path) -> None:
    file = accumulator(tmp_path / "m.tflite")
    first = models("inspect", file, "--json").json
    folder = tmp_path / "bundle"
    folder.mkdir()
    file.rename(folder / "model.tflite")
    (folder / "bundle.toml").write_text(first["bundle_toml"], encoding="utf-8")
    again = models("inspect", folder, "--json").json
    for key in ("task", "layout", "inputs", "outputs", "labels", "state", "fit", "sha256"):
        assert again[key] == first[key]
    assert again["pixels_from"] == "declared"


def test_what_is_declared_is_told_as_such(models: Command, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    colours(folder, "model.tflite")
    (folder / "bundle.toml").write_text(
        '[input]\nmean = [1.0, 2.0, 3.0]\nstd = 127.5\norder = "bgr"\nfit = "letterbox"\n'
    )
    said = models("inspect", folder, "--json").json
    image = said["inputs"][0]
    assert (image["mean"], image["std"], image["order"]) == ([1.0, 2.0, 3.0], 127.5, "bgr")
    assert (said["fit"], said["pixels_from"]) == ("letterbox", "declared")
    text = models("inspect", folder).out
    assert "blue, green, red; the whole view, with grey bars beside it" in text
    assert "value = (pixel - (1, 2, 3)) / 127.5; declared" in text
    assert "sha256 = " not in text, "a bundle has its bundle.toml"


def odd(path: Path) -> Path:
    """A model of two outputs that are of no known layout."""
    model = TinyModel()
    image = model.tensor("image", [1, 4, 4, 3])
    results = []
    for name, shape in (("first", [2, 24]), ("second", [2, 2, 12])):
        wanted = model.tensor(f"{name} shape", [len(shape)], "int32", value=np.array(shape))
        results.append(model.tensor(name, shape))
        model.operator("RESHAPE", [image, wanted], [results[-1]], newShape=shape)
    return model.write(path, [image], results)


def test_a_model_of_no_known_layout_is_answered_with_what_was_seen_and_what_to_write(
    models: Command, tmp_path: Path
) -> None:
    file = odd(tmp_path / "odd.tflite")
    for arguments in ([], ["--json"]):
        line = models("inspect", file, *arguments).line
        assert line.startswith(str(file))
        assert "first (2, 24) float32" in line
        assert "[[outputs]]" in line


def test_an_input_that_no_stage_provides_is_an_error(models: Command, tmp_path: Path) -> None:
    model = TinyModel()
    image, style = model.tensor("image", [1, 16, 16, 3]), model.tensor("style_bottleneck", [1, 1, 1, 3])
    result = model.tensor("result", [1, 16, 16, 3])
    model.operator("ADD", [image, style], [result])
    file = model.write(tmp_path / "style.tflite", [image, style], [result])
    for action in ("inspect", "add"):
        assert "needs the input style_bottleneck (1, 1, 1, 3) float32" in models(action, file).line


@pytest.mark.shared
def test_the_number_of_classes_is_told_where_the_graph_says_it(models: Command, shared: Path) -> None:
    file = shared / "models" / "deeplabv3_mnv2_dm05_pascal_quant.tflite"
    assert models("inspect", file, "--json").json["classes"] == 21
    assert "classes    21, as the graph says" in models("inspect", file).out
    other = shared / "models" / "mlperf_tiny_vww_96_int8.tflite"
    assert models("inspect", other, "--json").json["classes"] == 0


def test_labels_that_do_not_fit_are_an_error(models: Command, tmp_path: Path) -> None:
    file = colours(tmp_path)
    line = models("inspect", file, "--labels", labels(tmp_path, *"abcdef")).line
    assert line.startswith(str(file))
    assert "has 3 classes but 6 labels" in line


def test_labels_that_are_not_there_are_an_error(models: Command, tmp_path: Path) -> None:
    line = models("inspect", colours(tmp_path), "--labels", tmp_path / "none.txt").line
    assert "none.txt: no such file" in line


def test_an_unknown_operator_is_named(models: Command, tmp_path: Path) -> None:
    file = customised(tmp_path / "pose.tflite", "PosenetDecoderOp")
    line = models("inspect", file, "--json").line
    assert line.startswith(str(file))
    assert "PosenetDecoderOp" in line


@pytest.mark.parametrize(
    ("content", "cause"),
    [(b"", "the file is empty"), (b"\x89PNG\r\n\x1a\n some picture", "not a TFLite model")],
)
def test_a_file_that_is_no_model_is_an_error(
    models: Command, tmp_path: Path, content: bytes, cause: str
) -> None:
    file = tmp_path / "wrong.tflite"
    file.write_bytes(content)
    line = models("inspect", file, "--json").line
    assert line.startswith(str(file))
    assert cause in line


def test_a_file_cut_short_is_an_error(models: Command, tmp_path: Path) -> None:
    file = colours(tmp_path)
    file.write_bytes(file.read_bytes()[:300])
    assert models("inspect", file, "--json").line.startswith(str(file))


@pytest.mark.parametrize("name", ["none.tflite", "./none", "a/b/none"])
def test_a_missing_file_is_an_error(
    models: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    line = models("inspect", name, "--json").line
    assert "none" in line
    assert "no such file" in line


def test_a_folder_that_is_no_bundle_is_an_error(models: Command, tmp_path: Path) -> None:
    assert "folder without a bundle.toml" in models("inspect", tmp_path, "--json").line


def test_an_installed_bundle_is_found_by_its_name(models: Command, tmp_path: Path) -> None:
    models("add", colours(tmp_path), "--name", "paint")
    assert models("inspect", "paint", "--json").json["task"] == "classify"
    assert "did you mean paint?" in models("inspect", "pain").line


@pytest.mark.shared
def test_every_shared_model_is_answered_or_refused(models: Command, shared: Path) -> None:
    found = {file.stem for file in (shared / "models").glob("*.tflite")}
    assert found == SHARED.keys() | REFUSED.keys()


@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED)
def test_a_shared_model_is_told(models: Command, shared: Path, name: str) -> None:
    answer = models("inspect", shared / "models" / f"{name}.tflite", "--json")
    said = answer.json
    assert (said["task"], said["layout"], said["pixels_from"]) == SHARED[name]
    assert said["task"] in TASKS
    assert answer.err == ""
    assert all(tensor["meaning"] for tensor in said["inputs"] + said["outputs"])
    BundleTable.parse(tomllib.loads(said["bundle_toml"]))


@pytest.mark.shared
@pytest.mark.parametrize("name", REFUSED)
def test_an_unusable_shared_model_is_refused_with_the_cause(
    models: Command, shared: Path, name: str
) -> None:
    file = shared / "models" / f"{name}.tflite"
    line = models("inspect", file, "--json").line
    assert line.startswith(str(file))
    assert REFUSED[name] in line
