"""Looks up artists and genres in the catalogue, and suggests similar names."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Protocol

import numpy as np

from recommender.catalogue.genre_families import families_of
from recommender.catalogue.table import TrackTable, is_among
from recommender.catalogue.tracks import artist_key, genre_key, plain
from recommender.errors import UnknownName

_SUGGESTIONS = 3
_GENRES_TOLD = 8
_ARTISTS_COMPARED = 10_000
"""Comparing this many names takes about a second; the most popular artists are compared."""


class Names(Protocol):
    """All names of one kind in a catalogue."""

    def key(self, name: str) -> int:
        """Return a key that all spellings of a name share."""

    def named(self, key: int) -> str | None:
        """Return the catalogue's spelling of a name by its key, or None if unknown."""

    def like(self, text: str) -> list[str]:
        """Return the few names most similar to a text, the most similar first."""


class Artists:
    """The first artist of each track."""

    def __init__(self, table: TrackTable) -> None:
        self._table = table

    def key(self, name: str) -> int:
        """Return a key that all spellings of a name share."""
        return artist_key(name)

    def named(self, key: int) -> str | None:
        """Return the catalogue's spelling of a name by its key, or None if unknown."""
        rows = np.flatnonzero(is_among(self._table.artist_keys, [key]))
        return self._first_artist(int(rows[0])) if len(rows) else None

    def like(self, text: str) -> list[str]:
        """Return the few names most similar to a text, the most similar first.

        Only the most popular artists are compared.
        """
        rows = np.argsort(-self._table.popularity, kind="stable")
        _, firsts = np.unique(self._table.artist_keys[rows], return_index=True)
        best_known = rows[np.sort(firsts)[:_ARTISTS_COMPARED]]
        return _nearest(text, [self._first_artist(int(row)) for row in best_known])

    def _first_artist(self, row: int) -> str:
        return self._table.track(row).artist.partition(", ")[0]


class Genres:
    """The genres of a catalogue's tracks and artists, and the families of these."""

    def __init__(self, table: TrackTable) -> None:
        counts = np.bincount(table.genre_codes.ravel(), minlength=len(table.genres))
        order = np.argsort(-counts, kind="stable")
        self.by_frequency = [table.genres[code] for code in order if table.genres[code]]
        """The most frequent first."""
        families = [name for genre in self.by_frequency for name in families_of(genre)]
        self._by_key = {genre_key(name): name for name in families}
        self._by_key |= {genre_key(genre): genre for genre in reversed(self.by_frequency)}

    def key(self, name: str) -> int:
        """Return a key that all spellings of a name share."""
        return genre_key(name)

    def named(self, key: int) -> str | None:
        """Return the catalogue's spelling of a name by its key, or None if unknown."""
        return self._by_key.get(key)

    def like(self, text: str) -> list[str]:
        """Return the few names most similar to a text, the most similar first."""
        return _nearest(text, self.by_frequency)


def check_artists(table: TrackTable, names: Iterable[str]) -> None:
    """Check that the catalogue has these artists.

    Raises:
        UnknownName: It lacks one; the message suggests similar names.
    """
    artists = Artists(table)
    for name in names:
        if artists.named(artist_key(name)) is None:
            near = ", ".join(artists.like(name))
            hint = f", but {near}" if near else ", nor one spelled like it"
            raise UnknownName(f"the catalogue has no artist {name!r}{hint}")


def check_genres(table: TrackTable, names: Iterable[str]) -> None:
    """Check that the catalogue has these as main genres.

    Raises:
        UnknownName: It lacks one; the message suggests similar names, or the most frequent.
    """
    genres = Genres(table)
    for name in names:
        if genres.named(genre_key(name)) is None:
            near = ", ".join(genres.like(name) or genres.by_frequency[:_GENRES_TOLD])
            hint = f", but {near}" if near else ", as it knows no genres"
            raise UnknownName(f"the catalogue has no genre {name!r}{hint}")


def _nearest(text: str, names: Sequence[str]) -> list[str]:
    """Return names that contain the text at the start of a word, then similarly spelled ones."""
    wanted = plain(text)
    spelled = {
        plain(known): known for known in reversed(names)
    }  # the first of equal spellings wins
    holding = [s for s in map(plain, names) if wanted and f" {wanted}" in f" {s}"]
    near = dict.fromkeys([*holding, *get_close_matches(wanted, spelled, _SUGGESTIONS)])
    return [spelled[each] for each in list(near)[:_SUGGESTIONS]]
