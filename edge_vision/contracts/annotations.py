"""Reading annotations: the alternatives of a union, and what lies inside of tables and arrays."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


def marks(annotation: Any) -> tuple[Any, ...]:
    """What an Annotated type carries beside its type."""
    return tuple(annotation.__metadata__) if get_origin(annotation) is Annotated else ()


def plain(annotation: Any) -> Any:
    """A type without what Annotated adds to it."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types a value may have, None left out; one where the annotation is no union."""
    annotation_type = plain(annotation)
    if get_origin(annotation_type) not in (Union, UnionType):
        return (annotation,)
    return tuple(each for each in get_args(annotation_type) if each is not NoneType)


def inside(annotation: Any, part: int | str) -> Any:
    """The type of an entry of a table, or of an item of an array; None where it is not known."""
    kind = plain(annotation)
    if is_table(kind):
        info = kind.model_fields.get(part)
        return None if info is None else info.annotation
    items = get_args(kind)
    if get_origin(kind) is tuple and Ellipsis not in items:
        return items[part] if isinstance(part, int) and part < len(items) else None
    if get_origin(kind) is dict:
        return items[1]
    return items[0] if get_origin(kind) in (tuple, list, set, frozenset) else None


def is_table(annotation: Any) -> bool:
    """True for a class of options."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
