from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.csv_rows import CsvTally
from recommender.catalogue.importing import CsvTrack, read_csv
from recommender.errors import CatalogueUnreadable
from tests.support.songs import HEADER, csv_text, write_csv

HUGGING_FACE = (
    ",track_id,artists,album_name,track_name,popularity,duration_ms,explicit,danceability,energy,"
    "key,loudness,mode,speechiness,acousticness,instrumentalness,liveness,valence,tempo,"
    "time_signature,track_genre\n"
    "0,MirrortapeInvented0002,Mabel Kallio;Ada,Copper Kite,Copper Kite,73,198200,False,"
    "0.61,0.47,1,-7.1,0,0.12,0.04,1.5e-06,0.31,0.7,92.5,4,acoustic\n"
)
KAGGLE = (
    "id,name,album,album_id,artists,artist_ids,track_number,disc_number,explicit,danceability,"
    "energy,key,loudness,mode,speechiness,acousticness,instrumentalness,liveness,valence,tempo,"
    "duration_ms,time_signature,year,release_date\n"
    "MirrortapeInvented0003,Tin Motel,The Ladder,MirrortapeInvented0004,"
    '"[\'Emeka\', ""D\'Arrow""]",'
    "\"['MirrortapeInvented0005']\",1,1,True,0.5,0.9,7,-5.5,1,0.07,0.03,1.1e-05,0.3,"
    "0.5,117.9,210000,4.0,2009,2009-01-02\n"
)


def read(path: Path) -> tuple[list[CsvTrack], CsvTally]:
    tally = CsvTally()
    return list(read_csv(path, tally, None)), tally


def refusal(path: Path) -> str:
    with pytest.raises(CatalogueUnreadable) as error:
        read(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_tidytuesday(tmp_path: Path) -> None:
    (track,), _ = read(write_csv(tmp_path, [{"track_name": "  Two\t words "}]))
    assert track == CsvTrack(
        id="MirrortapeInvented0001",
        name="Two words",
        artist="Zora Valcourt",
        album="Slow Comet",
        genre="pop",
        popularity=66,
        duration_ms=201340,
        explicit=False,
        valence=0.518,
        energy=0.843,
        tempo=118.402,
        acousticness=0.102,
        danceability=0.712,
        mode=1,
        loudness=-5.217,
        instrumentalness=None,
        speechiness=None,
        key=None,
        year=2019,
        explicit_known=False,
    )


def test_hugging_face(tmp_path: Path) -> None:
    path = tmp_path / "dataset.csv"
    path.write_text(HUGGING_FACE, encoding="utf-8")
    (track,), _ = read(path)
    assert (track.id, track.name) == ("MirrortapeInvented0002", "Copper Kite")
    assert track.artist == "Mabel Kallio, Ada"
    assert (track.genre, track.popularity, track.explicit) == ("acoustic", 73, False)
    assert track.year is None


def test_kaggle(tmp_path: Path) -> None:
    path = tmp_path / "tracks_features.csv"
    path.write_text(KAGGLE, encoding="utf-8")
    (track,), _ = read(path)
    assert track.artist == "Emeka, D'Arrow"
    assert (track.album, track.genre, track.popularity) == ("The Ladder", "", None)
    assert track.explicit
    assert track.explicit_known
    assert track.tempo == 117.9
    assert track.year == 2009


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    path.write_text(csv_text([{"track_name": "Ärger"}]), encoding="utf-8-sig")
    (track,), _ = read(path)
    assert track.name == "Ärger"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"track_id": ""}, "id is empty"),
        ({"track_name": "  "}, "name is empty"),
        ({"track_artist": ""}, "artist is empty"),
        ({"track_name": "NA", "track_artist": "NA"}, "name is empty"),
        ({"track_id": "abc"}, "id is not a Spotify track id"),
        ({"valence": ""}, "valence is not a number"),
        ({"valence": "high"}, "valence is not a number"),
        ({"energy": "nan"}, "energy is not a number"),
        ({"energy": "1.01"}, "energy is out of range"),
        ({"tempo": "0"}, "tempo is out of range"),
        ({"loudness": "-inf"}, "loudness is out of range"),
        ({"mode": "0.5"}, "mode is out of range"),
        ({"duration_ms": "1e300"}, "duration_ms is out of range"),
    ],
)
def test_a_bad_row_is_counted_and_named(
    tmp_path: Path, cells: dict[str, str], reason: str
) -> None:
    tracks, tally = read(write_csv(tmp_path, [{}, cells, {}]))
    assert len(tracks) == 2
    assert tally.rows == 3
    (skipped,) = tally.skipped
    assert (skipped.reason, skipped.count, skipped.lines) == (reason, 1, (3,))


