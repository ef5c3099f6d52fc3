"""Fault injection: a bot in which any single call to the outside can fail.

A *story* is what one user does. It runs once without a fault, to list its calls and to see how it
ends, and then once for each fault. A fault happens once; the inbox retries as it always does, but
without pauses.

The calls are requests to Telegram, to the vision worker and to Spotify, work on the database, each
writing statement, and changes of files.
"""

import asyncio
import itertools
import json
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from cryptography.fernet import Fernet, MultiFernet
from starlette.types import ASGIApp, Receive, Scope, Send
from telegram.error import NetworkError, TimedOut
from telegram.request import RequestData

from bot import texts
from bot.app import build_bot
from bot.linking.connections import Connections
from bot.runtime.jobs import schedule
from bot.sending import delivery, retry
from bot.sending.delivery import NEW_MESSAGES
from bot.services import Services
from bot.storage.backups import Nightly
from bot.storage.records import Records, Stores
from bot.updates import inbox, polling
from bot.updates.guests import EVERYONE, Guests
from bot.updates.inbox import Inbox
from bot.updates.polling import poll
from bot.worker import albums
from bot.worker.process import WorkerFailed
from recommender.errors import SpotifyUnreachable
from tests.support.migrated import already_migrated
from tests.support.spotify.spotify_chat import run_job
from tests.support.spotify.spotify_world import World, agree
from tests.support.telegram.chatting import NOW, UNHURRIED, Chat, FakeWorker, _invented_table
from tests.support.telegram.fake_telegram import Call, FakeTelegram
from tests.support.telegram.handlers import watch
from vision import Explanation

TIMEOUT_S = 20.0
"""How long an update may take, all tries together."""

CIPHER = MultiFernet([Fernet(Fernet.generate_key())])

FAULTS = {
    "telegram": ("unreachable", "unanswered"),
    "download": ("unreachable",),
    "worker": ("lost",),
    "store": ("unusable",),
    "write": ("full",),
    "spotify": ("refused", "unanswered"),
    "file": ("full",),
}
"""How each kind of call can fail.

An *unanswered* call was carried out, but its answer was lost.
"""

Story = Callable[["Scene"], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One call that fails, once.

    Args:
        call: Its kind and name.
        number: Which of those of this name, from 1.
        how: One of the ways in `FAULTS`.
    """

    call: str
    number: int
    how: str

    def __str__(self) -> str:
        return f"{self.call} ({self.number}) {self.how}"


class FaultNotReached(Exception):
    """The call that should fail was never made. The number of calls can depend on the load."""


class Calls:
    """Records the calls of a story, and makes one of them fail.

    Args:
        fault: Which; None for none.
    """

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault
        self.made: list[str] = []
        self.has_failed = False
        self.is_counting = False

    def record(self, kind: str, name: str) -> str | None:
        """Record a call that is about to be made; return how it fails, or None."""
        if not self.is_counting:
            return None
        call = f"{kind} {name}"
        self.made.append(call)
        fault = self.fault
        if fault is None or (call, self.made.count(call)) != (fault.call, fault.number):
            return None
        self.has_failed = True
        return fault.how

    def faults(self) -> Iterator[Fault]:
        """Yield every fault of every recorded call."""
        for end, call in enumerate(self.made, start=1):
            for how in FAULTS[call.partition(" ")[0]]:
                yield Fault(call, self.made[:end].count(call), how)


# -- what can fail --


@dataclass
class Shown:
    """One of the bot's messages as its user sees it now."""

    content: str
    buttons: Any


class WatchedTelegram(FakeTelegram):
    """Keeps what users see. A request or its answer may get lost."""

    def watched_by(self, calls: Calls) -> "WatchedTelegram":
        """Record the requests in `calls`; return this object."""
        self.counted = calls
        self._ids = itertools.count(5001)  # no message of a user has such a number
        self.arrived = asyncio.Event()
        self.shown: dict[int, Shown] = {}
        self.toasts: list[str] = []
        self.doubtful: set[int] = set()
        """The messages that were sent without the bot knowing."""
        return self

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, **_: Any
    ) -> tuple[int, bytes]:
        name = url.rsplit("/", 1)[1]
        kind = "download" if "/file/bot" in url else "telegram"
        how = None
        if name not in ("getMe", "getUpdates", "deleteWebhook"):
            how = self.counted.record(kind, "a file" if kind == "download" else name)
        if how == "unreachable":
            raise NetworkError("no route") from httpx.ConnectError("no route")
        before = set(self.shown)
        answer = await super().do_request(url, method, request_data)
        if how == "unanswered":
            if name in NEW_MESSAGES:
                self.doubtful = set(self.shown) - before
            raise TimedOut from httpx.ReadTimeout("no answer")
        return answer

    def _result(self, call: Call) -> Any:
        result = super()._result(call)
        if call.method == "answerCallbackQuery":
            self.toasts.append(call.parameters.get("text", ""))
        elif call.method == "deleteMessage":
            self.shown.pop(call.parameters["message_id"], None)
        return result

    def _message(self, call: Call) -> dict[str, Any]:
        message = super()._message(call)
        buttons = call.parameters.get("reply_markup")
        known = self.shown.get(message["message_id"])
        if call.method == "editMessageReplyMarkup" and known is not None:
            known.buttons = buttons
        else:
            self.shown[message["message_id"]] = Shown(_content(call), buttons)
        return message


