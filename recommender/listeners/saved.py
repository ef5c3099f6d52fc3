"""The values of stored readings, playlists and tracks, and their conversion from rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.tracks import FEATURES
from recommender.mood.shift import shifted
from recommender.mood.targets import EMOTIONS
from recommender.ranking.explaining import Pick
from recommender.taste.pool import USUAL_LISTENER
from recommender.taste.posterior import Effects, Prior
from recommender.taste.taste import Opinion, Place
from recommender.taste.traits import TRAITS

CORRECTION_TRUST = 0.85
"""The share of the listener's word in a corrected mood; the rest is the reading, since a
correction names one emotion, and moods are mixed."""

RATING_WEIGHT = 0.2
"""The weight of a playlist's rating for each of its tracks without a vote."""

MISREAD_WEIGHT = 0.5
"""The weight of a vote on a playlist for a reading that the listener corrected: it may be about
the mood rather than the track."""


@dataclass(frozen=True, slots=True)
class StoredReading:
    """A stored reading: numbers, never the photo.

    Args:
        probabilities: The network's probability of each emotion.
        eyes_found: How the eyes were found.
        corrected: The emotion that the listener named or confirmed, if any.
        shift: The shift of the logits by the listener's earlier answers, in the order of
            `EMOTIONS`; empty if there were none.
        answers: The number of those answers.
        evidence: What the caption added to the logits, in the order of `EMOTIONS`; empty if
            nothing.
    """

    id: int
    user_id: int
    probabilities: dict[str, float]
    eyes_found: str
    corrected: str | None
    created: datetime
    shift: tuple[float, ...] = ()
    answers: int = 0
    evidence: tuple[float, ...] = ()

    @property
    def weighed(self) -> dict[str, float]:
        """The probabilities shown to the listener: the network's with shift and evidence.

        Adding evidence to the logits multiplies the probabilities by its likelihood: Bayes' rule.
        """
        if not self.shift and not self.evidence:
            return dict(self.probabilities)
        read = np.array([self.probabilities.get(emotion, 0.0) for emotion in EMOTIONS])
        nothing = np.zeros(len(EMOTIONS))
        added = sum((np.array(each) for each in (self.shift, self.evidence) if each), nothing)
        return dict(zip(EMOTIONS, shifted(read, added).tolist(), strict=True))

    @property
    def emotion(self) -> str:
        """The listener's correction, else the most probable emotion."""
        weighed = self.weighed
        return self.corrected or max(weighed, key=weighed.__getitem__)

    @property
    def mood(self) -> dict[str, float]:
        """The probabilities for playlists: corrected by `CORRECTION_TRUST`."""
        if self.corrected is None:
            return self.weighed
        mood = {emotion: (1 - CORRECTION_TRUST) * share for emotion, share in self.weighed.items()}
        mood[self.corrected] = mood.get(self.corrected, 0.0) + CORRECTION_TRUST
        return mood


@dataclass(frozen=True, slots=True)
class ShownTrack:
    """A track of a saved playlist.

    Args:
        position: From 0.
        vote: True for a like, False for a dislike, None for neither.
    """

    position: int
    track_id: str
    title: str
    artist: str
    url: str
    reason: str
    vote: bool | None
    invented: bool


@dataclass(frozen=True, slots=True)
class SavedPlaylist:
    """A saved playlist, with the listener's current votes and rating.

    Args:
        emotion: The emotion in its title.
        reading_id: The reading that it was made for; None if the mood was named.
        stars: The listener's rating, 1..5, if any.
        relaxed: The wishes that could not be met, a sentence each.
    """

    id: int
    user_id: int
    emotion: str
    mode: str
    reading_id: int | None
    created: datetime
    stars: int | None
    tracks: tuple[ShownTrack, ...]
    relaxed: tuple[str, ...] = ()


