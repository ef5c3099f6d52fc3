"""The real bot, killed by SIGKILL again and again while updates wait or are being handled.

Nothing that anybody sent is lost, and nothing happens twice: one row in the database for each, one
playlist in Spotify, and its message at most doubled.
"""

import itertools
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.updates.webhook import SECRET_HEADER
from tests.support.photos.filming import png, portrait
from tests.support.quick_town import QuickTown, quick_town_in
from tests.support.town import wait_for

PEOPLE = 20

EACH = 2
"""What everybody has sent that is not handled when a bot starts."""

MOST_HANDLED = 8
"""How many of those are, at most, before it is killed: at once, or after some."""

PHOTO_EVERY = 4
"""Every fourth sends photos, the others name a mood."""

CONNECTED = (2, 3)
"""Whose playlists go to Spotify, in the long forms: where a kill left it unknown whether one was
made, it is looked for again after a minute."""


def sends_photos(user_id: int) -> bool:
    return user_id % PHOTO_EVERY == 0


def settle_in(town: QuickTown, connected: Collection[int]) -> None:
    """Have the photographers agree, and those connect who keep each playlist."""
    town.start()
    for user_id in range(1, PEOPLE + 1):
        if sends_photos(user_id):
            town.telegram.send_text(user_id, "/start")
            button = wait_for(lambda: town.button(user_id, "Agree"), "Agree")  # noqa: B023
            message = next(m for m in town.heard(user_id) if "reply_markup" in m)
            town.telegram.press(user_id, message["message_id"], button["callback_data"])
    for user_id in connected:
        town.connect(user_id)
        town.telegram.send_text(user_id, "/settings")
        button = wait_for(lambda: keeping(town, user_id), "the switch")  # noqa: B023
        message = town.heard(user_id)[-1]
        town.telegram.press(user_id, message["message_id"], button["callback_data"])
    wait_for(lambda: not town.telegram.updates and town.has_handled_all(), "all to be settled")
    town.kill()


def keeping(town: QuickTown, user_id: int) -> Any:
    """Return the button by which each playlist becomes a new one, if it is there."""
    rows = town.heard(user_id)[-1].get("reply_markup", {}).get("inline_keyboard", [])
    buttons = itertools.chain.from_iterable(rows)
    return next((b for b in buttons if b.get("callback_data") == "set:keeps:yes"), None)


class Crowd:
    """People each of whom has sent two things that are not handled whenever a bot starts."""

    def __init__(self, town: QuickTown) -> None:
        self._town = town
        self._photo = png(portrait(96))
        self._waiting: dict[int, set[int]] = {user: set() for user in range(1, PEOPLE + 1)}
        self.sent: Counter[int] = Counter()

    def send(self) -> None:
        """Let everybody send what is missing."""
        handled = self.handled()
        for user_id, waiting in self._waiting.items():
            waiting -= handled
            while len(waiting) < EACH:
                if sends_photos(user_id):
                    self._town.telegram.send_photo(user_id, self._photo, name="a.png")
                else:
                    self._town.telegram.send_text(user_id, "/mood sad")
                waiting.add(self._town.telegram.updates.last_id)
                self.sent[user_id] += 1

    def handled(self) -> set[int]:
        """Return the numbers of the updates that are done with."""
        with closing(sqlite3.connect(self._town.database, timeout=10)) as db:
            rows = db.execute("select update_id from inbox where handled_utc is not null")
            return {number for (number,) in rows}

    def is_done(self) -> bool:
        return set[int]().union(*self._waiting.values()) <= self.handled()


def count_by_user(town: QuickTown, table: str) -> Counter[int]:
    with closing(sqlite3.connect(town.database, timeout=10)) as db:
        return Counter(
            dict(db.execute(f"select user_id, count(*) from {table} group by user_id"))  # noqa: S608
        )


def told(town: QuickTown, user_id: int) -> int:
    """Return how many playlists a user's chat shows."""
    return sum("20 tracks" in message.get("text", "") for message in town.heard(user_id))


