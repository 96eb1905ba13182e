"""Doubts about a bundle: what its maker found, and what its golden files are worth."""

from __future__ import annotations

import tomllib
from pathlib import Path

from edge_vision.contracts.bundle_table import read_table
from edge_vision.contracts.model import Model
from edge_vision.service.models.golden import read_cases
from edge_vision.service.models.tolerance import tolerances
from edge_vision.service.models.verification import measured, proves_little, tried

SHAKES = 3
"""So many times each case is run with its pixels changed a little."""
PROVES_LITTLE = (
    "its golden files prove little, because it answers alike to some of them, or so unsurely that "
    "rounding changes what it says: it has learnt little, or they do not show what it is for"
)


def doubts_about(folder: Path, model: Model) -> tuple[str, ...]:
    """What is doubtful about a bundle that verifies, a sentence each.

    model  the bundle's, opened
    """
    if known := _known(folder):
        return known
    return (PROVES_LITTLE,) if _proves_little(folder, model) else ()


def _known(folder: Path) -> tuple[str, ...]:
    """What its maker found: `doubts` of [made]; what is of another kind is passed over."""
    made = tomllib.loads((folder / "bundle.toml").read_text(encoding="utf-8")).get("made")
    told = made.get("doubts") if isinstance(made, dict) else None
    return tuple(each for each in told if isinstance(each, str)) if isinstance(told, list) else ()


def _proves_little(folder: Path, model: Model) -> bool:
    """True where two of its golden files might be taken for each other."""
    bundle, cases = model.bundle, list(read_cases(folder))
    tries = [tried(model, [case], SHAKES) for case in cases]
    runs = [run for each in tries for run in each]
    declared = read_table(folder).allowances(bundle.variant)
    allowed = measured(runs, bundle, tolerances(bundle, cases, declared))
    # A single case of several steps has only those to tell apart.
    return proves_little(bundle, runs if len(cases) == 1 else [each[0] for each in tries], allowed)