def shown_row(playlist_id: int, position: int, pick: Pick, policy: str) -> dict[str, Any]:
    """Return the row of `shown` for a pick."""
    track, place = pick.track, pick.place
    return {
        "playlist_id": playlist_id,
        "position": position,
        "track_id": track.id,
        "title": track.name,
        "artist": track.artist,
        "genre": track.genre,
        "url": track.url,
        "invented": track.invented,
        "features": json.dumps(dict(zip(FEATURES, track.features, strict=True))),
        "target": json.dumps({"valence": place.valence, "energy": place.energy}),
        "distance": place.distance,
        "misfit": place.misfit,
        "popularity": place.popularity,
        "score": pick.score,
        "propensity": pick.propensity,
        "policy": policy,
        "reason": pick.reason,
    }


def to_reading(row: Mapping[str, Any]) -> StoredReading:
    """Convert a row of `readings`, joined with its shift."""
    return StoredReading(
        id=row["id"],
        user_id=row["user_id"],
        probabilities=json.loads(row["probabilities"]),
        eyes_found=row["eyes_found"],
        corrected=row["corrected"],
        created=datetime.fromisoformat(row["created_utc"]),
        shift=tuple(json.loads(row["shift"] or "[]")),
        answers=row["answers"] or 0,
        evidence=tuple(json.loads(row["evidence"] or "[]")),
    )


def to_shown_track(row: Mapping[str, Any]) -> ShownTrack:
    """Convert a row of `shown`."""
    return ShownTrack(
        position=row["position"],
        track_id=row["track_id"],
        title=row["title"],
        artist=row["artist"],
        url=row["url"],
        reason=row["reason"],
        vote=None if row["liked"] is None else bool(row["liked"]),
        invented=bool(row["invented"]),
    )


def to_opinion(row: Mapping[str, Any]) -> Opinion:
    """Convert a row of `shown`, joined with its playlist's rating, to an opinion."""
    is_vote = row["liked"] is not None
    features, target = json.loads(row["features"]), json.loads(row["target"])
    return Opinion(
        track_id=row["track_id"],
        title=row["title"],
        artist=row["artist"],
        genre=row["genre"],
        features=tuple(features[name] for name in FEATURES),
        liking=(1.0 if row["liked"] else -1.0) if is_vote else (row["stars"] - 3) / 2,
        weight=(1.0 if is_vote else RATING_WEIGHT) * (MISREAD_WEIGHT if row["misread"] else 1.0),
        is_vote=is_vote,
        place=Place(
            valence=target["valence"],
            energy=target["energy"],
            distance=row["distance"],
            misfit=row["misfit"],
            popularity=row["popularity"],
        ),
    )


def prior_json(prior: Prior) -> str:
    """Serialize a prior; traits are named, so that later versions can read it."""
    return json.dumps(
        {
            "mean": dict(zip(TRAITS, prior.mean.tolist(), strict=True)),
            "sd": dict(zip(TRAITS, prior.sd.tolist(), strict=True)),
            "genre_sd": prior.genre_sd,
            "artist_sd": prior.artist_sd,
            "genres": _by_key(prior.genres),
            "artists": _by_key(prior.artists),
        }
    )


def to_prior(text: str, name: str) -> Prior:
    """Read what `prior_json` wrote; missing traits get their defaults."""
    values = json.loads(text)

    def by_trait(found: dict[str, float], usual: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = zip(TRAITS, usual.tolist(), strict=True)
        return np.array([found.get(trait, value) for trait, value in pairs])

    return Prior(
        mean=by_trait(values["mean"], USUAL_LISTENER.mean),
        sd=by_trait(values["sd"], USUAL_LISTENER.sd),
        genre_sd=values["genre_sd"],
        artist_sd=values["artist_sd"],
        genres=Effects.of({int(key): effect for key, effect in values["genres"].items()}),
        artists=Effects.of({int(key): effect for key, effect in values["artists"].items()}),
        name=name,
    )


def _by_key(effects: Effects) -> dict[int, float]:
    return dict(zip(effects.keys.tolist(), effects.values.tolist(), strict=True))
