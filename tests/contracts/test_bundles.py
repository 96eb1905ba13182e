import hashlib
import zipfile
from pathlib import Path

import pytest

from edge_vision.adapters.catalogue import describe
from edge_vision.contracts.bundles import load_bundle, with_tensors
from edge_vision.contracts.labels import parse_labels, read_labels
from edge_vision.contracts.model import ModelBundle, Wishes
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, ModelError

MODELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "models"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="the shared models are not here")

TFLITE = b"\x1c\x00\x00\x00TFL3" + bytes(40)


def bare(folder: Path, content: bytes = TFLITE) -> Path:
    file = folder / "some.tflite"
    file.write_bytes(content)
    return file


def packed(folder: Path, **members: str) -> Path:
    file = bare(folder)
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_txt", ".txt"), text)
    return file


def bundle(folder: Path, toml: str, labels: str | None = None) -> Path:
    (folder / "model.tflite").write_bytes(TFLITE)
    (folder / "bundle.toml").write_text(toml, encoding="utf-8")
    if labels is not None:
        (folder / "labels.txt").write_text(labels, encoding="utf-8")
    return folder


def test_a_bare_file_is_a_bundle_of_which_only_the_name_is_known(tmp_path: Path) -> None:
    file = bare(tmp_path)
    assert load_bundle(file, "people") == ModelBundle("people", file)


def test_a_folder_says_more(tmp_path: Path) -> None:
    digest = hashlib.sha256(TFLITE).hexdigest()
    folder = bundle(
        tmp_path,
        f"""
        name = "person-detector"
        version = "2"
        task = "detect"
        sha256 = "{digest}"
        labels = "labels.txt"
        [input]
        mean = 127.5
        std = 127.5
        [[outputs]]
        name = "raw:0"
        meaning = "boxes"
        [made]
        on = 2026-11-22
        """,
        labels="person\ncar\n",
    )
    loaded = load_bundle(folder, "people")
    assert (loaded.name, loaded.file, loaded.task) == ("people", folder / "model.tflite", "detect")
    assert loaded.labels == ("person", "car")
    assert loaded.outputs == (TensorSpec("raw:0", (), "", meaning="boxes"),)
    assert (loaded.wishes.mean, loaded.wishes.std) == (127.5, 127.5)


def test_another_file_than_the_digest_names_is_refused(tmp_path: Path) -> None:
    folder = bundle(tmp_path, f'sha256 = "{"0" * 64}"')
    with pytest.raises(
        ModelError, match=r"model\.tflite: its digest is [0-9a-f]{12}\.\.\., bundle\.toml says 0000"
    ):
        load_bundle(folder, "people")


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("task = 'detct'", "task: should be"),
        ("lables = 'a'", "lables: unknown option, did you mean labels?"),
        ("sha256 = 'abc'", "sha256: "),
        ("[[outputs]]\nname = 'a'", r"outputs\[0\].meaning: is missing"),
        ("[input]\nstd = 0", "input.std: should be greater than 0"),
        ("name = ", "Invalid value"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("\ufeffname = 'a'", "Invalid"),
    ],
)
def test_a_wrong_bundle_toml_is_answered_with_file_and_place(
    tmp_path: Path, toml: str, problem: str
) -> None:
    with pytest.raises(ModelError, match=problem) as caught:
        load_bundle(bundle(tmp_path, toml), "people")
    assert "bundle.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04 other things", "not a TFLite model"),
        (b"abc", "not a TFLite"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(ModelError, match=rf"some\.tflite: {problem}"):
        load_bundle(bare(tmp_path, content), "people")


def test_a_missing_model_is_the_configurations_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.tflite: no such file") as caught:
        load_bundle(tmp_path / "none.tflite", "people")
    assert caught.value.path == "bundle"


def test_a_folder_without_bundle_toml_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"folder without a bundle\.toml"):
        load_bundle(tmp_path, "people")


def test_a_bundle_without_its_model_says_which_file(tmp_path: Path) -> None:
    bundle(tmp_path, "")
    (tmp_path / "model.tflite").unlink()
    with pytest.raises(ConfigError, match=r"model\.tflite: no such file"):
        load_bundle(tmp_path, "people")


def test_given_labels_and_normalisation_go_before_the_bundles_own(tmp_path: Path) -> None:
    folder = bundle(tmp_path, "labels = 'labels.txt'\n[input]\nmean = 1\nstd = 2", labels="a\nb")
    given = tmp_path / "mine.txt"
    given.write_text("x\ny\n", encoding="utf-8")
    loaded = load_bundle(folder, "people", labels=given, std=3.0)
    assert loaded.labels == ("x", "y")
    assert (loaded.wishes.mean, loaded.wishes.std) == (1.0, 3.0)


@pytest.mark.parametrize(("key", "value"), [("std", 0.0), ("std", float("nan")), ("mean", float("inf"))])
def test_a_normalisation_that_cannot_be_is_refused(tmp_path: Path, key: str, value: float) -> None:
    arguments = {key: value}
    with pytest.raises(ConfigError) as caught:
        load_bundle(bare(tmp_path), "people", mean=arguments.get("mean"), std=arguments.get("std"))
    assert caught.value.path == key


