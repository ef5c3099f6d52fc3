"""A track, its audio features, and keys that identify songs and artists across spellings."""

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
)
"""The order of features in every array; the first two span the square of moods."""

_BRACKETS = re.compile(r"[(\[{][^)\]}]*(?:[)\]}]|\Z)")
_VERSION = re.compile(r"\s[-–—]\s.*", re.DOTALL)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Track:
    """One track of the catalogue.

    Args:
        id: Spotify's id, 22 letters and digits.
        artist: All artists as shown, the first one first: "Nina, The Tigers".
        genre: Genres separated by ", ", the most fitting first; empty where unknown.
        duration_ms: Milliseconds.
        valence: How positive it sounds, 0..1.
        energy: How intense it sounds, 0..1.
        tempo_bpm: Beats per minute.
        acousticness: How likely it is acoustic, 0..1.
        danceability: How suitable for dancing, 0..1.
        mode: 1 for a major key, 0 for a minor one.
        loudness_db: Average loudness in dBFS, usually negative.
        invented: Whether the track is invented.
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
    invented: bool = False

    @property
    def uri(self) -> str:
        """The track's Spotify URI."""
        return f"spotify:track:{self.id}"

    @property
    def url(self) -> str:
        """The track's address in Spotify."""
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
        )


def main_genre(genre: str) -> str:
    """Return the first of the genres in a track's `genre`."""
    return genre.partition(", ")[0]


@lru_cache(maxsize=1_000)
def genre_key(genre: str) -> int:
    """Return a key that is the same for all spellings of a track's main genre.

    "Hip Hop", "hip-hop" and "hip_hop, rap" share one.
    """
    return _key(plain(main_genre(genre)))


@lru_cache(maxsize=50_000)
def artist_key(artist: str) -> int:
    """Return a key that is the same for all spellings of a track's first artist.

    "The Tigers", "TIGERS, Nina" and "Tïgers" share one. So do "Earth, Wind & Fire" and "Earth":
    a comma inside a name cannot be told from one between names. Merging two artists only makes a
    playlist a little more varied.
    """
    first = artist.partition(", ")[0]
    return _key(plain(first).removeprefix("the ") or first.casefold())


def song_key(name: str, artist: str) -> int:
    """Return a key that is the same for all versions of a song by one artist.

    Remasters, edits, remixes and guests, in a title's brackets or after its dash, do not make
    another song.
    """
    title = plain(plain_title(name)) or plain(name) or name.casefold()
    return _key(f"{title}\n{artist_key(artist)}")


def plain_title(name: str) -> str:
    """Return a track's name without brackets and the part after a dash, if anything is left."""
    title = _BRACKETS.sub(" ", name) if any(c in name for c in "([{") else name
    title = " ".join(_VERSION.sub("", title).split())
    return title or name


def plain(text: str) -> str:
    """Return a text in lower case, without accents, with single spaces."""
    without_accents = text.casefold()
    if not without_accents.isascii():
        letters = unicodedata.normalize("NFKD", without_accents)
        without_accents = "".join(c for c in letters if not unicodedata.combining(c))
    return _NOT_ALPHANUMERIC.sub(" ", without_accents).strip()


def _key(text: str) -> int:
    """Hash to 64 bits: a million texts have a collision in 1 of 40 million catalogues."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
