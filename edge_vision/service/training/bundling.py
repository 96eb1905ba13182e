"""Bundling: a trained network becomes a bundle with its forms, golden files, metrics and card."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_vision.contracts.variants import caller_names
from edge_vision.data.errors import ModelError, TrainingError
from edge_vision.service.models.bundle_toml import LABELS, bundle_toml
from edge_vision.service.models.drafts import OLD
from edge_vision.service.models.golden import FOLDER, write_case
from edge_vision.service.models.inspection import inspected
from edge_vision.service.models.installation import labels_text
from edge_vision.service.models.proof import proof_of
from edge_vision.service.models.selection import Selection, best_of
from edge_vision.service.models.stimuli import Stimulus
from edge_vision.service.models.toml_text import toml_text
from edge_vision.service.models.verification import observed
from edge_vision.service.training.doubts import doubts_of
from edge_vision.service.training.forming import Say, declared_form, made_forms
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from edge_vision.service.training.trained import Trained, card
from edge_vision.training.recipe import Inputs
from edge_vision.training.report.card import Form, card_text

MODEL = "model.tflite"
EXACT = "float32"
"""The form that answers as Keras does but for the order of its sums."""
GOLDEN = 40
"""So many sequences of the data may become golden files; those answered surely and differently do."""
LARGE = 1 << 14
"""A picture of more values is stored in fewer levels."""
QUALITY, LOSSLESS = 60, 101
"""Of the pictures on the card; what OpenCV takes for a WebP without loss is above 100."""


def put_bundle(trained: Trained, target: Path, pictures: Sequence[tuple[Path, str]], say: Say) -> None:
    """Make a bundle of a trained network and put it in its place, whole or not at all.

    target    the bundle's folder; what was there is replaced
    pictures  for its card, with what each shows

    Raises TrainingError, or ModelError where the bundle does not verify; then nothing is left behind.
    """
    draft = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    try:
        draft.mkdir()
        forms = made_forms(trained, draft, say)
        doubts = _fill(draft, trained, forms, pictures)
        _check(draft)
        _put(draft, target)
    except OSError as error:
        place = error.filename or target
        raise TrainingError(f"{place}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if doubts:
        say("\nDoubtful:\n\n" + "\n".join(f"- {doubt}" for doubt in doubts))


def _fill(
    draft: Path, trained: Trained, forms: Sequence[Form], pictures: Sequence[tuple[Path, str]]
) -> tuple[str, ...]:
    """Write all files of a bundle but its models, which are there; gives what is doubtful about it."""
    kept = [form for form in forms if not form.left_out]
    first = kept[0]
    (draft / f"{first.name}.tflite").rename(draft / MODEL)
    labels = trained.model.bundle.labels
    if labels:
        (draft / LABELS).write_bytes(labels_text(labels))
    golden = _golden(trained)
    (draft / FOLDER).mkdir()
    for case in golden.cases:
        write_case(case, draft / FOLDER)
    doubts = doubts_of(trained.score, proves_little=golden.proves_little)
    _describe(draft, trained, forms, golden, doubts)
    shown = [_shrunk(file, draft, told) for file, told in pictures]
    written = card(trained, forms, shown)
    doubtful = "".join(f"**Doubtful:** {doubt}.\n\n" for doubt in doubts)
    limits = f"{doubtful}{written.limits}".strip()
    (draft / "README.md").write_text(card_text(replace(written, limits=limits)), encoding="utf-8")
    return doubts


def _golden(trained: Trained) -> Selection:
    """Golden cases of the validation part; what Keras answers is the truth."""
    sequences = trained.recipe.representative(trained.parts.validation)[:GOLDEN]
    stimuli = (
        Stimulus(f"example-{number}", tuple(_coarse(step) for step in sequence))
        for number, sequence in enumerate(sequences, start=1)
    )
    return best_of(trained.model, stimuli)


def _coarse(inputs: Inputs) -> dict[str, NDArray[Any]]:
    """Inputs with the pixels of large pictures in 32 levels: as good a case, in half the room."""
    return {
        name: array & np.uint8(0xF8) if array.dtype == np.uint8 and array.size > LARGE else array
        for name, array in inputs.items()
    }


def _describe(
    draft: Path, trained: Trained, forms: Sequence[Form], golden: Selection, doubts: tuple[str, ...]
) -> None:
    """Write bundle.toml: first what is declared, and with that what the opened model tells."""
    kept = [form for form in forms if not form.left_out]
    name = trained.model.bundle.name
    file = draft / "bundle.toml"
    file.write_text(toml_text(_declaration(trained)), encoding="utf-8")
    with opened_bundle(declared_bundle(draft)) as model:
        inspection = inspected(draft, model)
        # A form that rounds is as far from Keras as it was seen to be; floats keep what is usual.
        allowed = None if kept[0].name == EXACT else observed(model, golden.cases)
    variants = [_variant(draft, trained, form, golden) for form in kept[1:]]
    further: dict[str, Any] = {"variant": kept[0].name}
    if variants:
        further["variants"] = variants
    further["made"] = {**_made(trained), **({"doubts": list(doubts)} if doubts else {})}
    text = bundle_toml(inspection, name, allowed=allowed, further=further) + _metrics(trained, kept)
    file.write_text(text, encoding="utf-8")


def _declaration(trained: Trained) -> dict[str, Any]:
    """What the recipe says of its models, as a bundle.toml has it."""
    bundle = trained.model.bundle
    table: dict[str, Any] = {"name": bundle.name, "task": bundle.task, "layout": bundle.layout}
    table["input"] = {"fit": trained.recipe.fit}
    table["outputs"] = [
        {"name": spec.name, "meaning": spec.meaning} for spec in bundle.outputs if spec.meaning
    ]
    table["state"] = [{"input": pair.input, "output": pair.output} for pair in bundle.state or ()]
    if bundle.decoding:
        table["decoding"] = dict(bundle.decoding)
    return table


def _variant(draft: Path, trained: Trained, form: Form, golden: Selection) -> dict[str, Any]:
    """One of [[variants]]: its file, and how far it is from the golden files."""
    file = draft / f"{form.name}.tflite"
    with opened_bundle(declared_form(trained, file)) as model:
        allowed = observed(model, golden.cases)
        called = caller_names(model.bundle.facts)
    rows = [
        {"name": called.output(name), "tolerance": each.within, "share": each.share}
        for name, each in allowed.items()
        if each.share
    ]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"name": form.name, "file": file.name, "sha256": digest, "outputs": rows}


def _made(trained: Trained) -> dict[str, Any]:
    """[made]: how it came about. No date, so that the same training gives the same bundle."""
    data = trained.recipe.data
    return {
        "recipe": trained.recipe.name,
        "command": trained.command,
        "data": [data.name],
        "licence": data.licence,
        "research_only": data.research_only,
        "parameters": trained.parameters,
    }


def _metrics(trained: Trained, kept: Sequence[Form]) -> str:
    """[made.metrics.NAME] of the network in Keras and of each form, to stand behind [made]."""
    scores = {"keras": trained.score, **{form.name: form.score for form in kept if form.score}}
    tables = [
        f"[made.metrics.{name}]\n"
        + toml_text({each: round(float(value), 4) for each, value in score.values.items()})
        for name, score in scores.items()
    ]
    return "\n" + "\n".join(tables)


def _shrunk(file: Path, folder: Path, told: str) -> tuple[str, str]:
    """A picture of the run's folder as a small file in the bundle's: WebP, of drawings without loss."""
    name = f"{file.stem}.webp"
    picture = cv2.imread(str(file))
    if picture is None:
        raise TrainingError(f"{file}: is gone, or no picture any more")
    encoded = [
        cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
        for quality in (QUALITY, LOSSLESS)
    ]
    (folder / name).write_bytes(min(encoded, key=len))
    return name, told


def _check(draft: Path) -> None:
    """Verify it as `models verify` would; raises ModelError where a variant is not as it says."""
    problem = proof_of(draft).problem
    if problem:
        raise ModelError(f"the bundle does not verify, so it is not kept: {problem}")


def _put(draft: Path, target: Path) -> None:
    """Rename a complete bundle to its place; what was there comes back where that fails."""
    old = draft.with_name(f"{draft.name}{OLD}")
    if target.exists():
        target.rename(old)
    try:
        draft.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
