"""Keeps tracks that Spotify no longer plays out of playlists, and finds others in their place."""

from collections.abc import Collection
from typing import Any

from recommender.catalogue.table import TrackTable, is_among
from recommender.ranking.filters import Predicate, none_of, passes_all
from recommender.recommend import Recommendation, recommend


def still_plays(table: TrackTable, gone: Collection[str]) -> Predicate:
    """Return the predicate of the tracks that are not known to be gone.

    Other editions of the same song may play, so the tracks are told apart by their ids.

    Args:
        table: The catalogue.
        gone: Ids of tracks that Spotify no longer plays.
    """
    rows_gone = table.rows(gone)
    return lambda rows: ~is_among(rows, rows_gone)


def stand_ins(
    table: TrackTable,
    *,
    positions: Collection[int],
    kept: Collection[str],
    gone: Collection[str],
    **asked: Any,
) -> Recommendation:
    """Recommend tracks for some positions of a playlist that stands otherwise.

    No song that it already has, and nobody who sings another track of it.

    Args:
        table: The catalogue.
        positions: The places to fill, counted from 0.
        kept: Ids of the playlist's other tracks.
        gone: Ids of tracks that Spotify no longer plays.
        asked: What the whole playlist was asked for with, as `recommend` takes it.

    Returns:
        As many tracks as there are for these places, perhaps fewer.
    """
    rows = table.rows(kept)
    is_allowed = passes_all(
        [
            still_plays(table, gone),
            none_of(table.recording_keys, table.recording_keys[rows]),
            none_of(table.artist_keys, table.artist_keys[rows]),
        ]
    )
    return recommend(table, positions=sorted(positions), is_allowed=is_allowed, **asked)
