"""Which tracks a user gets: from a mood, their settings and votes to a stored playlist."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bot.services import Services
from bot.storage.records import Stores
from bot.storage.shown import Shown
from recommender.listeners.saved import SavedPlaylist, StoredReading
from recommender.mood.targets import EMOTIONS
from recommender.ranking.stand_ins import stand_ins, still_plays
from recommender.recommend import recommend
from recommender.storage.database import immediate

Intend = Callable[[Stores, SavedPlaylist, bool], None]
"""Stores that a playlist is to be written to Spotify, and whether over the one written last."""


@dataclass(frozen=True, slots=True)
class Mood:
    """What a playlist is made for.

    Args:
        emotion: The emotion that names it.
        probabilities: What steers it, one value for each emotion.
        reading_id: The reading it comes from; None if the user named the mood.
    """

    emotion: str
    probabilities: Mapping[str, float]
    reading_id: int | None = None

    @classmethod
    def of(cls, reading: StoredReading) -> "Mood":
        """Return the mood of a reading, as corrected."""
        return cls(reading.emotion, reading.mood, reading.id)

    @classmethod
    def named(cls, emotion: str, strength: float = 1.0) -> "Mood":
        """Return the mood of a user who says so; what is left of its strength is neutral."""
        probabilities = dict.fromkeys(EMOTIONS, 0.0)
        probabilities["neutral"] = 1 - strength
        probabilities[emotion] += strength
        return cls(emotion, probabilities)


class Choosing:
    """Chooses tracks and stores what was chosen."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def choose(
        self,
        user_id: int,
        mood: Mood,
        mode: str | None,
        shown_in: int,
        *,
        rewrites: bool,
        intend: Intend,
        like: int | None = None,
    ) -> SavedPlaylist:
        """Choose tracks and store them, and in which message they are shown.

        All that must be the same at a later try is decided in the transaction that stores them.

        Args:
            user_id: Whom they are for.
            mood: What they are for.
            mode: One of `recommender.mood.targets.MODES`; None for the one that the user settled
                on.
            shown_in: The message.
            rewrites: Whether they take the place of those that the message shows for this mood.
            intend: Stores, with the playlist, that it is to be written to Spotify.
            like: The playlist that they are to be like; None for none.

        Returns:
            The playlist.

        Raises:
            TooFewTracks: The user's filters leave too few.
        """
        services, now = self._services, self._services.clock()

        def look_up(stores: Stores) -> tuple[dict[str, Any], frozenset[str]]:
            asked = _wishes(stores, user_id, like)
            replaced = (mood.reading_id, mood.emotion) if rewrites else None
            recent = stores.music.recent(user_id, now, but_for=replaced)
            return asked | {"recent": recent}, stores.music.gone.all()

        asked, gone = await services.records.run(look_up)
        settled = asked["preferences"]
        mode = mode or settled.mode
        assert mode is not None
        (rng,) = services.rng.spawn(1)  # generators are not safe to share between threads
        with services.metrics.step("choose"):
            recommendation = await asyncio.to_thread(
                recommend,
                services.table,
                probabilities=mood.probabilities,
                mode=mode,
                length=settled.length,
                rng=rng,
                is_allowed=still_plays(services.table, gone),
                **asked,
            )

        def store_it(stores: Stores) -> int:
            with immediate(stores.people.db):
                rewrites_last = rewrites and _is_last(stores, user_id, mood)
                playlist_id = stores.music.add_playlist(
                    user_id, recommendation, mode, mood.reading_id, mood.emotion, now
                )
                stores.people.shown.note(user_id, shown_in, Shown(playlist_id))
                if mood.reading_id is not None:
                    stores.people.note_answer(user_id, mood.reading_id, shown_in)
                intend(stores, stores.music.playlist(playlist_id, user_id), rewrites_last)
            return playlist_id

        playlist_id = await services.records.once("playlist", store_it)
        return await services.records.run(lambda s: s.music.playlist(playlist_id, user_id))

    async def replace(
        self, user_id: int, playlist_id: int, silent: Collection[str]
    ) -> SavedPlaylist | None:
        """Put other tracks in the place of those that Spotify no longer plays, and remember them.

        Args:
            user_id: Whose playlist.
            playlist_id: Which one.
            silent: Ids of the tracks.

        Returns:
            The playlist as it is now, shorter where nothing else fits; None if it was deleted.
        """
        services, now = self._services, self._services.clock()

        def look_up(
            stores: Stores,
        ) -> tuple[SavedPlaylist, Mood, dict[str, Any], frozenset[str]]:
            stores.music.gone.add(silent, now)
            saved = stores.music.playlist(playlist_id, user_id)
            asked = _wishes(stores, user_id)
            asked["recent"] = stores.music.recent(user_id, now)
            return saved, _mood_of(stores, saved), asked, stores.music.gone.all()

        try:
            saved, mood, asked, gone = await services.records.run(look_up)
        except KeyError:
            return None
        positions = [track.position for track in saved.tracks if track.track_id in silent]
        if not positions:
            return saved
        (rng,) = services.rng.spawn(1)
        recommendation = await asyncio.to_thread(
            stand_ins,
            services.table,
            positions=positions,
            kept=[track.track_id for track in saved.tracks if track.track_id not in silent],
            gone=gone,
            probabilities=mood.probabilities,
            mode=saved.mode,
            length=len(saved.tracks),
            rng=rng,
            **asked,
        )
        try:
            return await services.records.run(
                lambda s: s.music.replace_shown(playlist_id, user_id, positions, recommendation)
            )
        except KeyError:
            return None

    async def mood_of(self, saved: SavedPlaylist) -> Mood:
        """Return what a playlist was made for."""
        return await self._services.records.run(lambda stores: _mood_of(stores, saved))


def _wishes(stores: Stores, user_id: int, like: int | None = None) -> dict[str, Any]:
    """Return what is known of a user, as `recommend` takes it."""
    music = stores.music
    return {
        "taste": music.taste(user_id, more_like=like),
        "prior": music.prior(),
        "preferences": music.preferences.load(user_id),
    }


def _mood_of(stores: Stores, saved: SavedPlaylist) -> Mood:
    if saved.reading_id is None:
        return Mood.named(saved.emotion)
    return Mood.of(stores.music.reading(saved.reading_id, saved.user_id))


def _is_last(stores: Stores, user_id: int, mood: Mood) -> bool:
    """Return whether the user's last playlist was made for the same mood."""
    last = stores.music.last_playlist(user_id)
    if last is None or last.reading_id != mood.reading_id:
        return False
    return mood.reading_id is not None or last.emotion == mood.emotion
