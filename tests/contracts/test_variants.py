"""Variants of a bundle: what bundle.toml says of them, and what is refused."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from edge_vision.contracts.bundle_table import read_made, read_table
from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.file_facts import FileFacts, Signature
from edge_vision.contracts.made import Made, made_of
from edge_vision.contracts.model import ModelBundle, Variant
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.contracts.variants import caller_names, check_alike
from edge_vision.data.errors import ConfigError, ModelError

MODEL = b"\0\0\0\0TFL3" + bytes(8)


def folder(path: Path, text: str = "", **files: bytes) -> Path:
    path.mkdir()
    (path / "bundle.toml").write_text(text)
    for name, content in {"model": MODEL, **files}.items():
        (path / f"{name}.tflite").write_bytes(content)
    return path


def row(name: str, file: str = "", **more: str) -> str:
    said = {"name": name, "file": file or f"{name}.tflite", **more}
    return "\n[[variants]]\n" + "".join(f'{key} = "{value}"\n' for key, value in said.items())


def test_a_bundle_knows_all_its_forms_and_which_one_it_is(tmp_path: Path) -> None:
    digest = hashlib.sha256(MODEL + b"8").hexdigest()
    text = 'variant = "float32"\n' + row("int8", sha256=digest)
    path = folder(tmp_path / "b", text, int8=MODEL + b"8")
    forms = (
        Variant("float32", path / "model.tflite"),
        Variant("int8", path / "int8.tflite", digest),
    )
    bundle = load_bundle(path, "m")
    assert (bundle.variant, bundle.variants, bundle.file) == ("float32", forms, forms[0].file)
    bundle = load_bundle(path, "m", variant="int8")
    assert (bundle.variant, bundle.variants, bundle.file) == ("int8", forms, forms[1].file)
    assert bundle.facts.sha256 == digest


def test_a_bundle_of_one_form_has_it_as_its_only_variant(tmp_path: Path) -> None:
    path = folder(tmp_path / "b")
    assert load_bundle(path, "m").variants == (Variant("model", path / "model.tflite"),)
    bare = load_bundle(path / "model.tflite", "m")
    assert (bare.variant, bare.variants) == ("", ())


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (row("int8"), "int8.tflite: no such file (the variant int8)"),
        (row("int8", "other.tflite", sha256="0" * 64), "its digest is "),
        (row("int8", "bundle.toml"), "bundle.toml: not a TFLite model"),
        (row("int8", "../model.tflite"), "variants[0].file: ../model.tflite is outside of the bundle"),
        (row("int8", "/etc/hosts"), "variants[0].file: /etc/hosts is outside of the bundle"),
        (row("int8", "link.tflite"), "variants[0].file: link.tflite is outside of the bundle"),
        (row("int8", "other.tflite") * 2, "variants[1].name: two variants are called int8"),
        (row("model", "other.tflite"), "variants[0].name: two variants are called model"),
        (row("int 8", "other.tflite"), "variants[0].name: "),
        (row("int8", "other.tflite", sha="1"), "variants[0].sha: unknown option"),
    ],
)
def test_what_is_wrong_with_a_variant_is_told(tmp_path: Path, rows: str, problem: str) -> None:
    path = folder(tmp_path / "b", rows, other=MODEL)
    (tmp_path / "model.tflite").write_bytes(MODEL)
    (path / "link.tflite").symlink_to(tmp_path / "model.tflite")
    with pytest.raises(ModelError, match=re.escape(problem)):
        load_bundle(path, "m", variant="int8")


def test_what_is_wrong_with_the_table_is_told_whichever_variant_is_asked_for(tmp_path: Path) -> None:
    path = folder(tmp_path / "b", row("int8", "../x.tflite"))
    with pytest.raises(ModelError, match="is outside of"):
        load_bundle(path, "m")


def test_a_variant_that_nobody_asks_for_may_be_broken(tmp_path: Path) -> None:
    assert load_bundle(folder(tmp_path / "b", row("int8")), "m").variant == "model"


def test_an_unknown_variant_is_told_with_the_nearest(tmp_path: Path) -> None:
    path = folder(tmp_path / "b", row("int8"))
    with pytest.raises(ConfigError, match=r"has no variant 'int9', did you mean int8\?") as caught:
        load_bundle(path, "m", variant="int9")
    assert caught.value.path == "variant"
    with pytest.raises(ConfigError, match="is a file, which has no variants"):
        load_bundle(path / "model.tflite", "m", variant="int8")


def test_how_far_each_variant_may_be_is_its_own(tmp_path: Path) -> None:
    text = (
        'variant = "float32"\n[[outputs]]\nname = "scores"\nmeaning = "scores"\ntolerance = 0.1\n'
        + row("int8")
        + '[[variants.outputs]]\nname = "scores"\ntolerance = 0.2\nshare = 0.9\n'
        + row("float16")
    )
    table = read_table(folder(tmp_path / "b", text))
    assert [each.tolerance for each in table.allowances("float32")] == [0.1]
    assert [(each.tolerance, each.share) for each in table.allowances("int8")] == [(0.2, 0.9)]
    assert table.allowances("float16") == ()


def opened(variant: str, image: TensorSpec, scores: TensorSpec, called: bool = False) -> ModelBundle:
    signature = Signature("serving_default", {"image": image.name}, {"scores": scores.name})
    facts = FileFacts(signatures=(signature,) if called else ())
    file = Path(f"{variant}.tflite")
    return ModelBundle("m", file, inputs=(image,), outputs=(scores,), variant=variant, facts=facts)


IMAGE = TensorSpec("image", (1, 8, 8, 3), "float32", meaning="image")
SCORES = TensorSpec("scores", (1, 2), "float32", meaning="scores")
OTHERS = (
    TensorSpec("x:0", IMAGE.shape, "int8", Quantisation(1.0, -128), "image"),
    TensorSpec("y:0", SCORES.shape, "int8", Quantisation(1 / 256, -128), "scores"),
)


def test_types_and_quantisation_may_differ_and_names_that_callers_do_not_see() -> None:
    check_alike(opened("a", IMAGE, SCORES, called=True), opened("b", *OTHERS, called=True))


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (opened("b", *OTHERS), "has the inputs x:0 (1, 8, 8, 3) (image); a has image (1, 8, 8, 3)"),
        (opened("b", IMAGE, TensorSpec("scores", (1, 3), "float32")), "has the outputs scores (1, 3)"),
        (opened("b", IMAGE, TensorSpec("scores", (1, 2), "float32", meaning="ignore")), "(ignore)"),
    ],
)
def test_other_tensors_are_told(other: ModelBundle, problem: str) -> None:
    with pytest.raises(ModelError, match=re.escape(problem)):
        check_alike(opened("a", IMAGE, SCORES), other)


def test_a_callers_name_that_is_another_tensors_own_tells_nothing() -> None:
    crossed = FileFacts(signatures=(Signature("s", {"x": "x:0"}, {"a": "b", "b": "a", "c": "d"}),))
    called = caller_names(crossed)
    assert (called.input("x:0"), called.input("z")) == ("x", "z")
    assert [called.output(name) for name in "abd"] == ["a", "b", "c"]
    assert caller_names(FileFacts(signatures=crossed.signatures * 2)).input("x:0") == "x:0"


def test_how_a_model_came_about_is_read_leniently(tmp_path: Path) -> None:
    text = """
    [made]
    recipe = "scenes"
    data = "15 scenes"
    licence = 3
    research_only = "yes"
    parameters = true
    at = 2026-11-23
    [made.metrics]
    float32 = { accuracy = 0.8, loss = nan, note = "good" }
    int8 = 0.79
    """
    made = read_made(folder(tmp_path / "b", text))
    assert made == Made(recipe="scenes", data=("15 scenes",), metrics={"float32": {"accuracy": 0.8}})
    assert read_made(folder(tmp_path / "c")) == made_of("nothing") == Made()
