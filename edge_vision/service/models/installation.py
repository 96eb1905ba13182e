"""Installation: a model becomes a bundle's folder, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from edge_vision.contracts.bundles import load_bundle
from edge_vision.contracts.labels import parse_labels
from edge_vision.contracts.model import Model
from edge_vision.data.errors import ModelError
from edge_vision.service.models.bundle_toml import LABELS, bundle_toml
from edge_vision.service.models.digests import write_digests
from edge_vision.service.models.doubts import doubts_about
from edge_vision.service.models.drafts import OLD, tidied
from edge_vision.service.models.fastest_form import FormTrial, add_fastest_form
from edge_vision.service.models.golden import FOLDER, write_case
from edge_vision.service.models.inspection import Inspection, opened
from edge_vision.service.models.proof import proof_of
from edge_vision.service.models.selection import all_of, best_of
from edge_vision.service.models.stimuli import further_stimuli, pictured_stimuli

PROVES_LITTLE = (
    "its golden files prove little, because it answers alike to some of them, or so unsurely that "
    "rounding changes what it says; show it pictures of what it is for (--pictures)"
)


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for: a bundle of that name in that folder.

    pictures  shown to the model for its golden files; empty for those that are usual
    replace   True where a bundle of that name may be replaced
    fastest   True where the float form of a quantised model is wanted too, if it is faster here
    """

    name: str
    folder: Path
    pictures: Sequence[Path] = ()
    replace: bool = False
    fastest: bool = False

    @property
    def target(self) -> Path:
        """The bundle's folder."""
        return self.folder / self.name

    def check(self) -> None:
        """Raise ModelError where something is there that may not be replaced."""
        if self.target.is_dir() and not self.target.is_symlink():
            if not self.replace:
                raise ModelError(
                    f"{self.target}: is there already; --replace puts this one in its place"
                )
        elif self.target.exists() or self.target.is_symlink():
            raise ModelError(f"{self.target}: is there already, and is no folder")


class Installed(NamedTuple):
    """A bundle in its place.

    doubts  what is doubtful about its golden files, a sentence each
    forms   the forms that were tried, where the fastest was wanted
    """

    folder: Path
    doubts: tuple[str, ...]
    forms: Sequence[FormTrial]


class InstalledFolder(NamedTuple):
    """A bundle in its place that was a folder.

    task    what it is for
    doubts  what is doubtful about it, a sentence each
    forms   the forms that were tried, where the fastest was wanted
    """

    task: str
    doubts: tuple[str, ...]
    forms: Sequence[FormTrial]


def install(inspection: Inspection, model: Model, order: Order) -> Installed:
    """Write a bundle and put it in its place.

    It is made in a hidden folder beside its place and renamed when it is complete, so nobody ever sees
    half of it. Raises ModelError where it cannot be written.
    """
    doubts: tuple[str, ...] = ()
    with _drafted(order) as draft:
        doubts = _fill(draft, inspection, model, order)
        forms = add_fastest_form(draft, order.pictures) if order.fastest else ()
    return Installed(order.target, doubts, forms)


def install_folder(source: Path, order: Order) -> InstalledFolder:
    """Copy a bundle's folder with all its variants to its place.

    The copy is what is verified, and put in its place only where every variant gives what its golden
    files say; the digests that its bundle.toml lacks are added. Raises ModelError where a variant does
    not, or it cannot be written.
    """
    with _drafted(order) as draft:
        _copy(source, draft)
        proof = proof_of(draft)
        if proof.problem:
            raise ModelError(proof.problem.replace(str(draft), str(source)))
        unstated = write_digests(draft)
        with opened(draft) as model:
            task = model.bundle.task
            doubts = doubts_about(draft, model)
        forms = add_fastest_form(draft, order.pictures) if order.fastest else ()
    lacking = (f"its bundle.toml does not say the sha256 of {file}; write it there" for file in unstated)
    return InstalledFolder(task, (*doubts, *lacking), forms)


@contextmanager
def _drafted(order: Order) -> Iterator[Path]:
    """A hidden folder beside a bundle's place, which takes that place where all goes well."""
    order.check()
    draft = order.folder / f".{order.name}.{uuid4().hex[:8]}"
    try:
        order.folder.mkdir(parents=True, exist_ok=True)
        with tidied(order.folder):
            order.check()
            try:
                draft.mkdir()
                yield draft
                _put(draft, order)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        place = error.filename or order.folder
        raise ModelError(f"{place}: cannot be written: {error.strerror or error}") from error


def _copy(source: Path, draft: Path) -> None:
    """Copy the files in a folder and below it; what is hidden, or left by Python, stays behind.

    Raises ModelError where something is neither a file nor a folder: a link may lead anywhere.
    """
    with os.scandir(source) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir(follow_symlinks=False):
            (draft / entry.name).mkdir()
            _copy(Path(entry.path), draft / entry.name)
        elif entry.is_file(follow_symlinks=False):
            shutil.copyfile(entry.path, draft / entry.name)
        else:
            raise ModelError(f"{entry.path}: is no regular file; only those are copied into a bundle")


def _fill(draft: Path, inspection: Inspection, model: Model, order: Order) -> tuple[str, ...]:
    """Write the files of a bundle, and read it back as the daemon will; gives what is doubtful."""
    bundle = inspection.bundle
    shutil.copyfile(bundle.file, draft / "model.tflite")
    if bundle.labels:
        (draft / LABELS).write_bytes(labels_text(bundle.labels))
    golden = (
        all_of(model, pictured_stimuli(model, order.pictures))
        if order.pictures
        else best_of(model, further_stimuli(model))
    )
    (draft / FOLDER).mkdir()
    for case in golden.cases:
        write_case(case, draft / FOLDER)
    with (draft / "model.tflite").open("rb") as copy:
        digest = hashlib.file_digest(copy, "sha256").hexdigest()
    if bundle.facts.sha256 != digest:
        raise ModelError(f"{bundle.file}: was replaced while it was looked into; try again")
    text = bundle_toml(inspection, order.name, allowed=golden.allowed)
    (draft / "bundle.toml").write_text(text, encoding="utf-8")
    if load_bundle(draft, order.name).labels != bundle.labels:
        raise ModelError(f"{bundle.file}: its labels cannot be written one a line")
    return (PROVES_LITTLE,) if golden.proves_little else ()


def _put(draft: Path, order: Order) -> None:
    """Rename a complete bundle to its place; what was there comes back where that fails."""
    if not order.target.exists():
        draft.rename(order.target)
        return
    order.check()
    old = draft.with_name(f"{draft.name}{OLD}")
    order.target.rename(old)
    try:
        draft.rename(order.target)
    except OSError:
        old.rename(order.target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def labels_text(labels: Sequence[str]) -> bytes:
    """Labels as the content of a file, numbered where lines of names alone would be read otherwise."""
    plain = "".join(f"{label}\n" for label in labels).encode("utf-8")
    if _reads_as(plain, labels):
        return plain
    return "".join(f"{number}  {label}\n" for number, label in enumerate(labels)).encode("utf-8")


def _reads_as(content: bytes, labels: Sequence[str]) -> bool:
    try:
        return parse_labels(content) == tuple(labels)
    except ValueError:
        return False
