"""Recipes: written, read back, and phases as people type them."""

import json
from dataclasses import replace

import pytest

from vision.training.recipe import Phase, Recipe, parse_phases


def test_a_recipe_is_read_back_as_it_was_written() -> None:
    recipe = replace(Recipe(), learning_rate=0.003, bfloat16=True, phases=(Phase(96, 2, False),))
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_phases_are_typed_as_width_epochs_and_statistics() -> None:
    phases = parse_phases("64x6, 96x3s")
    assert phases == (Phase(64, 6), Phase(96, 3, batch_statistics=False))
    assert parse_phases(" ".join(map(str, phases))) == phases
    assert Recipe(phases=phases).epochs == 9


@pytest.mark.parametrize("text", ["", "64", "64x", "x3", "64x0", "16x2", "65x2", "512x1", "64x-1"])
def test_other_phases_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"phase|width"):
        parse_phases(text)
