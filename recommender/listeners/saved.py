"""Stored values (reading, playlist, shown track), and their conversion from and to rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.tracks import (
    FEATURES,
    USUAL_INSTRUMENTALNESS,
    USUAL_SPEECHINESS,
)
from recommender.mood.shift import shifted
from recommender.mood.targets import EMOTIONS
from recommender.ranking.explaining import Pick
from recommender.taste.pool import USUAL_LISTENER
from recommender.taste.posterior import Effects, Prior
from recommender.taste.taste import Fit, Opinion
from recommender.taste.traits import TRAITS

CORRECTION_TRUST = 0.85
"""Weight of the correction in a corrected mood. The rest is the reading, since a correction names
only one emotion and moods are mixed."""

RATING_WEIGHT = 0.2
"""Weight of a playlist's rating, relative to a vote, for each of its tracks without a vote."""

MISREAD_WEIGHT = 0.5
"""Weight of a vote on a playlist whose mood the listener corrected: it is as much about the wrong
mood as about the track."""


_USUAL_FEATURES = {
    "instrumentalness": USUAL_INSTRUMENTALNESS,
    "speechiness": USUAL_SPEECHINESS,
}
"""For tracks shown before these were stored."""


@dataclass(frozen=True, slots=True)
class StoredReading:
    """A reading as it was stored: numbers, never the photo.

    Args:
        probabilities: What the network read, one for each emotion.
        eyes_found: How the eyes were found.
        corrected: The emotion that the listener named or confirmed, if any.
        shift: The listener's shift of the logits when the reading was made, in the order of
            `EMOTIONS`; empty if none.
        answers: Number of answers from which the shift was fitted.
        evidence: What the listener's own words added to the logits, in the order of `EMOTIONS`;
            empty if none.
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
        """The probabilities shown to the listener: the network's, with shift and evidence.

        Adding log-likelihoods to the logits is Bayes' rule.
        """
        if not self.shift and not self.evidence:
            return dict(self.probabilities)
        read = np.array([self.probabilities.get(emotion, 0.0) for emotion in EMOTIONS])
        nothing = np.zeros(len(EMOTIONS))
        added = sum((np.array(each) for each in (self.shift, self.evidence) if each), nothing)
        return dict(zip(EMOTIONS, shifted(read, added).tolist(), strict=True))

    @property
    def emotion(self) -> str:
        """The corrected emotion, else the most probable one."""
        weighed = self.weighed
        return self.corrected or max(weighed, key=weighed.__getitem__)

    @property
    def mood(self) -> dict[str, float]:
        """The probabilities for playlists, with the correction weighted by `CORRECTION_TRUST`."""
        if self.corrected is None:
            return self.weighed
        mood = {emotion: (1 - CORRECTION_TRUST) * share for emotion, share in self.weighed.items()}
        mood[self.corrected] = mood.get(self.corrected, 0.0) + CORRECTION_TRUST
        return mood


@dataclass(frozen=True, slots=True)
class ShownTrack:
    """One track of a saved playlist, as it was shown.

    Args:
        position: Its place, from 0.
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
    """A playlist as it was shown, with the listener's current votes and rating.

    Args:
        emotion: The emotion that it was made for.
        reading_id: The reading that it was made for; None where the mood was chosen by name.
        stars: The listener's rating, 1..5, if any.
        relaxed: The requirements that could not be met, one sentence each.
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
    """Return the row that stores a pick as it is shown."""
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
    """Return a row of `readings`, with its shift where it has one, as a value."""
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
    """Return a row of `shown` as a value."""
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
    """Return a row of `shown`, with its playlist's stars, as an opinion."""
    is_vote = row["liked"] is not None
    features, target = json.loads(row["features"]), json.loads(row["target"])
    return Opinion(
        track_id=row["track_id"],
        title=row["title"],
        artist=row["artist"],
        genre=row["genre"],
        features=tuple(features.get(name, _USUAL_FEATURES.get(name)) for name in FEATURES),
        liking=(1.0 if row["liked"] else -1.0) if is_vote else (row["stars"] - 3) / 2,
        weight=(1.0 if is_vote else RATING_WEIGHT) * (MISREAD_WEIGHT if row["misread"] else 1.0),
        is_vote=is_vote,
        place=Fit(
            valence=target["valence"],
            energy=target["energy"],
            distance=row["distance"],
            misfit=row["misfit"],
            popularity=row["popularity"],
        ),
    )


def prior_json(prior: Prior) -> str:
    """Return a prior as JSON, with traits by name, so that later versions can read it."""
    return json.dumps(
        {
            "mean": dict(zip(TRAITS, prior.mean.tolist(), strict=True)),
            "sd": dict(zip(TRAITS, prior.sd.tolist(), strict=True)),
            "genre_sd": prior.genre_sd,
            "artist_sd": prior.artist_sd,
            "believed": prior.believed,
            "genres": _by_key(prior.genres),
            "artists": _by_key(prior.artists),
        }
    )


def to_prior(text: str, name: str) -> Prior:
    """Parse the output of `prior_json`; missing traits get the default prior."""
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
        believed=values.get("believed", 0.0),
        name=name,
    )


def _by_key(effects: Effects) -> dict[int, float]:
    return dict(zip(effects.keys.tolist(), effects.values.tolist(), strict=True))
