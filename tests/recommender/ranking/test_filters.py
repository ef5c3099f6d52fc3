"""Filters, favourites and the names in them, on catalogues small enough to count by hand."""

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommender.catalogue.genre_families import FAMILIES, families_of
from recommender.catalogue.names import check_artists, check_genres
from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import Track
from recommender.errors import TooFewTracks, UnknownName
from recommender.mood.targets import EMOTIONS, MODES
from recommender.ranking.favourites import (
    ARTIST_WEIGHT,
    GENRE_WEIGHT,
    NEIGHBOUR_WEIGHT,
    Favourites,
    favourite_rows,
)
from recommender.ranking.filters import filters, passes_all
from recommender.recommend import Recommendation, recommend
from recommender.taste.preferences import USUAL, Preferences
from recommender.taste.taste import Taste
from tests.support.songs import opinion, random_tracks, table_of

GENRES = ("pop", "rock", "jazz")


def with_years(tracks: list[Track], years: list[int]) -> TrackTable:
    """Return a table of tracks, ordered by their ids, that came out in these years."""
    table = table_of(tracks)
    by_row = np.empty(len(table), dtype=np.int16)
    by_row[table.rows_by_id] = years
    return replace(table, years=by_row)


TRACKS = [
    replace(track, explicit=number % 4 == 0)
    for number, track in enumerate(random_tracks(300, artists=100))
]
USUAL_SOUND = {
    "tempo_bpm": 120.0,
    "acousticness": 0.2,
    "danceability": 0.6,
    "mode": 1,
    "loudness_db": -7.0,
    "instrumentalness": 0.0,
    "speechiness": 0.06,
}
"""What makes tracks differ in valence and energy alone."""

YEARS = [0 if number % 7 == 0 else 1950 + number % 70 for number in range(300)]
TABLE = with_years(TRACKS, YEARS)
YEAR_OF = {track.id: year for track, year in zip(TRACKS, YEARS, strict=True)}

year = st.none() | st.integers(1950, 2020)
years = st.tuples(year, year).filter(lambda each: None in each or each[0] <= each[1])
wishes = st.builds(
    lambda years, **others: Preferences(first_year=years[0], last_year=years[1], **others),
    years=years,
    allows_explicit=st.booleans(),
    banned_artists=st.lists(
        st.integers(0, 99).map(lambda n: f"ARTIST {n}"), max_size=20, unique=True
    ).map(tuple),
    banned_genres=st.sets(st.sampled_from(GENRES), max_size=2).map(tuple),
)


def playlist(
    table: TrackTable = TABLE,
    preferences: Preferences = USUAL,
    *,
    length: int = 20,
    emotion: str = "neutral",
    mode: str = "match",
    taste: Taste | None = None,
    seed: int = 0,
) -> Recommendation:
    return recommend(
        table,
        probabilities={emotion: 1.0},
        mode=mode,
        length=length,
        taste=taste or Taste(),
        recent=(),
        rng=np.random.default_rng(seed),
        preferences=preferences,
    )


def is_wanted(track: Track, wish: Preferences) -> bool:
    """Return whether a track passes, told in the plainest way."""
    released = YEAR_OF[track.id]
    return (
        (wish.allows_explicit or not track.explicit)
        and (wish.first_year is None or (released != 0 and released >= wish.first_year))
        and (wish.last_year is None or (released != 0 and released <= wish.last_year))
        and track.artist.upper() not in wish.banned_artists
        and track.genre not in wish.banned_genres
    )


@given(wishes)
def test_filters_let_through_exactly_what_they_say(wish: Preferences) -> None:
    passing = passes_all([each.passes for each in filters(TABLE, wish)])(np.arange(len(TABLE)))
    assert passing.tolist() == [is_wanted(TABLE.track(row), wish) for row in range(len(TABLE))]


@given(
    wishes,
    st.sampled_from(EMOTIONS),
    st.sampled_from(MODES),
    st.integers(1, 30),
    st.integers(0, 9),
)
def test_nothing_filtered_out_is_ever_chosen(
    wish: Preferences, emotion: str, mode: str, length: int, seed: int
) -> None:
    wanted = [track for track in TRACKS if is_wanted(track, wish)]
    by_artist = Counter(track.artist for track in wanted)
    if sum(min(count, 2) for count in by_artist.values()) < length:
        with pytest.raises(TooFewTracks) as refusal:
            playlist(preferences=wish, length=length, emotion=emotion, mode=mode, seed=seed)
        assert refusal.value.left == len(wanted)
        assert refusal.value.then_left > len(wanted)
        assert refusal.value.costly
    else:
        picks = playlist(
            preferences=wish, length=length, emotion=emotion, mode=mode, seed=seed
        ).picks
        assert len(picks) == length
        assert all(is_wanted(pick.track, wish) for pick in picks)


