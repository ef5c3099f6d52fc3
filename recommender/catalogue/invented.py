"""Generates an invented catalogue, for use before a real one is imported.

Titles and artists are combined from our own word lists. The audio features are drawn with the
correlations of real popular music, so that there are tracks for every mood.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.tracks import Track

TRACKS = 2_400
"""Enough for months of playlists without repeats, yet fast to generate at the first start."""

_ARTISTS = 420
_ID_ALPHABET = string.digits + string.ascii_letters
_ID_LENGTH = 22

# Close to the rank correlations in popular music: loud is energetic, acoustic is not, danceable is
# positive. Columns: valence, energy, tempo, acousticness, danceability, loudness.
_CORRELATION = np.array(
    [
        [1.00, 0.15, -0.05, 0.05, 0.40, 0.05],
        [0.15, 1.00, 0.20, -0.60, -0.05, 0.70],
        [-0.05, 0.20, 1.00, -0.15, -0.15, 0.12],
        [0.05, -0.60, -0.15, 1.00, 0.05, -0.40],
        [0.40, -0.05, -0.15, 0.05, 1.00, 0.00],
        [0.05, 0.70, 0.12, -0.40, 0.00, 1.00],
    ]
)


@dataclass(frozen=True, slots=True)
class _Genre:
    """A genre; `leaning` is its features' offset from the mean, in standard deviations."""

    name: str
    leaning: tuple[float, float, float, float, float, float]
    artist_words: tuple[str, ...]


