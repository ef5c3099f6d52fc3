"""Who is under way to Spotify's consent page: once, not for long, and nobody else."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import MultiFernet
from sqlite_utils import Database

from recommender.errors import AuthorizationStale, WrongDigits
from recommender.services.spotify.accounts import SpotifyAccounts
from recommender.services.spotify.authorizations import (
    AUTHORIZATION_LASTS,
    DIGITS_LAST,
    MAX_TRIES,
    Authorizations,
    PendingAuthorization,
)
from recommender.storage.database import open_database
from tests.support.spotify.spotify_world import NOON, make_cipher

SECOND = timedelta(seconds=1)
ANNA = PendingAuthorization(7, "verifier-0a44", "app", "code-11ff")
BEN = PendingAuthorization(8, "verifier-9b3e")


@pytest.fixture
def db() -> Iterator[Database]:
    db = open_database(None)
    yield db
    db.close()


@pytest.fixture
def cipher() -> MultiFernet:
    return make_cipher()


@pytest.fixture
def under_way(db: Database, cipher: MultiFernet) -> Authorizations:
    return SpotifyAccounts(db, cipher).authorizations


def take(under_way: Authorizations, state: str, now: datetime) -> PendingAuthorization | None:
    """Come back from the consent page and use the link up."""
    pending = under_way.returning(state, now)
    under_way.use_up(state)
    return pending


# -- there and back --


def test_a_way_back_works_once(under_way: Authorizations) -> None:
    under_way.begin(ANNA, "state", NOON)
    assert under_way.owner("state") == 7
    assert take(under_way, "state", NOON + AUTHORIZATION_LASTS) == ANNA
    assert take(under_way, "state", NOON) is None
    assert under_way.owner("state") is None


def test_a_way_back_that_is_unknown_or_too_late_leads_nowhere(under_way: Authorizations) -> None:
    under_way.begin(ANNA, "state", NOON)
    assert under_way.owner("another") is None
    assert take(under_way, "another", NOON) is None
    assert take(under_way, "state", NOON + AUTHORIZATION_LASTS + SECOND) is None
    assert take(under_way, "state", NOON) is None


def test_who_is_under_way_is_known_while_the_link_works(under_way: Authorizations) -> None:
    assert not under_way.is_under_way(7, NOON)
    under_way.begin(ANNA, "state", NOON)
    assert under_way.is_under_way(7, NOON + AUTHORIZATION_LASTS)
    assert not under_way.is_under_way(7, NOON + AUTHORIZATION_LASTS + SECOND)
    assert not under_way.is_under_way(8, NOON)


def test_those_who_never_came_back_are_dropped(under_way: Authorizations, db: Database) -> None:
    under_way.begin(ANNA, "old", NOON)
    under_way.begin(BEN, "new", NOON + AUTHORIZATION_LASTS + SECOND)
    assert [row["user_id"] for row in db.table("spotify_ways").rows] == [8]


def test_what_was_sealed_by_a_lost_key_leads_nowhere(
    under_way: Authorizations, db: Database
) -> None:
    under_way.begin(ANNA, "state", NOON)
    under_way.arrive(ANNA, "123456", NOON)
    other = Authorizations(db, make_cipher())
    assert take(other, "state", NOON) is None
    with pytest.raises(AuthorizationStale):
        other.try_digits(7, "123456", NOON)


def test_a_row_given_to_another_listener_leads_nowhere(
    under_way: Authorizations, db: Database
) -> None:
    under_way.begin(ANNA, "state", NOON)
    under_way.arrive(ANNA, "123456", NOON)
    db.execute("update spotify_ways set user_id = 8")
    db.execute("update spotify_arrivals set user_id = 8")
    assert take(under_way, "state", NOON) is None
    with pytest.raises(AuthorizationStale):
        under_way.try_digits(8, "123456", NOON)


def test_secrets_cannot_be_read_from_the_file(tmp_path: Path, cipher: MultiFernet) -> None:
    db = open_database(tmp_path / "mirrortape.db")
    under_way = Authorizations(db, cipher)
    under_way.begin(ANNA, "state-5d2e", NOON)
    under_way.arrive(ANNA, "271828", NOON)
    under_way.use_app(7, "their-own-app")
    db.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"their-own-app" in stored
    for secret in (b"state-5d2e", b"271828", b"verifier-0a44", b"code-11ff"):
        assert secret not in stored


def test_an_older_database_loses_no_more_than_who_was_under_way(cipher: MultiFernet) -> None:
    db = open_database(None)
    db.execute("create table spotify_authorizations (state_sha256 text primary key)")
    Authorizations(db, cipher).begin(ANNA, "state", NOON)
    assert "spotify_authorizations" not in db.table_names()
    db.close()


# -- the six digits --


def test_the_digits_work_once(under_way: Authorizations) -> None:
    under_way.arrive(ANNA, "123456", NOON)
    assert under_way.try_digits(7, "123456", NOON + DIGITS_LAST) == ANNA
    under_way.end_arrival(7)
    assert under_way.try_digits(7, "123456", NOON) is None


def test_right_digits_cost_no_try_until_what_comes_of_them_is_stored(
    under_way: Authorizations,
) -> None:
    under_way.arrive(ANNA, "123456", NOON)
    for _ in range(MAX_TRIES + 1):
        assert under_way.try_digits(7, "123456", NOON) == ANNA


def test_a_clock_set_back_makes_neither_link_nor_digits_good_for_longer(
    under_way: Authorizations,
) -> None:
    under_way.begin(ANNA, "state", NOON)
    under_way.arrive(ANNA, "123456", NOON)
    before = NOON - timedelta(days=3)
    assert not under_way.is_under_way(7, before)
    assert under_way.returning("state", before) is None
    with pytest.raises(AuthorizationStale):
        under_way.try_digits(7, "123456", before)


def test_the_digits_are_good_in_the_chat_that_began_alone(under_way: Authorizations) -> None:
    under_way.arrive(ANNA, "123456", NOON)
    assert under_way.try_digits(8, "123456", NOON) is None
    under_way.arrive(BEN, "654321", NOON)
    with pytest.raises(WrongDigits):
        under_way.try_digits(8, "123456", NOON)
    assert under_way.try_digits(7, "123456", NOON) == ANNA


def test_five_tries_and_no_more(under_way: Authorizations) -> None:
    under_way.arrive(ANNA, "123456", NOON)
    for left in reversed(range(MAX_TRIES)):
        with pytest.raises(WrongDigits) as wrong:
            under_way.try_digits(7, "000000", NOON)
        assert wrong.value.tries_left == left
    assert under_way.try_digits(7, "123456", NOON) is None


def test_the_fifth_try_may_be_the_right_one(under_way: Authorizations) -> None:
    under_way.arrive(ANNA, "123456", NOON)
    for _ in range(MAX_TRIES - 1):
        with pytest.raises(WrongDigits):
            under_way.try_digits(7, "000000", NOON)
    assert under_way.try_digits(7, "123456", NOON) == ANNA


def test_digits_end_after_five_minutes(under_way: Authorizations) -> None:
    under_way.arrive(ANNA, "123456", NOON)
    with pytest.raises(AuthorizationStale):
        under_way.try_digits(7, "123456", NOON + DIGITS_LAST + SECOND)
    assert under_way.try_digits(7, "123456", NOON) is None


def test_the_newest_digits_count_with_tries_of_their_own(under_way: Authorizations) -> None:
    under_way.arrive(ANNA, "123456", NOON)
    with pytest.raises(WrongDigits):
        under_way.try_digits(7, "000000", NOON)
    under_way.arrive(ANNA, "654321", NOON + 4 * DIGITS_LAST)
    with pytest.raises(WrongDigits) as wrong:
        under_way.try_digits(7, "123456", NOON + 4 * DIGITS_LAST)
    assert wrong.value.tries_left == MAX_TRIES - 1
    assert under_way.try_digits(7, "654321", NOON + 4 * DIGITS_LAST) == ANNA


# -- apps and the end --


def test_an_app_of_their_own_is_kept_until_they_go_back_to_the_owners(
    under_way: Authorizations,
) -> None:
    assert under_way.app_of(7) == ""
    under_way.use_app(7, "one")
    under_way.use_app(7, "two")
    under_way.drop(7)  # disconnecting does not change it
    assert (under_way.app_of(7), under_way.app_of(8)) == ("two", "")
    under_way.use_app(7, "")
    assert under_way.app_of(7) == ""


def test_dropping_ends_every_way_back_of_one_listener(under_way: Authorizations) -> None:
    for who, state in ((ANNA, "a"), (BEN, "b")):
        under_way.begin(who, state, NOON)
        under_way.arrive(who, "123456", NOON)
    under_way.drop(7)
    assert take(under_way, "a", NOON) is None
    assert under_way.try_digits(7, "123456", NOON) is None
    assert take(under_way, "b", NOON) == BEN
    assert under_way.try_digits(8, "123456", NOON) == BEN
