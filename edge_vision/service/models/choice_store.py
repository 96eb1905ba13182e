"""The store of choices: what was measured between variants, kept over restarts of the service."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import uuid4

from edge_vision.builtin.tflite.runtime import VARIABLE
from edge_vision.contracts.regular_file import read_regular

PLACES = ("CACHE_DIRECTORY", "STATE_DIRECTORY")
"""Environment variables by which systemd names the service's own folders; elsewhere nothing is kept."""
FILE = "fastest-variants.json"
MOST_KEPT = 64
"""So many choices are kept; the oldest go first."""
_LARGEST = 1 << 20
_MODELS_OF_CPUS = ("model name", "Model", "Hardware", "CPU part")

_log = logging.getLogger(__name__)


def store_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file of choices, None where this is no service with a folder of its own."""
    for name in PLACES:
        first = environment.get(name, "").partition(":")[0]
        if first:
            return Path(first) / FILE
    return None


def read_times(file: Path, digests: tuple[tuple[str, str], ...]) -> dict[str, float] | None:
    """The milliseconds of each variant that were measured here between these files, None for unknown.

    digests  names of variants and digests of their files
    """
    times = _read(file).get(_key(digests))
    names = {name for name, _ in digests}
    if not isinstance(times, dict) or times.keys() != names:
        return None
    if not all(isinstance(each, int | float) and each > 0.0 for each in times.values()):
        return None
    return {name: float(times[name]) for name, _ in digests}


def write_times(
    file: Path, digests: tuple[tuple[str, str], ...], milliseconds: Mapping[str, float]
) -> None:
    """Keep what was measured; where that cannot be written it is measured again, and that is all."""
    known = _read(file)
    known.pop(_key(digests), None)
    known[_key(digests)] = dict(milliseconds)
    kept = dict(list(known.items())[-MOST_KEPT:])
    draft = file.with_name(f".{file.name}.{uuid4().hex[:8]}")
    try:
        draft.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        _log.debug("%s: cannot be written: %s", file, error.strerror)
        with suppress(OSError):
            draft.unlink()


def _read(file: Path) -> dict[str, Any]:
    """What is in the file; nothing where it is missing or damaged."""
    try:
        content = json.loads(read_regular(file, _LARGEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _key(digests: tuple[tuple[str, str], ...]) -> str:
    """What the times depend on, as a digest: the files, the processor, the programs that run them."""
    facts = [list(digests), platform.machine(), _processor(), os.environ.get(VARIABLE, "")]
    facts += [_version(package) for package in ("edge-vision", "ai-edge-litert", "tflite-runtime")]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _processor() -> list[str]:
    """What Linux says of the processor, once for all its cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return sorted({line for line in lines if line.partition(":")[0].strip() in _MODELS_OF_CPUS})


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
