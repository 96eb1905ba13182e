from __future__ import annotations

import pytest

from edge_vision.service.lines import line_of

TEXT = """\
node = "porch-pi"            # line 1
[mqtt]
host = "[not a] {table}"     # a comment with [brackets] and host = 3

[models.people]
bundle = "person"

[cameras.porch]
source = "rtsp://camera.lan/stream"
stages = [
  { uses = "motion" },
  { uses = "detect", model = "people", min_scor = 0.5 },
  { uses = "track", points = [[1, 2], [3, 4]] },
]

[[cameras.yard.stages]]
uses = "motion"
[[cameras.yard.stages]]
uses = "detect"
model = "cars"

[cameras.side]
source = { uses = "opencv", url = "a.mp4", realtme = true }
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("node", 1),
        ("mqtt", 2),
        ("mqtt.host", 3),
        ("mqtt.port", None),
        ("models.people", 5),
        ("models.people.bundle", 6),
        ("cameras.porch.source", 9),
        ("cameras.porch.stages", 10),
        ("cameras.porch.stages[0]", 11),
        ("cameras.porch.stages[0].uses", 11),
        ("cameras.porch.stages[1].min_scor", 12),
        ("cameras.porch.stages[2].points", 13),
        ("cameras.porch.stages[2].points[1]", 13),
        ("cameras.porch.stages[3]", None),
        ("cameras.yard.stages[1].model", 20),
        ("cameras.yard.stages[0].model", None),
        ("cameras.side.source.realtme", 23),
        ("nothing.like.that", None),
    ],
)
def test_a_path_is_found_on_its_line(path: str, line: int | None) -> None:
    assert line_of(TEXT, path) == line