def test_a_ban_finds_every_spelling() -> None:
    wish = Preferences(banned_artists=("the artist 3", "Artist 4, and Friends"))
    tracks = {pick.track.artist for pick in playlist(preferences=wish, length=100).picks}
    assert not {"Artist 3", "Artist 4"} & tracks
    assert len(tracks) > 40


# -- too few --


def test_the_filter_that_costs_most_is_named_with_exact_counts() -> None:
    table = with_years(TRACKS, [1962] * 3 + [1980] * 237 + [0] * 60)
    wish = Preferences(first_year=1960, last_year=1965, banned_artists=("Artist 150",))
    with pytest.raises(TooFewTracks) as refusal:
        playlist(table, wish)
    error = refusal.value
    assert str(error) == (
        "Only 3 tracks are left for 20 places. The filter that costs most: the years 1960 to "
        "1965. Allow other years, and 300 are left."
    )
    assert (error.left, error.places, error.costly, error.then_left) == (3, 20, ("years",), 300)


def test_filters_that_only_help_together_are_named_together() -> None:
    table = with_years(TRACKS, [1980] * 300)
    wish = Preferences(last_year=1970, banned_genres=GENRES)
    with pytest.raises(TooFewTracks) as refusal:
        playlist(table, wish)
    assert str(refusal.value) == (
        "No track is left for 20 places. The filters that cost most: the years up to 1970 and the "
        "ban on pop, rock and 1 more. Allow other years and genres that you banned, and 300 are "
        "left."
    )


def test_disliked_tracks_are_not_counted_as_left() -> None:
    table = with_years(TRACKS, [1962] * 8 + [1980] * 292)
    wish = Preferences(first_year=1960, last_year=1965)
    taste = Taste(tuple(opinion(track, -1.0) for track in TRACKS[:5] + TRACKS[100:110]))
    with pytest.raises(TooFewTracks) as refusal:
        playlist(table, wish, taste=taste)
    assert (refusal.value.left, refusal.value.then_left) == (3, 285)


def test_too_few_artists_are_told_apart_from_too_few_tracks() -> None:
    tracks = [replace(t, explicit=t.artist != "Artist 0") for t in random_tracks(90, artists=3)]
    with pytest.raises(TooFewTracks) as refusal:
        playlist(table_of(tracks), Preferences(allows_explicit=False), length=6)
    assert str(refusal.value) == (
        "The 30 tracks that are left fill only 2 of 6 places: they are by too few artists, or the "
        "same songs. The filter that costs most: no explicit tracks. Allow explicit tracks, and "
        "90 are left."
    )


def test_a_catalogue_that_knows_no_years_says_so() -> None:
    with pytest.raises(TooFewTracks, match=r"the year 1994 \(this catalogue knows no years\)"):
        playlist(table_of(TRACKS), Preferences(first_year=1994, last_year=1994))


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (6, "Only 4 tracks are left for 20 places. The filter that costs most: no explicit "
         "tracks. Allow explicit tracks, and 6 are left, still too few."),
        (21, "Only 19 tracks are left for 20 places. The filter that costs most: no explicit "
         "tracks. Allow explicit tracks, and 21 are left; or ask for 19 tracks at most."),
    ],
)  # fmt: skip
def test_what_would_help_is_told(count: int, said: str) -> None:
    tracks = [replace(t, explicit=n < 2) for n, t in enumerate(random_tracks(count))]
    with pytest.raises(TooFewTracks) as refusal:
        playlist(table_of(tracks), Preferences(allows_explicit=False))
    assert str(refusal.value) == said


def test_filters_are_not_blamed_for_a_small_catalogue() -> None:
    table = table_of(random_tracks(6))
    assert len(playlist(table, Preferences(allows_explicit=False)).picks) == 6


# -- favourites --


BY_ARTIST = {track.artist: track.genre for track in TRACKS}


def bonus_of(wish: Preferences) -> NDArray[np.float32]:
    """Return the bonus of every track."""
    favourites = Favourites(TABLE, wish, favourite_rows(TABLE, wish))
    return favourites.bonus(np.arange(len(TABLE)))


