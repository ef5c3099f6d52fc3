"""Selects tracks for a mood, by the user's settings and votes, and stores them as a playlist."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from bot.services import Services
from bot.storage.records import Stores
from bot.storage.shown import Shown
from recommender.listeners.saved import SavedPlaylist, StoredReading
from recommender.mood.targets import EMOTIONS
from recommender.ranking.filters import still_plays
from recommender.recommend import recommend, recommend_replacements
from recommender.storage.database import immediate

StoreIntent = Callable[[Stores, SavedPlaylist, bool], None]
"""Stores that a playlist must be published, and whether it replaces the one published last."""


@dataclass(frozen=True, slots=True)
class Mood:
    """What a playlist is made for.

    Args:
        emotion: The emotion in its title.
        probabilities: One value per emotion; they determine the targets.
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
        """Return the mood that a user named: `strength` of the emotion, the rest neutral."""
        probabilities = dict.fromkeys(EMOTIONS, 0.0)
        probabilities["neutral"] = 1 - strength
        probabilities[emotion] += strength
        return cls(emotion, probabilities)


class Selector:
    """Selects tracks and stores the selection."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def select(
        self,
        user_id: int,
        mood: Mood,
        mode: str | None,
        message_id: int,
        *,
        rewrites: bool,
        store_intent: StoreIntent,
        like: int | None = None,
    ) -> SavedPlaylist:
        """Select tracks and store them as a playlist.

        One transaction stores everything that a retry must find unchanged: the playlist, the
        message that shows it, and the intent to publish it.

        Args:
            user_id: Whose playlist.
            mood: What it is for.
            mode: One of `recommender.mood.targets.MODES`; None for the user's default.
            message_id: The message that will show it.
            rewrites: Whether it replaces the playlist that this message shows.
            store_intent: Stores the intent to publish it.
            like: The id of a playlist that it should resemble; None for none.

        Raises:
            TooFewTracks: The user's filters leave too few tracks.
        """
        services, now = self._services, self._services.clock()

        def look_up(stores: Stores) -> tuple[dict[str, Any], frozenset[str]]:
            known = _known_about(stores, user_id, like)
            replaced = (mood.reading_id, mood.emotion) if rewrites else None
            recent = stores.music.recent(user_id, now, except_for=replaced)
            return known | {"recent": recent}, stores.music.gone.all()

        known, gone = await services.records.run(look_up)
        preferences = known["preferences"]
        mode = mode or preferences.mode
        assert mode is not None
        (rng,) = services.rng.spawn(1)  # generators are not safe to share between threads
        with services.metrics.step("choose"):
            recommendation = await asyncio.to_thread(
                recommend,
                services.table,
                probabilities=mood.probabilities,
                mode=mode,
                length=preferences.length,
                rng=rng,
                is_allowed=still_plays(services.table, gone),
                today=now.date(),
                **known,
            )

        def store_it(stores: Stores) -> int:
            with immediate(stores.people.db):
                rewrites_last = rewrites and _is_last(stores, user_id, mood)
                playlist_id = stores.music.add_playlist(
                    user_id, recommendation, mode, mood.reading_id, mood.emotion, now
                )
                stores.people.shown.note(user_id, message_id, Shown(playlist_id))
                store_intent(stores, stores.music.playlist(playlist_id, user_id), rewrites_last)
            return playlist_id

        playlist_id = await services.records.once("playlist", store_it)
        return await services.records.run(lambda s: s.music.playlist(playlist_id, user_id))

    async def replace(
        self, user_id: int, playlist_id: int, silent: Collection[str]
    ) -> SavedPlaylist | None:
        """Replace tracks that Spotify no longer plays, and record that they are unavailable.

        Args:
            user_id: Whose playlist.
            playlist_id: Which one.
            silent: Ids of the tracks.

        Returns:
            The changed playlist, shorter if too few others fit; None if it was deleted.
        """
        services, now = self._services, self._services.clock()

        def look_up(
            stores: Stores,
        ) -> tuple[SavedPlaylist, Mood, dict[str, Any], frozenset[str]]:
            stores.music.gone.add(silent, now)
            saved = stores.music.playlist(playlist_id, user_id)
            known = _known_about(stores, user_id)
            known["recent"] = stores.music.recent(user_id, now)
            return saved, load_mood(stores, saved), known, stores.music.gone.all()

        try:
            saved, mood, known, gone = await services.records.run(look_up)
        except KeyError:
            return None
        positions = [track.position for track in saved.tracks if track.track_id in silent]
        if not positions:
            return saved
        (rng,) = services.rng.spawn(1)
        recommendation = await asyncio.to_thread(
            recommend_replacements,
            services.table,
            positions=positions,
            kept=[track.track_id for track in saved.tracks if track.track_id not in silent],
            gone=gone,
            probabilities=mood.probabilities,
            mode=saved.mode,
            length=len(saved.tracks),
            rng=rng,
            **known,
        )
        try:
            return await services.records.run(
                lambda s: s.music.replace_shown(playlist_id, user_id, positions, recommendation)
            )
        except KeyError:
            return None


def _known_about(stores: Stores, user_id: int, like: int | None = None) -> dict[str, Any]:
    """Return what is known about a user, as keyword arguments of `recommend`."""
    music = stores.music
    return {
        "taste": music.taste(user_id, more_like=like),
        "prior": music.prior(),
        "preferences": music.preferences.load(user_id),
    }


def load_mood(stores: Stores, saved: SavedPlaylist) -> Mood:
    """Return the mood that a playlist was made for."""
    if saved.reading_id is None:
        return Mood.named(saved.emotion)
    return Mood.of(stores.music.reading(saved.reading_id, saved.user_id))


def _is_last(stores: Stores, user_id: int, mood: Mood) -> bool:
    """Return whether the user's last playlist was made for the same mood."""
    last = stores.music.last_playlist(user_id)
    if last is None or last.reading_id != mood.reading_id:
        return False
    return mood.reading_id is not None or last.emotion == mood.emotion
