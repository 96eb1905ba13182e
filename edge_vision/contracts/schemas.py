"""JSON Schemas of the payloads, generated from the types that the payloads are written with.

Fields may be added within a schema's number, so none forbids additional properties. What a field
means is written here once, by the field's name: a name means the same wherever it stands.
"""

from __future__ import annotations

from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from edge_vision.data.payload import EventPayload, ResultPayload, StatsPayload

SchemaName = Literal["result", "event", "stats"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_PAYLOADS: dict[SchemaName, Any] = {
    "result": ResultPayload,
    "event": EventPayload,
    "stats": StatsPayload,
}

_COUNT: dict[str, Any] = {"minimum": 0}
_SHARE: dict[str, Any] = {"minimum": 0, "maximum": 1}
_MOMENT: dict[str, Any] = {"format": "date-time"}

_FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "schema": ("Which schema this is, and its number.", {}),
    "id": ("Ties together everything said of one frame; of an event, the same from start to end.", {}),
    "node": ("Who speaks: the node's name in the configuration.", {}),
    "camera": ("The camera's name in the configuration.", {}),
    "boot": ("The id of this start of the node.", {}),
    "seq": ("Counts the messages of this kind of this camera from 1; a gap is a loss.", _COUNT),
    "captured_at": ("When the frame was captured, UTC.", _MOMENT),
    "frame": ("The captured frame.", {}),
    "index": ("Counts the camera's captured frames from 0.", _COUNT),
    "width": ("Width in pixels.", _COUNT),
    "height": ("Height in pixels.", _COUNT),
    "labels": ("What the whole view is, or what is in a box, best first; left out when empty.", {}),
    "detections": ("Objects found; left out when empty.", {}),
    "segments": ("The classes the view consists of, largest first; left out when empty.", {}),
    "texts": ("Strings read; left out when empty.", {}),
    "embeddings": ("Vectors that stand for what is seen; left out when empty.", {}),
    "images": ("Pictures made for this frame; left out when empty.", {}),
    "timings_ms": ("Milliseconds each stage took, by the stage's name.", {}),
    "stage": ("The stage that says so, by its name in the configuration.", {}),
    "label": ("The name of the class.", {}),
    "score": ("How sure it is; 0 to 1 where a model says so.", {}),
    "box": (
        "x1, y1, x2, y2 in pixels of the captured frame; left out where it is the whole view.",
        {"minItems": 4, "maxItems": 4},
    ),
    "keypoints": ("The points that the model tells of it, in the model's order.", {}),
    "name": ("What the point is, such as nose; left out where it has no name.", {}),
    "x": ("Pixels of the captured frame from its left edge.", {}),
    "y": ("Pixels of the captured frame from its upper edge.", {}),
    "vector": ("The values; vectors of one model are near each other where the pictures are alike.", {}),
    "track": ("The id of the track; the same thing keeps it from frame to frame.", {}),
    "share": ("The share of the view, 0 to 1.", _SHARE),
    "text": ("The string read.", {}),
    "topic": ("The topic that the picture is sent on.", {}),
    "type": ("Which step in the event's life this is.", {}),
    "what": ("What it is about: a label, or camera-lost, stage-failing and the like.", {}),
    "at": ("When this was said, UTC.", _MOMENT),
    "started_at": ("When the event began, UTC.", _MOMENT),
    "ended_at": ("When the event ended, UTC; left out while it lasts.", _MOMENT),
    "zones": ("The zones touched so far.", {}),
    "snapshot": ("The topic of the picture that shows it.", {}),
    "result": ("The id of the result it was first seen in.", {}),
    "details": ("More about it, by name.", {}),
    "uptime_s": ("Seconds since this start.", _COUNT),
    "workers": ("Threads that process frames.", _COUNT),
    "load": (
        "Share of the workers' time that was used over the last ten seconds; left out at first.",
        _SHARE,
    ),
    "cameras": ("The cameras, by name.", {}),
    "sinks": ("What each sink counts since the start, by the sink's name.", {}),
    "governor": ("Where the governor stands; left out where there is none.", {}),
    "rung": ("So many rungs down its ladder; 0: all is as the configuration says.", _COUNT),
    "rungs": ("So many there are.", _COUNT),
    "why": ("What brought it there.", {}),
    "models": ("The models that are open, by name; left out where there are none.", {}),
    "task": ("What the model is for.", {}),
    "variant": ("Which form of its bundle is used; left out of a file that is no bundle.", {}),
    "status": ("Whether the camera works now.", {}),
    "captured": ("Frames captured: delivered + dropped + failed + in_flight.", _COUNT),
    "delivered": ("Frames whose result went to the sinks.", _COUNT),
    "dropped": ("Frames dropped on purpose.", _COUNT),
    "failed": ("Frames lost to a stage that failed.", _COUNT),
    "in_flight": ("Frames on their way now.", _COUNT),
    "dropped_by": ("Frames dropped, by reason; left out when none was.", {}),
    "reconnects": ("How often the source was opened again.", _COUNT),
    "fps": ("Frames a second delivered lately.", _COUNT),
    "latency_ms": ("Milliseconds from capture to delivery; left out while unknown.", {}),
    "p50": ("Half are faster.", _COUNT),
    "p90": ("Nine of ten are faster.", _COUNT),
    "p99": ("99 of 100 are faster.", _COUNT),
    "stages": ("The camera's stages, by name; left out when it has none.", {}),
    "runs": ("How often it ran.", _COUNT),
    "failures": ("How often it failed.", _COUNT),
    "open": ("True while it is left out because it keeps failing.", {}),
    "ms": ("Mean milliseconds of a run.", _COUNT),
}


def schema_of(name: SchemaName) -> dict[str, Any]:
    """The JSON Schema, Draft 2020-12, of one kind of payload; a new dictionary each time."""
    made = TypeAdapter(_readable(_PAYLOADS[name])).json_schema(mode="serialization")
    _describe(made)
    for definition in made.get("$defs", {}).values():
        _describe(definition)
    head = {"$schema": DIALECT, "$id": f"edge-vision/{name}/1", "title": f"edge-vision {name}"}
    return {**made, **head}


def _readable(kind: Any) -> Any:
    """The same type made of the TypedDict that pydantic can read before Python 3.12."""
    if is_typeddict(kind):
        fields = get_type_hints(kind, include_extras=True)
        make: Any = TypedDict
        made: Any = make(kind.__name__, {name: _readable(field) for name, field in fields.items()})
        made.__doc__ = kind.__doc__
        return made
    origin, inner = get_origin(kind), get_args(kind)
    if origin is None or origin is Literal:
        return kind
    outer: Any = Union if origin is UnionType else origin
    return outer[tuple(_readable(each) for each in inner) if len(inner) > 1 else _readable(inner[0])]


def _describe(schema: dict[str, Any]) -> None:
    """Say of each property what it means and what it may be."""
    properties = cast("dict[str, dict[str, Any]]", schema.get("properties", {}))
    for field, facts in properties.items():
        text, bounds = _FIELDS[field]
        facts.pop("title", None)
        facts["description"] = text
        facts.update(bounds)
