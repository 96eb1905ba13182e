"""What golden files prove: answers that are sure and different; what is only carried on may be wild."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.service.models.golden import Case, made_case
from edge_vision.service.models.stimuli import Stimulus
from edge_vision.service.models.tolerance import Tolerance, tolerances
from edge_vision.service.models.verification import differences, observed, proves_little
from edge_vision.service.training.opening import declared_bundle, opened_bundle
from tests.recurrent_models import accumulator_bundle

STEADY, WILD = Tolerance(0.1, 1.0), Tolerance(0.1, 0.3)


@pytest.mark.parametrize(("sums", "little"), [(STEADY, False), (WILD, True)])
def test_answers_have_to_be_steady_and_a_state_does_not(
    tmp_path: Path, sums: Tolerance, little: bool
) -> None:
    folder = accumulator_bundle(tmp_path / "sum")
    with opened_bundle(declared_bundle(folder)) as model:
        assert [spec.name for spec in model.bundle.answers] == ["sums"]
        assert proves_little(model.bundle, [], {"sums": sums, "total_out": WILD}) is little


def test_a_state_that_differs_is_allowed_to_and_an_answer_is_not(tmp_path: Path) -> None:
    folder = accumulator_bundle(tmp_path / "sum")
    with opened_bundle(declared_bundle(folder)) as model:
        case = made_case(model, Stimulus("white", ({"image": np.ones((1, 4, 4, 3), np.float32)},)))
        moved = {name: array.copy() for name, array in case.kept.items()}
        for array in moved.values():
            array[:, 0] += 0.5
        other = replace(case, kept=moved)
        allowed = observed(model, [other])
        assert allowed["sums"].share == 0.9
        assert allowed["total_out"].share == pytest.approx(1 / 3, abs=0.01)
        differing = {each.spec.name: each for each in differences(model, [other], allowed)}
    assert differing["total_out"].good
    assert not differing["sums"].good


def test_a_picture_or_a_map_of_one_may_differ_by_two_of_its_levels() -> None:
    given = TensorSpec("image", (1, 2, 2, 1), "uint8", meaning="image")
    for meaning, levels in (("image", 2.0), ("class-scores", 2.0), ("embedding", 0.25)):
        made = TensorSpec("made", (1, 2, 2, 1), "float32", meaning=meaning)
        bundle = ModelBundle("it", Path("it.tflite"), inputs=(given,), outputs=(made,))
        pixels = np.zeros((1, 1, 2, 2, 1), np.uint8)
        case = Case("white", {"image": pixels}, {"made": np.full((1, 4), 255, np.float32)}, {"made": 1})
        assert tolerances(bundle, [case])["made"].within == pytest.approx(levels, abs=0.05)
