"""Drafts: what one takes over from the draft before it."""

from __future__ import annotations

from pathlib import Path

from edge_vision.contracts.stage import Stage
from edge_vision.service.draft import Draft, make_draft

CONFIG = """
[cameras.door]
source = "test"
stages = [{{ uses = "track", keep = {keep} }}]
[cameras.yard]
source = "test"
stages = [{{ uses = "track" }}]
"""


def unchangeable(camera: str, key: str, text: str) -> bool:
    raise AssertionError("nobody changes anything here")


def drafted(folder: Path, keep: float, before: Draft | None = None) -> Draft:
    file = folder / "config.toml"
    file.write_text(CONFIG.format(keep=keep))
    return make_draft(file, "boot", unchangeable, before)


def track(draft: Draft, camera: str) -> Stage:
    (stage,) = draft.cameras[camera].plan.stages
    return stage


def test_the_numbers_of_tracks_go_on_where_a_reload_makes_a_stage_anew(tmp_path: Path) -> None:
    first = drafted(tmp_path, keep=1.0)
    assert [track(first, "door").context.number() for _ in range(3)] == [1, 2, 3]
    assert track(first, "yard").context.number() == 1, "each camera has its own"
    second = drafted(tmp_path, keep=2.0, before=first)
    assert track(second, "door") is not track(first, "door")
    assert track(second, "door").context.number() == 4
    assert track(drafted(tmp_path, keep=2.0), "door").context.number() == 1, "another start"
