"""Reads the tracks of a catalogue into a `TrackTable`."""

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from recommender.catalogue.grid import sort_by_cell
from recommender.catalogue.kinds import kinds_of
from recommender.catalogue.recordings import recording_keys
from recommender.catalogue.table import GENRES_PER_TRACK, SEPARATOR, TrackTable
from recommender.catalogue.tracks import (
    FEATURES,
    USUAL_INSTRUMENTALNESS,
    USUAL_SPEECHINESS,
    title_key,
)

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
    label_codes, duration_ms = np.empty((2, n), dtype=np.int32)
    own_genres = np.zeros((n, GENRES_PER_TRACK - 1), dtype=np.int16)
    years = np.empty(n, dtype=np.int16)
    keys = np.empty(n, dtype=np.int8)
    explicit, explicit_known, invented = np.empty((3, n), dtype=np.bool_)
    texts: list[bytes] = []
    genres: dict[str, int] = {"": 0}
    labels: dict[str, int] = {}
    cursor = db.execute(
        """
        select id, genre, duration_ms, popularity, explicit, invented, artist_key, song_key,
            label, coalesce(year, 0), explicit_known, coalesce(key, -1),
            cast(name || :s || artist || :s || album as blob),
            valence, energy, tempo_bpm, acousticness, danceability, mode, loudness_db,
            coalesce(instrumentalness, :instrumentalness), coalesce(speechiness, :speechiness)
        from tracks order by id
        """,
        {
            "s": SEPARATOR,
            "instrumentalness": USUAL_INSTRUMENTALNESS,
            "speechiness": USUAL_SPEECHINESS,
        },
    )
    start = 0
    while rows := cursor.fetchmany(_ROWS_PER_BATCH):
        columns = list(zip(*rows, strict=True))
        here = slice(start, start + len(rows))
        ids[here] = columns[0]
        for row, names in enumerate(columns[1], start=start):
            for k, name in enumerate(names.split(", ")[: own_genres.shape[1]]):
                own_genres[row, k] = genres.setdefault(name, len(genres))
        duration_ms[here] = columns[2]
        popularity[here] = [np.nan if value is None else value for value in columns[3]]
        explicit[here], invented[here] = columns[4:6]
        artist_keys[here], song_keys[here] = columns[6:8]
        label_codes[here] = [labels.setdefault(label, len(labels)) for label in columns[8]]
        years[here] = columns[9]
        explicit_known[here] = columns[10]
        keys[here] = columns[11]
        texts += columns[12]
        features[here] = np.array(columns[13:], dtype=np.float32).T
        start += len(rows)
    parts = [text.decode().split(SEPARATOR) for text in texts]
    named = [(name, artist) for name, artist, _ in parts]
    recordings = recording_keys(named, song_keys, duration_ms, features[:, TEMPO])
    titles = np.array([title_key(name) for name, _ in named], dtype=np.int64)
    genre_codes = _with_artists_genre(own_genres, artist_keys)
    known = tuple(genres)
    kinds = np.array(
        [
            kinds_of(name, artist, album, (known[code] for code in codes if code))
            for (name, artist, album), codes in zip(parts, genre_codes.tolist(), strict=True)
        ],
        dtype=np.uint8,
    )
    order, grid = sort_by_cell(features[:, :2])
    rows_by_id = np.empty(n, dtype=np.int64)
    rows_by_id[order] = np.arange(n)
    packed = [texts[row] + _genre_text(genre_codes[row], known) for row in order.tolist()]
    return TrackTable(
        grid=grid,
        ids=ids[order],
        sorted_ids=ids,
        rows_by_id=rows_by_id,
        features=features[order],
        popularity=_popularity_ranks(popularity)[order],
        artist_keys=artist_keys[order],
        song_keys=song_keys[order],
        recording_keys=recordings[order],
        title_keys=titles[order],
        genre_codes=genre_codes[order],
        genres=known,
        label_codes=label_codes[order],
        labels=tuple(labels),
        years=years[order],
        duration_ms=duration_ms[order],
        keys=keys[order],
        kinds=kinds[order],
        explicit=explicit[order],
        explicit_known=explicit_known[order],
        invented=invented[order],
        texts=np.frombuffer(b"".join(packed), dtype=np.uint8),
        text_ends=np.cumsum([len(text) for text in packed], dtype=np.int64),
    )


def _with_artists_genre(
    own: NDArray[np.int16], artist_keys: NDArray[np.int64]
) -> NDArray[np.int16]:
    """Put the most frequent genre of its artist before each track's own genres.

    A playlist's genre says little about one track in it: half of an artist's tracks may have come
    from a "pop" playlist. The majority over all of an artist's tracks says what they play.

    Args:
        own: Genre codes, int16 (n, G); 0 is none.
        artist_keys: int64 (n,).

    Returns:
        int16 (n, G + 1), without duplicates in a row; 0 fills the rest.
    """
    n, most = own.shape
    artists, places = np.unique(artist_keys, return_inverse=True)  # (A,), (n,)
    count = int(own.max(initial=0)) + 1
    pairs = (places[:, None] * count + own)[own > 0]  # artist and genre of each mention
    pairs, counts = np.unique(pairs, return_counts=True)
    main = np.zeros(len(artists), dtype=np.int16)
    best = np.lexsort((-pairs, counts))  # ascending, so that the last assignment wins
    main[pairs[best] // count] = pairs[best] % count
    codes = np.zeros((n, most + 1), dtype=np.int16)
    codes[:, 0] = main[places]
    filled = np.where(codes[:, 0] > 0, 1, 0)  # (n,)
    for k in range(most):
        is_new = (own[:, k] > 0) & (codes != own[:, k, None]).all(axis=1)
        codes[is_new, filled[is_new]] = own[is_new, k]
        filled += is_new
    return codes


def _genre_text(codes: NDArray[np.int16], names: tuple[str, ...]) -> bytes:
    return (SEPARATOR + ", ".join(names[code] for code in codes.tolist() if code)).encode()


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
