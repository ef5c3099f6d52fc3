"""Many people and one who floods the bot: everybody is answered, nearly as soon as alone.

The load must be one that the computer carries, and below what Telegram lets through, 30 messages
a second: 1.5 photos a second, evenly spread, beside a flood of ten. Best run where nothing else
runs.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from bot.photo_queue import LIMIT
from tests.load import flood, offer, watched, welcome
from tests.town import Town, town_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells memory this way")

FLOODER = 1000
FLOOD_PER_S = 10.0
MOST_TIMES_SLOWER = 2.0
FLAT_MB = 5.0
"""What the mean of a minute may differ by chance."""


@pytest.mark.timed
@pytest.mark.parametrize(
    ("people", "photos_each", "per_second"),
    [(6, 1, 2.0), pytest.param(200, 5, 1.5, marks=pytest.mark.chaos)],
)
def test_a_flood_harms_nobody_else(
    people: int, photos_each: int, per_second: float, tmp_path: Path
) -> None:
    is_short = people < 100
    users = range(1, people + 1)
    with town_in(tmp_path) as town:
        welcome(town, [*users, FLOODER])
        alone = waits_alone(town, users[:2] if is_short else users[:40])
        with watched(town, 0.1 if is_short else 1.0) as bot, flood(town, FLOODER, FLOOD_PER_S):
            heard = offer(town, users, photos_each, per_second)
        read = len(town.pictures(FLOODER))
    slower = heard.p95() / float(np.percentile(alone, 95))
    print(
        f"\n{people} people, {len(heard.seconds)} pictures, {per_second} photos a second;"
        f" {read} of the flooder's read, at most {max(bot.waiting):.0f} photos waited\n"
        f"alone: median {np.median(alone):.2f} s, 95 of 100 in {np.percentile(alone, 95):.2f} s;"
        f" in the crowd {np.median(heard.seconds):.2f} s, {heard.p95():.2f} s, {slower:.2f} times"
    )
    assert heard.unanswered == {}
    assert len(heard.seconds) == people * photos_each
    assert read > 0
    assert max(bot.waiting) <= LIMIT
    if not is_short:  # a few photos say nothing of 95 in 100, nor a minute of ten
        for minute in range(1, int(bot.minutes[-1]) + 1):
            print(
                "minute {}: bot {:.1f} MB, worker {:.1f} MB".format(minute, *bot.mean_mb(minute))
            )
        growth = np.subtract(bot.mean_mb(10), bot.mean_mb(3))
        assert max(growth) <= FLAT_MB
        assert slower <= MOST_TIMES_SLOWER


def waits_alone(town: Town, users: range) -> list[float]:
    """Let people send a photo each, one after the other; return how long each waited."""
    return [offer(town, [user_id], 1, per_second=2.0).seconds[0] for user_id in users]
