"""Explains in a few words why a track is in a playlist.

A reason names what the votes or favourites of the listener did for the track, if they did
anything, and how the track sounds: "quiet and wistful, acoustic, 72 BPM". Sounds are described by
Spotify's raw values, so the same track gets the same words in every catalogue. A reason may be
bland, but never false.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recommender.catalogue.tracks import Track, main_genre, plain_title
from recommender.ranking import favourites

MAX_CHARS = 64
"""Maximum length of a reason, so that it fits one or two lines on a phone."""

_TITLE_CHARS = 24

_ENERGY = (
    (0.2, "very quiet"),
    (0.4, "quiet"),
    (0.6, "mellow"),
    (0.8, "lively"),
    (1.01, "intense"),
)
_VALENCE = ((0.2, "dark"), (0.4, "wistful"), (0.6, "even"), (0.8, "bright"), (1.01, "cheerful"))
"""The words for raw energy and valence up to each value."""

_LIVELY = 0.6
"""From this energy on, music of low valence is not wistful but brooding; and below it, a quick
beat is not heard as fast."""

_MOVED = 0.12
"""An effect of votes is mentioned from this many log-odds on; one like of an artist is enough."""

_LOUD_DB, _SOFT_DB = -5.0, -12.0
_SLOW_BPM, _FAST_BPM = 85.0, 140.0


@dataclass(frozen=True, slots=True)
class Grounds:
    """The facts about a choice from which its reason is written.

    Args:
        track: The track.
        is_far: Whether it does not really fit the mood.
        sound: Log-odds that the votes added for its sound, by feature.
        artist: Log-odds that the votes added for its artist.
        genre: Log-odds that the votes added for its genre.
        liked_title: Title of the most similar liked track, if any.
        nearness: Similarity of that track, 0..1.
        said: Reasons of the tracks just before it, whose taste clauses are not repeated.
        is_by_favourite: Whether its artist is a favourite.
        favourite_genre: The favourite genre or family that it belongs to, if any.
    """

    track: Track
    is_far: bool
    sound: Mapping[str, float]
    artist: float
    genre: float
    liked_title: str | None
    nearness: float
    said: tuple[str, ...] = ()
    is_by_favourite: bool = False
    favourite_genre: str | None = None


def reason(grounds: Grounds) -> str:
    """Return why a track was chosen, in at most `MAX_CHARS` characters."""
    facts = _sound(grounds.track)
    if grounds.is_far and not grounds.is_by_favourite:
        facts = ["the nearest to this mood that was left", *facts[1:]]
    unsaid = [each for each in _taste(grounds) if not any(each in said for said in grounds.said)]
    parts = [*unsaid[:1], *facts]
    told = parts[0]
    for part in parts[1:]:
        longer = f"{told}, {part}"
        if len(longer) <= MAX_CHARS:
            told = longer
    return told


def _taste(grounds: Grounds) -> Sequence[str]:
    """Return the clauses about the listener's votes and favourites, the strongest first."""
    clauses = []
    if grounds.is_by_favourite:
        clauses.append((favourites.ARTIST_WEIGHT, "by one of your favourites"))
    if grounds.artist >= _MOVED:
        artist = grounds.track.artist.partition(", ")[0]
        clauses.append((grounds.artist, f"you liked {_short(artist)}"))
    likeness = grounds.nearness * sum(grounds.sound.values())
    if likeness >= _MOVED and grounds.nearness >= 0.5 and grounds.liked_title:
        title = _short(plain_title(grounds.liked_title))
        clauses.append((likeness, f"like “{title}”, which you liked"))
    genre = main_genre(grounds.track.genre)
    if grounds.genre >= _MOVED and genre:
        clauses.append((grounds.genre, f"you like {_short(genre)}"))
    if grounds.favourite_genre:
        wanted = _short(grounds.favourite_genre)
        clauses.append((favourites.GENRE_WEIGHT, f"{wanted} is one of your favourites"))
    words = _words(grounds.track)
    for feature, term in grounds.sound.items():
        if term >= _MOVED and feature in words:
            clauses.append((term, f"{words[feature]}, as you like it"))
    return [clause for _, clause in sorted(clauses, reverse=True)]


def _sound(track: Track) -> list[str]:
    """Return what can be heard, the most telling first."""
    words = _words(track)
    mood = " and ".join(
        [words["energy"], *([words["valence"]] if words["valence"] != "even" else [])]
    )
    named = [
        words[feature]
        for feature in ("instrumentalness", "acousticness", "danceability", "speechiness")
        if feature in words
    ]
    pace = words.get("tempo_bpm")
    bpm = f"{track.tempo_bpm:.0f} BPM"
    return [mood, *named[:1], f"{pace} at {bpm}" if pace else bpm]


def _words(track: Track) -> dict[str, str]:
    """Return the words for each feature of a track that stands out; always for the first two."""
    words = {
        "energy": next(word for most, word in _ENERGY if track.energy < most),
        "valence": next(word for most, word in _VALENCE if track.valence < most),
    }
    if words["valence"] == "wistful" and track.energy >= _LIVELY:
        words["valence"] = "brooding"
    if track.tempo_bpm <= _SLOW_BPM and track.energy < _LIVELY:
        words["tempo_bpm"] = "slow"
    if track.tempo_bpm >= _FAST_BPM and track.energy >= _LIVELY:
        words["tempo_bpm"] = "fast"
    if track.acousticness >= 0.6:
        words["acousticness"] = "acoustic"
    if track.instrumentalness >= 0.5:
        words["instrumentalness"] = "instrumental"
    if track.danceability >= 0.75:
        words["danceability"] = "danceable"
    if track.speechiness >= 0.33:
        words["speechiness"] = "more spoken than sung"
    if track.loudness_db >= _LOUD_DB:
        words["loudness_db"] = "loud"
    if track.loudness_db <= _SOFT_DB:
        words["loudness_db"] = "soft"
    words["mode"] = "in a major key" if track.mode else "in a minor key"
    return words


def _short(text: str) -> str:
    return text if len(text) <= _TITLE_CHARS else text[: _TITLE_CHARS - 1].rstrip() + "…"
