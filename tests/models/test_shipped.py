"""The shipped bundles: each proves itself here, says where it comes from, and all together are small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_vision.contracts.bundle_table import read_made, read_table
from edge_vision.service.models.library import Library
from edge_vision.service.models.proof import proof_of
from edge_vision.service.training.finding import find_recipe

HOUSE = Path(__file__).resolve().parents[2]
SHIPPED = {
    volume.name: volume.folder for volume in Library.here({}).volumes() if volume.origin == "shipped"
}
MOST_BYTES = 12_000_000
"""All bundles together take at most so much room in the repository."""
RECOGNITION = "objects", "meter-digits", "meter-reader", "room-actions", "scenes"
DETECTION = "pedestrians", "people-mask", "roads"
GENERATION = "digits-maker", "paint", "sharpen"
PARTS_OF_A_CARD = ("- data: ", "licence", "edge-vision train", "kB", "ms")

each_bundle = pytest.mark.parametrize("name", SHIPPED)


def test_the_models_of_the_manual_are_shipped() -> None:
    assert {*RECOGNITION, *DETECTION, *GENERATION} <= set(SHIPPED)


@each_bundle
def test_every_form_gives_what_its_golden_files_say(name: str) -> None:
    proof = proof_of(SHIPPED[name])
    assert proof.problem == ""
    card = (SHIPPED[name] / "README.md").read_text(encoding="utf-8")
    kept = {each.variant.name for each in proof.proofs}
    for form in set(find_recipe(name).forms) - kept:
        assert f"- {form} is not in the bundle: " in card, "a form that is missing, and nobody says why"


@each_bundle
def test_every_form_does_as_well_as_the_network_did(name: str) -> None:
    folder = SHIPPED[name]
    metrics = read_made(folder).metrics
    table = read_table(folder)
    forms = [table.variant, *(variant.name for variant in table.variants)]
    chief, most_lost = next(iter(metrics["keras"])), find_recipe(name).largest_loss
    for form in forms:
        assert metrics[form][chief] >= metrics["keras"][chief] - most_lost, form


@each_bundle
def test_a_bundle_says_how_it_came_about(name: str) -> None:
    made = read_made(SHIPPED[name])
    recipe = find_recipe(name)
    assert (made.recipe, made.licence) == (recipe.name, recipe.data.licence)
    assert made.research_only == recipe.data.research_only
    assert made.command.startswith(f"edge-vision train {name} --data ")
    assert "/" not in made.command, "a path of somebody's computer helps nobody"
    card = (SHIPPED[name] / "README.md").read_text(encoding="utf-8")
    for part in (*PARTS_OF_A_CARD, recipe.data.name, made.command):
        assert part in card, part
    for picture in (line for line in card.splitlines() if line.startswith("![")):
        assert (SHIPPED[name] / picture.split("](")[1].rstrip(")")).is_file(), picture


def test_all_bundles_together_are_small() -> None:
    files = [file for folder in SHIPPED.values() for file in folder.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files if file.suffix != ".pyc") < MOST_BYTES


@pytest.mark.slow
@pytest.mark.timeout(600)
@each_bundle
def test_the_same_golden_files_pass_with_the_interpreter_of_tensorflow(name: str) -> None:
    pytest.importorskip("tensorflow")
    answer = subprocess.run(
        [sys.executable, "-m", "edge_vision", "models", "verify", str(SHIPPED[name]), "--json"],
        env={**os.environ, "EDGE_VISION_RUNTIME": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        cwd=HOUSE,
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["good"]
