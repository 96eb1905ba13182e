"""Facts about a data set: what it is called, under which licence, and where it is had."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What people have to know of the data that a model learnt from.

    name           what it is called
    licence        as its makers state it; "none stated" where they do not
    research_only  True where it, and what learnt from it, may be used for research only
    cite           how its makers want to be cited
    source         where it is had
    """

    name: str
    licence: str = "none stated"
    research_only: bool = False
    cite: str = ""
    source: str = ""


OWN_DATA = DataFacts("own data", "not stated")
"""Data that somebody brings, of which nothing is known here."""
