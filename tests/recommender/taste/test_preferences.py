import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.catalogue.tracks import genre_key
from recommender.errors import BadPreference
from recommender.taste.preferences import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    MOST_NAMES,
    USUAL,
    Preferences,
    parse_years,
)


def test_who_settles_nothing_may_be_given_everything() -> None:
    assert (USUAL.length, USUAL.mode, USUAL.allows_explicit) == (20, "match", True)
    assert (USUAL.first_year, USUAL.last_year) == (None, None)
    assert USUAL.banned_artists == USUAL.banned_genres == ()
    assert USUAL.favourite_artists == USUAL.favourite_genres == ()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"length": 4}, "a playlist has 5 to 50 tracks, not 4"),
        ({"length": 51}, "a playlist has 5 to 50 tracks, not 51"),
        ({"mode": "up"}, "there is no mode 'up'; choose match, lift, calm"),
        ({"first_year": 1999, "last_year": 1990}, "the earlier year comes first: 1990 to 1999"),
        ({"first_year": 19}, "a year of release lies between 1850 and 2100, not at 19"),
        ({"last_year": 20_000}, "a year of release lies between 1850 and 2100, not at 20000"),
        ({"banned_artists": ("Nina", " ")}, "a banned artist needs a name"),
        ({"favourite_genres": ("",)}, "a favourite genre needs a name"),
        (
            {"favourite_artists": tuple(f"A {n}" for n in range(MOST_NAMES + 1))},
            "there may be 100 favourite artists at most, not 101",
        ),
        (
            {"banned_artists": ("The Tigers",), "favourite_artists": ("Nina", "TIGERS")},
            "The Tigers cannot be banned and a favourite at once",
        ),
        (
            {"banned_genres": ("Hip Hop",), "favourite_genres": ("hip-hop",)},
            "Hip Hop cannot be banned and a favourite at once",
        ),
    ],
)
def test_each_impossible_setting_is_told(settings: dict[str, object], said: str) -> None:
    with pytest.raises(BadPreference) as refusal:
        Preferences(**settings)
    assert str(refusal.value) == said


def test_the_limits_themselves_are_possible() -> None:
    for length in (5, 50):
        assert Preferences(length=length).length == length
    Preferences(first_year=EARLIEST_YEAR, last_year=LATEST_YEAR)
    Preferences(first_year=1994, last_year=1994)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("1990-1999", (1990, 1999)),
        (" 1990 – 1999 ", (1990, 1999)),
        ("1990-", (1990, None)),
        ("-1999", (None, 1999)),
        ("1994", (1994, 1994)),
    ],
)
def test_years_as_people_write_them(text: str, years: tuple[int | None, int | None]) -> None:
    assert parse_years(text) == years


@pytest.mark.parametrize("text", ["", "-", "90-99", "19901999", "1990 1999", "the nineties", "٣"])
def test_what_is_no_years_is_told(text: str) -> None:
    with pytest.raises(BadPreference, match="1990-1999, 1990- or -1999, not"):
        parse_years(text)


@given(st.text())
def test_any_text_is_years_or_refused(text: str) -> None:
    try:
        first, last = parse_years(text)
    except BadPreference:
        return
    assert first is not None or last is not None


def test_spellings_of_a_genre_are_one() -> None:
    assert len({genre_key(name) for name in ("hip hop", "Hip-Hop", " HIP_HOP ")}) == 1
    assert genre_key("pop") != genre_key("k-pop")
