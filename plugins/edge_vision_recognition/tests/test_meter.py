import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from edge_vision_recognition import Meter
from numpy.typing import NDArray

from edge_vision import ConfigError, Result, StageError, TensorSpec, Text, geometry
from edge_vision.testing import FakeModel, make_frame, make_stage, run, still

WHEEL, SLOTS = (20, 32), 8
BOX = [20, 10, 80, 26]
"""The row of five wheels in a picture of 100 x 40, 12 x 16 pixels each."""


def reader(sure: float = 1.0) -> FakeModel:
    """A model that reads flat wheels, whose grey level says the digit; black is no wheel."""
    image = TensorSpec("image", (1, 32, 160, 3), "uint8", meaning="image")
    output = TensorSpec("slots", (1, SLOTS, 11), "float32", meaning="slot-scores")

    def answer(inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        cells = inputs["image"].reshape(32, SLOTS, 20, 3).mean(axis=(0, 2, 3))
        digits = np.where(cells < 10, 10, np.rint(cells / 20.0) - 1).astype(int)
        scores = np.full((1, SLOTS, 11), (1 - sure) / 10, np.float32)
        scores[0, np.arange(SLOTS), digits] = sure
        return {"slots": scores}

    return FakeModel([image], [output], answer, (*"0123456789", "_"))


def picture(digits: str) -> NDArray[np.uint8]:
    image = still(0, 100, 40)
    for number, digit in enumerate(digits):
        image[10:26, 20 + 12 * number : 32 + 12 * number] = 20 * (int(digit) + 1)
    return image


def meter(model: FakeModel | None = None, **options: Any) -> Meter:
    where = {} if options.keys() & {"box", "region", "places"} else {"box": BOX}
    several = {} if options.keys() & {"wheels", "places"} else {"wheels": 5}
    given = {"confirm": 1, "hold": 0.0, **where, **several, **options}
    return make_stage(Meter, {"m": model or reader()}, model="m", **given)


def texts(result: Result | None) -> list[str]:
    assert result is not None
    return [text.text for text in result.all(Text)]


def film(stage: Meter, *numbers: str) -> list[list[str]]:
    return [texts(run(stage, picture(each), index=index)) for index, each in enumerate(numbers)]


def test_the_number_is_told_with_its_score_and_the_row_as_its_box() -> None:
    (text,) = run(meter(reader(sure=0.98)), picture("04711")).all(Text)
    assert (text.text, text.box) == ("04711", (20.0, 10.0, 80.0, 26.0))
    assert text.score == pytest.approx(0.98**8, abs=1e-3)


def test_the_model_sees_the_wheels_at_the_right_end_and_black_at_the_left() -> None:
    model = reader()
    run(meter(model), picture("04711"))
    (row,) = model.calls[0]["image"]
    assert (row[:, :60] == 0).all()
    for place, digit in enumerate("04711"):
        cell = row[2:30, 62 + 20 * place : 78 + 20 * place]
        assert (cell == 20 * (int(digit) + 1)).all()


@pytest.mark.parametrize(
    "where",
    [
        {"region": [0.2, 0.25, 0.8, 0.65]},
        {"places": [[20 + 12 * n, 10, 32 + 12 * n, 26] for n in range(5)]},
        {"places": [[22 + 12 * n, 12, 30 + 12 * n, 24] for n in range(5)]},
    ],
)
def test_the_place_may_be_told_in_other_ways(where: dict[str, Any]) -> None:
    assert film(meter(**where), "04711") == [["04711"]]


def test_the_row_may_be_cut_out_before() -> None:
    start = Result.of(make_frame(picture("04711")))
    row = start.view.mapped(geometry.translation(20, 10), (60, 16)).resized((120, 32))
    (text,) = meter(region=[0, 0, 1, 1])(start.with_view(row)).all(Text)
    assert (text.text, text.box) == ("04711", (20.0, 10.0, 80.0, 26.0))
    stage = make_stage(Meter, {"m": reader()}, model="m", wheels=5, confirm=1)
    assert texts(stage(start.with_view(row))) == ["04711"], "left out, it is the whole view"


def test_a_picture_that_lies_on_its_side_is_read_once_it_is_turned() -> None:
    turned = Result.of(make_frame(np.rot90(picture("04711")).copy()))
    upright = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 100.0], [0.0, 0.0, 1.0]])
    (text,) = meter()(turned.with_view(turned.view.mapped(upright, (100, 40)))).all(Text)
    assert text.text == "04711"
    assert text.box == pytest.approx((10.0, 20.0, 26.0, 80.0))


def test_the_point_is_where_decimals_says() -> None:
    assert film(meter(decimals=3), "04711") == [["04.711"]]


def test_a_wheel_outside_of_the_view_fails_the_frame() -> None:
    with pytest.raises(StageError, match=r"reach to \(130, 26\), but the view is 100 x 40"):
        run(meter(box=[70, 10, 130, 26]), picture("04711"))


def test_a_wheel_outside_of_the_captured_picture_fails_the_frame() -> None:
    start = Result.of(make_frame(picture("04711")))
    shifted = start.with_view(start.view.mapped(geometry.translation(40, 0), (100, 40)))
    with pytest.raises(StageError, match="wheel 4 from the left is not in the picture"):
        meter()(shifted)
    hardly = start.with_view(start.view.mapped(geometry.translation(21, 0), (100, 40)))
    assert meter(hold=1.0)(hardly).frame is hardly.frame, "a wheel that is cut a little can be read"


