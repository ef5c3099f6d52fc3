import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from recommender.catalogue.catalogue import Catalogue
from recommender.ranking.categories import in_categories
from tests.support.command_line import refused, run
from tests.support.songs import HEADER, csv_text, random_tracks, track_id

LABELLED = ["mood", *HEADER]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in a folder of its own, with no settings but where the data is, and with few trees."""
    monkeypatch.setattr("recommender.catalogue.labels.TREES", 20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path / "data"


def fill(data: Path, count: int = 300) -> None:
    catalogue = Catalogue(data / "catalogue.db")
    catalogue.replace_invented(random_tracks(count))
    catalogue.close()


def moods(folder: Path, names: tuple[str, ...] = ("Happy", "Sadness"), count: int = 60) -> Path:
    """Write songs by 20 artists that valence tells apart, and return the file."""
    path = folder / "moods.csv"
    rows = [
        {
            "track_id": track_id(number),
            "track_artist": f"Artist {number % 20}",
            "mood": names[number % len(names)],
            "valence": f"{(number % len(names) + 0.5) / len(names):.3f}",
        }
        for number in range(count)
    ]
    path.write_text(csv_text(rows, LABELLED), encoding="utf-8")
    return path


def test_label_says_how_well_it_learned_and_labels_all_tracks(tmp_path: Path, data: Path) -> None:
    fill(data)
    path = moods(tmp_path)
    with path.open("a", encoding="utf-8") as file:
        file.write(csv_text([{"mood": ""}], LABELLED).splitlines()[1] + "\n")
    said = run("catalogue", "label", str(path))
    assert "moods.csv: 60 songs in 2 categories" in said
    assert "1 × label is empty (line 62)" in said
    assert "no artist is both learned from and asked about" in said
    assert "macro-F1 1.000 ± 0.000 over the folds (guesses would get 0.500)" in said
    assert re.search(r"Happy\W+30\W+0\W", said)  # its row of the confusion
    assert "Labelled 300 tracks, 60 of them as the file has them." in said
    assert "hardly better" not in said
    labels = json.loads(run("catalogue", "stats", "--json"))["labels"]
    assert sum(labels.values()) == 300
    assert set(labels) == {"Happy", "Sadness"}
    assert re.search(r"category\W+tracks", run("catalogue", "stats"))


def test_label_as_json(tmp_path: Path, data: Path) -> None:
    fill(data)
    answer = json.loads(run("catalogue", "label", str(moods(tmp_path)), "--json"))
    assert answer["by_artist"]
    assert answer["macro_f1"] == 1
    assert answer["confusion"] == [[30, 0], [0, 30]]
    assert answer["as_in_the_file"] == 60
    assert sum(answer["labelled"].values()) == 300


def test_a_file_without_artists_is_said_to_flatter(tmp_path: Path, data: Path) -> None:
    fill(data)
    path = moods(tmp_path)
    header = [name for name in LABELLED if name != "track_artist"]
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    path.write_text(csv_text(rows, header), encoding="utf-8")
    assert "names no artists" in run("catalogue", "label", str(path))


def test_labels_that_do_not_follow_from_the_sound_are_said_not_to(
    tmp_path: Path, data: Path
) -> None:
    fill(data)
    path = tmp_path / "moods.csv"
    rows = [
        {"track_id": track_id(n), "track_artist": f"Artist {n}", "mood": ("Odd", "Even")[n % 2]}
        for n in range(60)
    ]
    path.write_text(csv_text(rows, LABELLED), encoding="utf-8")
    assert "hardly better than guessing" in run("catalogue", "label", str(path))


def test_more_categories_than_fit_a_matrix(tmp_path: Path, data: Path) -> None:
    fill(data)
    names = tuple(f"Mood [{number}]" for number in range(9))
    said = run("catalogue", "label", str(moods(tmp_path, names, count=180)))
    assert "1 Mood [0]" in said
    names = tuple(f"Mood [{number}]" for number in range(13))
    said = run("catalogue", "label", str(moods(tmp_path, names, count=260)))
    assert "The most frequent mistakes" in said


def test_an_empty_catalogue_says_how_to_fill_it(tmp_path: Path) -> None:
    assert "mirrortape catalogue fetch" in refused("catalogue", "label", str(moods(tmp_path)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (csv_text([{}]).encode(), "lacks the column label or"),
        (csv_text([{}], ["mood", "track_id"]).encode(), "lacks the columns valence, energy"),
        (csv_text([], LABELLED).encode(), "has a header but no rows"),
        (csv_text([{"mood": ""}], LABELLED).encode(), "none of its 1 rows can be used: label is"),
        (csv_text([{"mood": "Ärger"}], LABELLED).encode("latin-1"), "is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "is a binary file"),
        (csv_text([{"mood": "Sad"}] * 9, LABELLED).encode(), "only one category, Sad"),
        (
            csv_text([{"mood": mood} for mood in ("Sad", "Happy")], LABELLED[:1] + LABELLED[2:]),
            "too few songs in Happy (1 song), Sad (1 song)",
        ),
    ],
)
def test_a_file_that_teaches_nothing_changes_nothing(
    tmp_path: Path, data: Path, content: bytes | str, words: str
) -> None:
    fill(data)
    path = tmp_path / "moods.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert words in refused("catalogue", "label", str(path))
    assert json.loads(run("catalogue", "stats", "--json"))["labels"] == {"": 300}


def test_an_absent_file_says_so(data: Path) -> None:
    fill(data)
    assert "no such file" in refused("catalogue", "label", "nothing.csv")


# -- recommend --by-label --


def test_by_label_chooses_from_the_category_of_the_emotion(tmp_path: Path, data: Path) -> None:
    fill(data)
    run("catalogue", "label", str(moods(tmp_path)))
    words = ("recommend", "--emotion", "sad", "--mode", "lift", "--length", "20")
    free = json.loads(run(*words, "--json"))
    answer = json.loads(run(*words, "--by-label", "--json"))
    assert (free["categories"], answer["categories"]) == ([], ["Sadness"])
    assert free["targets"] == answer["targets"]
    catalogue = Catalogue(data / "catalogue.db")
    table = catalogue.load()
    catalogue.close()
    sad = in_categories(table, ("Sadness",))
    chosen = [table.rows([track["id"]])[0] for track in answer["tracks"]]
    assert len(chosen) == 20
    assert sad(np.array(chosen)).all()
    assert not sad(np.array([table.rows([track["id"]])[0] for track in free["tracks"]])).all()
    energies = table.features[chosen, 1]  # lift's targets still order them
    assert np.corrcoef(energies, [target["energy"] for target in answer["targets"]])[0, 1] > 0.3
    assert "Only from the category Sadness." in run(*words, "--by-label")


def test_a_category_with_fewer_tracks_than_asked_for_gives_what_it_has(data: Path) -> None:
    fill(data)
    catalogue = Catalogue(data / "catalogue.db")
    catalogue.set_labels([(track_id(n), "FEAR" if n < 4 else "Calm") for n in range(300)])
    catalogue.close()
    words = ("recommend", "--emotion", "fear", "--length", "10", "--by-label")
    assert {track["id"] for track in json.loads(run(*words, "--json"))["tracks"]} == {
        track_id(n) for n in range(4)
    }
    said = run(*words)
    assert "Only from the category FEAR." in said
    assert "4 tracks instead of 10" in said


def test_by_label_without_labels_or_a_category_says_what_to_do(tmp_path: Path, data: Path) -> None:
    words = ("recommend", "--by-label", "--emotion")
    assert "mirrortape catalogue fetch" in refused(*words, "sad")
    fill(data)
    assert "mirrortape catalogue label FILE.csv" in refused(*words, "sad")
    run("catalogue", "label", str(moods(tmp_path)))
    assert "no category goes with angry" in (line := refused(*words, "angry"))
    assert "there are Happy, Sadness" in line


@pytest.mark.data
def test_genres_are_learned_from_real_songs(tmp_path: Path, data: Path, data_dir: Path) -> None:
    """A sixteenth of the artists, so that it is quick; genres stand for somebody's categories."""
    with (data_dir / "spotify_songs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    artists = sorted({row["track_artist"] for row in rows})[::16]
    mine = [
        row | {"label": row["playlist_genre"]} for row in rows if row["track_artist"] in artists
    ]
    path = tmp_path / "genres.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(mine[0]))
        writer.writeheader()
        writer.writerows(mine)
    run("catalogue", "import", str(data_dir / "spotify_songs.csv"))
    answer = json.loads(run("catalogue", "label", str(path), "--json"))
    assert len(mine) > 1_500
    assert 0.36 < answer["macro_f1"] < 0.6
    assert answer["spread"] < 0.05
    assert sum(answer["labelled"].values()) > 28_000
    assert answer["categories"]["edm"]["f1"] > answer["categories"]["pop"]["f1"]