@pytest.mark.parametrize(
    ("kills", "connected"), [(3, ()), pytest.param(100, CONNECTED, marks=pytest.mark.chaos)]
)
def test_nothing_is_lost_or_done_twice_however_often_the_bot_is_killed(
    tmp_path: Path, kills: int, connected: Collection[int]
) -> None:
    rng = np.random.default_rng(7)
    with quick_town_in(tmp_path) as town:
        settle_in(town, connected)
        crowd, begun, start_s = Crowd(town), 0, time.monotonic()
        for _ in range(kills):
            crowd.send()
            before, more = len(crowd.handled()), rng.integers(MOST_HANDLED + 1)
            town.launch()
            wait_for(lambda: len(crowd.handled()) >= before + more, "some to be handled")  # noqa: B023
            time.sleep(rng.uniform(0, 0.05))
            town.kill()
            begun += interrupted(town)
        crowd.send()
        town.start()
        wait_for(crowd.is_done, "everything to be handled")
        wait_for(lambda: all(town.is_settled(user) for user in connected), "Spotify")
        town.kill()

        photos = Counter({user: n for user, n in crowd.sent.items() if sends_photos(user)})
        assert "went wrong" not in str([town.heard(user) for user in crowd.sent])  # none set aside
        assert count_by_user(town, "readings") == photos
        assert count_by_user(town, "playlists") == crowd.sent
        for user_id in connected:
            # Fewer stand in Spotify where the next one took up what the one before had begun.
            assert 0 < len(town.written(user_id)) <= crowd.sent[user_id]
            assert town.chosen(user_id) in town.written(user_id)
        shown = {user: told(town, user) for user in crowd.sent}
        assert all(n <= shown[user] <= 2 * n for user, n in crowd.sent.items()), shown
    seconds, updates = time.monotonic() - start_s, crowd.sent.total()
    print(
        f"{kills} kills in {seconds:.0f} s, more than {PEOPLE} updates queued at each, {begun} "
        f"interrupted: of {updates} updates 0 lost, 0 handled twice; "
        f"{sum(shown.values()) - updates} messages doubled"
    )


def interrupted(town: QuickTown) -> int:
    """Return how many updates were being handled when the bot died."""
    with closing(sqlite3.connect(town.database, timeout=10)) as db:
        sql = "select count(*) from inbox where handled_utc is null and begun > 0"
        return int(db.execute(sql).fetchone()[0])


SECRET = "what-telegram-shows-with-deliveries"


@pytest.mark.parametrize(
    ("users", "connected"), [(6, ()), pytest.param(60, CONNECTED, marks=pytest.mark.chaos)]
)
def test_what_is_delivered_three_times_in_any_order_over_a_restart_is_done_once(
    tmp_path: Path, users: int, connected: Collection[int]
) -> None:
    rng = np.random.default_rng(7)
    collected: list[dict[str, Any]] = []

    async def collect(request: Request) -> Response:
        collected.append(await request.json())
        return Response()

    with quick_town_in(tmp_path) as town:
        settle_in(town, connected)
        town.server.app.router.routes.append(Route("/webhook", collect, methods=["POST"]))
        town.telegram.leads_to["https://bot.example"] = town.server.url
        town.fill_in(PUBLIC_URL="https://bot.example", WEBHOOK_SECRET=SECRET)
        town.start()
        for user_id in range(1, users + 1):
            town.telegram.send_text(user_id, "/mood sad")
        wait_for(lambda: len(collected) == users, "the updates to be taken")

        deliveries = [collected[number % users] for number in rng.permutation(3 * users)]
        half = len(deliveries) // 2
        deliver(town, deliveries[:half])
        town.kill()
        town.start()
        deliver(town, deliveries[half:])
        wait_for(town.has_handled_all, "everything to be handled")
        wait_for(lambda: all(town.is_settled(user) for user in connected), "Spotify")
        everybody = Counter(range(1, users + 1))
        assert count_by_user(town, "playlists") == everybody
        assert all(1 <= told(town, user) <= 2 for user in everybody)
        for user_id in connected:
            assert town.written(user_id) == [town.chosen(user_id)]
    print(f"{len(deliveries)} deliveries of {users} updates: {users} rows, {users} playlists")


def deliver(town: QuickTown, updates: list[dict[str, Any]]) -> None:
    """Deliver updates to the bot as Telegram does."""
    url = f"http://{town.web_address}/webhook"
    with httpx.Client(headers={SECRET_HEADER: SECRET}) as client:
        for update in updates:
            client.post(url, content=json.dumps(update), timeout=30).raise_for_status()