def test_packed_labels_are_read(tmp_path: Path) -> None:
    file = packed(tmp_path, notes_txt="x", other_label_txt="c", labelmap_txt="b", labels_txt="a")
    assert load_bundle(file, "m").labels == ("a",)


def test_labelmap_goes_before_other_label_files(tmp_path: Path) -> None:
    file = packed(tmp_path, a_label_txt="c", labelmap_txt="b")
    assert load_bundle(file, "m").labels == ("b",)


def test_an_archive_without_labels_gives_none(tmp_path: Path) -> None:
    assert load_bundle(packed(tmp_path, notes_txt="x"), "m").labels == ()


def test_packed_labels_that_cannot_be_read_are_reported(tmp_path: Path) -> None:
    file = packed(tmp_path, labels_txt="person\n" * 9)
    damaged = file.read_bytes().replace(b"person\nper", b"person\nxxx")
    file.write_bytes(damaged)
    with pytest.raises(ModelError, match="packed in it cannot be read"):
        load_bundle(file, "m")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("a\nb", ("a", "b")),
        ("\ufeffa\r\nb \r\n\r\n", ("a", "b")),
        ("background\nbird\n\nand 255 marks what is ignored", ("background", "bird")),
        ("0  person\n1  bicycle\n3  car", ("person", "bicycle", "2", "car")),
        ("0: person\n1: car", ("person", "car")),
        ("1 cent\n2 cent\n5 cent", ("1 cent", "2 cent", "5 cent")),
        ("0 degrees\n90 degrees\n180 degrees", ("0 degrees", "90 degrees", "180 degrees")),
        ("0.0\n0.1\n0.2", ("0.0", "0.1", "0.2")),
        ("0\n1\n2", ("0", "1", "2")),
        ("0 a\n0 b", ("0 a", "0 b")),
        ("tench, Tinca tinca", ("tench, Tinca tinca",)),
    ],
)
def test_labels_are_one_a_line(text: str, labels: tuple[str, ...]) -> None:
    assert parse_labels(text.encode()) == labels


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "holds no labels"),
        (b" \n\n", "holds no labels"),
        (b"caf\xe9", "not UTF-8"),
        (b"x" * (2 << 20), "larger"),
    ],
)
def test_a_file_that_holds_no_labels_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_labels(file)
    assert caught.value.path == "labels"
    assert str(file) in str(caught.value)


def test_missing_labels_are_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"labels: .*none\.txt: no such file"):
        load_bundle(bare(tmp_path), "m", labels=tmp_path / "none.txt")


IMAGE = TensorSpec("in", (1, 8, 8, 3), "float32", meaning="")
SCORES = TensorSpec("out", (1, 2), "float32")


def test_tensors_keep_what_was_declared_of_them() -> None:
    declared = ModelBundle(
        "m",
        Path("m"),
        outputs=(TensorSpec("out", (), "", meaning="scores"),),
    )
    filled = with_tensors(declared, (IMAGE,), (SCORES,))
    assert filled.outputs[0].shape == (1, 2)
    assert filled.outputs[0].meaning == "scores"
    assert filled.inputs == (IMAGE,)


def test_declaring_an_output_the_model_does_not_have_is_an_error() -> None:
    declared = ModelBundle("m", Path("m"), outputs=(TensorSpec("outt", (), "", meaning="scores"),))
    with pytest.raises(ModelError, match="did you mean out"):
        with_tensors(declared, (IMAGE,), (SCORES,))


def test_normalising_a_model_that_takes_bytes_is_an_error() -> None:
    declared = ModelBundle("m", Path("m"), wishes=Wishes(std=1.0))
    filled = with_tensors(declared, (TensorSpec("in", (1, 8, 8, 3), "uint8"),), (SCORES,))
    with pytest.raises(ModelError, match="mean and std are for float images"):
        describe(filled)


@needs_models
@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "count", "first", "last"),
    [
        ("coco_labels.txt", 90, "person", "toothbrush"),
        ("imagenet_labels.txt", 1001, "background", "toilet tissue, toilet paper, bathroom tissue"),
        ("pascal_voc_segmentation_labels.txt", 21, "background", "tvmonitor"),
    ],
)
def test_the_shared_label_files_are_understood(file: str, count: int, first: str, last: str) -> None:
    labels = read_labels(MODELS / file)
    assert (len(labels), labels[0], labels[-1]) == (count, first, last)


@needs_models
@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "count"),
    [
        ("coco_ssd_mobilenet_v1_quant_metadata", 90),
        ("mobilenet_v1_0.25_128_quant", 1001),
        ("mobilenet_v1_0.25_224_quant_metadata", 1001),
        ("mobilenet_v2_1.0_224_quant", 0),
        ("yolov8n_int8", 0),
    ],
)
def test_labels_packed_in_the_shared_models_are_found(file: str, count: int) -> None:
    assert len(load_bundle(MODELS / f"{file}.tflite", "m").labels) == count
