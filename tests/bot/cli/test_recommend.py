"""The filters, favourites and settings of `mirrortape recommend`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.cli.recommend import recommend
from recommender.catalogue.catalogue import Catalogue
from recommender.listeners.store import MusicStore
from recommender.storage.database import open_database
from tests.support.songs import HEADER, csv_text, track_id

app = typer.Typer()
app.command()(recommend)

COUNT = 200
DATE = "track_album_release_date"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue: every fourth track explicit, thirds by genre, one year in fifty after another.

    The year of the last twenty is unknown.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    rows = [
        {
            "track_id": track_id(n),
            "track_name": f"Song {n}",
            "track_artist": f"Artist {n % 50}",
            "playlist_genre": ("pop", "rock", "jazz")[n % 3],
            "valence": str(n / COUNT),
            "energy": str(n * 7 % COUNT / COUNT),
            "explicit": str(n % 4 == 0),
            DATE: f"{1950 + n % 50}-05-17" if n < COUNT - 20 else "",
        }
        for n in range(COUNT)
    ]
    path = tmp_path / "songs.csv"
    path.write_text(csv_text(rows, [*HEADER, "explicit", DATE]), encoding="utf-8")
    catalogue = Catalogue(tmp_path / "data" / "catalogue.db")
    catalogue.import_csv(path)
    catalogue.close()
    return tmp_path / "data"


def numbers(*words: str) -> list[int]:
    """Run a command that succeeds in silence and return the numbers of its tracks."""
    command = ["--emotion", "neutral", *words, "--json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    found = [int(track["id"]) for track in json.loads(result.stdout)["tracks"]]
    assert found
    return found


def refused(*words: str) -> str:
    """Run a command that fails as it should and return its one line on stderr."""
    result = CliRunner().invoke(app, ["--emotion", "neutral", *words], catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


def settle(data: Path, user_id: int, **settings: object) -> None:
    db = open_database(data / "mirrortape.db")
    MusicStore(db).preferences.change(user_id, datetime(2026, 11, 20, tzinfo=UTC), **settings)
    db.close()


def test_no_explicit() -> None:
    assert any(n % 4 == 0 for n in numbers("--length", "40"))
    assert not any(n % 4 == 0 for n in numbers("--length", "40", "--no-explicit"))


def test_years() -> None:
    found = numbers("--years", "1960-1969")
    assert len(found) == 20
    assert all(10 <= n % 50 < 20 and n < COUNT - 20 for n in found)
    assert all(n % 50 >= 40 for n in numbers("--years", "1990-", "--length", "8"))
    assert all(n % 50 < 20 for n in numbers("--years", "-1969"))


def test_bans_may_be_repeated() -> None:
    words = ["--ban-artist", "artist 3", "--ban-artist", "The Artist 4", "--ban-genre", "Rock"]
    found = numbers("--length", "60", *words)
    assert not any(n % 50 in (3, 4) or n % 3 == 1 for n in found)


def test_favourites_come_with_their_reason() -> None:
    words = ["--emotion", "neutral", "--length", "60", "--json", "--favourite-genre", "jazz"]
    result = CliRunner().invoke(app, [*words, "--favourite-artist", "Artist 7"])
    reasons = {track["artist"]: track["reason"] for track in json.loads(result.stdout)["tracks"]}
    assert "by one of your favourites" in reasons["Artist 7"]
    assert any("jazz is one of your favourites" in reason for reason in reasons.values())


def test_the_settings_of_a_user_hold_where_no_option_says_otherwise(data: Path) -> None:
    settle(
        data, 7, length=12, mode="calm", allows_explicit=False, last_year=1969,
        banned_artists=("Artist 5",), banned_genres=("rock",),
    )  # fmt: skip
    found = numbers("--user", "7")
    assert len(found) == 12
    assert all(n % 4 and n % 50 < 20 and n % 50 != 5 and n % 3 != 1 for n in found)
    changed = numbers(
        "--user", "7", "--length", "3", "--explicit", "--years", "1970-", "--ban-genre", "jazz"
    )
    assert len(changed) == 3
    assert all(n % 50 >= 20 and n % 3 == 0 for n in changed)
    result = CliRunner().invoke(app, ["--emotion", "sad", "--user", "7", "--json"])
    assert json.loads(result.stdout)["mode"] == "calm"
    assert len(numbers("--user", "7", "--mode", "match")) == 12


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--years", "nineties"), "like 1990-1999, 1990- or -1999, not 'nineties'."),
        (("--years", "1999-1990"), "the earlier year comes first: 1990 to 1999."),
        (("--years", "1066"), "between 1850 and 2100, not at 1066."),
        (("--ban-artist", "Artst 7"), "no artist 'Artst 7', but Artist 7,"),
        (("--favourite-genre", "jaz"), "no genre 'jaz', but jazz."),
        (("--ban-genre", " "), "a banned genre needs a name."),
        (
            ("--ban-genre", "pop", "--favourite-genre", "POP"),
            "pop cannot be banned and a favourite at once.",
        ),
        (
            ("--years", "1960-1960"),
            "Only 4 tracks are left for 20 places. The filter that costs most: the year 1960. "
            "Allow other years, and 200 are left.",
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line(words: tuple[str, ...], said: str) -> None:
    assert said in refused(*words)


def test_what_was_relaxed_is_printed_and_in_the_json() -> None:
    words = ["--emotion", "happy", "--length", "100"]
    result = CliRunner().invoke(app, [*words, "--json"])
    (mood,) = json.loads(result.stdout)["relaxed"]
    assert (mood["kind"], mood["places"]) == ("mood", 100)
    assert mood["text"].startswith(f"{mood['tracks']} of 100 tracks are some way off the mood, ")
    assert mood["text"] in CliRunner().invoke(app, words).stdout
    few = ["--emotion", "happy", "--length", "1", "--json"]
    assert json.loads(CliRunner().invoke(app, few).stdout)["relaxed"] == []
