"""A .tflite file by itself: everything its graph, its metadata and the files packed in it say.

Nothing is run. The content may be damaged or made to do harm: it is checked before it is read, all loops
are bounded by its size, and whatever is wrong raises ModelError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from edge_vision.builtin.tflite.file_check import check_model
from edge_vision.builtin.tflite.graph import Graph
from edge_vision.builtin.tflite.notes import Notes, read_notes
from edge_vision.builtin.tflite.paths import copies, distances
from edge_vision.builtin.tflite.tracing import producers, rescaled
from edge_vision.contracts.file_facts import FileFacts, TensorNote
from edge_vision.contracts.labels import EXPORTER_NOTES, exporter_notes, find_labels
from edge_vision.contracts.packed import cut_off, packed_files
from edge_vision.data.errors import ModelError

SCHEMAS = ("ai_edge_litert.schema_py_generated", "tensorflow.lite.python.schema_py_generated")
"""Where the classes of TFLite's schema may be; tflite_runtime comes without them."""

_METADATA = "TFLITE_METADATA"
_EXPORTER_SAYS = {
    "description": "description",
    "version": "version",
    "author": "author",
    "license": "licence",
    "task": "task",
}


def read_facts(content: bytes) -> FileFacts:
    """What a .tflite file says of itself; raises ModelError, without its name, where it is damaged.

    Where the classes of the schema are not installed, only what is packed in it is read.
    """
    check_model(content)
    schema = find_schema()
    if schema is None:
        return _facts(content, None, Notes({}))
    try:
        graph = Graph(schema, content)
        metadata = graph.metadata(_METADATA)
        notes = read_notes(metadata) if metadata else Notes({})
        return _facts(content, graph, notes)
    except (ValueError, TypeError, OverflowError) as error:
        # The check knows the places of all things, not what they mean to each other.
        raise ModelError(f"is damaged ({error})") from None


def variable_indices(content: bytes) -> Mapping[str, int]:
    """Indices in an interpreter of the variables that read_facts told of, by name."""
    schema = find_schema()
    return {} if schema is None else Graph(schema, content).variables()


def find_schema() -> Any | None:
    """The module with the classes of TFLite's schema; None where none is installed."""
    for name in SCHEMAS:
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def _facts(content: bytes, graph: Graph | None, notes: Notes) -> FileFacts:
    try:
        files = packed_files(content)
        exported = exporter_notes(content)
        named = next((note.label_files for note in notes.outputs if note.label_files), ())
        labels = find_labels(content, named)
    except ValueError as error:
        raise ModelError(f"has files packed in it that cannot be read ({error})") from None
    missing = tuple(name for name in notes.files if name not in files)
    _refuse_cut_off(content, missing if files else (*missing, *EXPORTER_NOTES))
    facts = FileFacts(
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        about={**_exporter_says(exported), **notes.about},
        labels=labels,
        files=files,
        missing=missing,
    )
    return facts if graph is None else _with_graph(facts, graph, notes)


def _with_graph(facts: FileFacts, graph: Graph, notes: Notes) -> FileFacts:
    return replace(
        facts,
        operators=graph.operator_counts(),
        producers=producers(graph),
        distances=distances(graph),
        copies=copies(graph),
        rescaled=rescaled(graph),
        notes=_by_name(graph.inputs, notes.inputs) | _by_name(graph.outputs, notes.outputs),
        signatures=graph.signatures(),
        variables=tuple(graph.spec(name, index) for name, index in graph.variables().items()),
        has_resources=graph.changes_resources(),
        time_steps=graph.time_steps(),
    )


def _by_name(tensors: Mapping[str, int], notes: Sequence[TensorNote]) -> dict[str, TensorNote]:
    """The notes, which come in the order of the tensors, by the tensors' names."""
    return dict(zip(tensors, notes, strict=False))


def _exporter_says(exported: Mapping[str, Any]) -> dict[str, str]:
    return {
        ours: str(exported[theirs]) for theirs, ours in _EXPORTER_SAYS.items() if exported.get(theirs)
    }


def _refuse_cut_off(content: bytes, missing: Sequence[str]) -> None:
    """Refuse a file whose packed files begin and do not end; where none begin, they were left out."""
    for name in missing:
        if cut_off(content, name):
            raise ModelError(
                f"is damaged or cut short ({name}, which is packed at its end, is not whole); "
                "copy it again"
            )
