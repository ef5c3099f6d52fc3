"""What could not be kept is said, and nothing is said where all was kept."""

from dataclasses import replace

import numpy as np

from recommender.catalogue.table import TrackTable
from recommender.ranking.candidates import FAR
from recommender.ranking.relaxed import Relaxed
from recommender.recommend import Recommendation, recommend
from recommender.taste.taste import Taste
from tests.support.songs import random_tracks, table_of

TABLE = table_of(random_tracks(12_000))


def playlist(
    table: TrackTable = TABLE, recent: frozenset[str] = frozenset(), length: int = 20
) -> Recommendation:
    return recommend(
        table,
        probabilities={"sad": 1.0},
        mode="match",
        length=length,
        taste=Taste(),
        recent=recent,
        rng=np.random.default_rng(0),
    )


def distances(recommendation: Recommendation) -> list[float]:
    """Return how far each track is from its target, worked out one by one."""
    found = []
    for pick in recommendation.picks:
        track, wanted = pick.track, pick.place
        away = (track.valence - wanted.valence, track.energy - wanted.energy)
        found.append((away[0] ** 2 + away[1] ** 2) ** 0.5)
    return found


def test_a_full_catalogue_keeps_everything() -> None:
    recommendation = playlist()
    assert recommendation.relaxed == ()
    assert max(distances(recommendation)) <= FAR


def test_tracks_far_from_the_mood_are_counted_and_measured() -> None:
    sad = (TABLE.features[:, 0] < 0.45) & (TABLE.features[:, 1] < 0.65)
    ids = {TABLE.track(int(row)).id for row in np.flatnonzero(sad)}
    keep = sorted(ids)[:12]
    table = table_of(t for t in random_tracks(3_000) if t.id not in ids or t.id in keep)
    recommendation = playlist(table)
    far = [away for away in distances(recommendation) if away > FAR]
    (mood,) = recommendation.relaxed
    assert far
    assert (mood.kind, mood.tracks, mood.places) == ("mood", len(far), 20)
    np.testing.assert_allclose(mood.points, 100 * np.mean(far), rtol=1e-4)


def test_repeats_are_counted() -> None:
    tracks = random_tracks(30)
    recent = frozenset(track.id for track in tracks[:16])
    recommendation = playlist(table_of(tracks), recent)
    (repeats,) = [each for each in recommendation.relaxed if each.kind == "repeats"]
    shown = {pick.track.id for pick in recommendation.picks}
    assert (repeats.tracks, repeats.places) == (len(shown & recent), 20) == (6, 20)


def test_another_version_of_a_recent_song_is_a_repeat() -> None:
    track = random_tracks(1)[0]
    remaster = replace(track, id="x" * 22, name=f"{track.name} - 2011 Remaster")
    recommendation = playlist(table_of([track, remaster]), frozenset({track.id}), length=1)
    assert Relaxed("repeats", 1, 1) in recommendation.relaxed


def test_missing_tracks_are_counted() -> None:
    recommendation = playlist(table_of(random_tracks(9)))
    assert Relaxed("length", 11, 20) in recommendation.relaxed


def test_each_is_a_sentence() -> None:
    assert str(Relaxed("mood", 7, 20, 14.2)) == (
        "7 of 20 tracks are some way off the mood, 14 points of 100 on average: "
        "I have too little like it."
    )
    assert str(Relaxed("repeats", 1, 20)) == "1 of 20 tracks is from your latest playlists."
    assert str(Relaxed("length", 11, 20)) == (
        "9 tracks instead of 20: there are no more for one playlist."
    )
    assert str(Relaxed("length", 19, 20)).startswith("1 track instead of 20:")
