"""The real bot, killed at each of its requests to Spotify and started again.

In the end each user has one playlist, with exactly the tracks that the chat shows.
"""

import itertools
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.support.town import Town, town_in, wait_for

pytestmark = pytest.mark.chaos

ROUNDS = int(os.environ.get("ROUNDS", "50"))

FIRST = [(at, after) for at in range(4) for after in (False, True)]
"""Where to strike a first playlist: create, replace, read back, change details."""

SECOND = [(at, after) for at in range(4) for after in (False, True)]
"""Where to strike one that is rewritten: find it, replace, read back, change details."""


def test_killed_at_every_step_fifty_times_one_playlist_stands(tmp_path: Path) -> None:
    killed_at: Counter[str] = Counter()
    steps = itertools.cycle([*((True, *step) for step in FIRST), *((False, *s) for s in SECOND)])
    with town_in(tmp_path) as town:
        for user_id, (is_first, at, after) in zip(range(1, ROUNDS + 1), steps, strict=False):
            town.connect(user_id)
            if not is_first:
                make_playlist(town, user_id, "/mood happy")
            town.kill_switch.kill_at(at, after=after)
            town.telegram.send_text(user_id, "/mood sad")
            method, path = wait_for(lambda: town.kill_switch.killed_at, "the kill")
            step = "/".join("{id}" if len(part) == 22 else part for part in path.split("/"))
            killed_at[f"{'after' if after else 'before'} {method} {step}"] += 1
            assert town.bot is not None
            assert town.bot.poll() == -9
            town.start()
            wait_for(lambda: town.is_settled(user_id), "the playlist to be written")  # noqa: B023
            assert town.written(user_id) == [town.chosen(user_id)]
            assert len(town.chosen(user_id)) == 20
        # Nothing that came later has touched an earlier user's playlist.
        users = range(1, ROUNDS + 1)
        assert all(town.written(user) == [town.chosen(user)] for user in users)
    for where, times in sorted(killed_at.items()):
        print(f"killed {times} times {where}")
    print(f"{ROUNDS} kills, {town.starts} starts: {ROUNDS} users, one right playlist each")


def make_playlist(town: Town, user_id: int, text: str) -> None:
    """Ask for a playlist and wait until it stands."""
    town.telegram.send_text(user_id, text)
    wait_for(lambda: town.written(user_id), "a playlist")
    wait_for(lambda: town.is_settled(user_id), "the playlist to be written")
