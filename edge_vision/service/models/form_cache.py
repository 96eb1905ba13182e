"""The cache of forms: bundles made of models whose fastest form a configuration wants."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from edge_vision.contracts.bundle_table import MODEL_FILE
from edge_vision.contracts.regular_file import open_model_file
from edge_vision.data.errors import ModelError, one_line
from edge_vision.service.models.inspection import inspected, naming, opened
from edge_vision.service.models.installation import Order, install, install_folder

FOLDER = "forms"

log = logging.getLogger(__name__)


def with_fastest_form(path: Path, name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """A bundle of a model, with its float form where that is right and faster here.

    path  a .tflite file, or a bundle's folder
    name  what the configuration calls the model, for what is logged

    It is made once and kept by the digests of what it was made from. Where it cannot be made or kept,
    that is logged, and the model is used as it is.
    """
    cache = cache_folder(environment)
    try:
        made = Order(_key(path), cache, fastest=True)
        if made.target.is_dir():
            return made.target
        log.info("%s: its fastest form is looked for, once", name)
        if path.is_dir():
            trials = install_folder(path, made).forms
        else:
            with opened(path) as model, naming(path):
                trials = install(inspected(path, model), model, made).forms
    except (ModelError, OSError) as error:
        log.warning("%s: is used as it is: %s", name, one_line(str(error)))
        return path
    for trial in trials:
        log.info("%s: the form %s %s", name, trial.name, trial.problem or "is kept")
    return made.target


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where systemd says that a service may keep what it can make again, else the user's own cache."""
    if given := environment.get("CACHE_DIRECTORY", "").partition(":")[0]:
        return Path(given) / FOLDER
    own = Path(environment.get("XDG_CACHE_HOME", ""))
    if not own.is_absolute():  # as the XDG Base Directory Specification has it
        own = Path(environment.get("HOME", "/")) / ".cache"
    return own / "edge-vision" / FOLDER


def _key(path: Path) -> str:
    """A name that stands for the model's files; raises OSError where they cannot be read."""
    files = [path / MODEL_FILE, path / "bundle.toml"] if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        with open_model_file(file) as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:32]