def test_favourites_weigh_more() -> None:
    wish = Preferences(favourite_artists=("the ARTIST 4",), favourite_genres=("Rock",))
    tracks = list(map(TABLE.track, range(len(TABLE))))
    bonus = bonus_of(wish)
    assert bonus.dtype == np.float32
    for track, found in zip(tracks, bonus.tolist(), strict=True):
        by_genre = GENRE_WEIGHT * (track.genre == "rock")
        if track.artist == "Artist 4":
            assert found == pytest.approx(ARTIST_WEIGHT + by_genre)
        else:  # whoever shares a genre with the favourite artist comes next
            of_same_genre = track.genre == BY_ARTIST["Artist 4"]
            assert by_genre <= found <= by_genre + NEIGHBOUR_WEIGHT * of_same_genre + 1e-6
    assert not bonus_of(USUAL).any()


def test_favourites_come_more_often() -> None:
    table = table_of([replace(track, **USUAL_SOUND) for track in TRACKS])

    def count(preferences: Preferences) -> Counter[str]:
        picks = [
            pick
            for seed in range(5)
            for pick in playlist(table, preferences, length=10, seed=seed).picks
        ]
        return Counter(name for pick in picks for name in (pick.track.genre, pick.track.artist))

    before = count(USUAL)
    artists = [name for name in before if name.startswith("Artist")]
    after = [count(Preferences(favourite_artists=(name,)))[name] for name in artists]
    assert count(Preferences(favourite_genres=("jazz",)))["jazz"] > before["jazz"]
    assert sum(after) > 1.2 * sum(before[name] for name in artists)


def test_favourites_are_given_as_reasons_but_not_at_once_again() -> None:
    wish = Preferences(favourite_genres=("jazz",), favourite_artists=("Artist 4",))
    picks = playlist(preferences=wish, length=100).picks
    says_artist = ["by one of your favourites" in pick.reason for pick in picks]
    says_jazz = ["jazz is one of your favourites" in pick.reason for pick in picks]
    assert any(says_artist)
    assert any(says_jazz)
    for n, pick in enumerate(picks):
        just_said = slice(max(n - 2, 0), n)
        is_favourite = pick.track.artist == "Artist 4"
        assert says_artist[n] == (is_favourite and not any(says_artist[just_said]))
        is_news = (
            pick.track.genre == "jazz" and not says_artist[n] and not any(says_jazz[just_said])
        )
        assert says_jazz[n] == is_news


# -- names --


def test_a_known_name_is_fine_in_any_spelling() -> None:
    check_artists(TABLE, ["ARTIST 7", "The Artist 8"])
    check_genres(TABLE, ["Jazz", "POP"])


def test_an_unknown_artist_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no artist 'Artist 700', but Artist \d+,"):
        check_artists(TABLE, ["Artist 7", "Artist 700"])
    with pytest.raises(UnknownName, match=r"no artist 'Qzx', nor one spelled like it$"):
        check_artists(TABLE, ["Qzx"])


def test_an_unknown_genre_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"no genre 'jaz', but jazz$"):
        check_genres(TABLE, ["jaz"])
    with pytest.raises(UnknownName, match=r"no genre 'klezmer', but pop, rock, jazz$"):
        check_genres(TABLE, ["klezmer"])
    nameless = table_of([replace(track, genre="") for track in TRACKS])
    with pytest.raises(UnknownName, match="knows no genres"):
        check_genres(nameless, ["pop"])


def test_a_track_that_nobody_checked_is_not_clean() -> None:
    clean = np.arange(3000) % 100 == 7  # 30 of them
    table = replace(table_of(random_tracks(3000)), explicit_known=clean)
    wish = Preferences(allows_explicit=False)
    found = playlist(table, wish)
    assert clean[table.rows(pick.track.id for pick in found.picks)].all()
    assert not [each for each in found.relaxed if each.kind == "explicit"]
    with pytest.raises(TooFewTracks, match="Only 30 tracks are left for 40 places"):
        playlist(table, wish, length=40)


def test_a_catalogue_that_checked_nothing_says_that_the_filter_cannot_be_kept() -> None:
    tracks = random_tracks(300)
    tracks[::3] = [replace(track, name=f"{track.name} (Fucking Mix)") for track in tracks[::3]]
    table = table_of(tracks)
    table = replace(table, explicit_known=np.zeros(300, dtype=np.bool_))
    found = playlist(table, Preferences(allows_explicit=False))
    assert not [pick for pick in found.picks if "Fucking" in pick.track.name]
    (told,) = [each for each in found.relaxed if each.kind == "explicit"]
    assert str(told) == (
        "You asked for no explicit songs, but my catalogue doesn't say which are: I only left out "
        "titles with explicit words."
    )
    assert not [each for each in playlist(table).relaxed if each.kind == "explicit"]


def test_a_ban_on_a_family_holds_for_its_members() -> None:
    genres = ("big room", "deep house", "pop", "dance pop", "rock")
    tracks = [
        replace(track, genre=genres[number % 5]) for number, track in enumerate(random_tracks(500))
    ]
    picks = playlist(table_of(tracks), Preferences(banned_genres=("edm",)), length=50).picks
    assert {pick.track.genre for pick in picks} <= {"pop", "dance pop", "rock"}


