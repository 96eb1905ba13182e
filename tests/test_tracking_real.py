"""Tracking in a real video, by a real detector and the real daemon; what is there was seen by eye."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.service.process import daemon

pytestmark = [pytest.mark.shared, pytest.mark.slow]

STANDING = (100, 300, 600, 820, 1000, 1300)
"""Frames of one-by-one-person-detection.mp4 in which the six people, one in each, stand at the table."""
NOBODY = (20, 215, 480, 720, 900, 1220, 1380)
"""Frames between them."""


@pytest.mark.parametrize(
    ("fps", "options"),
    # So seldom seen, some are never found with the usual score to begin with.
    [(2, "sure = 0.5, begin = 0.5, "), (5, ""), (10, "")],
)
def test_six_people_who_come_one_by_one_are_six_tracks(
    shared: Path, tmp_path: Path, fps: int, options: str
) -> None:
    config, out = tmp_path / "config.toml", tmp_path / "out.jsonl"
    config.write_text(f"""
[models.people]
bundle = "{shared}/models/coco_ssd_mobilenet_v1_quant_metadata.tflite"
labels = "{shared}/models/coco_labels.txt"
[cameras.table]
source = "{shared}/video/one-by-one-person-detection.mp4"
fps = {fps}
stages = [
  {{ uses = "detect", model = "people", min_score = 0.3, labels = ["person"] }},
  {{ uses = "track", {options}only = true }},
]
[sinks.out]
uses = "jsonl"
path = "{out}"
""")
    with daemon(config) as process:
        assert process.wait(100) == 0, process.log
    tracks = {
        result["frame"]["index"]: [row["track"] for row in result.get("detections", [])]
        for result in map(json.loads, out.read_text().splitlines())
    }
    assert [tracks[frame] for frame in STANDING] == [[number] for number in range(1, 7)]
    assert not any(tracks.get(frame) for frame in NOBODY)
    assert {track for seen in tracks.values() for track in seen} == set(range(1, 7))
