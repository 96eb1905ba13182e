"""The governor: goes down a rung where there is more to do than time for it, and climbs back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_vision.service.ladder import GovernorTable

LONGEST = 16.0
"""Climbing waits so many times `up_after` at most, however often it failed."""
AT_ONCE = 3.0
"""A climb failed where it goes down again within so many times `up_after`."""
QUOTA = Path("/sys/fs/cgroup")
"""Where Linux mounts its control groups, version 2."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the governor stands.

    rung   0: all as the configuration says; else so many rungs down
    why    what brought it there, for a person; empty at the start
    """

    rung: int = 0
    why: str = ""


class Governor:
    """Decides on which rung of the ladder to be; whoever asks carries that out.

    It goes down after a time of overload, and climbs one rung after a longer time with room. A climb
    that has to be taken back makes it wait twice as long for the next one.
    """

    def __init__(self, table: GovernorTable) -> None:
        self.table = table
        self.standing = Standing()
        self._patience = 1.0
        self._climbed_at: float | None = None
        self._overloaded_since: float | None = None
        self._roomy_since: float | None = None

    def look(self, now: float, load: float, throttled: float) -> Standing | None:
        """Take how things are; gives where it has to go, None where it stays.

        now        time.monotonic() seconds
        load       share of the workers' time that is used
        throttled  share of the time for which a CPU quota stopped the process
        """
        table, rung = self.table, self.standing.rung
        reason = _overload(table, load, throttled)
        self._overloaded_since = _since(self._overloaded_since, now, bool(reason))
        roomy = not reason and load <= table.low
        self._roomy_since = _since(self._roomy_since, now, roomy)
        if self._lasts(self._overloaded_since, now, table.down_after) and rung < len(table.ladder):
            self._fell(now)
            return self._go(rung + 1, reason)
        if self._lasts(self._roomy_since, now, table.up_after * self._patience) and rung > 0:
            self._climbed_at = now
            return self._go(rung - 1, f"the load was {load:.0%}")
        return None

    def stay(self, standing: Standing) -> None:
        """Where it had to go it could not: it stays where it was."""
        self.standing = standing

    def _go(self, rung: int, why: str) -> Standing:
        self.standing = Standing(rung, why)
        self._overloaded_since = self._roomy_since = None
        return self.standing

    def _fell(self, now: float) -> None:
        climbed, self._climbed_at = self._climbed_at, None
        if climbed is not None and now - climbed <= AT_ONCE * self.table.up_after:
            self._patience = min(LONGEST, 2.0 * self._patience)
        else:
            self._patience = 1.0

    @staticmethod
    def _lasts(since: float | None, now: float, seconds: float) -> bool:
        return since is not None and now - since >= seconds


class Quota:
    """For which share of the time a CPU quota stopped this process, between two looks.

    Docker, systemd (CPUQuota=) and others set it by cpu.max of a control group; cpu.stat beside it
    counts the microseconds for which something that wanted to run could not (Linux,
    Documentation/admin-guide/cgroup-v2.rst). It sums over the cores, so the share may exceed 1.
    """

    def __init__(self, root: Path = QUOTA, own: Path = Path("/proc/self/cgroup")) -> None:
        self._file = _statistics(root, own)
        self._before: tuple[float, float] | None = None

    def throttled(self, now: float) -> float:
        """The share since the call before; 0 at first, and where there is no quota."""
        stopped = self._stopped()
        before, self._before = self._before, (now, stopped)
        if before is None or now <= before[0]:
            return 0.0
        return max(0.0, (stopped - before[1]) / (now - before[0]))

    def _stopped(self) -> float:
        """Seconds for which it was stopped so far."""
        try:
            lines = self._file.read_text(encoding="ascii").split("\n") if self._file else []
            told = dict(line.split() for line in lines if line)
            return int(told.get("throttled_usec", 0)) / 1e6
        except (OSError, ValueError):
            return 0.0


def _statistics(root: Path, own: Path) -> Path | None:
    """The file of this process' group, None where there is none."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    paths = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    file = root / paths[0] / "cpu.stat" if paths else None
    return file if file is not None and file.is_file() else None


def _overload(table: GovernorTable, load: float, throttled: float) -> str:
    """What is too much, for a person; empty for nothing."""
    if throttled >= table.throttled:
        return f"the CPU quota stopped it for {min(throttled, 1.0):.0%} of the time"
    return f"the load was {load:.0%}" if load >= table.high else ""


def _since(since: float | None, now: float, true: bool) -> float | None:
    """Since when something is true without a break."""
    if not true:
        return None
    return now if since is None else since
