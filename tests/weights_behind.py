"""Files of the kind that keeps weights behind its objects, as ai-edge-quantizer writes them."""

from __future__ import annotations

import numpy as np

from edge_vision.training.export.flatbuffer import Content, packed, parsed

ALIGNMENT = 16


def with_weights_behind(content: Content) -> Content:
    """The same file, all that it holds behind its objects, where buffers tell from which byte on."""
    model, kept = parsed(content), bytearray()
    places = {}
    for number, buffer in enumerate(model.buffers):
        if buffer.data is not None and len(buffer.data):
            places[number] = len(kept)
            held = np.asarray(buffer.data, np.uint8).tobytes()
            buffer.data, buffer.offset, buffer.size = None, 2, len(held)
            kept += held + bytes(-len(held) % ALIGNMENT)
    objects = len(packed(model))
    start = objects + -objects % ALIGNMENT
    for number, place in places.items():
        model.buffers[number].offset = start + place
    return packed(model).ljust(start, b"\0") + bytes(kept)
