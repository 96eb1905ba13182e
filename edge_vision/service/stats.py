"""Statistics: what the daemon says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from edge_vision.contracts.model import ModelBundle
from edge_vision.contracts.sink import CameraStatus
from edge_vision.data.payload import CameraStats, Identity, ModelStats, StatsPayload, utc_text
from edge_vision.engine.delivery import Delivery
from edge_vision.engine.tally import Counts


def stats_payload(
    identity: Identity,
    uptime: float,
    workers: int,
    cameras: Mapping[str, Counts],
    delivery: Delivery,
    models: Mapping[str, ModelBundle],
    load: Mapping[str, float] | None = None,
) -> StatsPayload:
    """What subscribers are told of the whole daemon.

    uptime  seconds
    load    share of the workers' time that each camera used lately; None or empty: not known yet
    """
    payload: StatsPayload = {
        "schema": "edge-vision/stats/1",
        "node": identity.node,
        "boot": identity.boot,
        "at": utc_text(datetime.now(UTC)),
        "uptime_s": round(uptime, 1),
        "workers": workers,
        "cameras": {name: _camera(delivery.status_of(name), counts) for name, counts in cameras.items()},
        "sinks": delivery.counters(),
    }
    if load:
        payload["load"] = round(min(1.0, sum(load.values())), 3)
        for name in payload["cameras"].keys() & load.keys():
            payload["cameras"][name]["load"] = round(load[name], 3)
    if models:
        payload["models"] = {name: _model(bundle) for name, bundle in models.items()}
    return payload


def _model(bundle: ModelBundle) -> ModelStats:
    payload: ModelStats = {"task": bundle.task}
    if bundle.variant:
        payload["variant"] = bundle.variant
    return payload


def _camera(status: CameraStatus, counts: Counts) -> CameraStats:
    payload: CameraStats = {
        "status": status,
        "captured": counts.captured,
        "delivered": counts.delivered,
        "dropped": counts.dropped,
        "failed": counts.failed,
        "in_flight": counts.in_flight,
        "dropped_by": dict(counts.dropped_by),
        "reconnects": counts.reconnects,
        "fps": round(counts.fps, 2),
        "stages": {
            name: {"runs": s.runs, "failures": s.failures, "open": s.open, "ms": s.ms}
            for name, s in counts.stages.items()
        },
    }
    if counts.latency_ms:
        payload["latency_ms"] = {
            "p50": counts.latency_ms["p50"],
            "p90": counts.latency_ms["p90"],
            "p99": counts.latency_ms["p99"],
        }
    return payload
