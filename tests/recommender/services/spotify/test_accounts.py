"""What is remembered of Spotify accounts, and that it cannot be read from the file."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import MultiFernet
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from recommender.errors import ConnectionExpired
from recommender.services.spotify.accounts import SpotifyAccounts
from recommender.services.spotify.authorizations import PendingAuthorization
from recommender.services.spotify.intents import (
    DESCRIPTION_CHARS,
    NAME_CHARS,
    Intent,
    PlaylistDraft,
    PublishedList,
)
from recommender.services.spotify.tokens import Profile, Tokens
from recommender.storage.database import open_database
from tests.support.spotify.spotify_world import NOON, make_cipher

TOKENS = Tokens("access-7f3a", "refresh-9c1b", NOON + timedelta(hours=1), "one two", NOON)
ROBIN = Profile("account-robin", "Robin")
DRAFT = PlaylistDraft("name", "description", ("spotify:track:a", "spotify:track:b"))


@pytest.fixture
def db() -> Database:
    return open_database(None)


@pytest.fixture
def cipher() -> MultiFernet:
    return make_cipher()


@pytest.fixture
def accounts(db: Database, cipher: MultiFernet) -> SpotifyAccounts:
    return SpotifyAccounts(db, cipher)


# -- tokens --


def test_tokens_come_back_as_they_went(accounts: SpotifyAccounts) -> None:
    assert accounts.tokens(7) is None
    assert not accounts.is_connected(7)
    accounts.connect(7, ROBIN, TOKENS)
    assert accounts.tokens(7) == TOKENS
    assert accounts.is_connected(7)
    assert accounts.profile(7) == ROBIN
    fresh = replace(TOKENS, access_token="fresh")
    assert accounts.replace_tokens(7, TOKENS, fresh) == fresh
    assert accounts.tokens(7) == fresh


def test_secrets_cannot_be_read_from_the_file(tmp_path: Path, cipher: MultiFernet) -> None:
    path = tmp_path / "mirrortape.db"
    db = open_database(path)
    accounts = SpotifyAccounts(db, cipher)
    accounts.connect(7, ROBIN, TOKENS)
    db.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"account-robin" in stored
    for secret in (b"access-7f3a", b"refresh-9c1b"):
        assert secret not in stored


def test_tokens_under_a_lost_key_mean_connecting_again(
    accounts: SpotifyAccounts, db: Database
) -> None:
    accounts.connect(7, ROBIN, TOKENS)
    with pytest.raises(ConnectionExpired):
        SpotifyAccounts(db, make_cipher()).tokens(7)


def test_disconnecting_deletes_tokens_and_open_ways_back(accounts: SpotifyAccounts) -> None:
    accounts.connect(7, ROBIN, TOKENS)
    accounts.connect(8, ROBIN, TOKENS)
    accounts.authorizations.begin(PendingAuthorization(7, "verifier"), "state", NOON)
    accounts.drop_tokens(7)
    assert accounts.tokens(7) is None
    assert accounts.authorizations.returning("state", NOON) is None
    assert accounts.tokens(8) == TOKENS


def test_a_late_refresh_brings_no_forgotten_account_back(accounts: SpotifyAccounts) -> None:
    fresh = replace(TOKENS, access_token="fresh")
    accounts.connect(7, ROBIN, TOKENS)
    accounts.drop_tokens(7)
    assert accounts.replace_tokens(7, TOKENS, fresh) is None
    assert accounts.tokens(7) is None
    accounts.forget(7)
    assert accounts.replace_tokens(7, TOKENS, fresh) is None
    accounts.playlists.set_living(7, "playlist", NOON)
    assert accounts.profile(7) is None


def test_what_a_late_refresh_brings_or_ends_does_not_touch_a_new_connection(
    accounts: SpotifyAccounts,
) -> None:
    anew = replace(TOKENS, access_token="anew", refresh_token="anew")
    accounts.connect(7, ROBIN, anew)
    assert accounts.replace_tokens(7, TOKENS, replace(TOKENS, access_token="fresh")) == anew
    accounts.end(7, TOKENS)
    assert accounts.tokens(7) == anew
    accounts.end(7, anew)
    assert accounts.tokens(7) is None


# -- the living playlist --


def test_the_living_playlist_outlives_a_disconnection_but_not_a_change_of_account(
    accounts: SpotifyAccounts,
) -> None:
    accounts.connect(7, ROBIN, TOKENS)
    assert accounts.playlists.living(7) is None
    accounts.playlists.set_living(7, "playlist", NOON)
    accounts.drop_tokens(7)
    accounts.connect(7, replace(ROBIN, display_name="Robin B."), TOKENS)
    assert accounts.playlists.living(7) == PublishedList("playlist", NOON)
    accounts.connect(7, Profile("another", "Alex"), TOKENS)
    assert accounts.playlists.living(7) is None


def test_a_newer_intent_keeps_the_marker_of_an_older_one(accounts: SpotifyAccounts) -> None:
    assert accounts.playlists.intent(7) is None
    accounts.playlists.intend(7, DRAFT, NOON)
    assert accounts.playlists.intent(7) == Intent(DRAFT, None)
    accounts.playlists.mark(7, "[mt-1]", NOON)
    newer = replace(DRAFT, uris=("spotify:track:c",))
    accounts.playlists.intend(7, newer, NOON)
    assert accounts.playlists.intent(7) == Intent(newer, "[mt-1]", NOON)
    accounts.playlists.unmark(7)
    assert accounts.playlists.intent(7) == Intent(newer, "[mt-1]")
    accounts.playlists.fulfil(7, newer)
    assert accounts.playlists.intent(7) is None
    accounts.playlists.intend(7, DRAFT, NOON)
    assert accounts.playlists.intent(7) == Intent(DRAFT, None)


def test_only_the_connected_are_unfinished(accounts: SpotifyAccounts) -> None:
    accounts.connect(7, ROBIN, TOKENS)
    accounts.playlists.intend(7, DRAFT, NOON)
    accounts.playlists.intend(8, DRAFT, NOON)
    accounts.connect(9, ROBIN, TOKENS)
    assert accounts.playlists.unfinished(NOON) == [7]


def test_a_wait_that_a_clock_ahead_has_stored_ends(accounts: SpotifyAccounts) -> None:
    accounts.connect(7, ROBIN, TOKENS)
    accounts.playlists.intend(7, DRAFT, NOON)
    accounts.playlists.postpone(7, NOON, timedelta(hours=1))
    assert accounts.playlists.unfinished(NOON) == []
    accounts.playlists.postpone(7, NOON + timedelta(days=1500), timedelta(hours=1))
    assert accounts.playlists.unfinished(NOON) == [7]


def test_a_playlist_stored_by_a_clock_ahead_is_not_retried_forever(
    accounts: SpotifyAccounts,
) -> None:
    accounts.connect(7, ROBIN, TOKENS)
    accounts.playlists.intend(7, DRAFT, NOON + timedelta(days=1500))
    assert accounts.playlists.unfinished(NOON) == []


def test_the_cooldown_of_each_app_is_remembered(accounts: SpotifyAccounts) -> None:
    assert accounts.cooldown("") is None
    accounts.cool_down("", NOON)
    accounts.cool_down("", NOON + timedelta(hours=3))
    accounts.cool_down("their own", NOON)
    assert accounts.cooldown("") == NOON + timedelta(hours=3)
    accounts.authorizations.use_app(7, "their own")
    accounts.forget(7)
    assert accounts.cooldown("their own") is None
    assert accounts.cooldown("") == NOON + timedelta(hours=3)


def test_the_cooldown_of_an_app_that_two_share_ends_for_neither(
    accounts: SpotifyAccounts,
) -> None:
    accounts.cool_down("theirs", NOON)
    for user_id in (7, 8):
        accounts.authorizations.use_app(user_id, "theirs")
    accounts.forget(7)
    assert accounts.cooldown("theirs") == NOON
    accounts.forget(8)
    assert accounts.cooldown("theirs") is None


def test_the_cooldown_of_an_older_version_is_the_owners(
    accounts: SpotifyAccounts, db: Database, cipher: MultiFernet
) -> None:
    db.execute("drop table spotify_cooldowns")
    db.execute("delete from _sqlite_migrations where name = 'm002_cooldown_of_each_app'")
    db.table("spotify_cooldown").insert({"id": 1, "until_utc": NOON.isoformat()}, pk="id")
    assert SpotifyAccounts(db, cipher).cooldown("") == NOON


def test_forgetting_leaves_no_row_about_the_user(accounts: SpotifyAccounts, db: Database) -> None:
    for user_id in (7, 8):
        pending = PendingAuthorization(user_id, "verifier")
        accounts.authorizations.begin(pending, f"state {user_id}", NOON)
        accounts.authorizations.arrive(pending, "123456", NOON)
        accounts.authorizations.use_app(user_id, "their own")
        accounts.connect(user_id, ROBIN, TOKENS)
        accounts.playlists.intend(user_id, DRAFT, NOON)
        accounts.notices.note_end(user_id)
    accounts.forget(7)
    tables = [table for table in db.tables if "user_id" in table.columns_dict]
    assert len(tables) == 6
    for table in tables:
        assert [row["user_id"] for row in table.rows] == [8]


# -- drafts --


@given(name=st.text(min_size=1), description=st.text(), spare=st.integers(0, 50))
def test_a_fitted_draft_is_one_that_spotify_takes(name: str, description: str, spare: int) -> None:
    fitted = PlaylistDraft(name, description, ()).fitted(spare)
    assert len(fitted.name) <= NAME_CHARS
    assert len(fitted.description) <= DESCRIPTION_CHARS - spare
    assert "\n" not in fitted.name + fitted.description
    assert fitted.fitted(spare) == fitted


# -- intents --


def test_a_newer_playlist_takes_over_the_right_to_a_new_one(accounts: SpotifyAccounts) -> None:
    kept = accounts.playlists
    accounts.connect(7, ROBIN, TOKENS)
    kept.set_living(7, "stays", NOON)
    kept.intend(7, replace(DRAFT, saved_id=1, starts_new=True), NOON)
    kept.intend(7, replace(DRAFT, saved_id=2), NOON)  # rewrites the one that was never begun
    begun = kept.begin(7, NOON)
    assert begun is not None
    assert begun.draft.saved_id == 2
    assert kept.living(7) is None


def test_what_was_begun_is_completed_by_what_comes_after_it(accounts: SpotifyAccounts) -> None:
    kept = accounts.playlists
    accounts.connect(7, ROBIN, TOKENS)
    kept.intend(7, replace(DRAFT, saved_id=1, starts_new=True), NOON)
    kept.begin(7, NOON)
    kept.set_living(7, "half done", NOON)
    newer = replace(DRAFT, saved_id=2, uris=("spotify:track:c",), starts_new=True)
    kept.intend(7, newer, NOON)
    kept.begin(7, NOON)
    assert kept.living(7) == PublishedList("half done", NOON)


def test_what_is_written_while_a_newer_one_waits_leaves_that_alone(
    accounts: SpotifyAccounts,
) -> None:
    kept = accounts.playlists
    accounts.connect(7, ROBIN, TOKENS)
    older = replace(DRAFT, saved_id=1, starts_new=True)
    newer = replace(DRAFT, saved_id=2, uris=("spotify:track:c",), starts_new=True)
    kept.intend(7, older, NOON)
    kept.begin(7, NOON)
    kept.set_living(7, "complete", NOON)
    kept.intend(7, newer, NOON)
    kept.amend(7, replace(older, uris=("spotify:track:d",)))
    kept.fulfil(7, older)
    assert kept.intent(7) == Intent(newer, None)
    kept.begin(7, NOON)
    assert kept.living(7) is None  # so the complete one stays as it is


def test_an_intent_of_before_the_update_goes_on_where_it_was() -> None:
    db = open_database(None)
    SpotifyAccounts(db, make_cipher())
    db.execute("alter table spotify_intents drop column starts_new")
    db.execute("alter table spotify_intents drop column begun")
    db.execute("delete from _sqlite_migrations where name = 'm003_new_playlists'")
    db.execute(
        "insert into spotify_intents (user_id, name, description, uris, created_utc)"
        " values (7, 'name', 'words', '[]', ?)",
        [NOON.isoformat()],
    )
    accounts = SpotifyAccounts(db, make_cipher())
    accounts.connect(7, ROBIN, TOKENS)
    accounts.playlists.set_living(7, "new already", NOON)
    accounts.playlists.intend(7, replace(DRAFT, starts_new=True), NOON)
    accounts.playlists.begin(7, NOON)
    assert accounts.playlists.living(7) == PublishedList("new already", NOON)
