from dataclasses import replace

import numpy as np
import pytest

from recommender.ranking.flow import Flow, smooth_order, styles
from tests.support.songs import TRACK, table_of, track_id

C_MAJOR = replace(TRACK, tempo_bpm=120.0, key=0, mode=1, loudness_db=-8.0)


def cost(**changes: float) -> float:
    """Return the cost of following `C_MAJOR` with a track that differs like this."""
    other = replace(C_MAJOR, id=track_id(1), name="Other", **changes)
    table = table_of([C_MAJOR, other])
    rows = np.array([int(table.rows([track.id])[0]) for track in (C_MAJOR, other)])
    return float(Flow(table, rows).cost(0)[1])


def test_an_equal_track_follows_seamlessly() -> None:
    assert cost() == 0


@pytest.mark.parametrize("tempo", [60.0, 240.0])
def test_double_and_half_tempo_feel_the_same(tempo: float) -> None:
    assert cost(tempo_bpm=tempo) == pytest.approx(0, abs=1e-6)


def test_keys_are_compared_on_the_circle_of_fifths() -> None:
    a_minor, g_major, f_sharp_major = ({"key": 9, "mode": 0}, {"key": 7}, {"key": 6})
    assert 0 < cost(**a_minor) == cost(**g_major) < cost(**f_sharp_major) <= 0.3
    assert cost(key=-1) == pytest.approx(0.15)  # unknown: neither good nor bad


def test_loudness_and_tempo_count() -> None:
    assert 0 < cost(loudness_db=-10.0) < cost(loudness_db=-16.0) == cost(loudness_db=-30.0)
    assert 0 < cost(tempo_bpm=125.0) < cost(tempo_bpm=160.0)


def test_the_order_takes_what_follows_best() -> None:
    tracks = [
        replace(C_MAJOR, id=track_id(number), name=f"Song {number}", tempo_bpm=tempo)
        for number, tempo in enumerate((100.0, 130.0, 105.0, 120.0))
    ]
    table = table_of(tracks)
    rows = [int(table.rows([track.id])[0]) for track in tracks]
    assert smooth_order(table, rows) == [0, 2, 3, 1]
    assert smooth_order(table, rows[:3], after=rows[3]) == [1, 2, 0]
    assert smooth_order(table, []) == []


def test_styles_are_families() -> None:
    genres = ("edm", "big room", "dance pop", "k-pop", "")
    tracks = [
        replace(TRACK, id=track_id(number), artist=f"Artist {number}", genre=genre)
        for number, genre in enumerate(genres)
    ]
    table = table_of(tracks)
    code = dict(zip(table.genres, styles(table).tolist(), strict=True))
    assert code["edm"] == code["big room"] != code["dance pop"] == code["k-pop"]
    assert code[""] == 0