def test_only_the_first_few_lines_are_named(tmp_path: Path) -> None:
    _, tally = read(write_csv(tmp_path, [{}, *[{"valence": "x"}] * 5, {"tempo": "x"}]))
    assert [(s.count, s.lines) for s in tally.skipped] == [(5, (3, 4, 5)), (1, (8,))]


def test_a_row_of_another_width_is_bad(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [{}])
    path.write_text(path.read_text("utf-8") + "1,2,3\n\n", encoding="utf-8")
    _, tally = read(path)
    assert [skipped.reason for skipped in tally.skipped] == [
        f"not {len(HEADER)} cells as in the header"
    ]


@pytest.mark.parametrize("popularity", ["?", "", "nan", "inf", "-1", "1e300"])
def test_a_bad_popularity_costs_no_row(tmp_path: Path, popularity: str) -> None:
    (track,), _ = read(write_csv(tmp_path, [{"track_popularity": popularity}]))
    assert track.popularity is None


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("1967", 1967),
        ("2020-01", 2020),
        ("1899-12-31", 1899),
        ("2009.0", 2009),
        ("", None),
        ("0000", None),
        ("0", None),
        ("20091", None),
        ("in 2009", None),
        ("NA", None),
        ("٢٠٠٩", None),
    ],
)
def test_a_year_stands_at_the_start_of_a_date(tmp_path: Path, date: str, year: int | None) -> None:
    (track,), _ = read(write_csv(tmp_path, [{"track_album_release_date": date}]))
    assert track.year == year


@pytest.mark.parametrize("artist", ["[unclosed", "[" * 300 + "]", "[" + "-" * 90_000 + "1]"])
def test_a_list_of_artists_that_is_none_is_a_name(tmp_path: Path, artist: str) -> None:
    (track,), _ = read(write_csv(tmp_path, [{"track_artist": artist}]))
    assert track.artist == artist


cells = st.one_of(
    st.text(max_size=8),
    st.floats().map(str),
    st.integers().map(str),
    st.sampled_from(["[]", "NA"]),
)


@given(
    st.lists(st.dictionaries(st.sampled_from(HEADER), cells), max_size=4), st.binary(max_size=9)
)
def test_whatever_a_file_holds_it_is_read_or_refused(
    rows: list[dict[str, str]], rest: bytes
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "songs.csv"
        path.write_bytes(csv_text(rows).encode("utf-8", "surrogatepass") + rest)
        catalogue = Catalogue(None)
        try:
            report = catalogue.import_csv(path)
        except CatalogueUnreadable:
            assert len(catalogue) == 0
            return
        skipped = sum(reason.count for reason in report.skipped)
        assert report.rows == report.tracks + report.duplicates + skipped
        assert len(catalogue.load()) == report.tracks


def test_all_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    header = [name for name in HEADER if name not in ("track_id", "valence", "tempo")]
    path.write_text(csv_text([{}], header), encoding="utf-8")
    assert refusal(path).endswith("lacks the columns track_id or id, valence, tempo")


def test_missing_extras_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    header = [name for name in HEADER if name not in ("playlist_genre", "track_album_name")]
    path.write_text(csv_text([{}], header), encoding="utf-8")
    (track,), _ = read(path)
    assert (track.genre, track.album) == ("", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (csv_text([]).encode(), "has a header but no rows"),
        (csv_text([{"valence": "x"}] * 2).encode(), "none of its 2 rows can be used"),
        (csv_text([{"track_name": "Ärger"}]).encode("latin-1"), "is not UTF-8"),
        (csv_text([{}]).encode("utf-16"), "is UTF-16"),
        (b"\x00\x01\x02" * 50, "is a binary file"),
        (b"PK\x03\x04rest", "is compressed"),
        (b"<html><body>Sign in</body></html>", "is not a CSV"),
        (csv_text([{"track_name": "x" * 200_000}]).encode(), "is not a valid CSV (line 2"),
    ],
)
def test_a_file_that_is_no_catalogue_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "songs.csv"
    path.write_bytes(content)
    assert words in refusal(path)


def test_an_absent_file_and_a_folder_say_so(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nothing.csv")
    assert "is a directory" in refusal(tmp_path)


def test_a_wrong_byte_far_below_is_found_too(tmp_path: Path) -> None:
    path = tmp_path / "songs.csv"
    good = csv_text([{}] * 2_000).encode()
    path.write_bytes(good + good.splitlines(keepends=True)[1].replace(b"Paper", b"P\xe4per"))
    assert "is not UTF-8" in refusal(path)


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [{}] * 5_000)
    seen: list[tuple[int, int]] = []
    for _ in read_csv(path, CsvTally(), lambda done, total: seen.append((done, total))):
        pass
    size = path.stat().st_size
    assert seen[-1] == (size, size)
    assert len(seen) == 3
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
