"""Thousands of updates drawn from the Bot API: none stops the bot, before a kill or after it."""

from pathlib import Path

import pytest

from tests.telegram_contract import Contract
from tests.test_raw_updates import go_through_drawn, hasty

__all__ = ["hasty"]

LIVES, EACH = 10, 500


@pytest.mark.chaos
def test_thousands_of_drawn_updates_stop_nothing(tmp_path: Path, bot_api: Contract) -> None:
    set_aside = 0.0
    for life in range(LIVES):
        folder = tmp_path / str(life)
        folder.mkdir()
        set_aside += go_through_drawn(folder, bot_api, EACH, seed=100 + life).set_aside
    print(
        f"{LIVES * EACH} updates drawn from the Bot API, received, stored, and handled after a "
        f"kill: {set_aside:.0f} could not be parsed and were set aside, none stopped the bot"
    )
