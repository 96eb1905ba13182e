from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_vision.adapters.catalogue import adapter_of, describe
from edge_vision.adapters.keypoints import COCO_KEYPOINTS, Poses
from edge_vision.contracts.file_facts import FileFacts, Producer
from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.tensors import TensorSpec
from edge_vision.data.errors import ModelError

IMAGE = TensorSpec("image", (1, 50, 100, 3), "float32")


def bundle(*outputs: TensorSpec, image: TensorSpec = IMAGE, **known: Any) -> ModelBundle:
    return ModelBundle("m", Path("m.tflite"), inputs=(image,), outputs=outputs, **known)


def spec(name: str, *shape: int, meaning: str = "") -> TensorSpec:
    return TensorSpec(name, shape, "float32", meaning=meaning)


def read(known: ModelBundle, **arrays: Any) -> Poses:
    described = describe(known)
    given = {
        output.name: np.array(arrays[output.name], np.float32).reshape(output.shape)
        for output in described.outputs
        if output.name in arrays
    }
    return adapter_of(described, Poses).read(given)


@pytest.mark.parametrize(
    ("outputs", "layout"),
    [
        ((spec("o", 1, 1, 17, 3),), "movenet"),
        ((spec("o", 1, 1, 5, 3),), "movenet"),
        ((spec("o", 1, 6, 56),), "movenet"),
        ((spec("a", 1, 1, 1, 1404), spec("b", 1, 1, 1, 1)), "landmarks"),
        ((spec("b", 1, 1), spec("a", 1, 63)), "landmarks"),
        ((spec("a", 1, 213), spec("b", 1, 15)), "iris"),
    ],
)
def test_key_points_are_told_by_the_shapes(outputs: tuple[TensorSpec, ...], layout: str) -> None:
    described = describe(bundle(*outputs))
    assert (described.task, described.layout) == ("keypoints", layout)
    assert describe(described) == described


@pytest.mark.parametrize(
    "outputs",
    [
        (spec("o", 1, 1, 1, 3),),
        (spec("o", 1, 2, 17, 3),),
        (spec("a", 1, 192), spec("b", 1, 1)),
        (spec("a", 1, 213), spec("b", 1, 16)),
        (spec("a", 1, 63), spec("b", 1, 63)),
    ],
)
def test_other_shapes_are_left_open(outputs: tuple[TensorSpec, ...]) -> None:
    assert describe(bundle(*outputs)).layout == ""


def test_many_rows_of_56_are_a_detectors_not_poses() -> None:
    assert describe(bundle(spec("o", 1, 6300, 56))).task != "keypoints"


def test_a_single_pose_swaps_y_and_x_and_scores_the_mean() -> None:
    values = np.zeros((17, 3))
    values[0], values[16] = (0.1, 0.2, 0.85), (0.3, 0.4, 0.85)
    found = read(bundle(spec("o", 1, 1, 17, 3)), o=values)
    assert found.points.shape == (1, 17, 3)
    np.testing.assert_allclose(found.points[0, [0, 16]], [[0.2, 0.1, 0.85], [0.4, 0.3, 0.85]])
    np.testing.assert_allclose(found.score, [0.1], rtol=1e-6)
    assert (found.names, found.label) == (COCO_KEYPOINTS, "person")


def test_several_poses_have_scores_of_their_own() -> None:
    values = np.zeros((6, 56))
    values[2, 48:51], values[2, 55] = (0.5, 0.25, 0.75), 0.9
    found = read(bundle(spec("o", 1, 6, 56)), o=values)
    assert found.points.shape == (6, 17, 3)
    assert found.points[2, 16].tolist() == [0.25, 0.5, 0.75]
    np.testing.assert_allclose(found.score, [0, 0, 0.9, 0, 0, 0])


def test_a_float_movenet_takes_pixels_as_they_are() -> None:
    described = describe(bundle(spec("o", 1, 1, 17, 3)))
    assert (described.image_input.mean, described.image_input.std) == (0.0, 1.0)


def test_landmarks_are_pixels_of_the_input_and_their_presence_is_a_logit() -> None:
    points = np.zeros((21, 3))
    points[4] = 25, 40, 7
    found = read(bundle(spec("a", 1, 63), spec("b", 1, 1)), a=points, b=[0.5])
    score = 1 / (1 + np.exp(-0.5))
    # Without facts a value of 0 to 1 is taken as it is.
    np.testing.assert_allclose(found.points[0, 4], [0.25, 0.8, 0.5], rtol=1e-6)
    assert found.label == "hand"
    facts = FileFacts(producers={"b": Producer("CONV_2D")})
    found = read(bundle(spec("a", 1, 63), spec("b", 1, 1), facts=facts), a=points, b=[0.5])
    np.testing.assert_allclose(found.points[0, 4], [0.25, 0.8, score], rtol=1e-6)
    np.testing.assert_allclose(found.score, [score], rtol=1e-6)


