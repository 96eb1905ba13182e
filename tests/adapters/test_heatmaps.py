from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.keypoints import COCO_KEYPOINTS, Poses
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import Quantisation, TensorSpec
from edge_vision.data.errors import ModelError

IMAGE = TensorSpec("image", (1, 257, 257, 3), "float32")
HEIGHT, WIDTH, POINTS = 9, 12, 5


def bundle(*outputs: TensorSpec, **known: Any) -> ModelBundle:
    return ModelBundle("m", Path("m.tflite"), inputs=(IMAGE,), outputs=outputs, **known)


def spec(name: str, *shape: int, meaning: str = "") -> TensorSpec:
    return TensorSpec(name, shape, "float32", meaning=meaning)


def gaussians(*centres: tuple[float, float]) -> NDArray[np.float32]:
    """Heat maps (1, HEIGHT, WIDTH, k) with one hill each, around x and y in places of the map."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    maps = [np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2) for x, y in centres]
    return np.stack(maps, axis=2)[np.newaxis].astype(np.float32)


def read(known: ModelBundle, **arrays: NDArray[Any]) -> Poses:
    return adapter_of(describe(known), Poses).read(arrays)


CENTRES = ((3.2, 4.4), (6.8, 2.1), (0.6, 0.6), (11.4, 8.4), (7.5, 4.5))


def test_heat_maps_have_to_be_declared_because_segments_look_the_same() -> None:
    output = spec("o", 1, 64, 64, 17)
    assert describe(bundle(output)).task == "segment"
    for declared in ({"task": "keypoints"}, {"layout": "heatmaps"}):
        described = describe(bundle(output, **declared))
        assert (described.task, described.layout) == ("keypoints", "heatmaps")
        assert describe(described) == described
    assert describe(bundle(spec("o", 1, 64, 64, 17, meaning="heatmaps"))).layout == "heatmaps"


def test_the_highest_place_is_the_point_moved_towards_its_higher_neighbour() -> None:
    known = bundle(spec("o", 1, HEIGHT, WIDTH, POINTS), task="keypoints")
    found = read(known, o=gaussians(*CENTRES))
    places = found.points[0, :, :2] * [WIDTH, HEIGHT]
    np.testing.assert_allclose(
        places, [[3.25, 4.25], [6.75, 2.25], [0.5, 0.5], [11.5, 8.5], [7.5, 4.5]], atol=1e-5
    )
    assert np.abs(places - CENTRES).max() <= 0.25


def test_hills_that_overshoot_are_scores_and_deep_valleys_are_logits() -> None:
    known = bundle(spec("o", 1, HEIGHT, WIDTH, POINTS), task="keypoints")
    hills = gaussians(*CENTRES) * 1.2 - 0.1
    np.testing.assert_allclose(read(known, o=hills).points[0, 4, 2], 1.0)
    logits = np.full_like(hills, -8.0)
    logits[0, 4, 7, :] = 2.0
    np.testing.assert_allclose(read(known, o=logits).points[0, :, 2], 1 / (1 + np.exp(-2)), rtol=1e-6)


def test_the_graph_or_a_declaration_goes_before_the_values() -> None:
    output = spec("o", 1, HEIGHT, WIDTH, POINTS)
    maps = np.zeros((1, HEIGHT, WIDTH, POINTS), np.float32)
    sigmoid = FileFacts(producers={"o": Producer("LOGISTIC")})
    assert read(bundle(output, task="keypoints", facts=sigmoid), o=maps).score[0] == 0.0
    declared = bundle(output, task="keypoints", decoding={"activation": "sigmoid"})
    assert read(declared, o=maps).score[0] == 0.5


def test_quantised_heat_maps_of_scores_are_known_by_their_scale() -> None:
    output = TensorSpec("o", (1, HEIGHT, WIDTH, POINTS), "uint8", Quantisation(1 / 256, 0))
    maps = np.zeros(output.shape, np.uint8)
    maps[0, 1, 1] = 128
    assert read(bundle(output, task="keypoints"), o=maps).points[0, 0, 2] == 0.5


POSENET = (
    *(spec("float_heatmaps", 1, 9, 9, 17), spec("float_short_offsets", 1, 9, 9, 34)),
    *(spec("float_mid_offsets", 1, 9, 9, 64), spec("float_segments", 1, 9, 9, 1)),
)


@pytest.mark.parametrize("outputs", [POSENET, POSENET[::-1], POSENET[:2]])
def test_posenet_is_told_by_twice_as_many_offsets_and_its_other_outputs_are_ignored(
    outputs: tuple[TensorSpec, ...],
) -> None:
    described = describe(bundle(*outputs))
    assert (described.task, described.layout) == ("keypoints", "heatmaps-with-offsets")
    meanings = {output.name: output.meaning for output in described.outputs}
    assert meanings.pop("float_heatmaps") == "heatmaps"
    assert meanings.pop("float_short_offsets") == "offsets"
    assert set(meanings.values()) <= {"ignore"}
    assert describe(described) == described


@pytest.mark.parametrize(
    "outputs",
    [
        (spec("a", 1, 32, 32, 2), spec("b", 1, 32, 32, 4)),
        (spec("a", 1, 26, 26, 255), spec("b", 1, 13, 13, 255)),
        (spec("a", 1, 26, 26, 17), spec("b", 1, 13, 13, 34)),
        (spec("a", 1, 9, 9, 17), spec("b", 1, 9, 9, 34), spec("c", 1, 9, 9, 68)),
    ],
)
def test_pairs_that_may_be_something_else_are_left_to_others(outputs: tuple[TensorSpec, ...]) -> None:
    assert describe(bundle(*outputs)).task != "keypoints"


def test_an_offset_leads_from_the_highest_place_to_the_point() -> None:
    heat = np.full((1, 9, 9, 17), -10, np.float32)
    offsets = np.zeros((1, 9, 9, 34), np.float32)
    heat[0, 2, 5, :] = 3.0
    offsets[0, 2, 5, 4], offsets[0, 2, 5, 17 + 4] = -6.0, 11.0
    found = read(bundle(*POSENET[:2]), float_heatmaps=heat, float_short_offsets=offsets)
    np.testing.assert_allclose(found.points[0, 0, :2] * 257, [5 * 32 + 0.5, 2 * 32 + 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.points[0, 4, :2] * 257, [171.5, 58.5], rtol=1e-6)
    np.testing.assert_allclose(found.score, 1 / (1 + np.exp(-3)), rtol=1e-6)
    assert found.names[4] == "right_ear"


def test_declared_outputs_that_do_not_belong_together_are_refused() -> None:
    heat = spec("a", 1, 9, 9, 17, meaning="heatmaps")
    described = describe(bundle(heat, spec("b", 1, 9, 9, 17, meaning="offsets")))
    with pytest.raises(ModelError, match="heat maps and offsets do not belong together"):
        adapter_of(described, Poses)
    described = describe(bundle(spec("a", 1, 5, meaning="heatmaps")))
    with pytest.raises(ModelError, match=r"not the shape \(1, h, w, k\)"):
        adapter_of(described, Poses)


PEOPLE = FileFacts(producers={"o": Producer("LOGISTIC")})


@pytest.mark.parametrize("labels", [(), ("runner",), COCO_KEYPOINTS])
def test_seventeen_coarse_maps_with_a_sigmoid_each_are_of_people_but_doubtful(
    labels: tuple[str, ...],
) -> None:
    known = bundle(spec("o", 1, 64, 64, 17), facts=PEOPLE, labels=labels)
    described = describe(known)
    assert (described.task, described.layout) == ("keypoints", "heatmaps")
    assert 'where they are classes, write task = "segment"' in described.warnings[0]
    assert not describe(replace(known, declared=True, task="keypoints")).warnings
    assert describe(replace(known, declared=True, task="segment")).layout == "class-scores"


@pytest.mark.parametrize(
    "known",
    [
        bundle(spec("o", 1, 257, 257, 17), facts=PEOPLE),
        bundle(spec("o", 1, 64, 64, 16), facts=PEOPLE),
        bundle(spec("o", 1, 64, 64, 17), facts=PEOPLE, labels=tuple("abcdefghijklmnopq")),
        bundle(spec("o", 1, 64, 64, 17), facts=FileFacts(producers={"o": Producer("SOFTMAX")})),
    ],
)
def test_other_maps_stay_maps_of_classes(known: ModelBundle) -> None:
    assert describe(known).layout == "class-scores"


@pytest.mark.parametrize("depths", [(32, 32), (64,), (64, 1), (32, 32, 1)])
def test_the_displacements_of_posenet_are_left_out(depths: tuple[int, ...]) -> None:
    others = [spec(f"d{place}", 1, 9, 9, depth) for place, depth in enumerate(depths)]
    described = describe(bundle(spec("b", 1, 9, 9, 34), *others, spec("a", 1, 9, 9, 17)))
    assert described.layout == "heatmaps-with-offsets"
    meanings = {output.name: output.meaning for output in described.outputs}
    assert meanings == {"a": "heatmaps", "b": "offsets", **{other.name: "ignore" for other in others}}
    assert adapter_of(described, Poses).labels == COCO_KEYPOINTS


def test_outputs_of_other_depths_beside_maps_and_offsets_leave_it_open() -> None:
    outputs = (spec("a", 1, 9, 9, 17), spec("b", 1, 9, 9, 34), spec("c", 1, 9, 9, 7))
    assert describe(bundle(*outputs)).layout == ""