def _content(call: Call) -> str:
    """Return what a call shows to the user, as text."""
    media = call.parameters.get("media") or []
    parts = [call.parameters, *(media if isinstance(media, list) else [media])]
    words = [part.get("text") or part.get("caption") or "" for part in parts]
    kind = call.method.removeprefix("send").removeprefix("editMessage")
    return f"{kind} {' '.join(filter(None, words))}"


class WatchedWorker(FakeWorker):
    """Reads photos, unless its process crashes."""

    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls

    async def explain(self, photos: Sequence[bytes], face: int | None = None) -> Any:
        self._may_be_lost()
        return await super().explain(photos, face)

    async def explain_video(self, video: bytes) -> Explanation:
        self._may_be_lost()
        return await super().explain_video(video)

    def _may_be_lost(self) -> None:
        if self._calls.record("worker", "read"):
            raise WorkerFailed("the worker is lost")


class WatchedRecords(Records):
    """A database that may fail once, or be full once."""

    def __init__(self, calls: Calls, path: Path | None) -> None:
        super().__init__(path, CIPHER)
        self._calls = calls
        self._watched = _WatchedConnection(self._stores.people.db.conn, calls)
        self._stores.people.db.conn = self._watched  # type: ignore[assignment] # a stand-in

    async def run(self, work: Callable[[Stores], Any]) -> Any:
        if self._calls.record("store", work.__qualname__.replace(".<locals>", "")):
            raise sqlite3.OperationalError("disk I/O error")

        def watched(stores: Stores) -> Any:
            self._watched.is_watched = True
            try:
                return work(stores)
            finally:
                self._watched.is_watched = False

        return await super().run(watched)

    async def look(self, work: Callable[[Stores], Any]) -> Any:
        """Do as `run` does, without recording it."""
        return await super().run(work)


class _WatchedConnection:
    """Wraps a connection and records the statements that write."""

    def __init__(self, connection: sqlite3.Connection, calls: Calls) -> None:
        self._connection = connection
        self._calls = calls
        self.is_watched = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        words = sql.split()
        is_write = words[0].lower() in ("insert", "update", "delete", "replace", "commit")
        if is_write and self.is_watched and self._calls.record("write", " ".join(words[:3])):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self._connection.execute(sql, *parameters)


class WatchedNightly(Nightly):
    """Backups that may find the disk full."""

    def watched_by(self, calls: Calls) -> "WatchedNightly":
        """Record changes in `calls`; return this object."""
        self.counted = calls
        return self

    def _forget(self, user_id: int, now: datetime) -> None:
        if self.counted.record("file", "copies"):
            raise OSError(28, "No space left on device")
        super()._forget(user_id, now)


