from __future__ import annotations

import pytest

from edge_vision.data import errors
from edge_vision.data.errors import ConfigError, EdgeVisionError, SourceError, SourceLost, suggestion


def test_every_error_is_drawn_in_the_tree_and_has_one_root() -> None:
    made_here = [
        each for each in vars(errors).values() if getattr(each, "__module__", "") == errors.__name__
    ]
    raised = [each for each in made_here if isinstance(each, type)]
    assert len(raised) == 11
    for each in raised:
        assert issubclass(each, EdgeVisionError)
        assert each.__name__ in (errors.__doc__ or "")
    assert issubclass(SourceLost, SourceError)


@pytest.mark.parametrize(
    ("path", "parent", "shown"),
    [
        ("", "mqtt", "mqtt: wrong"),
        ("port", "mqtt", "mqtt.port: wrong"),
        ("[1].uses", "cameras.porch.stages", "cameras.porch.stages[1].uses: wrong"),
    ],
)
def test_a_config_error_seen_from_further_out_has_the_longer_path(
    path: str, parent: str, shown: str
) -> None:
    error = ConfigError("wrong", path)
    assert str(error.below(parent)) == shown
    assert error.below(parent).problem == "wrong"
    assert error.path == path


def test_a_near_name_is_suggested_and_far_ones_are_listed_in_order() -> None:
    assert suggestion("min_scor", ["min_score", "model"]) == ", did you mean min_score?"
    assert suggestion("zzz", ["model", "labels"]) == "; known: labels, model"
    assert suggestion("zzz", []) == ""
