"""Explains in a few words why a track is in a playlist, from the terms that raised its score.

Each clause is checked against the numbers first, so a reason may be bland but never false.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recommender.catalogue.tracks import FEATURES, Track, main_genre, plain_title
from recommender.mood.targets import SUPPORTING, Target
from recommender.ranking import favourites

MAX_CHARS = 64
"""Maximum length of a reason, so that it fits one or two lines on a phone."""

_TITLE_CHARS = 24
_LOW, _HIGH = 1 / 3, 2 / 3
_CLOSE = 0.03
"""A track this close to the target, in percentiles, is what was asked for."""

_FAR = 2.0
"""A track farther from its target than this, in tolerances, does not really fit."""

_MOODS = {
    # (energy, valence) by thirds of the catalogue
    (2, 2): ("bright and energetic", "cheerful and full of drive", "upbeat and strong"),
    (2, 1): ("lively, neither light nor dark", "driving and even-tempered"),
    (2, 0): ("dark and intense", "stormy, full of energy", "forceful and brooding"),
    (1, 2): ("sunny at an easy energy", "cheerful without haste", "warm and bright"),
    (1, 1): ("well balanced", "in the middle, neither up nor down", "even and easy"),
    (1, 0): ("wistful with some drive", "melancholy but moving", "serious, not heavy"),
    (0, 2): ("calm and content", "gentle and sunny", "softly cheerful"),
    (0, 1): ("calm and even", "quiet and unworried", "gentle, neither sad nor bright"),
    (0, 0): ("quiet and sad", "soft and melancholy", "low and tender"),
}


_MOVED = 0.12
"""An effect of votes is mentioned from this many log-odds on; one like of an artist is enough."""

_SOUNDS = {
    # words for the lowest and the highest third of the catalogue
    "valence": ("wistful", "bright"),
    "energy": ("calm", "lively"),
    "tempo_bpm": ("at a slow tempo", "at a quick tempo"),
    "acousticness": ("electric", "acoustic"),
    "danceability": ("not made for dancing", "danceable"),
    "mode": ("in a minor key", "in a major key"),
    "loudness_db": ("soft", "loud"),
}


@dataclass(frozen=True, slots=True)
class Grounds:
    """The facts about a choice from which its reason is written.

    Args:
        track: The track.
        ranks: Its percentile of each of `FEATURES`, 0..1.
        target: The target of its position.
        distance: Its distance to the target, in tolerances.
        popularity: Its percentile of popularity, 0..1; 0.5 if unknown.
        sound: Log-odds that the votes added for its sound, by feature.
        artist: Log-odds that the votes added for its artist.
        genre: Log-odds that the votes added for its genre.
        liked_title: Title of the most similar liked track, if any.
        nearness: Similarity of that track, 0..1.
        way: Change in valence and energy from the first target to the last.
        step: Change in valence and energy from the previous track; None for the first.
        position: Its position in the playlist, from 0; it rotates the wording.
        said: Reasons of the tracks just before it, whose taste clauses are not repeated.
        is_by_favourite: Whether its artist is a favourite.
        is_of_favourite_genre: Whether its main genre is a favourite.
    """

    track: Track
    ranks: tuple[float, ...]
    target: Target
    distance: float
    popularity: float
    sound: Mapping[str, float]
    artist: float
    genre: float
    liked_title: str | None
    nearness: float
    way: tuple[float, float]
    step: tuple[float, float] | None
    position: int
    said: tuple[str, ...] = ()
    is_by_favourite: bool = False
    is_of_favourite_genre: bool = False


def reason(grounds: Grounds) -> str:
    """Return why a track was chosen, in at most `MAX_CHARS` characters."""
    mood = _mood(grounds)
    unsaid = [each for each in _taste(grounds) if not any(each in said for said in grounds.said)]
    clauses = unsaid[:1] or _sound(grounds)
    if not clauses:
        return mood
    clause = clauses[grounds.position % len(clauses)]
    both = f"{mood}, {clause}"
    return both if len(both) <= MAX_CHARS else clause


def _mood(grounds: Grounds) -> str:
    if grounds.distance > _FAR:
        return "the nearest to this mood that was left"
    valence, energy = grounds.ranks[:2]
    wordings = _MOODS[_third(energy), _third(valence)]
    return wordings[grounds.position % len(wordings)]


def _taste(grounds: Grounds) -> Sequence[str]:
    """Return the clauses about the listener's votes and favourites, the strongest first."""
    clauses = []
    if grounds.is_by_favourite:
        clauses.append((favourites.ARTIST_WEIGHT, "by one of your favourites"))
    if grounds.artist >= _MOVED:
        artist = grounds.track.artist.partition(", ")[0]
        clauses.append((grounds.artist, f"and you liked {_short(artist)}"))
    likeness = grounds.nearness * sum(grounds.sound.values())
    if likeness >= _MOVED and grounds.nearness >= 0.5 and grounds.liked_title:
        title = _short(plain_title(grounds.liked_title))
        clauses.append((likeness, f"like “{title}”, which you liked"))
    genre = main_genre(grounds.track.genre)
    if grounds.genre >= _MOVED and genre:
        clauses.append((grounds.genre, f"and you like {_short(genre)}"))
    if grounds.is_of_favourite_genre:
        clauses.append((favourites.GENRE_WEIGHT, f"{_short(genre)} is one of your favourites"))
    for feature, term in grounds.sound.items():
        rank = grounds.ranks[FEATURES.index(feature)]
        third = _third(rank) if feature != "mode" else 2 * grounds.track.mode
        if term >= _MOVED and third != 1:
            clauses.append((term, f"{_SOUNDS[feature][third == 2]}, as you like it"))
    return [clause for _, clause in sorted(clauses, reverse=True)]