def _watched_spotify(app: ASGIApp, calls: Calls) -> ASGIApp:
    """Return middleware that records the bot's requests to Spotify, and may fail one."""

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        name = re.sub(r"/playlists/\w{22}", "/playlists/…", path.partition("/spotify")[2])
        is_bots = name.startswith(("/v1", "/api/token"))
        how = calls.record("spotify", f"{scope['method']} {name}") if is_bots else None
        if how is None:
            await app(scope, receive, send)
            return
        if how == "unanswered":
            await app(scope, receive, _to_nobody)
        await send({"type": "http.response.start", "status": 502, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return ask


async def _to_nobody(message: Any) -> None:
    """Drop an answer."""


class FixedRandom(np.random.Generator):
    """Gives the same numbers to every try, so that a retry chooses what the first try did."""

    def spawn(self, n_children: int) -> Any:
        return [np.random.default_rng(1) for _ in range(n_children)]


# -- the world --


@dataclass
class Scene(Chat):
    """A chat whose updates go through the inbox; calls are recorded from `begins` on."""

    telegram: WatchedTelegram
    records: WatchedRecords
    calls: Calls
    inbox: Inbox
    world: World | None
    connections: Connections | None
    before: dict[int, str] = field(default_factory=dict)

    def begins(self) -> None:
        """Record calls from here on; everything before is preparation."""
        self.calls.is_counting = True
        self.telegram.toasts.clear()
        self.before = {number: str(each) for number, each in self.telegram.shown.items()}

    async def process(self, content: dict[str, Any]) -> list[Call]:
        """Deliver an update through Telegram, and wait until the bot has handled it."""
        before, update_id = len(self.telegram.calls), next(self.update_ids)
        self.telegram.updates.append({"update_id": update_id, **content})
        self.telegram.arrived.set()
        async with asyncio.timeout(TIMEOUT_S):
            while not await self.records.look(
                lambda s: s.people.db.table("inbox").count_where(
                    "update_id = ? and handled_utc is not null", [update_id]
                )
            ):
                await asyncio.sleep(0.001)
        return [c for c in self.telegram.calls[before:] if c.method != "deleteWebhook"]

    async def connect(self, user_id: int, name: str = "Robin") -> dict[str, str]:
        """Begin to connect an account, agree on Spotify's page, and return the query."""
        assert self.connections is not None
        return await asyncio.to_thread(agree, await self.connections.oauth.begin(user_id), name)

    async def connected(self, user_id: int) -> None:
        """Connect an account without any message in the chat."""
        assert self.connections is not None
        await self.connections.oauth.finish(await self.connect(user_id))


@dataclass(frozen=True)
class Outcome:
    """How a story ended, and which calls it made.

    Args:
        calls: The calls.
        chat: The bot's messages as they stand in the chat, oldest first.
        toasts: What buttons said when they were pressed.
        rows: What is in each table, but for times and secrets.
        playlists: What stands in Spotify.
        extra: The messages that a failure explains: a double, or word of the failure.
        leaks: Where a photo was found.
        has_answer: Whether the user saw anything.
        has_promised: Whether they were told that a playlist would be written later.
    """

    calls: Calls
    chat: tuple[str, ...]
    toasts: frozenset[str]
    rows: tuple[str, ...]
    playlists: tuple[str, ...]
    extra: Counter[str]
    leaks: tuple[str, ...]
    has_answer: bool
    has_promised: bool


def differences(usual: Outcome, told: Outcome) -> list[str]:
    """Return how an outcome differs from the usual one."""
    found = []
    for name in ("chat", "rows", "playlists"):
        was, now = Counter(getattr(usual, name)), Counter(getattr(told, name))
        if name == "chat" and told.has_promised:
            for begin in (_PROMISE, _IN_SPOTIFY):
                more = [each for each in now - was if each.startswith(f"Message {begin}")]
                told.extra[f"{begin[:25]}…"] += len(more)
                now.subtract(more)
        found += [f"{name} lacks {each}" for each in (was - now).elements()]
        found += [f"{name} has besides {each}" for each in (now - was).elements()]
    found += [f"toast lacks {each!r}" for each in usual.toasts - told.toasts]
    found += [f"toast besides {each!r}" for each in told.toasts - usual.toasts]
    return found + [f"a photo lies in {each}" for each in told.leaks]


@contextmanager
def without_pauses() -> Iterator[None]:
    """Set all pauses to zero."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (delivery, retry):
            patch.setattr(module, "FIRST_PAUSE_S", 0.0)
        for module in (inbox, polling):
            patch.setattr(module, "DISK_PAUSE_S", 0.0)
        patch.setattr(inbox, "PAUSES_S", (0.0, 0.0))
        patch.setattr(albums, "SETTLE_S", 0.1)  # long enough on a busy machine
        yield


async def tell(
    story: Story,
    fault: Fault | None = None,
    *,
    world: World | None = None,
    folder: Path | None = None,
    guests: Guests | None = None,
) -> Outcome:
    """Run a story with a bot of its own; return the outcome.

    Args:
        story: What happens.
        fault: The call that fails.
        world: A local Spotify, where the story needs one.
        folder: Where the data and their nightly copies lie; None keeps them in memory.
        guests: Who may use the bot; everybody if None.
    """
    calls = Calls(fault)
    database = folder / "mirrortape.db" if folder else None
    with already_migrated():
        records = WatchedRecords(calls, database)
    clock: Callable[[], datetime] = lambda: NOW  # noqa: E731
    connections = None
    if world is not None:
        clock = world.clock
        world.server.app = _watched_spotify(world.server.app, calls)

        async def sleep(wait_s: float) -> None:
            world.clock.advance(seconds=wait_s)

        connections = Connections(records, world.client, clock, sleep=sleep)
    telegram = WatchedTelegram().watched_by(calls)
    nightly = None
    if database is not None:
        nightly = WatchedNightly(database, database.parent / "copies", CIPHER).watched_by(calls)
    services = Services(
        records,
        WatchedWorker(calls),
        _invented_table(),
        connections,
        clock,
        FixedRandom(np.random.PCG64(1)),
        guests or Guests(frozenset({EVERYONE})),
        nightly,
    )
    bot = build_bot(
        services,
        token="1:test",
        api_url="https://telegram.test",
        request=telegram,
        limits=UNHURRIED,
    )
    application, connecting = bot.application, bot.connecting
    schedule(application, services, bot.playlist_messages)
    watch(application)
    incoming = Inbox(application, records, clock, services.metrics)
    scene = Scene(
        application,
        connecting,
        telegram,
        services.worker,  # type: ignore[arg-type]
        records,
        services,
        itertools.count(1),
        calls,
        incoming,
        world,
        connections,
    )

    async def give(call: Call) -> list[dict[str, Any]]:
        first = call.parameters.get("offset", 0)
        while not any(update["update_id"] >= first for update in telegram.updates):
            telegram.arrived.clear()
            await telegram.arrived.wait()
        return [update for update in telegram.updates if update["update_id"] >= first]

    telegram.give = give
    try:
        async with application, _fetching(scene):
            await story(scene)
            assert calls.is_counting, "a story must say when it begins"
            calls.is_counting = False
            if world is not None:  # what waits is written later
                world.clock.advance(hours=3)
                await run_job(scene, "write")
        assert telegram.problems == []
        if fault is not None and not calls.has_failed:
            raise FaultNotReached(f"{fault} never came about")
        return await _end_of(scene, folder)
    finally:
        records.close()


@asynccontextmanager
async def _fetching(scene: Scene) -> AsyncIterator[None]:
    """Fetch and handle updates while the block runs, without the bot's scheduled jobs."""
    services = scene.services
    await scene.inbox.open()
    task = asyncio.create_task(
        poll(scene.application.bot, scene.inbox, services.clock, services.metrics)
    )
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await scene.inbox.close(1.0)


# -- how it ended --

_PROMISE = texts.explain_music_error(SpotifyUnreachable("", 60.0))
_IN_SPOTIFY = texts.IN_SPOTIFY.partition("{")[0]
_LINK = re.compile(r"http://127\.0\.0\.1:\d+/spotify/authorize[^\"']*")
_TIMES = re.compile(r"_utc$")
_UNCOUNTED = {"spotify_ways", "_sqlite_migrations", "sqlite_sequence"}
"""Tables in which a retry may leave a row that expires by itself."""
_VERSIONS = {("pools", "id")}
"""Columns that count how often something was rebuilt."""
_HOW_IT_FARED = {"tries", "begun", "done", "marker"}
_PLAIN = {"inbox": {"update_id"}}
PHOTO = b"\xff\xd8\xff\xe0 a photo that nobody may keep"


async def _end_of(scene: Scene, folder: Path | None) -> Outcome:
    telegram, calls = scene.telegram, scene.calls
    names = _names_by_chance(scene.world)
    extra: Counter[str] = Counter()
    for number in telegram.doubtful:
        extra["double"] += telegram.shown.pop(number, None) is not None

    def as_text(shown: Shown) -> str:
        text = _LINK.sub("LINK", f"{shown.content} {json.dumps(shown.buttons)}")
        for identity, name in names.items():
            text = text.replace(identity, name)
        return text

    chat = []
    for shown in telegram.shown.values():
        if texts.DISK_FULL in shown.content:
            extra["word of the full disk"] += 1
        else:
            chat.append(as_text(shown))
    rows = await scene.records.look(lambda s: tuple(_rows(s, telegram, names, as_text)))
    return Outcome(
        calls,
        tuple(chat),
        frozenset(telegram.toasts),
        rows,
        _playlists(scene.world),
        extra,
        await scene.records.look(lambda s: tuple(_leaks(s, folder))),
        bool(telegram.toasts)
        or any(str(each) != scene.before.get(n) for n, each in telegram.shown.items()),
        any(_PROMISE in str(call.parameters.get("text")) for call in telegram.calls),
    )


def _names_by_chance(world: World | None) -> dict[str, str]:
    """Return stable names for Spotify's random ids."""
    if world is None:
        return {}
    state = world.local._state
    names = {each.id: f"playlist-{number}" for number, each in enumerate(state.playlists.values())}
    return names | {each.account_id: each.display_name for each in state.accounts.values()}


def _playlists(world: World | None) -> tuple[str, ...]:
    if world is None:
        return ()
    return tuple(
        f"{each.owner.display_name}: {each.name} | {each.description} | "
        + " ".join(item.uri for item in each.items)
        for each in world.local._state.playlists.values()
        if each.in_library
    )


def _rows(
    stores: Stores,
    telegram: WatchedTelegram,
    names: dict[str, str],
    as_text: Callable[[Shown], str],
) -> Iterator[str]:
    """Yield each row without times, secrets and traces of retries.

    A message stands for what it shows, since a double moves the numbers.
    """
    db = stores.people.db
    for table in sorted(set(db.table_names()) - _UNCOUNTED):
        for row in db.query(f"select * from {table}"):  # noqa: S608 - ours
            kept = {}
            for name, value in row.items():
                if (
                    (table, name) in _VERSIONS
                    or name in _HOW_IT_FARED
                    or (table in _PLAIN and name not in _PLAIN[table])
                ):
                    kept[name] = None
                elif _TIMES.search(name):
                    kept[name] = value is not None
                elif name == "digits_hmac" or str(value).startswith("gAAAA"):
                    kept[name] = "sealed"
                elif name in ("message_id", "shown_in") and value in telegram.shown:
                    kept[name] = as_text(telegram.shown[value])[:80]
                elif isinstance(value, str):
                    for identity, known in names.items():
                        value = value.replace(identity, known)
                    kept[name] = value
                else:
                    kept[name] = value
            if table == "inbox":
                kept["is_dropped"] = row["payload"] is None and row["handled_utc"] is not None
            yield f"{table} {kept}"


def _leaks(stores: Stores, folder: Path | None) -> Iterator[str]:
    """Yield every place in which a photo was found."""
    dump = "\n".join(stores.people.db.conn.iterdump())
    if PHOTO.decode("latin-1") in dump or PHOTO.hex() in dump.lower():
        yield "the database"
    for file in folder.rglob("*") if folder else ():
        if file.is_file() and PHOTO in file.read_bytes():
            yield str(file)


def sampled(faults: Sequence[Fault], most: int, salt: int) -> list[Fault]:
    """Return a sample of the faults, always the same one for a salt.

    It contains the last fault, which makes the bot redo everything.
    """
    if len(faults) <= most:
        return list(faults)
    chosen = np.random.default_rng(salt).choice(len(faults) - 1, most - 1, replace=False)
    return [*(faults[number] for number in sorted(chosen.tolist())), faults[-1]]
