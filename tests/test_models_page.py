"""The manual: the tables that follow from the code are what the code says."""

from __future__ import annotations

import pytest

from tests import models_page


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("layouts", models_page.layouts()),
        ("decoding", models_page.decoding()),
        ("bundle.toml", models_page.bundle_toml()),
        ("classify", models_page.classify()),
        ("detect", models_page.detect()),
        ("segment", models_page.segment()),
        ("shipped", models_page.shipped()),
        ("pictures", models_page.pictures()),
    ],
    ids=["layouts", "decoding", "bundle.toml", "classify", "detect", "segment", "shipped", "pictures"],
)
def test_a_table_says_what_the_code_says(name: str, table: str) -> None:
    assert models_page.section(name) == table, f"python tests/model_table.py {name} writes it anew"