def _sound(grounds: Grounds) -> Sequence[str]:
    """Return the clauses about the sound of the track."""
    track = grounds.track
    rank = dict(zip(FEATURES, grounds.ranks, strict=True))
    wanted = dict(zip(SUPPORTING, grounds.target.support, strict=True))
    clauses = list(_steps(grounds))
    if track.acousticness >= 0.6 and wanted["acousticness"] >= 0.55:
        clauses.append("mostly acoustic")
    if rank["danceability"] >= 0.75 and wanted["danceability"] >= 0.55:
        clauses.append("easy to dance to")
    if track.tempo_bpm <= 90 and wanted["tempo_bpm"] < 0.5:
        clauses.append(f"slow at {track.tempo_bpm:.0f} beats a minute")
    if track.tempo_bpm >= 130 and wanted["tempo_bpm"] > 0.5:
        clauses.append(f"fast at {track.tempo_bpm:.0f} beats a minute")
    if track.mode == 1 and wanted["mode"] > 0.55:
        clauses.append("in a major key")
    if track.mode == 0 and wanted["mode"] < 0.45:
        clauses.append("in a minor key")
    if grounds.popularity >= 0.9:
        clauses.append("widely known")
    return [*clauses, *_hits(grounds)]


def _hits(grounds: Grounds) -> Sequence[str]:
    """Return the clauses about how exactly the track matches its target."""
    valence, energy = grounds.ranks[:2]
    clauses = []
    if abs(energy - grounds.target.energy) <= _CLOSE:
        by_third = ("as calm as you asked", "just the energy you asked for", "as lively as asked")
        clauses.append(by_third[_third(energy)])
    if abs(valence - grounds.target.valence) <= _CLOSE and _third(valence) == 2:
        clauses.append("as bright as you asked")
    if grounds.distance <= 0.5:
        clauses.append("right on the mood")
    return clauses


def _steps(grounds: Grounds) -> Sequence[str]:
    """Return the clauses about the change from the previous track, if it is audible."""
    if grounds.step is None:
        return []
    (way_valence, way_energy), (valence, energy) = grounds.way, grounds.step
    turn = grounds.position % 2
    clauses = []
    if way_valence > 0.1 and valence >= 0.02:
        clauses.append(("a step brighter than the last", "brighter than the one before")[turn])
    if way_energy < -0.1 and energy <= -0.02:
        clauses.append(("a step calmer than the last", "calmer than the one before")[turn])
    if way_energy > 0.05 and energy >= 0.01:
        clauses.append("a touch livelier than the last")
    return clauses


def _third(rank: float) -> int:
    return (rank > _LOW) + (rank > _HIGH)


def _short(text: str) -> str:
    return text if len(text) <= _TITLE_CHARS else text[: _TITLE_CHARS - 1].rstrip() + "…"
