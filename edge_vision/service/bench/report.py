"""The report of a comparison: ratios first, then what they come from; for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edge_vision.service.bench.comparison import Comparison, Floor, middle
from edge_vision.service.bench.trial import Trial

SCHEMA = "edge-vision/bench/1"
_KEYS = ("p50", "p90", "p99")


def as_table(found: Comparison) -> dict[str, Any]:
    """Medians of all runs as a JSON object; ratios and floors only where there is a floor."""
    trials = found.trials
    table: dict[str, Any] = {
        "schema": SCHEMA,
        "cores": found.cores,
        "workers": found.workers,
        "runs": len(trials),
    }
    if found.one:
        table["ratios"] = {
            "fps_to_one": _ratio(trials, found.one, _fps, lambda floor: floor.fps),
            "fps_to_all": _ratio(trials, found.all, _fps, lambda floor: floor.fps),
            "cpu_to_one": _ratio(trials, found.one, _cpu, lambda floor: floor.cpu_ms),
            "memory_to_one": _ratio(trials, found.one, lambda t: t.peak_mb, lambda floor: floor.peak_mb),
        }
    else:
        table["without_floor"] = found.without
    table["daemon"] = {
        "fps": _rounded(middle([_fps(each) for each in trials])),
        "cpu_ms": _rounded(middle([_cpu(each) for each in trials])),
        "latency_ms": _percentiles([each.latency_ms for each in trials]),
        "added_ms": _percentiles([each.added_ms for each in trials]),
        "steps_ms": {
            name: _percentiles([each.steps_ms[name] for each in trials if name in each.steps_ms])
            for name in trials[0].steps_ms
        },
        "captured": round(middle([each.captured for each in trials])),
        "dropped": round(middle([each.dropped for each in trials])),
        "failed": round(middle([each.failed for each in trials])),
        "peak_mb": _rounded(middle([each.peak_mb for each in trials])),
        "first_s": _rounded(middle([each.first_s for each in trials])),
    }
    for name, floors in (("one", found.one), ("all", found.all)):
        if floors:
            table[f"floor_{name}"] = {
                "fps": _rounded(middle([each.fps for each in floors])),
                "cpu_ms": _rounded(middle([each.cpu_ms for each in floors])),
                "peak_mb": _rounded(middle([each.peak_mb for each in floors])),
                "first_s": _rounded(middle([each.first_s for each in floors])),
            }
    return table


def as_text(found: Comparison) -> str:
    """The same for people."""
    table = as_table(found)
    daemon = table["daemon"]
    lines = [f"{table['runs']} runs in turn, medians; {found.cores} cores, {found.workers} workers", ""]
    if "ratios" in table:
        ratios = table["ratios"]
        lines += [
            (
                f"{ratios['fps_to_one']:.2f} times the frames/s of a bare loop on one core, "
                f"{ratios['fps_to_all']:.2f} times those of one on each of {found.cores}"
            ),
            (
                f"{ratios['cpu_to_one']:.2f} times its processor time a frame, "
                f"{ratios['memory_to_one']:.2f} times its memory"
            ),
            "",
        ]
        columns = [("daemon", daemon), ("bare loop", table["floor_one"])]
        columns.append((f"{found.cores} of them", table["floor_all"]))
    else:
        lines += [f"no bare loop beside it: {found.without}", ""]
        columns = [("daemon", daemon)]
    lines.append(f"{'':26}" + "".join(f"{name:>12}" for name, _ in columns))
    for what, key in (
        ("frames/s", "fps"),
        ("processor a frame, ms", "cpu_ms"),
        ("most memory, MB", "peak_mb"),
        ("first result after, s", "first_s"),
    ):
        lines.append(f"{what:26}" + "".join(f"{column[key]:12.2f}" for _, column in columns))
    lines += ["", f"{'capture to publish, ms':26}" + "".join(f"{key:>12}" for key in _KEYS)]
    rows = {
        "all of it": daemon["latency_ms"],
        "all but the stages": daemon["added_ms"],
        **daemon["steps_ms"],
    }
    lines += [
        f"  {name:24}" + "".join(f"{row[key]:12.2f}" for key in _KEYS) for name, row in rows.items()
    ]
    lines += [
        "",
        f"{daemon['captured']} frames captured, {daemon['dropped']} dropped, {daemon['failed']} failed",
    ]
    return "\n".join(lines)


def _fps(trial: Trial) -> float:
    return trial.frames / trial.wall_s


def _cpu(trial: Trial) -> float:
    return 1000.0 * trial.cpu_s / trial.frames


def _ratio(
    trials: Sequence[Trial],
    floors: Sequence[Floor],
    figure: Callable[[Trial], float],
    below: Callable[[Floor], float],
) -> float:
    """The median of the ratios of runs that were next to each other."""
    pairs = zip(trials, floors, strict=True)
    return _rounded(middle([figure(trial) / below(floor) for trial, floor in pairs]))


def _percentiles(rows: Sequence[Any]) -> dict[str, float]:
    return {key: _rounded(middle([row[key] for row in rows])) for key in _KEYS}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
