"""Limbs: which key points of a person are joined by a line."""

from __future__ import annotations

from collections.abc import Sequence

from edge_vision import COCO_KEYPOINTS

_JOINED = (
    *(("left_ankle", "left_knee"), ("left_knee", "left_hip")),
    *(("right_ankle", "right_knee"), ("right_knee", "right_hip")),
    *(("left_hip", "right_hip"), ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip")),
    *(("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow")),
    *(("right_shoulder", "right_elbow"), ("left_elbow", "left_wrist")),
    *(("right_elbow", "right_wrist"), ("left_eye", "right_eye"), ("nose", "left_eye")),
    *(("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear")),
    *(("left_ear", "left_shoulder"), ("right_ear", "right_shoulder")),
)
"""COCO's skeleton (Lin et al., Microsoft COCO, person_keypoints annotations, field "skeleton")."""


def limbs(names: Sequence[str], count: int) -> list[tuple[int, int]]:
    """The pairs of key points to join, as places among so many with these names, or without names."""
    if not names and count == len(COCO_KEYPOINTS):
        names = COCO_KEYPOINTS
    place = {name: number for number, name in enumerate(names)}
    return [(place[a], place[b]) for a, b in _JOINED if a in place and b in place]