_GENRES = (
    _Genre("dream pop", (-0.2, -0.4, -0.2, 0.3, -0.2, -0.3), ("Haze", "Satellites", "Reverie")),
    _Genre("indie folk", (0.0, -0.9, -0.1, 1.2, -0.2, -0.7), ("Meadow", "Lanterns", "Orchard")),
    _Genre("soul", (0.4, -0.1, -0.3, 0.2, 0.4, -0.1), ("Revue", "Rhythm", "Parade")),
    _Genre("synthwave", (0.1, 0.6, 0.2, -0.8, 0.2, 0.4), ("Circuit", "Arcade", "Neon")),
    _Genre("garage rock", (0.1, 0.9, 0.4, -0.6, -0.4, 0.6), ("Engines", "Wolves", "Sparks")),
    _Genre("bossa nova", (0.5, -0.7, -0.1, 1.0, 0.4, -0.6), ("Quartet", "Terrace", "Lagoon")),
    _Genre("ambient", (-0.6, -1.4, -0.3, 1.0, -0.8, -1.3), ("Tides", "Drift", "Observatory")),
    _Genre("disco", (0.9, 0.5, 0.1, -0.4, 0.9, 0.3), ("Mirrors", "Express", "Ballroom")),
    _Genre("hip hop", (0.0, 0.1, -0.2, -0.2, 0.8, 0.2), ("Collective", "Corner", "Syndicate")),
    _Genre("post-metal", (-0.9, 1.1, 0.1, -0.9, -0.9, 0.8), ("Monolith", "Furnace", "Ravens")),
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVES = _words(
    "Amber Borrowed Copper Crooked Distant Early Electric Emerald Fading Feather Gentle Golden "
    "Hollow Indigo Inland Late Lemon Little Lucky Marble Midnight Modest Northern Open Orange "
    "Paper Patient Quiet Restless Rosy Salt Second Silver Sleepless Slow Sudden Tender Thirteen "
    "Tin Velvet Wandering Warm Wild Winter Yellow"
)
_NOUNS = _words(
    "Almanac Atlas Balcony Bicycle Bridge Candle Carousel Chapel Comet Compass Cinema Door Echo "
    "Elevator Ferry Fountain Garden Ghost Harbour Hour Island Jacket Kite Ladder Lantern Letter "
    "Lighthouse Map Market Mirror Moon Morning Motel Orchard Parachute Pavement Piano Postcard "
    "Radio Rain Railway River Rooftop Satellite Season Shore Signal Skyline Staircase Station "
    "Street Summer Sunday Telephone Thunder Ticket Train Umbrella Valley Window"
)
_PLACES = _words(
    "Alderbrook Bellweather Cinderbay Dovecote Eastmere Fernhill Gullpoint Hazelwick Inkwell "
    "Junipertown Kestrelhurst Lowmarsh Mooncombe Nettlefield Oldquay Pinehurst Quillhaven Rookery "
    "Saltmarsh Tinkersford Underhill Violetta Westering Yarrowby"
)
_FIRST_NAMES = _words(
    "Ada Anselm Bea Caspian Delia Edda Emeka Femi Greta Hana Idris Ines Jonah Kaito Leonie Lupe "
    "Mabel Mirela Nadim Odile Oskar Priya Quincy Rosa Sanna Tomas Uma Viggo Wanda Xenia Yusuf Zora"
)
_LAST_NAMES = _words(
    "Abernethy Bellamar Castellane Dovrin Eastlake Fairwether Galloway Hollis Ibarrondo Jessamy "
    "Kallio Larkspur Montrose Nakasone Okonjo Penhallow Quillon Ravenhurst Solberg Tamsin "
    "Underwood Valcourt Winterbourne Yarborough"
)
_TAKING = _words("Bring Call Carry Drive Fly Lead Sail Send Steer Take Walk")
_LASTING = _words("Dance Dream Float Hum Linger Run Sing Sleep Stay Wait Walk")
_MOMENTS = ("Morning", "Sunday", "It Rains", "the Lights Change")


def fill(catalogue: Catalogue, seed: int = 1) -> None:
    """Fill a catalogue with invented tracks, replacing earlier invented ones."""
    catalogue.replace_invented(invent(seed))


def invent(seed: int, count: int = TRACKS) -> list[Track]:
    """Return invented tracks; the same seed gives the same tracks."""
    rng = np.random.default_rng(seed)
    artists = _artists(rng)
    features = _noise(rng, count)  # (count, 6), standard normal, correlated
    tracks = []
    titles: set[tuple[str, str]] = set()
    for i in range(count):
        artist, genre = artists[int(len(artists) * rng.random() ** 1.5)]  # some are prolific
        title = _title(rng)
        while (title, artist) in titles:
            title = _title(rng)
        titles.add((title, artist))
        tracks.append(_track(rng, title, artist, genre, features[i] + genre.leaning))
    return tracks


def _noise(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    noise: NDArray[np.float64] = (
        rng.standard_normal((count, 6)) @ np.linalg.cholesky(_CORRELATION).T
    )
    return noise


def _track(
    rng: np.random.Generator, title: str, artist: str, genre: _Genre, z: NDArray[np.float64]
) -> Track:
    valence, energy, tempo, acousticness, danceability, loudness = z
    return Track(
        id="".join(_ID_ALPHABET[i] for i in rng.integers(len(_ID_ALPHABET), size=_ID_LENGTH)),
        name=title,
        artist=artist,
        album=f"{_pick(rng, _ADJECTIVES)} {_pick(rng, _NOUNS)}",
        genre=genre.name,
        duration_ms=int(np.clip(rng.normal(218_000, 45_000), 95_000, 420_000)),
        explicit=bool(rng.random() < 0.08),
        valence=_share(0.1 + 0.95 * valence),
        energy=_share(0.7 + 0.95 * energy),
        tempo_bpm=round(float(np.clip(119 + 27 * tempo, 55, 205)), 1),
        acousticness=_share(-1.7 + 1.7 * acousticness),
        danceability=_share(0.6 + 0.6 * danceability),
        mode=int(rng.random() < 0.6),
        loudness_db=round(float(np.clip(-7.2 + 3 * loudness, -30, -1)), 2),
        instrumentalness=_share(-4.0 + 2.0 * rng.standard_normal() - 2.5 * energy),
        speechiness=_share(-2.8 + 0.5 * rng.standard_normal() + 0.4 * danceability),
        key=int(rng.integers(12)),
        invented=True,
    )


def _share(logit: float) -> float:
    """Map a logit to 0..1 (logistic function)."""
    return round(float(1 / (1 + np.exp(-logit))), 3)


def _artists(rng: np.random.Generator) -> list[tuple[str, _Genre]]:
    names: dict[str, _Genre] = {}
    while len(names) < _ARTISTS:
        genre = _GENRES[int(rng.integers(len(_GENRES)))]
        names.setdefault(_artist(rng, genre), genre)
    return list(names.items())


def _artist(rng: np.random.Generator, genre: _Genre) -> str:
    word = _pick(rng, genre.artist_words)
    forms = (
        f"{_pick(rng, _FIRST_NAMES)} {_pick(rng, _LAST_NAMES)}",
        f"{_pick(rng, _FIRST_NAMES)} {_pick(rng, _LAST_NAMES)}",
        f"The {_pick(rng, _ADJECTIVES)} {_plural(_pick(rng, _NOUNS))}",
        f"{_pick(rng, _ADJECTIVES)} {word}",
        f"{_pick(rng, _FIRST_NAMES)} & the {word}",
        f"{_pick(rng, _PLACES)} {word}",
    )
    return _pick(rng, forms)


def _title(rng: np.random.Generator) -> str:
    adjective, noun, name = _pick(rng, _ADJECTIVES), _pick(rng, _NOUNS), _pick(rng, _FIRST_NAMES)
    place, other = _pick(rng, _PLACES), _pick(rng, [word for word in _NOUNS if word != noun])
    forms = (
        f"{adjective} {noun}",
        f"{adjective} {noun}",
        f"The {noun} and the {other}",
        f"{_pick(rng, _TAKING)} Me to {place}",
        f"{_pick(rng, _LASTING)} Until {_pick(rng, _MOMENTS)}",
        f"{name}'s {noun}",
        f"Postcards from {place}",
        f"No {noun} Tonight",
        f"Every {adjective} {noun}",
        f"{noun} for {name}",
        f"{noun} Weather",
        f"Somewhere Near {place}",
    )
    return _pick(rng, forms)


def _plural(noun: str) -> str:
    if noun.endswith("s"):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]
