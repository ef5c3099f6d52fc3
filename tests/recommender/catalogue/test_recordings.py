"""One recording never stands twice in a playlist, under whichever ids and names it goes."""

from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import pytest

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.table import TrackTable, is_among
from recommender.catalogue.tracks import Track
from recommender.recommend import Recommendation, recommend, recommend_replacements
from recommender.taste.taste import Taste
from tests.support.songs import TRACK, opinion, random_tracks, table_of, track_id

CONGA = replace(TRACK, id=track_id(1), name="Conga", artist="Miami Sound Machine")
CONGA = replace(CONGA, duration_ms=254_000, tempo_bpm=122.236)
AGAIN = replace(CONGA, id=track_id(2), artist="Gloria Estefan", duration_ms=255_107)
AGAIN = replace(AGAIN, tempo_bpm=122.219)


def same(one: Track, other: Track) -> bool:
    table = table_of([one, replace(other, id=track_id(99))])
    return len(set(table.recording_keys.tolist())) == 1


def playlist(table: TrackTable, taste: Taste | None = None, **asked: object) -> Recommendation:
    wanted = {"length": 20, "recent": (), "taste": taste or Taste()} | asked
    return recommend(
        table, probabilities={"happy": 1.0}, mode="match", rng=np.random.default_rng(0), **wanted
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"artist": "Gloria Estefan", "duration_ms": 255_107, "tempo_bpm": 122.219},
        {"artist": "Miami Sound Machine and Friends", "duration_ms": 300_000},
        {"artist": "Miami Sound Machine feat. Gloria Estefan", "tempo_bpm": 90.0},
        {"name": "Conga - 2005 Remaster", "artist": "Gloria Estefan"},
        {"name": "Conga (feat. Gloria Estefan)", "duration_ms": 100_000},
    ],
)
def test_one_recording_is_known_under_other_names(changes: dict[str, object]) -> None:
    assert same(CONGA, replace(CONGA, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Rhythm Is Gonna Get You", "artist": "Gloria Estefan"},
        {"artist": "Black Eyed Peas", "duration_ms": 260_000},
        {"artist": "Black Eyed Peas", "tempo_bpm": 110.0},
        {"artist": "Miamis", "duration_ms": 300_000},
    ],
)
def test_another_song_or_a_cover_is_not_taken_for_it(changes: dict[str, object]) -> None:
    assert not same(CONGA, replace(CONGA, **changes))


def test_a_recording_is_once_in_a_playlist_and_not_again_within_the_window() -> None:
    others = [
        replace(track, id=track_id(100 + n), valence=0.9, energy=0.7)
        for n, track in enumerate(random_tracks(30))
    ]
    table = table_of([CONGA, AGAIN, *others])
    both = {CONGA.id, AGAIN.id}
    whole = playlist(table, length=31)
    assert len(both & {pick.track.id for pick in whole.picks}) == 1
    fresh = playlist(table, recent={CONGA.id})
    assert not both & {pick.track.id for pick in fresh.picks}
    disliked = playlist(table, Taste((opinion(CONGA, -1.0),)), length=30)
    assert not both & {pick.track.id for pick in disliked.picks}
    in_its_place = recommend_replacements(
        table,
        positions=range(30),
        kept=[AGAIN.id],
        gone=(),
        probabilities={"happy": 1.0},
        mode="match",
        length=31,
        taste=Taste(),
        recent=(),
        rng=np.random.default_rng(0),
    )
    assert CONGA.id not in {pick.track.id for pick in in_its_place.picks}


def test_many_tracks_of_one_title_are_told_apart_in_time() -> None:
    tracks = [replace(track, name="Intro") for track in random_tracks(3000)]
    tracks = [replace(t, duration_ms=30_000 + n * 41 % 60_000) for n, t in enumerate(tracks)]
    began = process_time()
    table_of(tracks)
    assert process_time() - began < 10


def test_in_a_real_catalogue_no_playlist_has_a_title_by_one_artist_twice(data_dir: Path) -> None:
    path = data_dir / "spotify_songs.csv"
    if not path.exists():
        pytest.skip(f"no real catalogue: {path.name} is not in {data_dir}")
    catalogue = Catalogue(None)
    catalogue.import_csv(path)
    table = catalogue.load()
    congas = table.rows(["3FdHgoJbH3DXNtGLh56pFu", "4aMT5LHe8A2uIc11H8Cx2m"])
    assert len(congas) == 2
    assert len(set(table.recording_keys[congas].tolist())) == 1
    assert len(np.unique(table.song_keys)) - len(np.unique(table.recording_keys)) < 200
    first, second = (table.track(int(row)) for row in congas)
    keys = [table.recording_keys[congas[0]]]
    conga_alone = playlist(table, length=2, is_allowed=lambda rows: is_among(rows, congas))
    assert len(conga_alone.picks) == 1
    others = playlist(table, length=50, recent={first.id})
    picked = table.rows(pick.track.id for pick in others.picks)
    assert len(set(table.recording_keys[picked].tolist())) == 50
    assert not is_among(table.recording_keys[picked], keys).any()
    assert second.id not in {pick.track.id for pick in others.picks}