def test_nothing_is_told_of_a_row_with_a_place_that_is_no_wheel() -> None:
    image = picture("04711")
    image[10:26, 44:56] = 0
    assert texts(run(meter(), image)) == []


def test_min_score_and_the_other_live_options_count_at_once() -> None:
    stage = meter(reader(sure=0.9), min_score=0.6)
    assert film(stage, "04711") == [[]]
    stage.options = stage.options.changed("min_score", 0.3)
    assert film(stage, "04711") == [["04711"]]
    stage.options = stage.options.changed("confirm", 3)
    assert film(stage, "00012") == [[]]
    stage.options = stage.options.changed("max_rate", 3600.0 * 10000)
    assert film(stage, "04711", "05711", "09711") == [["04711"], ["05711"], []]
    assert Meter.Options.live() == ("min_score", "confirm", "max_rate", "hold")


def test_nothing_is_told_before_a_number_is_confirmed() -> None:
    assert film(meter(confirm=3), "84711", "04711", "04711", "04711") == [[], [], [], ["04711"]]


def test_a_misread_digit_is_not_told_and_locks_nothing() -> None:
    numbers = ["04711", "04711", "04711", "94711", "04711", "04712"]
    assert film(meter(confirm=3), *numbers)[2:] == [["04711"], [], ["04711"], ["04712"]]


def test_a_number_does_not_vanish_where_a_frame_is_misread() -> None:
    stage = meter(hold=0.25, confirm=9)
    stage.options = stage.options.changed("confirm", 1)
    assert film(stage, "04711") == [["04711"]]
    stage.options = stage.options.changed("confirm", 9)
    later = [texts(run(stage, picture("94711"), index=index)) for index in (1, 2, 3)]
    assert later == [["04711"], ["04711"], []]


def test_the_rate_is_in_the_number_s_own_unit() -> None:
    stage = meter(confirm=2, decimals=2, max_rate=360.0)  # 10 units of the last wheel a second
    numbers = ["04711", "04711", "04713", "04716"]
    assert film(stage, *numbers) == [[], ["047.11"], ["047.13"], []]


def test_after_all_nines_come_zeros() -> None:
    assert film(meter(confirm=2), "99999", "99999", "00000") == [[], ["99999"], ["00000"]]


def test_a_number_that_was_exchanged_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        film(meter(confirm=2, decimals=1), "04711", "04711", "00003", "00003", "00003", "04711", "00003")
    assert caplog.messages == ["test: meter: the number went from 0471.1 to 0000.3"]


def test_a_recording_that_begins_anew_is_read_anew() -> None:
    stage = meter(confirm=2, hold=60.0)
    assert film(stage, "04711", "04712") == [[], ["04712"]]
    for index, expected in ((2, []), (3, ["00001"])):
        again = replace(make_frame(picture("00001"), index), take=1)
        assert texts(stage(Result.of(again))) == expected


def test_each_camera_has_its_own_number() -> None:
    model = reader()
    first, second = meter(model, confirm=2), meter(model, confirm=2)
    assert film(first, "04711", "04711") == [[], ["04711"]]
    assert film(second, "00001", "00001") == [[], ["00001"]]
    assert film(first, "04712") == [["04712"]]
    assert Meter.stateful


PLACE = [0, 0, 9, 9]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"box": [9, 0, 1, 9], "wheels": 5}, "box: x1, y1 is the top left corner"),
        ({"region": [0, 0.9, 1, 0.1], "wheels": 5}, "region: x1, y1 is the top left corner"),
        ({"places": [PLACE, [9, 0, 9, 9]]}, r"places\[1\]: x1, y1 is the top left corner"),
        ({"region": [0, 0, 1, 2], "wheels": 5}, r"region\[3\]: should be less than or equal to 1"),
        ({"places": []}, "places: should have at least 1"),
        ({"box": PLACE}, "say how many wheels there are"),
        ({"places": [PLACE], "wheels": 1}, "say how many wheels there are"),
        ({"box": PLACE, "region": [0, 0, 1, 1], "wheels": 5}, "say once where the wheels are"),
        ({"wheels": 5, "decimals": 5}, "decimals: should be less than the number of wheels, 5"),
        (
            {"places": [PLACE] * 2, "decimals": 2},
            "decimals: should be less than the number of wheels, 2",
        ),
        ({"wheels": 9}, "wheels: 9 wheels, but m reads rows of 8 at most"),
        ({"places": [PLACE] * 9}, "places: 9 wheels, but m reads rows of 8 at most"),
    ],
)
def test_what_cannot_work_is_told_with_its_place(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=f"^{problem}"):
        make_stage(Meter, {"m": reader()}, model="m", **options)


@pytest.mark.parametrize(
    ("width", "output", "problem"),
    [
        (
            160,
            TensorSpec("o", (1, 8, 11), "float32", meaning="step-scores"),
            "model: m does not read rows",
        ),
        (
            100,
            TensorSpec("o", (1, 8, 11), "float32", meaning="slot-scores"),
            "model: .* 100 pixels wide",
        ),
    ],
)
def test_a_model_that_reads_no_rows_is_refused(width: int, output: TensorSpec, problem: str) -> None:
    image = TensorSpec("image", (1, 32, width, 3), "uint8", meaning="image")
    labels = tuple("0123456789_")[: 10 if output.meaning == "step-scores" else 11]
    model = FakeModel([image], [output], lambda inputs: {}, labels)
    with pytest.raises(ConfigError, match=f"^{problem}"):
        make_stage(Meter, {"m": model}, model="m", box=[0, 0, 9, 9], wheels=5)
