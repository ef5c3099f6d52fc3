from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from recommender.catalogue import table_file
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.table import TrackTable
from recommender.catalogue.table_file import open_table, write_table
from recommender.errors import CatalogueEmpty
from tests.support.songs import TRACK, random_tracks, table_of, track_id, write_csv

TRACKS = [replace(track, invented=True) for track in random_tracks(200)]
TABLE = table_of(TRACKS)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    catalogue = Catalogue(tmp_path / "catalogue.db")
    catalogue.replace_invented(TRACKS)
    yield catalogue
    catalogue.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.db-tracks"


def assert_equal(one: TrackTable, other: TrackTable) -> None:
    for field in fields(TrackTable):
        a, b = (getattr(table, field.name) for table in (one, other))
        if field.name == "mapping":
            continue
        if field.name == "grid":
            a, b = a.starts, b.starts
        np.testing.assert_array_equal(a, b)
        assert getattr(a, "dtype", None) == getattr(b, "dtype", None)


def is_mapped(table: TrackTable) -> bool:
    return table.mapping is not None and not table.features.flags.owndata


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "tracks", "one")
    table = open_table(tmp_path / "tracks", "one")
    assert table is not None
    assert_equal(table, TABLE)
    assert is_mapped(table)
    assert [table.track(row) for row in range(200)] == [TABLE.track(row) for row in range(200)]
    assert [path.name for path in tmp_path.iterdir()] == ["tracks"]


def test_a_mapped_table_cannot_be_changed(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "tracks", "one")
    table = open_table(tmp_path / "tracks", "one")
    assert table is not None
    with pytest.raises(ValueError, match="read-only"):
        table.features[0, 0] = 0.5


def resident_kib(path: Path) -> int:
    """Return how much of a mapped file counts as this process's memory."""
    sections = Path("/proc/self/smaps").read_text().split(str(path))[1:]
    return sum(int(section.split("Rss:")[1].split()[0]) for section in sections)


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells")
def test_what_was_looked_at_can_be_given_back_and_looked_at_again(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "tracks", "one")
    table = open_table(tmp_path / "tracks", "one")
    assert table is not None
    sums = table.features.sum(), table.popularity.sum()
    assert resident_kib(tmp_path / "tracks") > 0
    table.release()
    assert resident_kib(tmp_path / "tracks") == 0
    assert (table.features.sum(), table.popularity.sum()) == sums


def test_a_file_of_another_revision_is_not_used(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "tracks", "one")
    assert open_table(tmp_path / "tracks", "two") is None


def test_a_file_of_another_format_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(TABLE, tmp_path / "tracks", "one")
    monkeypatch.setattr(table_file, "_FORMAT", "0 ids features")
    assert open_table(tmp_path / "tracks", "one") is None


@pytest.mark.parametrize("length", [0, 1, 7, 8, 50, 900, 20_000])
def test_a_file_that_was_cut_off_is_not_used(tmp_path: Path, length: int) -> None:
    path = tmp_path / "tracks"
    write_table(TABLE, path, "one")
    content = path.read_bytes()
    assert len(content) > length
    path.write_bytes(content[:length])
    assert open_table(path, "one") is None


@pytest.mark.parametrize("content", [b"\0" * 5_000, b"\xff" * 5_000, b"not an array" * 90])
def test_a_file_of_something_else_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tracks").write_bytes(content)
    assert open_table(tmp_path / "tracks", "one") is None


def test_loading_maps_the_file_that_filling_wrote(catalogue: Catalogue, path: Path) -> None:
    written = path.stat()
    table = catalogue.load()
    assert is_mapped(table)
    assert_equal(table, TABLE)
    assert path.stat() == written


@pytest.mark.parametrize("content", [None, b"", b"damaged" * 1_000])
def test_a_lost_or_damaged_file_is_made_anew(
    catalogue: Catalogue, path: Path, content: bytes | None
) -> None:
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    table = catalogue.load()
    assert is_mapped(table)
    assert_equal(table, TABLE)


def test_every_change_reaches_the_next_load(
    catalogue: Catalogue, path: Path, tmp_path: Path
) -> None:
    catalogue.import_csv(write_csv(tmp_path, [{}, {"track_id": track_id(777)}]))
    assert {catalogue.load().track(row).id for row in range(2)} == {TRACK.id, track_id(777)}
    catalogue.set_labels([(TRACK.id, "Sad")])
    table = catalogue.load()
    assert sorted(table.labels[code] for code in table.label_codes) == ["", "Sad"]
    catalogue.replace_invented(TRACKS)
    assert len(catalogue.load()) == 202
    assert sorted(each.name for each in tmp_path.glob("*tracks*")) == [path.name]


def test_whoever_holds_an_old_table_keeps_it(catalogue: Catalogue, tmp_path: Path) -> None:
    old = catalogue.load()
    catalogue.import_csv(write_csv(tmp_path, [{}]))
    assert len(catalogue.load()) == 1
    assert_equal(old, TABLE)


def test_a_file_beside_another_catalogue_is_not_used(
    catalogue: Catalogue, path: Path, tmp_path: Path
) -> None:
    other = Catalogue(tmp_path / "other.db")
    other.import_csv(write_csv(tmp_path, [{}]))
    (tmp_path / "other.db-tracks").write_bytes(path.read_bytes())
    assert other.load().track(0) == TRACK
    other.close()


def test_where_no_file_can_be_written_the_tracks_stay_in_memory(
    catalogue: Catalogue, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").touch()
    table = catalogue.load()
    assert not is_mapped(table)
    assert_equal(table, TABLE)
    assert f"{path} cannot be written" in caplog.text
    assert sorted(each.name for each in path.parent.glob("*tracks*")) == [path.name]


def test_an_emptied_catalogue_is_empty(catalogue: Catalogue) -> None:
    catalogue.replace_invented([])
    with pytest.raises(CatalogueEmpty):
        catalogue.load()


def test_a_mapped_table_finds_ids(catalogue: Catalogue) -> None:
    table = catalogue.load()
    rows = table.rows([TRACKS[5].id, track_id(9_999)])
    assert [table.track(int(row)) for row in rows] == [TRACKS[5]]
