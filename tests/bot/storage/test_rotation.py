"""Keys are replaced while everybody works, and what lies in the wrong place opens nowhere."""

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlite_utils import Database

from bot.runtime.database_lock import in_use
from bot.settings import Settings
from bot.storage.forgotten import Forgotten
from bot.storage.inbox_table import InboxTable, NewUpdate
from bot.storage.people import People
from bot.storage.records import SEALED
from recommender.errors import ConnectionExpired
from recommender.services.spotify.accounts import SpotifyAccounts
from recommender.services.spotify.authorizations import PendingAuthorization
from recommender.services.spotify.tokens import Profile, Tokens
from recommender.storage.database import open_database
from recommender.storage.rotation import Rotation, rotate
from recommender.storage.sealing import ACCOUNTS, WAYS, Seal
from tests.support.command_line import mirrortape
from tests.support.spotify.spotify_world import NOON, make_cipher

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
ROBIN = Profile("account-robin", "Robin")


def ciphered(*keys: str) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def tokens_of(user_id: int, number: int = 0) -> Tokens:
    return Tokens(f"access {user_id} {number}", "refresh", NOON + timedelta(hours=1), "", NOON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirrortape.db"


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    db = open_database(path)
    yield db
    db.close()


def fill(db: Database, *keys: str, users: range = range(3)) -> SpotifyAccounts:
    accounts = SpotifyAccounts(db, ciphered(*keys))
    People(db, ciphered(*keys))
    Forgotten(db, Seal(ciphered(*keys)))
    for user_id in users:
        accounts.connect(user_id, ROBIN, tokens_of(user_id))
        pending = PendingAuthorization(user_id, f"verifier {user_id}", code=f"code {user_id}")
        accounts.authorizations.begin(pending, f"state {user_id}", NOON)
    return accounts


# -- bound to their place --


def test_what_was_sealed_for_one_place_opens_in_no_other() -> None:
    seal = Seal(make_cipher())
    sealed = seal.close(ACCOUNTS, 7, "text")
    assert seal.open(ACCOUNTS, 7, sealed) == "text"
    for place, user_id in ((ACCOUNTS, 8), (WAYS, 7)):
        with pytest.raises(InvalidToken):
            seal.open(place, user_id, sealed)
        with pytest.raises(InvalidToken):
            seal.renew(place, user_id, sealed)


@pytest.mark.parametrize("text", ["verifier", "7", '"text"', "[]", '{"access_token": "a"}'])
def test_what_was_encrypted_for_nobody_opens_for_nobody(text: str) -> None:
    cipher = make_cipher()
    with pytest.raises(InvalidToken):
        Seal(cipher).open(ACCOUNTS, 7, cipher.encrypt(text.encode()).decode())


def test_swapped_rows_are_not_used(db: Database) -> None:
    accounts = fill(db, OLD)
    db.execute(
        "update spotify_accounts set tokens_encrypted ="
        " (select tokens_encrypted from spotify_accounts where user_id = 1) where user_id = 2"
    )
    db.execute("update spotify_accounts set user_id = 9 where user_id = 0")
    db.execute("update spotify_ways set user_id = 2 where user_id = 1")
    for user_id in (2, 9):
        with pytest.raises(ConnectionExpired):
            accounts.tokens(user_id)
    assert accounts.tokens(1) == tokens_of(1)
    assert accounts.authorizations.returning("state 1", NOON) is None
    assert accounts.authorizations.returning("state 0", NOON) is not None


def test_what_an_earlier_version_stored_is_bound_once(db: Database) -> None:
    cipher = ciphered(NEW, OLD)
    accounts = fill(db, OLD)
    old_style = {n: ciphered(OLD).encrypt(tokens_of(n).to_json().encode()) for n in range(2)}
    for user_id, value in old_style.items():
        write = "update spotify_accounts set tokens_encrypted = ? where user_id = ?"
        db.execute(write, [value.decode(), user_id])
    db.execute("update spotify_accounts set tokens_encrypted = 'no key' where user_id = 2")
    db.execute("delete from _sqlite_migrations where migration_set = 'sealing'")
    accounts = SpotifyAccounts(db, cipher)
    assert [accounts.tokens(n) for n in old_style] == [tokens_of(n) for n in old_style]
    with pytest.raises(ConnectionExpired):
        accounts.tokens(2)
    db.execute(write, [old_style[1].decode(), 1])  # from a copy of the old days
    with pytest.raises(ConnectionExpired):
        SpotifyAccounts(db, cipher).tokens(1)


# -- rotation --


def test_every_sealed_column_is_rotated(db: Database) -> None:
    fill(db, OLD)
    secret = re.compile("sealed|encrypted")
    named = {(t.name, c) for t in db.tables for c in t.columns_dict if secret.search(c)}
    assert named <= {(place.table, place.column) for place in SEALED}


def test_after_a_rotation_the_new_key_alone_reads_everything(db: Database) -> None:
    fill(db, OLD)
    db.execute("update spotify_accounts set tokens_encrypted = null where user_id = 0")
    assert rotate(db, ciphered(NEW, OLD), SEALED) == Rotation(renewed=5, unreadable=())
    accounts = SpotifyAccounts(db, ciphered(NEW))
    assert [accounts.tokens(n) for n in range(3)] == [None, tokens_of(1), tokens_of(2)]
    for user_id in range(3):
        pending = accounts.authorizations.returning(f"state {user_id}", NOON)
        accounts.authorizations.use_up(f"state {user_id}")
        assert pending is not None
        assert pending.verifier == f"verifier {user_id}"
    assert rotate(db, ciphered(NEW), SEALED) == Rotation(renewed=2, unreadable=())


def said_in(inbox: InboxTable) -> list[str]:
    """Return what waits in the inbox and opens."""
    begun = [inbox.begin(waiting.update_id) for waiting in inbox.unhandled(NOON)]
    return [each.payload for each in begun if each is not None]


def test_what_waits_in_the_inbox_is_sealed_and_rotated_too(db: Database) -> None:
    fill(db, OLD, users=range(0))
    inbox = People(db, ciphered(OLD)).inbox
    inbox.add([NewUpdate(1, 7, "what Anna said"), NewUpdate(2, None, "what nobody said")], NOON)
    (before, _) = db.table("inbox").rows
    assert "Anna" not in before["payload"]
    assert rotate(db, ciphered(NEW, OLD), SEALED) == Rotation(renewed=2, unreadable=())
    assert said_in(People(db, ciphered(NEW)).inbox) == ["what Anna said", "what nobody said"]
    assert rotate(db, ciphered(OLD), SEALED) == Rotation(renewed=0, unreadable=(7,))
    assert said_in(People(db, ciphered(OLD)).inbox) == []


def test_who_was_forgotten_is_sealed_and_rotated_too(db: Database) -> None:
    fill(db, OLD, users=range(0))
    Forgotten(db, Seal(ciphered(OLD))).note(7, NOON)
    assert rotate(db, ciphered(NEW, OLD), SEALED) == Rotation(renewed=1, unreadable=())
    assert Forgotten(db, Seal(ciphered(NEW))).all() == {7: NOON}
    assert not Forgotten(db, Seal(ciphered(OLD))).is_readable()


def test_what_an_earlier_version_left_in_the_inbox_is_sealed(db: Database) -> None:
    People(db, ciphered(OLD)).inbox.add([NewUpdate(1, 7, "")], NOON)
    db.execute("update inbox set payload = 'in clear'")
    db.execute("delete from _sqlite_migrations where migration_set = 'inbox'")
    inbox = People(db, ciphered(OLD)).inbox
    assert "clear" not in next(iter(db.table("inbox").rows))["payload"]
    assert said_in(inbox) == ["in clear"]


def test_a_rotation_broken_off_anywhere_loses_nothing_and_is_finished_by_the_next(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(db, OLD)
    accounts = SpotifyAccounts(db, ciphered(NEW, OLD))
    renew = Seal.renew
    for stop_at in range(6):
        steps = iter(range(7))

        def renew_or_stop(
            self: Seal, *place: str, at: int = stop_at, steps: Iterator[int] = steps
        ) -> str:
            if next(steps) == at:
                raise KeyboardInterrupt
            return renew(self, *place)

        monkeypatch.setattr(Seal, "renew", renew_or_stop)
        with pytest.raises(KeyboardInterrupt):
            rotate(db, ciphered(NEW, OLD), SEALED)
        assert [accounts.tokens(n) for n in range(3)] == [tokens_of(n) for n in range(3)]
    monkeypatch.setattr(Seal, "renew", renew)
    assert rotate(db, ciphered(NEW, OLD), SEALED).renewed == 6
    assert SpotifyAccounts(db, ciphered(NEW)).tokens(2) == tokens_of(2)


def test_what_no_key_opens_is_named_and_stays(db: Database) -> None:
    lost = Fernet.generate_key().decode()
    fill(db, OLD)
    fill(db, lost, users=range(7, 9))
    db.execute("update spotify_accounts set user_id = 5 where user_id = 0")  # moved
    before = list(db.table("spotify_accounts").rows_where("user_id in (5, 7, 8)"))
    assert rotate(db, ciphered(NEW, OLD), SEALED) == Rotation(renewed=5, unreadable=(5, 7, 8))
    assert list(db.table("spotify_accounts").rows_where("user_id in (5, 7, 8)")) == before
    assert rotate(db, ciphered(NEW, lost), SEALED).renewed == 5 + 4
    assert SpotifyAccounts(db, ciphered(NEW)).tokens(8) == tokens_of(8)


def test_keys_are_rotated_under_load_and_nothing_becomes_unreadable(
    db: Database, path: Path
) -> None:
    """A writer, two readers and a rotation, each with a connection of its own."""
    users, rounds = range(10), 15
    fill(db, OLD, users=users)
    done, failures, read = threading.Event(), [], [0, 0]
    newest: dict[int, Tokens] = {}

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)
            done.set()

    def write() -> None:
        accounts = SpotifyAccounts(opened := open_database(path), ciphered(NEW, OLD))
        number = 0
        while not done.is_set():
            number += 1
            user_id = number % len(users)
            if number % 7 == 0:
                accounts.drop_tokens(user_id)
            newest[user_id] = tokens_of(user_id, number)
            accounts.connect(user_id, ROBIN, newest[user_id])
        opened.close()

    def read_all(reader: int) -> None:
        accounts = SpotifyAccounts(opened := open_database(path), ciphered(NEW, OLD))
        while not done.is_set():
            for user_id in users:
                tokens = accounts.tokens(user_id)
                assert tokens is None or tokens.access_token.startswith(f"access {user_id} ")
                read[reader] += 1
        opened.close()

    works = [write, lambda: read_all(0), lambda: read_all(1)]
    threads = [threading.Thread(target=guarded, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    try:
        for number in range(rounds):
            keys = (OLD, NEW) if number % 2 else (NEW, OLD)  # back and forth: each has work
            assert rotate(db, ciphered(*keys), SEALED).unreadable == ()
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert min(read) > rounds
    rotate(db, ciphered(NEW, OLD), SEALED)
    accounts = SpotifyAccounts(db, ciphered(NEW))
    assert {user_id: accounts.tokens(user_id) for user_id in newest} == newest


# -- the command --


def run(folder: Path, key: str) -> subprocess.CompletedProcess[str]:
    return mirrortape("rotate-keys", folder=folder, DATA_DIR=str(folder), SECRET_KEY=key)


def test_the_command_says_how_many_rows(db: Database, path: Path) -> None:
    fill(db, OLD)
    done = run(path.parent, f"{NEW},{OLD}")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("6 rows are encrypted with the newest key.\n")
    assert SpotifyAccounts(db, ciphered(NEW)).tokens(1) == tokens_of(1)


def test_the_command_names_whom_it_could_not_read(db: Database, path: Path) -> None:
    fill(db, OLD)
    fill(db, Fernet.generate_key().decode(), users=range(41, 43))
    done = run(path.parent, f"{NEW},{OLD}")
    assert done.returncode == 2
    assert done.stdout == "6 rows are encrypted with the newest key.\n"
    assert len(done.stderr.splitlines()) == 1
    assert "2 users opens with none" in done.stderr
    assert ": 41, 42." in done.stderr


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "SECRET_KEY is empty"),
        ("nonsense", "SECRET_KEY is not a complete key"),
        (f"{NEW},{OLD[:-2]}", "Key 2 of SECRET_KEY is not a complete key"),
        (NEW, "there is no user data in"),
    ],
    ids=["empty", "nonsense", "second bad", "no data"],
)
def test_the_command_says_in_one_line_what_is_missing(
    tmp_path: Path, key: str, words: str
) -> None:
    done = run(tmp_path, key)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert OLD[:-2] not in done.stderr
    assert not (tmp_path / "mirrortape.db").exists()


def test_nothing_is_taken_from_under_a_bot_that_does_not_know_the_new_key(
    db: Database, path: Path
) -> None:
    accounts = fill(db, OLD)
    with in_use(path, Settings(secret_key=OLD)):
        refused = run(path.parent, f"{NEW},{OLD}")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "restart it, then run this again" in refused.stderr
        assert accounts.tokens(1) == tokens_of(1)
    with in_use(path, Settings(secret_key=f"{NEW},{OLD}")):
        assert run(path.parent, f"{NEW},{OLD}").returncode == 0
    assert OLD not in path.with_name("mirrortape.db.running").read_text()
    assert SpotifyAccounts(db, ciphered(NEW)).tokens(1) == tokens_of(1)
