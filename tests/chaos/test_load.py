"""Many people and one who floods the bot: everybody is answered, nearly as soon as alone.

The load must be one that the computer carries, and below what Telegram lets through, 30 messages
a second: 1.5 photos a second, evenly spread, beside a flood of ten. Best run where nothing else
runs.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from bot.worker.photo_queue import LIMIT
from tests.support.load_generator import flood, offer, watched, welcome
from tests.support.town import Town, town_in

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells memory this way")

FLOODER = 1000
LONGEST_S = 5.0
"""Nobody waits longer; behind all that the flooder sends it would be ten and more."""

MOST_TIMES_SLOWER = 2.0
FLAT_MB = 5.0
"""What the mean of a minute may differ by chance."""


@pytest.mark.timed
@pytest.mark.parametrize(
    ("people", "photos_each", "per_second", "flood_per_s"),
    [(6, 1, 2.0, 50.0), pytest.param(200, 5, 1.5, 10.0, marks=pytest.mark.chaos)],
)
def test_a_flood_harms_nobody_else(
    people: int, photos_each: int, per_second: float, flood_per_s: float, tmp_path: Path
) -> None:
    is_short = people < 100
    users = range(1, people + 1)
    with town_in(tmp_path) as town:
        welcome(town, [*users, FLOODER])
        alone = waits_alone(town, users[:2] if is_short else users[:40])
        with watched(town, 0.1 if is_short else 1.0) as bot, flood(town, FLOODER, flood_per_s):
            heard = offer(town, users, photos_each, per_second)
        read = readings_of(town, FLOODER)
    slower = heard.p95() / float(np.percentile(alone, 95))
    print(
        f"\n{people} people, {len(heard.seconds)} pictures, {per_second} photos a second;"
        f" {read} of the flooder's read, at most {max(bot.waiting):.0f} photos waited\n"
        f"alone: median {np.median(alone):.2f} s, 95 of 100 in {np.percentile(alone, 95):.2f} s;"
        f" in the crowd {np.median(heard.seconds):.2f} s, {heard.p95():.2f} s, {slower:.2f} times"
    )
    assert heard.unanswered == {}
    assert len(heard.seconds) == people * photos_each
    assert max(heard.seconds) <= LONGEST_S
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


def readings_of(town: Town, user_id: int) -> int:
    """Return how many photos of somebody were read; their chat does not reach back that far."""
    with closing(sqlite3.connect(f"file:{town.database}?mode=ro", uri=True)) as db:
        (count,) = db.execute(
            "select count(*) from readings where user_id = ?", [user_id]
        ).fetchone()
    return int(count)


def waits_alone(town: Town, users: range) -> list[float]:
    """Let people send a photo each, one after the other; return how long each waited."""
    return [offer(town, [user_id], 1, per_second=2.0).seconds[0] for user_id in users]
