from collections.abc import Iterable

import pytest
from edge_vision_recognition.growth import Growth, Reading


def shown(
    values: Iterable[int],
    *,
    wheels: int = 5,
    confirm: int = 3,
    rate: float | None = None,
    every: float = 1,
) -> list[int | None]:
    """What is known after each reading, None where it is doubted."""
    growth, known = Growth(wheels), list[int | None]()
    for number, value in enumerate(values):
        verdict = growth.judge(Reading(value, number * every), confirm, rate)
        known.append(None if verdict == "doubted" or growth.believed is None else growth.believed.value)
    return known


def test_a_first_number_is_believed_once_it_repeats() -> None:
    assert shown([7, 7, 8, 9]) == [None, None, 8, 9]
    assert shown([7], confirm=1) == [7]


def test_a_misread_beginning_is_forgotten() -> None:
    assert shown([90007, 7, 7, 7]) == [None, None, None, 7]


def test_what_stands_still_or_grows_is_believed_at_once() -> None:
    assert shown([5, 5, 5, 5, 6, 8, 18]) == [None, None, 5, 5, 6, 8, 18]


def test_a_single_misread_digit_changes_nothing() -> None:
    for misread in (904, 80100, 0, 98):
        assert shown([100, 100, 100, misread, 100, 101]) == [None, None, 100, None, 100, 101]


def test_misread_digits_that_come_and_go_are_never_believed() -> None:
    assert set(shown([100] * 3 + [904, 100] * 9)[3:]) == {None, 100}


def test_another_number_is_believed_once_it_repeats() -> None:
    assert shown([100, 100, 100, 3, 3, 4, 4]) == [None, None, 100, None, None, 4, 4]


def test_doubtful_numbers_that_do_not_follow_from_each_other_are_not_believed() -> None:
    assert shown([100, 100, 100, 3, 700, 40, 9000, 3]) == [None, None, 100, *[None] * 5]


def test_after_the_last_number_comes_the_first() -> None:
    assert shown([99998, 99998, 99998, 99999, 0, 1]) == [None, None, 99998, 99999, 0, 1]


def test_a_wheel_between_two_digits_does_not_count_back() -> None:
    assert shown([41, 41, 41, 42, 41, 42, 41, 43]) == [None, None, 41, 42, 42, 42, 42, 43]
    assert shown([42, 41, 42]) == [None, None, 42]
    assert shown([0, 0, 0, 99999]) == [None, None, 0, 0]


def test_a_rate_bounds_growth_by_the_time_between() -> None:
    steady = [100, 100, 100]
    assert shown([*steady, 103], rate=3600, every=2)[-1] == 103
    assert shown([*steady, 104], rate=3600, every=2)[-1] is None
    assert shown([*steady, 101], rate=0.001)[-1] == 101, "it may have been about to turn"
    assert shown([*steady, 25000], rate=3600, every=30000)[-1] == 25000


def test_a_rate_without_bound_does_not_take_back_for_growth() -> None:
    assert shown([100, 100, 100, 90], rate=1e12)[-1] is None


def test_time_that_runs_backwards_allows_no_growth() -> None:
    growth = Growth(5)
    assert growth.judge(Reading(7, 10.0), 1, 3600.0) == "confirmed"
    assert growth.judge(Reading(9, 0.0), 2, 3600.0) == "doubted"


@pytest.mark.parametrize("confirm", [1, 2, 5])
def test_the_verdict_says_why_it_is_believed(confirm: int) -> None:
    growth = Growth(5)
    verdicts = [growth.judge(Reading(7, 0.0), confirm, None) for _ in range(confirm + 1)]
    assert verdicts == ["doubted"] * (confirm - 1) + ["confirmed", "follows"]
