"""Applies a listener's filters to a catalogue, and finds those that leave too few tracks."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.genre_families import is_included
from recommender.catalogue.kinds import Kind, out_of_season
from recommender.catalogue.table import TrackTable, is_among
from recommender.catalogue.tracks import artist_key
from recommender.errors import TooFewTracks
from recommender.taste.preferences import SHORTEST, Preferences

Predicate = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Maps rows, int64 (n,), to whether each may be chosen, bool (n,)."""

_NAMES_TOLD = 2
"""Maximum number of banned names that a message lists."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter that a listener has set.

    Args:
        name: "explicit", "years", "artists" or "genres".
        told: Its name in messages: "the ban on Ada Nord".
        offer: What relaxing it would allow: "other years".
        passes: The predicate for tracks that pass.
    """

    name: str
    told: str
    offer: str
    passes: Predicate


def filters(table: TrackTable, preferences: Preferences) -> tuple[Filter, ...]:
    """Return the filters that a listener has set.

    A filter is a promise: a track of unknown year does not pass a filter on years, and one that
    may be explicit does not pass where only clean tracks are wanted. A catalogue that does not say
    of any track whether it is explicit cannot keep that promise; then only titles with explicit
    words are left out, and `relaxed` tells the listener.

    Args:
        table: The catalogue.
        preferences: The listener's settings.
    """
    found = []
    if not preferences.allows_explicit:
        found.append(
            Filter(
                "explicit",
                "no explicit tracks",
                "explicit tracks",
                _clean(table),
            )
        )
    first, last = preferences.first_year, preferences.last_year
    if first is not None or last is not None:
        found.append(_years(table, first, last))
    if preferences.banned_artists:
        artists = [artist_key(name) for name in preferences.banned_artists]
        found.append(
            Filter(
                "artists",
                f"the ban on {_listed(preferences.banned_artists)}",
                "artists that you banned",
                none_of(table.artist_keys, artists),
            )
        )
    if preferences.banned_genres:
        is_banned = of_genres(table, preferences.banned_genres)
        found.append(
            Filter(
                "genres",
                f"the ban on {_listed(preferences.banned_genres)}",
                "genres that you banned",
                lambda rows: np.logical_not(is_banned(rows)),
            )
        )
    return tuple(found)


