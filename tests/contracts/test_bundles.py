import hashlib
import os
import signal
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_vision.adapters.catalogue import describe
from edge_vision.builtin.tflite.trial import read_model
from edge_vision.contracts.bundle_table import read_table
from edge_vision.contracts.bundles import load_bundle, with_tensors
from edge_vision.contracts.file_facts import FileFacts, Signature
from edge_vision.contracts.labels import packed_labels
from edge_vision.contracts.model import ModelBundle, StatePair, Wishes
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ConfigError, ModelError
from tests.tiny_models import averaging

TFLITE = b"\x1c\x00\x00\x00TFL3" + bytes(40)


def bare(folder: Path, content: bytes = TFLITE) -> Path:
    file = folder / "some.tflite"
    file.write_bytes(content)
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
        (
            "task = 'detct'",
            "task: should be classify, detect, segment, generate, keypoints, read or embed, not 'detct'",
        ),
        ("labels = '/etc/hostname'", "labels: /etc/hostname is outside of the bundle's folder"),
        ("labels = '../names.txt'", r"labels: \.\./names.txt is outside of the bundle's folder"),
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


def test_labels_found_packed_give_way_to_those_the_metadata_names() -> None:
    guessed = ModelBundle("m", Path("m"), labels=("a", "b"), facts=FileFacts(labels=("a", "b")))
    told = FileFacts(labels=("x", "y"))
    assert with_tensors(guessed, (IMAGE,), (SCORES,), told).labels == ("x", "y")
    given = ModelBundle("m", Path("m"), labels=("mine", "too"))
    assert with_tensors(given, (IMAGE,), (SCORES,), told).labels == ("mine", "too")
    none = ModelBundle("m", Path("m"))
    assert with_tensors(none, (IMAGE,), (SCORES,), told).labels == ("x", "y")


def test_tensors_may_be_declared_by_the_names_of_a_signature() -> None:
    declared = ModelBundle(
        "m",
        Path("m"),
        inputs=(TensorSpec("x", (), "", meaning="features"),),
        outputs=(TensorSpec("chances", (), "", meaning="scores"),),
    )
    facts = FileFacts(signatures=(Signature("serve", {"x": "in"}, {"chances": "out"}),))
    filled = with_tensors(declared, (IMAGE,), (SCORES,), facts)
    assert (filled.inputs[0].name, filled.inputs[0].meaning) == ("in", "features")
    assert (filled.outputs[0].name, filled.outputs[0].meaning) == ("out", "scores")
    with pytest.raises(ModelError, match=r"names the output chanses, .* did you mean chances"):
        with_tensors(
            replace(declared, outputs=(TensorSpec("chanses", (), "", meaning="scores"),)),
            (IMAGE,),
            (SCORES,),
            facts,
        )


def test_a_file_that_was_replaced_after_its_digest_was_checked_is_refused(tmp_path: Path) -> None:
    digest = hashlib.sha256(TFLITE).hexdigest()
    loaded = load_bundle(bundle(tmp_path, f'sha256 = "{digest}"'), "people")
    assert with_tensors(loaded, (IMAGE,), (SCORES,), FileFacts(sha256=digest)).facts.sha256 == digest
    with pytest.raises(ModelError, match=r"model\.tflite: its digest is 0000.*the file is damaged"):
        with_tensors(loaded, (IMAGE,), (SCORES,), FileFacts(sha256="0" * 64))


def test_a_bundle_toml_says_how_far_outputs_may_be_from_their_golden_files(tmp_path: Path) -> None:
    text = '[[outputs]]\nname = "raw"\nmeaning = "scores"\ntolerance = 0.1\nshare = 0.9\n'
    (row,) = read_table(bundle(tmp_path, text)).outputs
    assert (row.tolerance, row.share) == (0.1, 0.9)


@pytest.mark.parametrize("wrong", ["tolerance = -1", "share = 0", "share = 1.5", "share = true"])
def test_a_tolerance_that_cannot_be_is_refused(tmp_path: Path, wrong: str) -> None:
    text = f'[[outputs]]\nname = "raw"\nmeaning = "scores"\n{wrong}\n'
    with pytest.raises(ModelError, match=rf"outputs\[0\]\.{wrong.partition(' ')[0]}: should be"):
        read_table(bundle(tmp_path, text))


