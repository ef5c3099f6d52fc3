from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.labelled import LabelledSongs, read_labelled
from recommender.catalogue.labels import FOLDS, check, cross_validate, folds, label_tracks
from recommender.catalogue.tracks import FEATURES, artist_key
from recommender.errors import CatalogueUnreadable, LabelsUnlearnable, NoSuchCategory
from recommender.mood.targets import EMOTIONS
from recommender.ranking.categories import WORDS, categories_of, in_categories
from tests.support.songs import HEADER, csv_text, random_tracks, table_of, track_id

SOUNDS = {
    "Angry": {"valence": 0.2, "energy": 0.9},
    "Happy": {"valence": 0.9, "energy": 0.8},
    "Sad": {"valence": 0.2, "energy": 0.2},
}
LABELLED = ["label", *HEADER]


def rows(count: int = 60, artists: int = 15) -> list[dict[str, str]]:
    """Return songs of three categories that valence and energy tell apart, by some artists."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        category = list(SOUNDS)[number % 3]
        sound = {
            feature: f"{value + rng.uniform(-0.1, 0.1):.3f}"
            for feature, value in SOUNDS[category].items()
        }
        artist = f"Artist {number // 3 % artists}"
        found.append(
            {"track_id": track_id(number), "track_artist": artist, "label": category} | sound
        )
    return found


def write(
    folder: Path, of_songs: Iterable[Mapping[str, str]], header: list[str] = LABELLED
) -> Path:
    path = folder / "moods.csv"
    path.write_text(csv_text(of_songs, header), encoding="utf-8")
    return path


def songs(folder: Path, of_songs: Iterable[Mapping[str, str]] | None = None) -> LabelledSongs:
    return read_labelled(write(folder, rows() if of_songs is None else of_songs))


# -- the file --


def test_songs_are_read_with_their_categories(tmp_path: Path) -> None:
    found = songs(tmp_path)
    assert len(found) == found.rows == 60
    assert found.categories == ("Angry", "Happy", "Sad")
    assert Counter(found.codes.tolist()) == {0: 20, 1: 20, 2: 20}
    assert found.features == FEATURES[:7]
    assert found.values[0].tolist() == pytest.approx(
        [float(rows()[0]["valence"]), float(rows()[0]["energy"]), 118.402, 0.102, 0.712, 1, -5.217]
    )
    assert found.artist_keys is not None
    assert found.artist_keys[0] == artist_key("Artist 0")
    assert found.own[track_id(1)] == "Happy"


@pytest.mark.parametrize("column", ["mood", "Emotion", "category"])
def test_the_category_has_several_names(tmp_path: Path, column: str) -> None:
    named = [row | {column: row["label"]} for row in rows()]
    found = read_labelled(write(tmp_path, named, [column, *HEADER]))
    assert found.categories == ("Angry", "Happy", "Sad")


def test_upper_and_lower_case_make_no_two_categories(tmp_path: Path) -> None:
    repeated, other = rows()[2] | {"label": "sad"}, {"label": " SAD ", "track_id": track_id(999)}
    found = songs(tmp_path, [*rows(), repeated, other])
    assert found.categories == ("Angry", "Happy", "Sad")
    assert (len(found), found.repeats, found.disputed) == (61, 1, 0)
    assert found.own[track_id(999)] == "Sad"


def test_a_song_in_several_rows_counts_once_where_most_rows_put_it(tmp_path: Path) -> None:
    song = {"track_id": track_id(7)}
    found = songs(tmp_path, [song | {"label": label} for label in ("Sad", "Angry", "Angry")])
    assert (len(found), found.repeats, found.disputed) == (1, 2, 1)
    assert found.own == {track_id(7): "Angry"}
    tied = songs(tmp_path, [song | {"label": label} for label in ("Sad", "Angry")])
    assert tied.own == {track_id(7): "Sad"}


def test_valence_and_energy_are_enough(tmp_path: Path) -> None:
    found = read_labelled(write(tmp_path, rows(), ["label", "energy", "valence"]))
    assert found.features == FEATURES[:2]
    assert found.values.shape == (60, 2)
    assert found.artist_keys is None
    assert found.own == {}


def test_ids_that_are_no_tracks_are_songs_of_their_own(tmp_path: Path) -> None:
    found = songs(tmp_path, [row | {"track_id": "7"} for row in rows()])
    assert len(found) == 60
    assert found.own == {}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"label": " "}, "label is empty"),
        ({"label": "NA"}, "label is empty"),
        ({"track_artist": ""}, "artist is empty"),
        ({"valence": "x"}, "valence is not a number"),
        ({"mode": "0.5"}, "mode is out of range"),
        ({"tempo": "0"}, "tempo is out of range"),
    ],
)
def test_a_bad_row_is_counted_and_named(
    tmp_path: Path, cells: dict[str, str], reason: str
) -> None:
    bad = rows()
    bad[1] |= cells
    found = songs(tmp_path, bad)
    assert len(found) == 59
    (skipped,) = found.skipped
    assert (skipped.reason, skipped.count, skipped.lines) == (reason, 1, (3,))


def test_a_file_without_categories_says_what_they_may_be_called(tmp_path: Path) -> None:
    with pytest.raises(CatalogueUnreadable, match=r"lacks the column label or .*mood"):
        read_labelled(write(tmp_path, rows(), HEADER))


cells = st.one_of(
    st.text(max_size=6), st.floats().map(str), st.sampled_from(["[]", "NA", "sad", "SAD", "0.5"])
)


@given(st.lists(st.dictionaries(st.sampled_from(LABELLED), cells), max_size=5))
def test_whatever_a_file_holds_it_is_read_or_refused(of_songs: list[dict[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "moods.csv"
        path.write_bytes(csv_text(of_songs, LABELLED).encode("utf-8", "surrogatepass"))
        try:
            found = read_labelled(path)
        except CatalogueUnreadable:
            return
        skipped = sum(reason.count for reason in found.skipped)
        assert found.rows == len(found) + found.repeats + skipped
        assert found.values.shape == (len(found), 7)
        assert np.isfinite(found.values).all()
        assert set(found.codes.tolist()) == set(range(len(found.categories)))
        assert set(found.own.values()) <= set(found.categories)


# -- what can be learned --


def refusal(of_songs: LabelledSongs) -> str:
    with pytest.raises(LabelsUnlearnable) as error:
        check(of_songs)
    assert "moods.csv" in str(error.value)
    return str(error.value)


def test_one_category_teaches_nothing(tmp_path: Path) -> None:
    assert "only one category, Sad" in refusal(songs(tmp_path, rows()[2::3]))


def test_categories_with_too_few_songs_or_artists_are_named(tmp_path: Path) -> None:
    small = [
        row
        for number, row in enumerate(rows())
        if number % 3 == 2 or number < 3 * (FOLDS - 1)  # all that are sad, few of the others
    ]
    message = refusal(songs(tmp_path, small))
    assert f"Angry ({FOLDS - 1} songs), Happy ({FOLDS - 1} songs):" in message
    few = [row | ({"track_artist": "Ada"} if row["label"] == "Sad" else {}) for row in rows()]
    assert f"Sad (1 artist): every category needs {FOLDS} songs by {FOLDS} artists" in refusal(
        songs(tmp_path, few)
    )
    many = [row | {"label": str(number)} for number, row in enumerate(rows())]
    assert "and 57 more" in refusal(songs(tmp_path, many))


def test_enough_is_enough(tmp_path: Path) -> None:
    check(songs(tmp_path, rows(3 * FOLDS)))
    check(read_labelled(write(tmp_path, rows(3 * FOLDS), ["label", "energy", "valence"])))


# -- cross-validation --


def test_no_artist_is_on_both_sides_and_each_song_is_asked_once(tmp_path: Path) -> None:
    found = songs(tmp_path, rows(90, artists=9))
    keys = found.artist_keys
    assert keys is not None
    asked_about: list[int] = []
    for learned, asked in folds(found):
        assert not set(keys[learned]) & set(keys[asked])
        assert len(learned) + len(asked) == len(found)
        asked_about += asked.tolist()
    assert sorted(asked_about) == list(range(90))


def test_an_artists_songs_do_not_give_their_category_away(tmp_path: Path) -> None:
    """Each artist has one category and one sound: only their own songs could tell it."""
    rng = np.random.default_rng(0)
    signatures = [
        {
            "track_artist": f"Artist {artist}",
            "label": ("Angry", "Sad")[artist % 2],
            "valence": f"{rng.random():.3f}",
            "energy": f"{rng.random():.3f}",
        }
        for artist in range(40)
    ]
    by_artist = songs(
        tmp_path,
        [
            signatures[number % 40] | {"track_id": track_id(number), "tempo": "100"}
            for number in range(400)
        ],
    )
    honest = cross_validate(by_artist)
    flattered = cross_validate(replace(by_artist, artist_keys=None))
    assert flattered.macro_f1 > 0.9
    assert not flattered.by_artist
    assert honest.by_artist
    assert honest.macro_f1 < 0.75
    assert not honest.is_informed


def test_categories_that_sound_different_are_found(tmp_path: Path) -> None:
    found = cross_validate(songs(tmp_path))
    assert found.macro_f1 == found.accuracy == 1
    assert found.spread == 0
    assert found.is_informed
    assert found.confusion == ((20, 0, 0), (0, 20, 0), (0, 0, 20))
    assert found.categories["Sad"].songs == 20


def test_categories_drawn_by_lot_are_not_found(tmp_path: Path) -> None:
    drawn = songs(tmp_path, rows(300, artists=100))
    shuffled = replace(drawn, codes=np.random.default_rng(1).permutation(drawn.codes))
    found = cross_validate(shuffled)
    assert found.macro_f1 == pytest.approx(found.chance, abs=0.1)
    assert not found.is_informed


def test_the_figures_agree_with_the_confusion(tmp_path: Path) -> None:
    drawn = songs(tmp_path, rows(300, artists=100))
    noise = np.random.default_rng(2)
    codes = np.where(noise.random(300) < 0.3, noise.integers(3, size=300), drawn.codes)
    found = cross_validate(replace(drawn, codes=codes))
    confusion = np.array(found.confusion)
    assert confusion.sum() == 300
    assert found.accuracy == pytest.approx(np.trace(confusion) / 300)
    for place, score in enumerate(found.categories.values()):
        hits = confusion[place, place]
        assert score.songs == confusion[place].sum() == (codes == place).sum()
        assert score.recall == pytest.approx(hits / confusion[place].sum())
        assert score.precision == pytest.approx(hits / confusion[:, place].sum())
        assert score.f1 == pytest.approx(
            2 * score.precision * score.recall / (score.precision + score.recall)
        )
    assert found.macro_f1 == pytest.approx(np.mean(found.folds))
    assert found.spread == pytest.approx(np.std(found.folds, ddof=1))
    assert 0.6 < found.macro_f1 < 0.95


def test_a_rare_category_counts_as_much_as_a_frequent_one(tmp_path: Path) -> None:
    """Rare songs amid twenty times as many others: who follows the crowd never names them."""
    rng = np.random.default_rng(0)
    unequal = [
        {
            "track_id": track_id(number),
            "track_artist": f"Artist {number}",
            "label": "Rare" if number < 40 else "Common",
            "valence": f"{rng.uniform(0.4, 0.6) if number < 40 else rng.random():.3f}",
        }
        for number in range(840)
    ]
    found = cross_validate(songs(tmp_path, unequal))
    assert found.categories["Rare"].recall > 0.4


# -- labelling --


def test_a_catalogue_gets_the_categories_that_its_tracks_sound_like(tmp_path: Path) -> None:
    table = table_of(random_tracks(500))
    labels = label_tracks(songs(tmp_path), table)
    assert sum(labels.counts().values()) == 500
    put = np.array(labels.categories)[labels.codes]
    corner = np.hypot(table.features[:, 0] - 0.9, table.features[:, 1] - 0.8) < 0.15
    known = np.isin(table.ids, [row["track_id"].encode() for row in rows()])
    assert set(put[corner & ~known]) == {"Happy"}


def test_tracks_in_the_file_keep_the_category_that_it_names(tmp_path: Path) -> None:
    tracks = random_tracks(100)
    mine = [row for row in rows() if row["track_id"] != track_id(30)]
    odd = {"track_id": track_id(30), "label": "Sad", "valence": "0.9", "energy": "0.8"}
    seen: list[tuple[int, int]] = []
    table = table_of(tracks)
    labels = label_tracks(songs(tmp_path, [*mine, odd]), table, lambda *now: seen.append(now))
    pairs = dict(labels.pairs(table))
    assert labels.own == 60
    assert pairs[track_id(30)] == "Sad"
    assert all(pairs[row["track_id"]] == row["label"] for row in mine)
    assert len(pairs) == 100
    assert seen[-1] == (100, 100)


def test_the_same_file_gives_the_same_categories(tmp_path: Path) -> None:
    table = table_of(random_tracks(300, seed=5))
    first = label_tracks(songs(tmp_path), table)
    again = label_tracks(songs(tmp_path), table)
    assert (first.codes == again.codes).all()


def test_labels_are_stored_and_counted(tmp_path: Path) -> None:
    catalogue = Catalogue(None)
    catalogue.replace_invented(random_tracks(200))
    table = catalogue.load()
    labels = label_tracks(songs(tmp_path), table)
    catalogue.set_labels(labels.pairs(table))
    counts = {name: count for name, count in labels.counts().items() if count}
    assert catalogue.stats().labels == counts


# -- emotions --


def test_every_emotion_has_its_words() -> None:
    assert tuple(WORDS) == EMOTIONS
    assert all(emotion in words for emotion, words in WORDS.items())
    words = [word for own in WORDS.values() for word in own]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(
    ("emotion", "category"),
    [("sad", "SAD"), ("happy", "Happiness"), ("angry", "anger"), ("surprise", "Surprised")],
)
def test_a_category_goes_with_its_emotion(emotion: str, category: str) -> None:
    assert categories_of(emotion, ["", category, "Salad", "unhappy"]) == (category,)


def test_no_category_for_an_emotion_names_those_that_there_are() -> None:
    with pytest.raises(NoSuchCategory, match=r"goes with fear .*; there are Calm, Sad$"):
        categories_of("fear", ["Sad", "Calm", ""])
    with pytest.raises(NoSuchCategory, match="mirrortape catalogue label"):
        categories_of("fear", [""])


def test_only_the_tracks_of_a_category_belong_to_it() -> None:
    catalogue = Catalogue(None)
    catalogue.replace_invented(random_tracks(50))
    catalogue.set_labels((track_id(n), ("Sad", "Sadness", "Happy")[n % 3]) for n in range(40))
    table = catalogue.load()
    rows_ = np.array([3, 45, 1, 2, 0])  # as the ids are numbered
    assert in_categories(table, ("Sad", "Sadness"))(rows_).tolist() == [
        True, False, True, False, True
    ]  # fmt: skip
    assert in_categories(table, ("Happy",))(np.arange(50)).sum() == 13