def _clean(table: TrackTable) -> Predicate:
    """Return the predicate for tracks that are not explicit, as far as the catalogue knows."""
    knows = bool(table.explicit_known.any())

    def passes(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        is_clean = ~table.explicit[rows] & ((table.kinds[rows] & Kind.EXPLICIT_TITLE) == 0)
        if knows:
            is_clean &= table.explicit_known[rows]
        return np.asarray(is_clean, dtype=np.bool_)

    return passes


def suitable(table: TrackTable, preferences: Preferences, today: date | None = None) -> Predicate:
    """Return the predicate for tracks that suit the day, and anybody in any mood.

    Seasonal songs are played in their season alone. Music for children is never played unless the
    listener named its artist or genre as a favourite, and titles about self-harm never.

    Args:
        table: The catalogue.
        preferences: The listener's settings.
        today: The listener's date; None if unknown, when nothing is in season.
    """
    away = out_of_season(today) | Kind.SELF_HARM
    artists = [artist_key(name) for name in preferences.favourite_artists]
    is_favourite = of_genres(table, preferences.favourite_genres)

    def passes(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        kinds = table.kinds[rows]
        is_wished = is_among(table.artist_keys[rows], artists)
        is_wished |= is_favourite(rows)
        suits = ((kinds & away) == 0) & (((kinds & Kind.CHILDREN) == 0) | is_wished)
        return np.asarray(suits, dtype=np.bool_)

    return passes


def of_genres(table: TrackTable, wanted: Sequence[str]) -> Predicate:
    """Return the predicate for tracks that have one of some genres, or belong to a family of them.

    Args:
        table: The catalogue.
        wanted: Names of genres or families.
    """
    is_wanted = np.array([is_included(wanted, genre) for genre in table.genres])  # (genres,)

    def passes(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(is_wanted[table.genre_codes[rows]].any(axis=1), dtype=np.bool_)

    return passes


def passes_all(predicates: Sequence[Predicate]) -> Predicate:
    """Combine predicates with AND; each sees only the rows that passed those before it."""

    def is_allowed(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        allowed = np.ones(len(rows), dtype=np.bool_)
        for holds in predicates:
            allowed[allowed] = holds(rows[allowed])
        return allowed

    return is_allowed


def none_of(keys: NDArray[np.int64], excluded: Sequence[int] | NDArray[np.int64]) -> Predicate:
    """Return the predicate for tracks without some keys.

    Args:
        keys: The key of each row of the table, int64 (n,).
        excluded: The keys to exclude.
    """
    return lambda rows: ~is_among(keys[rows], excluded)


def still_plays(table: TrackTable, gone: Collection[str]) -> Predicate:
    """Return the predicate for tracks that are not known to be unavailable.

    It compares ids, since another edition of the same song may still play.

    Args:
        table: The catalogue.
        gone: Ids of tracks that Spotify no longer plays.
    """
    rows_gone = table.rows(gone)
    return lambda rows: ~is_among(rows, rows_gone)


def shortage(
    table: TrackTable,
    set_filters: Sequence[Filter],
    everything: NDArray[np.int64],
    places: int,
    tracks_per_artist: int,
) -> TooFewTracks | None:
    """Return the error for a listener whose filters make a playlist too short.

    It scans the whole catalogue, so call it only when a playlist came out too short.

    Args:
        table: The catalogue.
        set_filters: The listener's filters.
        everything: The rows that could be chosen without filters, int64 (n,).
        places: Requested number of tracks.
        tracks_per_artist: Maximum number of tracks by one artist.

    Returns:
        None if the playlist would be no longer without filters.
    """
    passing = {each.name: each.passes(everything) for each in set_filters}  # bool (n,) each

    def left(kept: Sequence[Filter]) -> NDArray[np.int64]:
        allowed = np.ones(len(everything), dtype=np.bool_)
        for each in kept:
            allowed &= passing[each.name]
        return everything[allowed]

    def fills(kept: Sequence[Filter]) -> int:
        return _fills(table, left(kept), tracks_per_artist)

    enough = min(places, fills(()))
    kept, costly = list(set_filters), list[Filter]()
    while fills(kept) < enough:
        # if relaxing any single one changes nothing, relax the one that excludes most
        worst = max(
            kept,
            key=lambda each: (
                len(left([other for other in kept if other is not each])),
                -int(passing[each.name].sum()),
            ),
        )
        kept.remove(worst)
        costly.append(worst)
    if not costly:
        return None
    now, then, filled = len(left(set_filters)), len(left(kept)), fills(set_filters)
    message = f"{_left(now, filled, places)} {_offer(costly, then)}"
    if fills(kept) < places:
        message += ", still too few"
    if filled >= SHORTEST:
        message += f"; or ask for {filled} tracks at most"
    return TooFewTracks(f"{message}.", now, places, tuple(each.name for each in costly), then)


def _years(table: TrackTable, first: int | None, last: int | None) -> Filter:
    if first is None:
        told = f"the years up to {last}"
    elif last is None:
        told = f"the years from {first}"
    else:
        told = f"the year {first}" if first == last else f"the years {first} to {last}"
    if not table.years.any():
        told += " (this catalogue knows no years)"
    earliest, latest = first or 1, last or np.iinfo(np.int16).max  # year 0 is unknown

    def passes(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        years = table.years[rows]
        return (years >= earliest) & (years <= latest)

    return Filter("years", told, "other years", passes)


def _fills(table: TrackTable, rows: NDArray[np.int64], tracks_per_artist: int) -> int:
    """Return how many positions these tracks fill: no song twice, no artist too often."""
    _, firsts = np.unique(table.title_keys[rows], return_index=True)
    _, counts = np.unique(table.artist_keys[rows[firsts]], return_counts=True)
    return int(np.minimum(counts, tracks_per_artist).sum())


def _left(count: int, filled: int, places: int) -> str:
    if count > filled and count >= places:
        return (
            f"The {count:,} tracks that are left fill only {filled} of {places} places: "
            f"they are by too few artists, or the same songs."
        )
    tracks = {0: "No track is", 1: "Only 1 track is"}.get(count, f"Only {count:,} tracks are")
    return f"{tracks} left for {places} {'place' if places == 1 else 'places'}."


def _offer(costly: Sequence[Filter], then: int) -> str:
    told = _joined([each.told for each in costly])
    subject = "The filter that costs most" if len(costly) == 1 else "The filters that cost most"
    offers = _joined([each.offer for each in costly])
    return f"{subject}: {told}. Allow {offers}, and {then:,} {'is' if then == 1 else 'are'} left"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_TOLD
    return _joined([*names[:_NAMES_TOLD], *([f"{more} more"] if more > 0 else [])])


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