@pytest.mark.parametrize("toml", ["", "labels = 'labels.txt'"])
def test_labels_that_a_link_leads_out_of_the_folder_for_are_refused(tmp_path: Path, toml: str) -> None:
    (tmp_path / "secret").write_text("root\n")
    (tmp_path / "bundle").mkdir()
    folder = bundle(tmp_path / "bundle", toml)
    (folder / "labels.txt").symlink_to("../secret")
    with pytest.raises(ModelError, match=r"labels: labels\.txt is outside of the bundle's folder; copy"):
        load_bundle(folder, "m")
    assert load_bundle(folder, "m", labels=folder / "labels.txt").labels == ("root",)


def test_labels_may_lie_deeper_and_the_folder_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real" / "names").mkdir(parents=True)
    folder = bundle(tmp_path / "real", "labels = 'names/../names/en.txt'")
    (folder / "names" / "en.txt").write_text("a\nb\n")
    (tmp_path / "linked").symlink_to("real")
    assert load_bundle(tmp_path / "linked", "m").labels == ("a", "b")


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    folder = bundle(tmp_path, "")
    (folder / "labels.txt").symlink_to("labels.txt")
    with pytest.raises(ConfigError, match=r"labels: .*labels\.txt: Too many levels"):
        load_bundle(folder, "m")


# What is no regular file


@pytest.fixture
def soon() -> Iterator[None]:
    """Whatever takes longer than this waits for a pipe."""

    def ring(*_: object) -> None:
        raise TimeoutError("waits for ever")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def sock(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


ODD = pytest.mark.parametrize("make", [fifo, sock, zeros, Path.mkdir])
Make = Callable[[Path], None]


@ODD
@pytest.mark.parametrize("name", ["model.tflite", "bundle.toml", "labels.txt"])
@pytest.mark.usefixtures("soon")
def test_what_is_no_regular_file_in_a_bundle_is_refused(tmp_path: Path, make: Make, name: str) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    bundle(folder, f'sha256 = "{hashlib.sha256(TFLITE).hexdigest()}"', labels="a")
    (folder / name).unlink()
    make(folder / name)
    leads_out = (make, name) == (zeros, "labels.txt")
    wanted = r"labels\.txt is outside of" if leads_out else rf"{name}: is not a regular file$"
    with pytest.raises((ConfigError, ModelError), match=wanted):
        load_bundle(folder, "m")


@ODD
@pytest.mark.usefixtures("soon")
def test_what_is_no_regular_file_is_no_model_and_no_labels(tmp_path: Path, make: Make) -> None:
    odd = tmp_path / "odd"
    make(odd)
    wanted = rf"{odd}: is not a regular file$"
    with pytest.raises(ConfigError, match=wanted):
        load_bundle(bare(tmp_path), "m", labels=odd)
    with pytest.raises(ModelError, match=wanted):
        packed_labels(odd)
    with pytest.raises(ModelError, match=wanted):
        read_model(odd)
    if make is not Path.mkdir:
        with pytest.raises(ConfigError, match=wanted):
            load_bundle(odd, "m")


@pytest.mark.parametrize("gibibytes", [3, 6])
@pytest.mark.usefixtures("soon")
def test_a_file_that_is_too_large_for_a_model_is_refused_unread(tmp_path: Path, gibibytes: int) -> None:
    file = averaging(tmp_path / "large.tflite")
    os.truncate(file, gibibytes << 30)
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match=r"larger than 2 GiB; a TFLite model cannot be"):
            load_bundle(file, "m")
        with pytest.raises(ModelError, match=r"large\.tflite: larger than 2 GiB"):
            read_model(file)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_state_may_be_declared_by_the_names_of_a_signature() -> None:
    calls = (Signature("serve", {"h": "in", "x": "image"}, {"h": "out"}),)
    pairs = (StatePair("h", "h"), StatePair("cell", "cell"), StatePair("other", "out"))
    variable = TensorSpec("cell", (1, 2), "float32")
    facts = FileFacts(signatures=calls, variables=(variable,))
    filled = with_tensors(ModelBundle("m", Path("m"), state=pairs), (IMAGE,), (SCORES,), facts)
    assert filled.state == (StatePair("in", "out"), StatePair("cell", "cell"), StatePair("other", "out"))
    for state in (None, ()):
        assert with_tensors(ModelBundle("m", Path("m"), state=state), (), ()).state == state