MANY_GENRES = (
    "big room",
    "techno",
    "dance pop",
    "k-pop",
    "latin pop",
    "reggaeton",
    "hard rock",
    "death metal",
    "trap",
    "neo soul",
    "bebop",
    "",
)
MANY = table_of(
    [
        replace(
            track, artist=f"Artist {number}", genre=", ".join(filter(None, MANY_GENRES[k : k + 2]))
        )
        for number, track in enumerate(random_tracks(600))
        for k in [number % len(MANY_GENRES)]
    ]
)
family_names = st.sampled_from([family.name for family in FAMILIES])


@given(st.sets(family_names, max_size=4), st.sampled_from(EMOTIONS), st.integers(0, 9))
def test_no_member_of_a_banned_family_is_ever_chosen(
    banned: set[str], emotion: str, seed: int
) -> None:
    wish = Preferences(banned_genres=tuple(sorted(banned)))
    found = playlist(MANY, wish, emotion=emotion, seed=seed, length=10)
    genres = {genre for pick in found.picks for genre in pick.track.genre.split(", ")}
    assert genres
    for genre in genres:
        assert not banned & set(families_of(genre))


def test_an_artist_is_of_the_genre_of_most_of_their_tracks() -> None:
    tracks = [
        replace(track, artist="The Loud", genre="pop" if number % 4 == 0 else "hard rock")
        for number, track in enumerate(random_tracks(8))
    ]
    others = random_tracks(60)[8:]
    table = table_of([*tracks, *others])
    banned = playlist(table, Preferences(banned_genres=("rock",)), length=10).picks
    assert "The Loud" not in {pick.track.artist for pick in banned}


@pytest.mark.parametrize(
    ("today", "is_played"),
    [
        (None, False),
        (date(2026, 7, 1), False),
        (date(2026, 12, 5), False),
        (date(2026, 12, 24), True),
        (date(2026, 12, 27), False),
    ],
)
def test_christmas_songs_are_for_christmas(today: date | None, *, is_played: bool) -> None:
    tracks = [
        replace(track, name=f"Merry Christmas {number}" if number % 2 else track.name)
        for number, track in enumerate(random_tracks(200))
    ]
    found = recommend(
        table_of(tracks),
        probabilities={"neutral": 1.0},
        mode="match",
        length=20,
        taste=Taste(),
        recent=(),
        rng=np.random.default_rng(0),
        today=today,
    )
    assert any("Christmas" in pick.track.name for pick in found.picks) == is_played


def test_no_title_speaks_of_self_harm() -> None:
    tracks = [
        replace(track, name="Kill Yourself (Part III)" if number % 2 else track.name)
        for number, track in enumerate(random_tracks(200))
    ]
    picks = playlist(table_of(tracks), length=50).picks
    assert not [pick for pick in picks if "Kill" in pick.track.name]


def test_music_for_children_is_only_for_those_who_wish_it() -> None:
    tracks = [
        replace(track, genre="children" if number % 2 else "pop")
        for number, track in enumerate(random_tracks(200))
    ]
    table = table_of(tracks)
    assert {pick.track.genre for pick in playlist(table).picks} == {"pop"}
    wished = playlist(table, Preferences(favourite_genres=("children",))).picks
    assert "children" in {pick.track.genre for pick in wished}


def test_the_dial_moves_the_popularity() -> None:
    table = table_of([replace(track, **USUAL_SOUND) for track in random_tracks(2000)])
    table = replace(table, popularity=np.random.default_rng(1).random(2000, dtype=np.float32))

    def popularity(dial: str) -> float:
        wish = Preferences(popularity=dial)
        picks = [pick for seed in range(5) for pick in playlist(table, wish, seed=seed).picks]
        return float(np.mean([table.popularity[table.rows([pick.track.id])[0]] for pick in picks]))

    assert popularity("familiar") > popularity("mixed") + 0.1
    assert popularity("deep") < popularity("mixed") - 0.1


def test_two_favourites_with_the_same_song_get_no_cover_of_it() -> None:
    covers = [
        replace(track, name="Heaven", artist=f"Artist {number}")
        for number, track in enumerate(random_tracks(4))
    ]
    table = table_of([*covers, *random_tracks(400)[4:]])
    wish = Preferences(favourite_artists=tuple(f"Artist {number}" for number in range(4)))
    for seed in range(5):
        picks = playlist(table, wish, length=30, seed=seed).picks
        assert [pick.track.name for pick in picks].count("Heaven") == 1
