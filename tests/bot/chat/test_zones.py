"""Time zones by name, by country, and by where somebody is."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.zones import OFFERED, OFFERED_BY_NAME, city, find_zones, is_zone, zones_near

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        (" Berlin ", "Europe/Berlin"),
        ("Berlin, Germany", "Europe/Berlin"),
        ("Munich, Germany", "Europe/Berlin"),
        ("berlin time", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("New York City", "America/New_York"),
        ("São Paulo", "America/Sao_Paulo"),
        ("buenos", "America/Argentina/Buenos_Aires"),
        ("India", "Asia/Kolkata"),
        ("UK", "Europe/London"),
        ("Korea", "Asia/Seoul"),
        ("South Korea", "Asia/Seoul"),
        ("Turkey", "Europe/Istanbul"),
        ("utc", "UTC"),
    ],
)
def test_a_name_that_means_one_clock(words: str, zone: str) -> None:
    assert find_zones(words, NOW) == (zone,)


def test_a_large_country_has_several_clocks_the_main_ones_first() -> None:
    assert find_zones("USA", NOW)[:3] == ("America/New_York", "America/Chicago", "America/Denver")
    assert "Australia/Sydney" in find_zones("Australia", NOW)
    assert len(find_zones("Russia", NOW)) == OFFERED_BY_NAME


@pytest.mark.parametrize("words", ["", " ", "a", "Atlantis", "+2", "EST", "hello there, you", "☃"])
def test_what_names_no_place(words: str) -> None:
    assert find_zones(words, NOW) == ()


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ((52.5, 13.4), "Europe/Berlin"),
        ((41.9, 12.5), "Europe/Rome"),
        ((40.7, -74.0), "America/New_York"),
        ((37.8, -122.4), "America/Los_Angeles"),
        ((33.4, -112.1), "America/Phoenix"),
        ((-33.9, 151.2), "Australia/Sydney"),
        ((19.1, 72.9), "Asia/Kolkata"),
        ((48.6, 7.8), "Europe/Paris"),
        ((39.9, 116.4), "Asia/Shanghai"),
    ],
)
def test_the_clock_of_a_place_is_among_those_offered(
    place: tuple[float, float], zone: str
) -> None:
    offered = zones_near(*place, NOW)
    assert len(offered) == OFFERED
    assert any(_shows_the_same(zone, other) for other in offered)
    assert not any(
        _shows_the_same(one, other) for one in offered for other in offered if one != other
    )


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_everywhere_on_earth_there_is_a_choice(latitude: float, longitude: float) -> None:
    assert len(zones_near(latitude, longitude, NOW)) == OFFERED


def test_a_zone_is_called_after_its_city() -> None:
    assert city("America/Argentina/Buenos_Aires") == "Buenos Aires"
    assert city("UTC") == "UTC"


def test_only_names_of_the_database_are_zones() -> None:
    assert is_zone("Europe/Berlin")
    assert not is_zone("../../etc/passwd")
    assert not is_zone("Europe")


def _shows_the_same(zone: str, other: str) -> bool:
    months = [NOW.replace(month=month) for month in range(1, 13)]
    return all(
        month.astimezone(ZoneInfo(zone)).utcoffset()
        == month.astimezone(ZoneInfo(other)).utcoffset()
        for month in months
    )