def test_declared_landmarks_may_be_pairs_of_fractions_without_a_presence() -> None:
    known = bundle(
        spec("o", 1, 8),
        task="keypoints",
        decoding={"values": 2, "unit": "fractions"},
        labels=tuple("abcd"),
    )
    found = read(known, o=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    np.testing.assert_allclose(found.points[0, :, 0], [0.1, 0.3, 0.5, 0.7])
    np.testing.assert_allclose(found.points[0, :, 2], 1.0)
    assert found.names == tuple("abcd")


def test_landmarks_of_other_numbers_say_what_to_write() -> None:
    with pytest.raises(ModelError, match=r"8 values, not 3 for each point; write values = 2 or 3"):
        read(bundle(spec("o", 1, 8), task="keypoints"), o=np.zeros(8))


def test_outputs_beside_landmarks_may_be_ignored() -> None:
    outputs = (
        *(spec("ld", 1, 63, meaning="landmarks"), spec("flag", 1, 1, meaning="presence")),
        *(spec("side", 1, 1, meaning="ignore"), spec("world", 1, 63, meaning="ignore")),
    )
    found = read(bundle(*outputs), ld=np.zeros(63), flag=[0.9])
    np.testing.assert_allclose(found.score, [0.9])


CALL = "StatefulPartitionedCall"


@pytest.mark.parametrize(
    "names",
    [
        ("Identity", "Identity_1", "Identity_2", "Identity_3"),
        (f"{CALL}:0", f"{CALL}:1", f"{CALL}:2", f"{CALL}:3"),
        ("ld_21_3d", "output_handflag", "output_handedness", "world_21_3d"),
    ],
)
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_of_a_hand_the_landmarks_in_pixels_and_its_presence_are_read(
    names: tuple[str, ...], order: tuple[int, ...]
) -> None:
    shapes = ((1, 63), (1, 1), (1, 1), (1, 63))
    outputs = [spec(name, *shape) for name, shape in zip(names, shapes, strict=True)]
    described = describe(bundle(*(outputs[place] for place in order)))
    assert described.layout == "landmarks"
    meanings = {output.name: output.meaning for output in described.outputs}
    told = ("landmarks", "presence", "ignore", "ignore")
    assert meanings == dict(zip(names, told, strict=True))
    arrays = dict(zip(names, ([25.0] * 63, [0.75], [0.1], [0.01] * 63), strict=True))
    found = read(bundle(*outputs), **arrays)
    np.testing.assert_allclose(found.points[0, 3], [0.25, 0.5, 0.75])
    assert found.label == "hand"


@pytest.mark.parametrize("shapes", [((1, 468, 3), (1, 1)), ((1, 1, 1, 1404), (1, 1, 1, 1), (1, 1))])
def test_the_landmarks_of_a_face_come_in_several_shapes(shapes: tuple[tuple[int, ...], ...]) -> None:
    names = ("Identity", "Identity_1", "Identity_2")
    outputs = [spec(name, *shape) for name, shape in zip(names, shapes, strict=False)]
    points = np.zeros((468, 3))
    points[467] = 25, 40, 7
    found = read(bundle(*outputs), Identity=points, Identity_1=[0.5], Identity_2=[0.9])
    np.testing.assert_allclose(found.points[0, 467], [0.25, 0.8, 0.5], rtol=1e-6)
    assert found.label == "face"


def test_a_declared_table_of_points_says_how_many_values_a_point_has() -> None:
    found = read(bundle(spec("o", 1, 68, 2), task="keypoints"), o=np.full((68, 2), 25.0))
    np.testing.assert_allclose(found.points[0, 67], [0.25, 0.5, 1.0])


def test_an_eye_has_its_surroundings_and_its_iris() -> None:
    contours, iris = np.zeros((71, 3)), np.zeros((5, 3))
    contours[0], iris[4] = (10, 5, 1), (50, 25, 1)
    found = read(bundle(spec("b", 1, 15), spec("a", 1, 213)), a=contours, b=iris)
    assert found.points.shape == (1, 76, 3)
    np.testing.assert_allclose(found.points[0, [0, 75]], [[0.1, 0.1, 1], [0.5, 0.5, 1]])
    assert found.label == "eye"


def test_a_declared_output_of_a_wrong_shape_is_refused() -> None:
    described = describe(bundle(spec("o", 1, 9, meaning="keypoints")))
    with pytest.raises(ModelError, match=r"not the shape \(1, 1, k, 3\) of a pose"):
        adapter_of(described, Poses)
