from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from recommender.catalogue import invented
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.track_rows import migrations
from recommender.catalogue.tracks import artist_key, song_key
from recommender.errors import CatalogueEmpty, CatalogueUnreadable
from recommender.storage.database import open_database
from tests.support.songs import (
    HEADER,
    TRACK,
    csv_text,
    random_tracks,
    table_of,
    track_id,
    write_csv,
)


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue(None)


def test_a_csv_becomes_tracks(catalogue: Catalogue, tmp_path: Path) -> None:
    report = catalogue.import_csv(write_csv(tmp_path, [{}]))
    assert (report.rows, report.tracks, report.new, report.duplicates) == (1, 1, 1, 0)
    assert catalogue.find([TRACK.id, track_id(7)]) == [TRACK]
    table = catalogue.load()
    assert table.track(0) == TRACK
    assert table.artist_keys[0] == artist_key(TRACK.artist)
    assert table.song_keys[0] == song_key(TRACK.name, TRACK.artist)


def test_importing_again_changes_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    path = write_csv(tmp_path, [{}, {"track_id": track_id(1)}])
    catalogue.import_csv(path)
    before = catalogue.find([TRACK.id, track_id(1)])
    report = catalogue.import_csv(path)
    assert (report.new, report.updated, report.unchanged) == (0, 0, 2)
    assert catalogue.find([TRACK.id, track_id(1)]) == before


def test_years_are_kept_where_they_are_known(catalogue: Catalogue, tmp_path: Path) -> None:
    undated = {"track_id": track_id(1), "track_album_release_date": "soon"}
    catalogue.import_csv(write_csv(tmp_path, [{}, undated]))
    table = catalogue.load()
    years = {table.track(row).id: int(table.years[row]) for row in range(2)}
    assert years == {TRACK.id: 2019, track_id(1): 0}


def labels_of(catalogue: Catalogue) -> dict[str, str]:
    table = catalogue.load()
    return {table.track(row).id: table.labels[table.label_codes[row]] for row in range(len(table))}


