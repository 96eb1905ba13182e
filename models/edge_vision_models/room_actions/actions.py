"""Actions: what the data set calls them, and what the model does."""

from __future__ import annotations

from dataclasses import replace

from edge_vision.training.data.collection import Collection

ACTIONS = {
    "walk": "walking",
    "active": "walking",
    "sitdown": "sitting-down",
    "sit": "sitting",
    "standup": "standing-up",
    "falling": "falling",
    "lying": "lying",
    "falled": "lying",
    "sleeping": "lying",
}
"""What each action of the data set is called here.

What looks alike from above is one: `active` is being about on one's feet as `walk` is; `falled` is lying
still as `sleeping` is, only that a fall was before. `lying` is the way to the bed, down on it, and the
first moments there; there are too few of it to be told from the others.
"""

STILL = frozenset({"sit", "sitting", "falled", "sleeping"})
"""Labels under which hardly anything moves."""

MOVING = frozenset({"walk", "sitdown", "standup", "falling", "lying"})
"""Labels under which somebody moves."""


def named(collection: Collection) -> Collection:
    """The collection with our names of actions, in our order; labels that are not known stay."""
    ours = tuple(ACTIONS.get(label, label) for label in collection.labels)
    order = [*dict.fromkeys(ACTIONS.values()), *ours]
    labels = tuple(label for label in dict.fromkeys(order) if label in ours)
    items = (
        replace(item, label=None if item.label is None else labels.index(ours[item.label]))
        for item in collection.items
    )
    return replace(collection.of(items), labels=labels)
