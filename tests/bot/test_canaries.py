"""No token, code or verifier is anywhere in clear: not in files, not in logs.

The whole way is gone through the real adapter to a local Spotify, and whatever secret passes the
adapter is noted as a canary. Then everything that was written is searched for each of them.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.linking.connections import Connections
from bot.logs import QUIET, set_up_logging
from bot.storage.backups import back_up
from bot.storage.inbox_table import NewUpdate
from bot.storage.records import Records
from recommender.errors import ConnectionExpired, RecommenderError
from recommender.services.spotify.intents import PlaylistDraft
from recommender.services.spotify.tokens import Tokens
from recommender.services.spotify.web_api import Authorization, SpotifyClient
from tests.support.spotify.spotify_world import REDIRECT_URI, Server, World, agree, uris
from tests.support.telegram.chatting import ANNA, BEN, Chat, text_update, with_chat

CLARA, DORA = 3, 4
DRAFT = PlaylistDraft("Sad", "Made today", uris(120))


class Canaries(SpotifyClient):
    """The adapter; it notes every secret that goes in or comes out."""

    def __init__(self, client: SpotifyClient) -> None:
        super().__init__(client._app)
        self.noted: dict[str, set[str]] = {}

    def authorize(self, *args: Any) -> Authorization:
        way = super().authorize(*args)
        self._note(verifier=way.verifier, state=way.state)
        return way

    def exchange(self, code: str, verifier: str, now: datetime, *args: Any) -> Tokens:
        self._note(code=code, verifier=verifier)
        return self._tokens(super().exchange(code, verifier, now, *args))

    def refresh(self, tokens: Tokens, now: datetime) -> Tokens:
        return self._tokens(super().refresh(self._tokens(tokens), now))

    def _tokens(self, tokens: Tokens) -> Tokens:
        self._note(access_token=tokens.access_token, refresh_token=tokens.refresh_token)
        return tokens

    def _note(self, **secrets: str) -> None:
        for kind, secret in secrets.items():
            self.noted.setdefault(kind, set()).add(secret)


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the bot logs at DEBUG; spotipy and urllib3 are not even kept to warnings."""
    root, written = logging.getLogger(), StringIO()
    levels = {name: logging.getLogger(name).level for name in (None, *QUIET)}
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    # Only a browser asks for the consent page, and the one in these tests is in our process.
    handler.addFilter(lambda record: "/authorize" not in record.getMessage())
    set_up_logging("DEBUG")
    root.addHandler(handler)
    for name in (None, "spotipy", "urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def pasted(query: dict[str, str], update_id: int) -> dict[str, Any]:
    """Return the update of somebody who pastes the address on which their browser ended."""
    return text_update(update_id, f"{REDIRECT_URI}?{urlencode(query)}", CLARA)


async def connect_all_ways(chat: Chat, connections: Connections) -> None:
    """Anna connects on this computer, Ben by six digits, Clara by an address in the chat."""

    async def way_back(user_id: int) -> dict[str, str]:
        return await asyncio.to_thread(
            agree, await connections.oauth.begin(user_id), f"No {user_id}"
        )

    await connections.oauth.finish(await way_back(ANNA))
    arrival = await connections.oauth.arrive(await way_back(BEN))
    assert await connections.oauth.finish_typed(BEN, arrival.digits)
    chat.telegram.updates = [pasted(await way_back(CLARA), 1)]
    async with chat.running():
        async with asyncio.timeout(10):
            while not await connections.is_connected(CLARA):
                await asyncio.sleep(0.02)
    # What is under way when the files are searched:
    await connections.oauth.begin(DORA)
    await connections.oauth.arrive(await way_back(DORA))
    late = pasted(await way_back(CLARA), 2)
    update = NewUpdate(2, CLARA, str(late))
    await chat.records.run(lambda s: s.people.inbox.add([update], chat_time()))


def chat_time() -> datetime:
    return datetime.now().astimezone()


async def use_everything(world: World, connections: Connections) -> None:
    """Write, refresh, fail in every way, and lose one consent."""
    await connections.writer.write(ANNA, DRAFT)
    world.clock.advance(hours=2)
    await connections.writer.write(ANNA, DRAFT)
    world.local.expire_access_tokens()
    await connections.writer.write(BEN, DRAFT)
    for status in (400, 401, 403, 404, 500, 502):
        world.local.fail_next("PUT", "/items", status=status)
        with suppress(RecommenderError):
            await connections.writer.write(BEN, DRAFT)
        world.clock.advance(minutes=50)
        world.local.fail_next("POST", "/api/token", status=status)
        with suppress(RecommenderError):
            await connections.writer.write(CLARA, DRAFT)
    world.clock.advance(hours=2)
    world.local.revoke()
    with pytest.raises(ConnectionExpired):
        await connections.writer.write(ANNA, DRAFT)


def copies(database: Path) -> None:
    """Copy the database while the bot has it open, as `mirrortape backup` does and by hand."""
    back_up(database, database.with_name("backup.db"))
    with sqlite3.connect(database) as source:
        source.execute("vacuum into ?", [str(database.with_name("vacuumed.db"))])
    source.execute("pragma wal_checkpoint(passive)")  # from the log, which stays, into the file
    source.close()


def test_no_secret_is_anywhere_in_clear(server: Server, tmp_path: Path, log: StringIO) -> None:
    world = World(server)
    client = Canaries(world.client)
    database = tmp_path / "mirrortape.db"
    made: list[Connections] = []
    files: dict[str, bytes] = {}

    def connect_by(stores: Records) -> Connections:
        made.append(Connections(stores, client, world.clock))
        return made[0]

    async def story(chat: Chat) -> None:
        # Nothing that was ever written shall leave the log before it is searched.
        await chat.records.run(lambda s: s.people.db.execute("pragma wal_autocheckpoint = 0"))
        await connect_all_ways(chat, made[0])
        await use_everything(world, made[0])
        await asyncio.to_thread(copies, database)
        files.update({file.name: file.read_bytes() for file in tmp_path.iterdir()})

    asyncio.run(with_chat(story, connect_by=connect_by, clock=world.clock, database=database))
    databases = {"mirrortape.db", "mirrortape.db-wal", "backup.db", "vacuumed.db"}
    sealed = b"gAAAAA"  # how everything begins that Fernet encrypted
    assert [name for name in databases if sealed not in files[name]] == []
    files["log"] = log.getvalue().encode()
    assert b"DEBUG urllib3" in files["log"]
    assert b"/api/token" in files["log"]

    canaries = {secret for secrets in client.noted.values() for secret in secrets}
    counts = {kind: len(secrets) for kind, secrets in client.noted.items()}
    assert counts["code"] == 3
    assert min(counts["verifier"], counts["state"]) == 6
    assert min(counts["access_token"], counts["refresh_token"]) > 6
    assert min(map(len, canaries)) > 30
    hits = [
        (name, kind)
        for name, text in files.items()
        for kind, secrets in client.noted.items()
        for secret in secrets
        if secret.encode() in text
    ]
    assert hits == []
