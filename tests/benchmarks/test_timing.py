import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.catalogue.catalogue import Catalogue
from tests.benchmarks import timing
from tests.benchmarks.enlarging import enlarged
from tests.benchmarks.measuring import measure
from tests.benchmarks.searches import agree, side_by_side
from tests.support.songs import random_tracks, table_of, track_id, write_csv

TABLE = table_of(random_tracks(900))


def test_an_enlarged_catalogue_sounds_like_the_real_one() -> None:
    tracks = list(enlarged(TABLE, 12_000, np.random.default_rng(0)))
    larger = table_of(tracks)
    assert len(larger) == len({track.id for track in tracks}) == 12_000
    assert len({track.name for track in tracks}) == 12_000
    assert all(track.invented for track in tracks)
    assert 3_000 < len({track.artist for track in tracks}) <= 4_000
    assert 0 <= larger.features[:, 0].min() < larger.features[:, 0].max() <= 1
    shares = np.linspace(0.05, 0.95, 10)
    for k, tolerance in enumerate([0.05, 0.05, 8, 0.05, 0.05, 0.01, 1.2]):
        ours, theirs = (np.quantile(table.features[:, k], shares) for table in (larger, TABLE))
        assert np.abs(ours - theirs).max() < tolerance


def test_the_line_through_a_power_law_is_that_law() -> None:
    sizes = [1_000, 20_000, 300_000]
    c, k = timing.fitted(sizes, [0.2 * size**0.4 for size in sizes])
    assert (c, k) == (pytest.approx(0.2), pytest.approx(0.4))


def test_three_searches_find_the_same_distances() -> None:
    sides = side_by_side(TABLE)
    assert agree(sides)
    assert all(side.search_ms > 0 for side in sides)
    shifted = tuple(found + 0.01 for found in sides[2].distances)
    assert not agree((*sides[:2], replace(sides[2], distances=shifted)))


def test_a_process_is_measured(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.db")
    catalogue.replace_invented(random_tracks(1_200))
    catalogue.close()
    found = measure(tmp_path / "catalogue.db")
    assert found.tracks == 1_200
    assert 0 < found.p50_ms <= found.p95_ms
    assert found.busy_p95_ms > 0
    assert found.open_ms > 0
    if sys.platform == "linux":
        assert found.opened_mb is not None
        assert found.peak_mb is not None
        assert 20 < found.opened_mb <= found.peak_mb


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["timing", *map(str, words)])
    timing.main()


def test_the_table_and_its_line_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {
            "track_id": track_id(n),
            "track_artist": f"{n}",
            "valence": f"{n % 97 / 97:.3f}",
            "energy": f"{n % 89 / 89:.3f}",
        }
        for n in range(400)
    ]
    run(monkeypatch, write_csv(tmp_path, rows), "--sizes", 1_000)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[0] == "1,000"
    assert "three find candidates at the same distances" in lines[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.csv"], "nothing.csv cannot be opened: no such file"),
        (["nothing.csv", "--sizes", "3"], "3 is not between 1,000 and 10,000,000"),
        (["nothing.csv", "--sizes", "many"], "many is not between"),
        ([], "the following arguments are required: csv"),
    ],
)
def test_bad_input_ends_in_one_line(
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *words)
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message in error
    assert error.count("\n") == 1
