"""What golden files prove: answers that are sure and different; what is only carried on may be wild."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_vision.service.models.tolerance import Tolerance
from edge_vision.service.models.verification import proves_little
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
