"""Tracks, their audio features, and keys that identify the same song, artist or genre."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

FEATURES = (
    "valence",
    "energy",
    "tempo_bpm",
    "acousticness",
    "danceability",
    "mode",
    "loudness_db",
    "instrumentalness",
    "speechiness",
)
"""The order of features in every array; the first two are the plane of moods."""

USUAL_INSTRUMENTALNESS = 0.0
USUAL_SPEECHINESS = 0.06
"""The medians of popular music, for tracks whose catalogue does not give these two values."""

_BRACKETS = re.compile(r"[(\[{][^)\]}]*(?:[)\]}]|\Z)")
_VERSION = re.compile(r"\s[-–—]\s.*", re.DOTALL)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Track:
    """One track of the catalogue.

    Args:
        id: Spotify's id, 22 letters and digits.
        artist: All artists as credited: "Nina, The Tigers".
        genre: Genres separated by ", ", the main one first; empty if unknown.
        duration_ms: Milliseconds.
        valence: How positive it sounds, 0..1.
        energy: How intense it sounds, 0..1.
        tempo_bpm: Beats per minute.
        acousticness: How likely it is acoustic, 0..1.
        danceability: How suitable for dancing, 0..1.
        mode: 1 for a major key, 0 for a minor one.
        loudness_db: Average loudness in dB relative to full scale, usually below 0.
        instrumentalness: How likely it has no vocals, 0..1.
        speechiness: How much of it is spoken, 0..1.
        key: The pitch class of its key, 0 (C) to 11 (B); -1 if unknown.
        invented: Whether we invented the track for lack of a real catalogue.
    """

    id: str
    name: str
    artist: str
    album: str
    genre: str
    duration_ms: int
    explicit: bool
    valence: float
    energy: float
    tempo_bpm: float
    acousticness: float
    danceability: float
    mode: int
    loudness_db: float
    instrumentalness: float = USUAL_INSTRUMENTALNESS
    speechiness: float = USUAL_SPEECHINESS
    key: int = -1
    invented: bool = False

    @property
    def uri(self) -> str:
        """The track's Spotify URI."""
        return f"spotify:track:{self.id}"

    @property
    def url(self) -> str:
        """The track's page on Spotify."""
        return f"https://open.spotify.com/track/{self.id}"

    @property
    def features(self) -> tuple[float, ...]:
        """The raw audio features in the order of `FEATURES`."""
        return (
            self.valence,
            self.energy,
            self.tempo_bpm,
            self.acousticness,
            self.danceability,
            float(self.mode),
            self.loudness_db,
            self.instrumentalness,
            self.speechiness,
        )


def main_genre(genre: str) -> str:
    """Return the first genre of a track's `genre`."""
    return genre.partition(", ")[0]


@lru_cache(maxsize=1_000)
def genre_key(genre: str) -> int:
    """Return a key that all spellings of a track's main genre share.

    "Hip Hop", "hip-hop" and "hip_hop, rap" have the same key.
    """
    return _key(plain(main_genre(genre)))


@lru_cache(maxsize=50_000)
def artist_key(artist: str) -> int:
    """Return a key that all spellings of a track's first artist share.

    "The Tigers", "TIGERS, Nina" and "Tïgers" have the same key. So do "Earth, Wind & Fire" and
    "Earth", since a comma may be part of a name; that only makes a playlist a little more varied.
    """
    first = artist.partition(", ")[0]
    return _key(plain(first).removeprefix("the ") or first.casefold())


def song_key(name: str, artist: str) -> int:
    """Return a key that all versions of a song by the same artist share.

    Brackets and text after a dash in a title are ignored: remasters, edits, remixes and versions
    with guests are the same song, and nobody wants both in one playlist.
    """
    title = plain(plain_title(name)) or plain(name) or name.casefold()
    return _key(f"{title}\n{artist_key(artist)}")


def title_key(name: str) -> int:
    """Return a key that all versions and covers of a song share."""
    return _key(plain(plain_title(name)) or plain(name) or name.casefold())


def plain_title(name: str) -> str:
    """Return a title without brackets and text after a dash, unless nothing would be left."""
    title = _BRACKETS.sub(" ", name) if any(c in name for c in "([{") else name
    title = " ".join(_VERSION.sub("", title).split())
    return title or name


def plain(text: str) -> str:
    """Return the words of a text in lower case, without accents and punctuation."""
    without_accents = text.casefold()
    if not without_accents.isascii():
        letters = unicodedata.normalize("NFKD", without_accents)
        without_accents = "".join(c for c in letters if not unicodedata.combining(c))
    return _NOT_ALPHANUMERIC.sub(" ", without_accents).strip()


def _key(text: str) -> int:
    """Hash to 64 bits: a million texts have a collision once in 40 million catalogues."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
