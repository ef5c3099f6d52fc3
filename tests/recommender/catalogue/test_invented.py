import re

import numpy as np

from recommender.catalogue import invented
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.invented import invent
from recommender.catalogue.tracks import FEATURES, song_key


def test_the_same_seed_invents_the_same_world() -> None:
    assert invent(3) == invent(3)
    assert invent(3) != invent(4)


def test_there_are_enough_and_all_say_that_they_are_invented() -> None:
    tracks = invent(1)
    assert len(tracks) >= 2_000
    assert all(track.invented for track in tracks)
    assert len({track.id for track in tracks}) == len(tracks)
    assert len({song_key(track.name, track.artist) for track in tracks}) == len(tracks)
    assert len({track.genre for track in tracks}) >= 8
    assert len({track.artist for track in tracks}) > 300


def test_ids_have_the_form_of_spotify_ids() -> None:
    assert all(re.fullmatch(r"[0-9A-Za-z]{22}", track.id) for track in invent(1))


def test_features_are_related_as_in_real_music() -> None:
    features = np.array([track.features for track in invent(1)])
    of = dict(zip(FEATURES, np.corrcoef(features.T), strict=True))
    assert of["energy"][FEATURES.index("loudness_db")] > 0.5
    assert of["energy"][FEATURES.index("acousticness")] < -0.4
    assert of["valence"][FEATURES.index("danceability")] > 0.2
    for name in ("valence", "energy", "acousticness", "danceability"):
        column = features[:, FEATURES.index(name)]
        assert 0 <= column.min() < 0.2
        assert 0.8 < column.max() <= 1


def test_filling_twice_replaces() -> None:
    catalogue = Catalogue(None)
    invented.fill(catalogue, seed=1)
    invented.fill(catalogue, seed=2)
    assert len(catalogue) == invented.TRACKS
    assert catalogue.find([invent(2)[0].id]) == [invent(2)[0]]
