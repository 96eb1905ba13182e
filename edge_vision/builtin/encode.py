"""Encoding: pictures to JPEG or PNG, payloads to compact JSON."""

from __future__ import annotations

import json
from typing import NamedTuple

import cv2

from edge_vision.data.errors import StageError
from edge_vision.data.findings import Picture

_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Encoded(NamedTuple):
    """A picture as bytes, the ending of a file that holds them, and their media type."""

    data: bytes
    suffix: str
    content_type: str


def encode_picture(picture: Picture, quality: int) -> Encoded:
    """Encode a picture the way it asks for; raises StageError where that cannot be done.

    quality  of JPEG, 1 to 100; PNG is without loss
    """
    jpeg = picture.encoding == "jpeg"
    suffix = ".jpg" if jpeg else ".png"
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality] if jpeg else []
    try:
        done, data = cv2.imencode(suffix, picture.image, settings)
    except cv2.error as error:
        raise StageError(_unusable(picture, error.err)) from None
    if not done:
        raise StageError(_unusable(picture, "the encoder refused it"))
    return Encoded(data.tobytes(), suffix, f"image/{picture.encoding}")


def encode_json(value: object) -> bytes:
    """Encode a payload as compact JSON in UTF-8; raises StageError where it is not JSON."""
    try:
        return _compact(value).encode()
    except (TypeError, ValueError) as error:
        raise StageError(f"a payload cannot be written as JSON: {error}") from None


def _unusable(picture: Picture, why: str) -> str:
    name = picture.name or picture.stage
    return f"the picture {name} {picture.image.shape} cannot be encoded as {picture.encoding}: {why}"
