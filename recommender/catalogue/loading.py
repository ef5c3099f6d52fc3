"""Reads the tracks of a catalogue into a `TrackTable`."""

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from recommender.catalogue.grid import sort_by_cell
from recommender.catalogue.recordings import recording_keys
from recommender.catalogue.table import SEPARATOR, TrackTable
from recommender.catalogue.tracks import FEATURES, main_genre

_ROWS_PER_BATCH = 5_000

TEMPO = FEATURES.index("tempo_bpm")


def read_table(db: Database, n: int) -> TrackTable:
    """Read the `tracks` table of a catalogue.

    Args:
        db: The catalogue's database.
        n: How many tracks it has, at least 1.
    """
    ids = np.empty(n, dtype="S22")
    features = np.empty((n, len(FEATURES)), dtype=np.float32)
    popularity = np.empty(n, dtype=np.float32)
    artist_keys, song_keys = np.empty((2, n), dtype=np.int64)
    genre_codes, label_codes, duration_ms = np.empty((3, n), dtype=np.int32)
    years = np.empty(n, dtype=np.int16)
    explicit, explicit_known, invented = np.empty((3, n), dtype=np.bool_)
    texts: list[bytes] = []
    genres: dict[str, int] = {}
    labels: dict[str, int] = {}
    cursor = db.execute(
        """
        select id, genre, duration_ms, popularity, explicit, invented, artist_key, song_key,
            label, coalesce(year, 0), explicit_known,
            cast(name || :s || artist || :s || album || :s || genre as blob),
            valence, energy, tempo_bpm, acousticness, danceability, mode, loudness_db
        from tracks order by id
        """,
        {"s": SEPARATOR},
    )
    start = 0
    while rows := cursor.fetchmany(_ROWS_PER_BATCH):
        columns = list(zip(*rows, strict=True))
        here = slice(start, start + len(rows))
        ids[here] = columns[0]
        genre_codes[here] = [genres.setdefault(main_genre(g), len(genres)) for g in columns[1]]
        duration_ms[here] = columns[2]
        popularity[here] = [np.nan if value is None else value for value in columns[3]]
        explicit[here], invented[here] = columns[4:6]
        artist_keys[here], song_keys[here] = columns[6:8]
        label_codes[here] = [labels.setdefault(label, len(labels)) for label in columns[8]]
        years[here] = columns[9]
        explicit_known[here] = columns[10]
        texts += columns[11]
        features[here] = np.array(columns[12:], dtype=np.float32).T
        start += len(rows)
    names = [_name_and_artist(text) for text in texts]
    recordings = recording_keys(names, song_keys, duration_ms, features[:, TEMPO])
    ranks = np.stack([percentile_ranks(column) for column in features.T], axis=1)
    order, grid = sort_by_cell(ranks[:, :2])
    rows_by_id = np.empty(n, dtype=np.int64)
    rows_by_id[order] = np.arange(n)
    texts = [texts[place] for place in order.tolist()]
    return TrackTable(
        grid=grid,
        ids=ids[order],
        sorted_ids=ids,
        rows_by_id=rows_by_id,
        features=features[order],
        ranks=ranks[order],
        popularity=_popularity_ranks(popularity)[order],
        artist_keys=artist_keys[order],
        song_keys=song_keys[order],
        recording_keys=recordings[order],
        genre_codes=genre_codes[order],
        genres=tuple(genres),
        label_codes=label_codes[order],
        labels=tuple(labels),
        years=years[order],
        duration_ms=duration_ms[order],
        explicit=explicit[order],
        explicit_known=explicit_known[order],
        invented=invented[order],
        texts=np.frombuffer(b"".join(texts), dtype=np.uint8),
        text_ends=np.cumsum([len(text) for text in texts], dtype=np.int64),
    )


def _name_and_artist(text: bytes) -> tuple[str, str]:
    name, artist, *_ = text.decode().split(SEPARATOR)
    return name, artist


def percentile_ranks(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the percentile rank of each value, 0..1; equal values share their mean rank.

    Of n distinct values the smallest gets 0.5 / n and the largest 1 - 0.5 / n, so the mean is
    always 0.5.

    Args:
        values: float32 (n,), finite.
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    middles = (np.cumsum(counts) - counts / 2) / max(len(values), 1)  # (distinct values,)
    ranks: NDArray[np.float32] = middles.astype(np.float32)[places]
    return ranks


def _popularity_ranks(popularity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the percentile ranks; 0.5 if the popularity is unknown (NaN)."""
    is_known = ~np.isnan(popularity)
    ranks = np.full(len(popularity), 0.5, dtype=np.float32)
    ranks[is_known] = percentile_ranks(popularity[is_known])
    return ranks
