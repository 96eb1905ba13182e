"""Which kernel of a file is whose, where ways part, join, and come in another order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_vision.training.transfer.pairing import Kernel, pairs


def kernel(shape: int, *before: str, kind: str = "Conv2D") -> Kernel:
    return Kernel(kind, (shape,), frozenset(before))


def test_branches_are_told_by_what_lies_before_them_and_not_by_their_order() -> None:
    network = {
        "stem": kernel(1),
        "left": kernel(2, "stem"),
        "right": kernel(3, "stem"),
        "joined": kernel(2, "left", "right"),
    }
    file = {
        "a": kernel(1),
        "b": kernel(3, "a"),
        "c": kernel(2, "a"),
        "d": kernel(2, "b", "c"),
    }
    assert pairs(network, file) == {"stem": "a", "left": "c", "right": "b", "joined": "d"}


def test_branches_that_begin_alike_are_told_by_what_comes_of_them() -> None:
    network = {
        "stem": kernel(1),
        "centres": kernel(2, "stem"),
        "sides": kernel(2, "stem"),
        "one": kernel(1, "centres"),
        "four": kernel(4, "sides"),
    }
    file = {
        "a": kernel(1),
        "b": kernel(2, "a"),
        "c": kernel(2, "a"),
        "d": kernel(4, "b"),
        "e": kernel(1, "c"),
    }
    assert pairs(network, file) == {"stem": "a", "centres": "c", "sides": "b", "one": "e", "four": "d"}


def test_another_head_is_paired_by_its_kind_and_one_of_another_kind_is_left_out() -> None:
    network = {"stem": kernel(1), "scores": kernel(7, "stem", kind="Dense")}
    assert pairs(network, {"a": kernel(1), "b": kernel(4, "a", kind="Dense")}) == {
        "stem": "a",
        "scores": "b",
    }
    assert pairs(network, {"a": kernel(1), "b": kernel(7, "a")}) == {"stem": "a"}


def test_what_depends_on_something_without_a_pair_has_none_either() -> None:
    network = {"stem": kernel(1), "new": kernel(2, "stem", kind="Dense"), "old": kernel(3, "new")}
    file = {"a": kernel(1), "b": kernel(3, "a")}
    assert pairs(network, file) == {"stem": "a"}
    assert pairs(network, {}) == {}


def test_a_shipped_detector_is_taken_over_whole() -> None:
    pytest.importorskip("tensorflow")
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    from edge_vision.training.networks.backbone import BackboneOptions, backbone  # noqa: PLC0415
    from edge_vision.training.networks.detector import centre_detector  # noqa: PLC0415
    from edge_vision.training.networks.segmenter import segmenter  # noqa: PLC0415
    from edge_vision.training.transfer.backbones import start_from  # noqa: PLC0415

    folder = Path(__file__).parents[3] / "models/edge_vision_models/pedestrians"
    detector = centre_detector(backbone(BackboneOptions(), (256, 256)), 1)
    assert not start_from(detector, folder).left
    picture = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3), np.uint8)
    given = Interpreter(str(folder / "model.tflite")).get_signature_runner()(image=picture)
    here = detector.predict_on_batch({"image": picture.astype(np.float32)})
    for name in ("centres", "sides"):
        expected = 1.0 / (1.0 + np.exp(-np.asarray(here[name])))
        np.testing.assert_allclose(given[name], expected, atol=0.02)
    transfer = start_from(segmenter(backbone(BackboneOptions(), (256, 256)), 2), folder)
    assert all(name.startswith(("finest", "mask")) for name in transfer.left)
