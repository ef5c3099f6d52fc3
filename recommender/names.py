"""Finds out whether the catalogue has an artist or a genre, and which names come nearest."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import numpy as np

from recommender.errors import UnknownName
from recommender.table import TrackTable, is_among
from recommender.tracks import artist_key, genre_key, plain

_SUGGESTIONS = 3
_GENRES_TOLD = 8
_ARTISTS_COMPARED = 10_000
"""Comparing spellings takes a second or so for this many; the best known artists come first."""


def check_artists(table: TrackTable, names: Iterable[str]) -> None:
    """Make sure that the catalogue has these artists.

    Raises:
        UnknownName: It lacks one; the text names those that are spelled most like it.
    """
    for name in names:
        if not is_among(table.artist_keys, [artist_key(name)]).any():
            near = _nearest(name, _best_known_artists(table))
            hint = f", but {near}" if near else ", nor one spelled like it"
            raise UnknownName(f"the catalogue has no artist {name!r}{hint}")


def check_genres(table: TrackTable, names: Iterable[str]) -> None:
    """Make sure that the catalogue has these as main genres.

    Raises:
        UnknownName: It lacks one; the text names the nearest, or the most frequent.
    """
    by_frequency = np.argsort(-np.bincount(table.genre_codes, minlength=len(table.genres)))
    genres = [table.genres[code] for code in by_frequency if table.genres[code]]
    known = {genre_key(genre) for genre in genres}
    for name in names:
        if genre_key(name) not in known:
            near = _nearest(name, genres) or ", ".join(genres[:_GENRES_TOLD])
            hint = f", but {near}" if near else ", as it knows no genres"
            raise UnknownName(f"the catalogue has no genre {name!r}{hint}")


def _best_known_artists(table: TrackTable) -> list[str]:
    rows = np.argsort(-table.popularity, kind="stable")
    _, firsts = np.unique(table.artist_keys[rows], return_index=True)
    best_known = rows[np.sort(firsts)[:_ARTISTS_COMPARED]]
    return [table.track(int(row)).artist.partition(", ")[0] for row in best_known]


def _nearest(name: str, names: Sequence[str]) -> str:
    """Return the names that are spelled most like one, with commas; empty if none is."""
    spelled = {plain(known): known for known in reversed(names)}  # the first of several stays
    near = get_close_matches(plain(name), spelled, _SUGGESTIONS)
    return ", ".join(spelled[each] for each in near)
