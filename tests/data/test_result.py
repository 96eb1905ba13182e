from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_vision.data import geometry
from edge_vision.data.errors import StageError
from edge_vision.data.findings import Detections, Labels, Picture, Segments, Text
from edge_vision.data.result import Result
from edge_vision.testing import make_frame, still

GREY, BLACK = 100, 0


def fresh(value: int = GREY) -> Result:
    return Result.of(make_frame(still(value)))


def black(image: NDArray[np.uint8], to_frame: geometry.Map) -> NDArray[np.uint8]:
    return np.zeros_like(image)


def test_a_new_result_looks_at_the_whole_frame_and_knows_nothing() -> None:
    result = fresh()
    assert result.findings == ()
    assert dict(result.timings) == {}
    assert result.view.pixels() is result.frame.image
    with pytest.raises(TypeError):
        result.timings["x"] = 1.0  # type: ignore[index]


def test_adding_leaves_the_first_result_as_it_was_and_keeps_the_order() -> None:
    first = fresh()
    one, two = Labels((("a", 0.1),)), Text("b", 0.2, (0, 0, 1, 1))
    more = first.add(one).add(two, one)
    assert first.findings == ()
    assert more.findings == (one, two, one)


def test_findings_are_found_by_kind_and_by_stage() -> None:
    people, dogs = replace(Detections.none(), stage="people"), replace(Detections.none(), stage="dogs")
    result = fresh().add(people, Labels((("a", 0.1),), "scene"), dogs)
    assert result.detections == (people, dogs)
    assert list(result.all(Detections, ("dogs",))) == [dogs]
    assert list(result.all(Detections, ())) == []
    assert [labels.stage for labels in result.all(Labels)] == ["scene"]
    assert list(result.all(Text)) == []


def test_repainting_leaves_nothing_as_it_was() -> None:
    result = fresh()
    bright = result.view.mapped(geometry.translation(5, 5), (20, 20)).with_pixels(still(200, 20, 20))
    mask = Picture(np.full((8, 9), 255, np.uint8), "mask", "png", to_frame=geometry.scaling(2, 2))
    shot = Picture(still(50, 10, 10), "shot", to_frame=geometry.translation(3, 3))
    foreign = Picture(still(77), "map", to_frame=None)
    label = Labels((("a", 0.1),))
    result = result.with_view(bright).add(mask, foreign, shot, label)

    seen: list[tuple[tuple[int, ...], list[float]]] = []

    def paint(image: NDArray[np.uint8], to_frame: geometry.Map) -> NDArray[np.uint8]:
        seen.append((image.shape, to_frame[:2, 2].tolist()))
        return black(image, to_frame)

    painted = result.repainted(paint)

    assert seen == [
        ((48, 64, 3), [0, 0]),
        ((20, 20, 3), [5, 5]),
        ((8, 9), [0, 0]),
        ((10, 10, 3), [3, 3]),
    ]
    assert not painted.frame.image.any()
    assert painted.view.frame is painted.frame
    assert not painted.view.base.any()
    assert not painted.view.pixels().any()
    pictures = list(painted.all(Picture))
    assert [picture.name for picture in pictures] == ["mask", "map", "shot"]
    assert [picture.image.any() for picture in pictures] == [False, True, False]
    assert pictures[0].image.shape == (8, 9)
    assert painted.findings[3] is label
    assert result.frame.image.all()
    assert shot.image.all()


def test_repainting_paints_the_frame_once_where_the_view_takes_its_pixels_from_it() -> None:
    calls: list[int] = []

    def paint(image: NDArray[np.uint8], to_frame: geometry.Map) -> NDArray[np.uint8]:
        calls.append(1)
        return black(image, to_frame)

    painted = fresh().repainted(paint)
    assert len(calls) == 1
    assert painted.view.base is painted.frame.image
    assert painted.view.pixels() is painted.frame.image


def test_repainting_keeps_what_the_view_looks_at() -> None:
    result = fresh()
    view = result.view.mapped(geometry.translation(5, 5), (20, 20)).mapped(
        geometry.translation(-3, 0), (20, 20), (1, 2, 3)
    )
    painted = result.with_view(view).repainted(lambda image, _: np.full_like(image, 9)).view
    assert painted.size == (20, 20)
    assert (painted.pixels()[:, :3] == (1, 2, 3)).all()
    assert (painted.pixels()[:, 3:] == 9).all()


def test_repainting_twice_paints_what_the_first_painted() -> None:
    painted = fresh().repainted(lambda image, _: image + np.uint8(1))
    twice = painted.repainted(lambda image, _: image + np.uint8(1))
    assert (twice.frame.image == GREY + 2).all()
    assert twice.view.base is twice.frame.image


def test_a_painter_cannot_write_into_what_it_is_given() -> None:
    def paint(image: NDArray[np.uint8], to_frame: geometry.Map) -> NDArray[np.uint8]:
        image[:] = 0
        return image

    with pytest.raises(ValueError, match="read-only"):
        fresh().repainted(paint)


def test_a_painter_that_changes_the_size_is_refused() -> None:
    with pytest.raises(StageError, match=r"the painted image is \(24, 64\), the one given \(48, 64\)"):
        fresh().repainted(lambda image, _: image[::2])


def test_class_maps_and_texts_are_left_to_those_who_made_them() -> None:
    segments = Segments(np.zeros((4, 4), np.uint8), ("a",), geometry.identity())
    text = Text("b", 0.2, (0, 0, 1, 1))
    assert fresh().add(segments, text).repainted(black).findings == (segments, text)
