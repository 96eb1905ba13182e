"""Key points: where the joints of people are, or whatever else a model knows by its points.

The meaning this adds:

keypoints  (1, 1, k, 3) one pose of k points: y and x as fractions of the input, and a score;
           (1, n, 3 k + 5) n poses: the same k times, then ymin, xmin, ymax, xmax and the pose's score
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_vision.adapters.layout import Adapter, Layout, Meanings, NoDecoding, Outputs, only
from edge_vision.adapters.values import real_values
from edge_vision.contracts.model import ModelBundle, Wishes
from edge_vision.data.errors import ModelError

COCO_KEYPOINTS = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
)
"""The 17 key points of a person in the order of COCO's annotations (category person, keypoints)."""

MOST_POSES = 32
_BOX_AND_SCORE = 5


@dataclass(frozen=True, slots=True)
class Poses:
    """What has key points, n times.

    points  (n, k, 3) float32, x and y as fractions of the model's input, and a score of 0 to 1
    score   (n,) float32, 0 to 1, of each pose as a whole
    names   k names of the points; empty where they have none
    label   what has them
    """

    points: NDArray[np.float32]
    score: NDArray[np.float32]
    names: tuple[str, ...] = ()
    label: str = "person"


def names_and_label(
    bundle: ModelBundle, count: int, label: str = "person"
) -> tuple[tuple[str, ...], str]:
    """The names of so many key points, and what has them: the bundle's labels are the one or the other.

    Raises ModelError for any other number of labels.
    """
    labels = bundle.labels
    if len(labels) == count:
        return labels, label
    if len(labels) > 1:
        raise ModelError(
            f"{bundle.name}: has {count} key points but {len(labels)} labels; "
            "give it one for each, or one for what has them"
        )
    names = COCO_KEYPOINTS if count == len(COCO_KEYPOINTS) else ()
    return names, labels[0] if labels else label


def _recognise_movenet(bundle: ModelBundle) -> Meanings | None:
    """One pose, or several with their boxes."""
    output = only(bundle)
    if output is None or output.shape[:1] != (1,):
        return None
    single = len(output.shape) == 4 and output.shape[1] == 1 and output.shape[3] == 3
    width = 3 * len(COCO_KEYPOINTS) + _BOX_AND_SCORE
    several = len(output.shape) == 3 and output.shape[1] <= MOST_POSES and output.shape[2] == width
    fits = (single and output.shape[2] > 1) or several
    return {output.name: "keypoints"} if fits else None


def _movenet(bundle: ModelBundle, _options: NoDecoding) -> Adapter[Poses]:
    """Reads y, x, score for each point; a single pose's score is the mean of its points'.

    As published with MoveNet (TensorFlow Hub: movenet/singlepose, movenet/multipose).
    """
    spec = bundle.output("keypoints")
    several = len(spec.shape) == 3
    values = spec.shape[-1] - _BOX_AND_SCORE if several else 3 * spec.shape[-2]
    if values % 3 or values < 3 or (not several and spec.shape[-1] != 3):
        raise ModelError(
            f"{bundle.name}: the output {spec} has not the shape (1, 1, k, 3) of a pose, "
            "or (1, n, 3 k + 5) of several"
        )
    count = values // 3
    names, label = names_and_label(bundle, count)

    def read(outputs: Outputs) -> Poses:
        rows = real_values(spec, outputs[spec.name]).reshape(-1, spec.shape[-1] if several else values)
        points = rows[:, :values].reshape(-1, count, 3)[:, :, [1, 0, 2]]
        points[:, :, 2] = np.clip(points[:, :, 2], 0.0, 1.0)
        score = np.clip(rows[:, -1], 0.0, 1.0) if several else points[:, :, 2].mean(axis=1)
        return Poses(points, score, names, label)

    return Adapter(read, names)


MOVENET = Layout(
    name="movenet",
    task="keypoints",
    says="y, x and score of each key point, as fractions of the input: one pose, or several",
    reading=Poses,
    meanings=("keypoints",),
    recognise=_recognise_movenet,
    adapter=_movenet,
    pixels=Wishes(mean=0.0, std=1.0),
)