def test_labels_outlive_another_import(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.import_csv(write_csv(tmp_path, [{}, {"track_id": track_id(1)}]))
    assert set(labels_of(catalogue).values()) == {""}
    catalogue.set_labels([(TRACK.id, "Angry"), (track_id(1), "Sad"), (track_id(5), "Happy")])
    assert labels_of(catalogue) == {TRACK.id: "Angry", track_id(1): "Sad"}
    rows = [{}, {"track_id": track_id(1), "valence": "0.1"}, {"track_id": track_id(2)}]
    report = catalogue.import_csv(write_csv(tmp_path, rows))
    assert (report.new, report.updated, report.unchanged) == (1, 1, 1)
    assert labels_of(catalogue) == {TRACK.id: "Angry", track_id(1): "Sad", track_id(2): ""}


def revision(catalogue: Catalogue) -> str:
    ((token,),) = catalogue.db.execute("select token from revision").fetchall()
    return str(token)


def test_every_change_renews_the_revision(catalogue: Catalogue, tmp_path: Path) -> None:
    seen = [revision(catalogue)]
    catalogue.replace_invented(random_tracks(3))
    seen.append(revision(catalogue))
    catalogue.import_csv(write_csv(tmp_path, [{}]))
    seen.append(revision(catalogue))
    catalogue.set_labels([(TRACK.id, "Sad")])
    seen.append(revision(catalogue))
    assert len(set(seen)) == 4
    catalogue.load()
    catalogue.import_csv(write_csv(tmp_path, [{}]))  # of what is there already
    assert revision(catalogue) == seen[-1]


def test_a_catalogue_of_the_first_version_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    db = open_database(path)
    migrations.apply(db, stop_before="m002_year_label_revision")
    keys = {"artist_key": artist_key(TRACK.artist), "song_key": song_key(TRACK.name, TRACK.artist)}
    row = asdict(TRACK) | keys | {"popularity": None}
    for later in ("instrumentalness", "speechiness", "key"):
        del row[later]
    db.table("tracks").insert(row)
    db.close()
    catalogue = Catalogue(path)
    table = catalogue.load()
    assert (table.track(0), int(table.years[0])) == (TRACK, 0)
    assert labels_of(catalogue) == {TRACK.id: ""}
    assert catalogue.import_csv(write_csv(tmp_path, [{}])).updated == 1
    catalogue.close()


def test_a_newer_file_wins(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.import_csv(write_csv(tmp_path, [{}, {"track_id": track_id(1)}]))
    report = catalogue.import_csv(
        write_csv(tmp_path, [{"valence": "0.1"}, {"track_id": track_id(2)}])
    )
    assert (report.new, report.updated, report.unchanged) == (1, 1, 0)
    assert catalogue.find([TRACK.id]) == [replace(TRACK, valence=0.1)]
    assert len(catalogue) == 3


def test_rows_of_one_track_are_merged(catalogue: Catalogue, tmp_path: Path) -> None:
    rows = [
        {"track_popularity": "10", "track_album_name": "first", "playlist_genre": "rock"},
        {"track_popularity": "90", "track_album_name": "popular", "playlist_genre": "pop"},
        {"track_popularity": "90", "track_album_name": "late", "playlist_genre": "rock"},
        {"track_popularity": "", "track_album_name": "unknown", "playlist_genre": "soul"},
        {"track_popularity": "5", "track_album_name": "least", "playlist_genre": "edm"},
    ]
    report = catalogue.import_csv(write_csv(tmp_path, rows))
    assert (report.tracks, report.duplicates) == (1, 4)
    (track,) = catalogue.find([TRACK.id])
    assert (track.album, track.genre) == ("popular", "rock, pop, soul")


def test_a_bad_file_changes_nothing(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.import_csv(write_csv(tmp_path, [{}]))
    bad = tmp_path / "bad.csv"
    good_rows = csv_text([{"track_id": track_id(n)} for n in range(12_000)]).encode()
    bad.write_bytes(good_rows + b"\xff\xfe\n")
    with pytest.raises(CatalogueUnreadable):
        catalogue.import_csv(bad)
    assert len(catalogue) == 1
    assert catalogue.import_csv(write_csv(tmp_path, [{}])).unchanged == 1


def test_an_import_drops_invented_tracks(catalogue: Catalogue, tmp_path: Path) -> None:
    invented.fill(catalogue, seed=1)
    report = catalogue.import_csv(write_csv(tmp_path, [{}]))
    assert report.invented_dropped == invented.TRACKS
    assert report.new == 1
    assert len(catalogue) == 1


def test_an_import_does_not_disturb_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.db"
    reader, writer = Catalogue(path), Catalogue(path)
    reader.import_csv(write_csv(tmp_path, [{}]))
    cursor = reader.db.execute("select id from tracks")
    assert cursor.fetchone() == (TRACK.id,)
    rows = [{"track_id": track_id(n)} for n in range(300)]
    during: list[int] = []
    writer.import_csv(write_csv(tmp_path, rows), lambda done, total: during.append(len(reader)))
    assert during == [1]
    assert cursor.fetchone() is None
    assert len(reader) == 301
    for each in (reader, writer):
        each.close()


def test_an_empty_catalogue_says_so(catalogue: Catalogue) -> None:
    with pytest.raises(CatalogueEmpty):
        catalogue.load()
    assert catalogue.stats().tracks == 0


def test_stats(catalogue: Catalogue) -> None:
    tracks = random_tracks(30, artists=5)
    catalogue.replace_invented(replace(track, invented=True) for track in tracks)
    found = catalogue.stats()
    assert (found.tracks, found.invented, found.artists) == (30, 30, 5)
    assert found.genres == {"pop": 12, "rock": 12, "jazz": 6}
    spread = found.features["valence"]
    values = [track.valence for track in tracks]
    assert (spread.low, spread.high) == (min(values), max(values))
    assert spread.median == pytest.approx(np.median(values), abs=1e-3)


def test_titles_in_any_script_survive_packing() -> None:
    tracks = [
        replace(TRACK, id=track_id(n), name=name)
        for n, name in enumerate(["夜に駆ける", "Ça ira", "🎷", "plain"])
    ]
    table = table_of(tracks)
    assert [table.track(int(row)) for row in table.rows_by_id] == tracks


def test_an_old_catalogue_knows_only_of_marked_tracks_whether_they_are_explicit() -> None:
    db = open_database(None)
    migrations.apply(db, stop_before="m003_explicit_known")
    columns = "id, name, artist, album, genre, duration_ms, explicit, valence, energy, tempo_bpm, "
    columns += "acousticness, danceability, mode, loudness_db, artist_key, song_key, invented"
    for number, (explicit, made_up) in enumerate([(0, 0), (1, 0), (0, 1)]):
        db.execute(
            f"insert into tracks ({columns}) values"  # noqa: S608 - names of ours
            f" (?, 'a', 'b', '', '', 1, {explicit}, 0, 0, 1, 0, 0, 0, 0, 1, 1, {made_up})",
            [str(number)],
        )
    migrations.apply(db)
    known = db.execute("select explicit_known from tracks order by id").fetchall()
    assert [row[0] for row in known] == [0, 1, 1]


def test_what_one_file_knows_of_a_track_is_not_lost_to_another(tmp_path: Path) -> None:
    catalogue = Catalogue(None)
    marked = csv_text([{"explicit": "true"}], [*HEADER, "explicit"])
    (tmp_path / "marked.csv").write_text(marked, encoding="utf-8")
    catalogue.import_csv(tmp_path / "marked.csv")
    catalogue.import_csv(write_csv(tmp_path, [{"track_name": "Another Name"}]))
    table = catalogue.load()
    assert table.track(0).name == "Another Name"
    assert table.explicit.tolist() == table.explicit_known.tolist() == [True]
