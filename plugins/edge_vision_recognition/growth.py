"""Growth: which readings of a counter are believed, since a counter only grows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

LEAP = 10
"""Units of the last wheel by which a reading may exceed the one before, where no rate is known."""

Verdict: TypeAlias = Literal["follows", "confirmed", "doubted"]
"""Whether a reading follows from the one before, was repeated often enough, or is not believed."""

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: a value in units of the last wheel, and when, in seconds of the source's clock."""

    value: int
    time: float


class Growth:
    """Believes a reading that follows from the believed one before, others once they repeat.

    A counter may stand still, grow by as much as it can in the time between, and go from 99999 to
    00000. A wheel that stands between two digits is read as either, so one unit less is the same number
    still: the greater one stays. Anything else is doubted, as the first reading is. When enough doubtful
    readings in a row follow from each other, the counter was exchanged, or misread before, and they are
    believed.
    """

    def __init__(self, wheels: int) -> None:
        """Begin without a reading of a counter of so many wheels."""
        self._round: int = 10**wheels
        self._believed: Reading | None = None
        self._doubted: Reading | None = None
        self._repeated = 0

    @property
    def believed(self) -> Reading | None:
        """What the counter showed last, None before anything was believed."""
        return self._believed

    def judge(self, reading: Reading, confirm: int, max_rate: float | None) -> Verdict:
        """Judge one more reading; unless it is doubted, `believed` is what the counter shows now.

        confirm   so many doubtful readings in a row that follow from each other are believed
        max_rate  units of the last wheel that the counter grows by in an hour at most; None: LEAP from
                  one reading to the next
        """
        if known := self._followed(self._believed, reading, max_rate):
            self._believe(known)
            return "follows"
        repeated = self._followed(self._doubted, reading, max_rate)
        self._repeated = self._repeated + 1 if repeated else 1
        self._doubted = repeated or reading
        if self._repeated < confirm:
            return "doubted"
        self._believe(self._doubted)
        return "confirmed"

    def _believe(self, known: Reading) -> None:
        self._believed, self._doubted, self._repeated = known, None, 0

    def _followed(
        self, before: Reading | None, reading: Reading, max_rate: float | None
    ) -> Reading | None:
        """What a counter shows that showed one reading and then the other; None where it cannot be."""
        if before is None:
            return None
        grown = (reading.value - before.value) % self._round
        if grown <= self._most(reading.time - before.time, max_rate):
            return reading
        return replace(before, time=reading.time) if grown == self._round - 1 else None

    def _most(self, seconds: float, max_rate: float | None) -> float:
        """So many units at most in so many seconds; half a round tells growth from the opposite."""
        # One unit more than the rate allows: the counter may have been just about to show the next.
        most = LEAP if max_rate is None else 1.0 + max_rate * max(0.0, seconds) / _HOUR
        return min(most, self._round / 2)
