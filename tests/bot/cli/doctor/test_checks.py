"""What `doctor` finds, each thing well and broken."""

import json
import os
import shutil
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import typer
from cryptography.fernet import Fernet, MultiFernet
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner

from bot.cli.doctor import checks
from bot.cli.doctor.checks import examine
from bot.cli.doctor.command import doctor
from bot.runtime.database_lock import in_use
from bot.runtime.run import utc_now
from bot.settings import load_settings
from bot.storage.records import open_stores
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.invented import fill
from tests.support.first_run import CLIENT_ID, TOKEN, UNKNOWN_ID, Operator, settle
from tests.support.spotify.spotify_world import Server
from vision.network.weights import WEIGHTS

app = typer.Typer()
app.command()(doctor)

KEY = Fernet.generate_key().decode()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a catalogue and a database, to be copied."""
    folder = tmp_path_factory.mktemp("filled")
    catalogue = Catalogue(folder / "catalogue.db")
    fill(catalogue, 1)
    catalogue.close()
    open_stores(folder / "mirrortape.db", MultiFernet([Fernet(KEY)])).people.db.close()
    return folder


@pytest.fixture
def operator(
    server: Server, filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Operator:
    """Somebody for whom everything is well."""
    settle(tmp_path, server.url, monkeypatch)
    operator = Operator(server, tmp_path)
    operator.env.write_text(
        f"TELEGRAM_BOT_TOKEN={TOKEN}\nALLOWED_TELEGRAM_IDS=42\nSECRET_KEY={KEY}\n"
        f"SPOTIFY_CLIENT_ID={CLIENT_ID}\n"
    )
    operator.env.chmod(0o600)
    shutil.copytree(filled, tmp_path / "data")
    return operator


def found(now: datetime | None = None) -> dict[str, tuple[str, str]]:
    """Return each finding's verdict and words, by its name."""
    findings = examine(Path(".env"), utc_now if now is None else lambda: now)
    return {finding.what: (finding.verdict, finding.says) for finding in findings}


def only_wrong(what: str) -> str:
    """Return what is said of the one thing that is wrong."""
    all_found = found()
    wrong = {name for name, (verdict, _) in all_found.items() if verdict != "ok"}
    assert wrong == {what}, all_found
    return all_found[what][1]


def test_where_all_is_well(operator: Operator) -> None:
    before = {file: file.read_bytes() for file in operator.folder.rglob("*") if file.is_file()}
    ended = CliRunner().invoke(app, [], catch_exceptions=False)
    assert ended.exit_code == 0, ended.stdout
    *lines, end = ended.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 14
    assert end.startswith("All is well.")
    after = {file: file.read_bytes() for file in operator.folder.rglob("*") if file.is_file()}
    assert {file: content for file, content in after.items() if file in before} == before
    assert {file.suffix for file in after.keys() - before.keys()} <= {".db-shm", ".db-wal"}


def test_as_json(operator: Operator) -> None:
    ended = CliRunner().invoke(app, ["--json"], catch_exceptions=False)
    told = json.loads(ended.stdout)
    assert (ended.exit_code, told["ok"]) == (0, True)
    assert {"what": "secret key", "verdict": "ok", "says": "it is a key"} in told["checks"]
    operator.env.chmod(0o640)
    ended = CliRunner().invoke(app, ["--json"], catch_exceptions=False)
    assert (ended.exit_code, json.loads(ended.stdout)["ok"]) == (2, False)


def test_of_nothing_each_line_says_what_to_do(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(tmp_path, server.url, monkeypatch)
    Operator(server, tmp_path)
    ended = CliRunner().invoke(app, [], catch_exceptions=False)
    assert ended.exit_code == 2
    assert ended.stdout.endswith("4 things to mend.\n")
    for told in ("`mirrortape setup`", "TELEGRAM_BOT_TOKEN is empty", "catalogue fetch"):
        assert told in ended.stdout


def test_without_a_network_each_line_says_so(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TELEGRAM_API_URL", "SPOTIFY_API_URL", "SPOTIFY_ACCOUNTS_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    all_found = found()
    not_well = {what: told for what, told in all_found.items() if told[0] != "ok"}
    unreachable = "127.0.0.1:9 cannot be reached; check the connection and try again"
    assert not_well == {
        "Telegram": ("wrong", unreachable),
        "Spotify": ("wrong", unreachable),
        "clock": ("unknown", "no service answers that it could be compared with"),
    }


# -- the webhook --


@pytest.fixture
def public(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Operator:
    monkeypatch.setenv("PUBLIC_URL", "https://bot.example")
    return operator


def test_where_telegram_delivers(public: Operator) -> None:
    assert found()["webhook"] == (
        "ok",
        "the bot will have Telegram deliver to https://bot.example/webhook",
    )
    public.webhook = "https://bot.example/webhook"
    assert found()["webhook"] == ("ok", "Telegram delivers to https://bot.example/webhook")


def test_a_webhook_that_does_not_work_while_the_bot_runs(
    public: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with in_use(public.folder / "data" / "mirrortape.db", load_settings()):
        public.webhook = "https://other.example"
        assert "restart the bot" in only_wrong("webhook")
        public.webhook = "https://bot.example/webhook"
        public.undelivered_at = int(utc_now().timestamp()) - 3600
        assert found()["webhook"][0] == "ok"
        public.undelivered_at = int(utc_now().timestamp())
        says = only_wrong("webhook")
    assert "cannot deliver (Connection refused); let https://bot.example lead to 127." in says
    monkeypatch.setenv("WEBHOOK_SECRET", "short")
    says = only_wrong("webhook")
    assert "16 to 256" in says
    assert "short" not in says


# -- settings --


def test_a_setting_that_cannot_be_read(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    all_found = found()
    assert all_found["settings"][0] == "wrong"
    assert "LOG_LEVEL" in all_found["settings"][1]
    assert all_found["the rest"][0] == "unknown"


def test_an_env_file_that_others_may_read(operator: Operator) -> None:
    operator.env.chmod(0o644)
    assert only_wrong(".env") == "others may read the keys in it (644); run: chmod 600 .env"


@pytest.mark.parametrize(
    ("name", "value", "what", "told"),
    [
        ("SECRET_KEY", "torn", "secret key", "not a complete key"),
        ("ALLOWED_TELEGRAM_IDS", "", "people", "`mirrortape setup`"),
        ("ALLOWED_TELEGRAM_IDS", "@anna,42", "people", "no number: @anna"),
        ("TELEGRAM_BOT_TOKEN", f"1:{'x' * 35}", "Telegram", "does not know TELEGRAM_BOT_TOKEN"),
        ("SPOTIFY_CLIENT_ID", UNKNOWN_ID, "Spotify", "no app of this SPOTIFY_CLIENT_ID"),
        ("SPOTIFY_REDIRECT_URI", "http://localhost/callback", "redirect URI", "127.0.0.1"),
        ("WEB_ADDRESS", "127.0.0.1:99999", "web pages", "from 1 to 65535"),
        ("OPS_ADDRESS", "127.0.0.1:0", "health page", "another OPS_ADDRESS"),
        ("OPS_ADDRESS", "0.0.0.0:8081", "health page", "for this computer alone"),
    ],
)
def test_a_setting_that_will_not_do(
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    what: str,
    told: str,
) -> None:
    monkeypatch.setenv(name, value)
    said = only_wrong(what)
    assert told in said
    if name == "TELEGRAM_BOT_TOKEN":
        assert value not in said


def test_everybody_and_nobodys_spotify_are_fine(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_TELEGRAM_IDS", "*")
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", "")
    all_found = found()
    assert all_found["people"] == ("ok", "everybody on Telegram may use the bot")
    assert all_found["Spotify"][0] == "ok"
    assert "lists of links" in all_found["Spotify"][1]


# -- services --


def test_a_clock_that_is_wrong(operator: Operator) -> None:
    for off in (timedelta(hours=-2), timedelta(minutes=3)):
        verdict, said = found(utc_now() + off)["clock"]
        assert verdict == "wrong"
        assert ("ahead of" if off > timedelta() else "behind") in said


def test_a_web_api_that_is_down_is_not_well(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTIFY_API_URL", "http://127.0.0.1:9/v1")
    assert "127.0.0.1:9 cannot be reached" in only_wrong("Spotify")


def test_a_secret_that_spotify_refuses(operator: Operator) -> None:
    async def token(request: Request) -> Response:
        told = {"error": "invalid_client", "error_description": "Invalid client secret"}
        return PlainTextResponse(json.dumps(told), 400, media_type="application/json")

    operator.serve(Route("/spotify/api/token", token, methods=["POST"]))
    assert "refuses SPOTIFY_CLIENT_SECRET" in only_wrong("Spotify")


# -- files --


def test_weights_that_were_altered_or_lost(tmp_path: Path) -> None:
    copy = tmp_path / WEIGHTS.name
    assert "missing" in checks.weights_file(copy).says
    copy.write_bytes(WEIGHTS.read_bytes()[:-1])
    shutil.copy(f"{WEIGHTS}.sha256", f"{copy}.sha256")
    altered = checks.weights_file(copy)
    assert altered.verdict == "wrong"
    assert "SHA-256" in altered.says


def sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def overwrite(path: Path) -> None:
    """Leave the head of a database and write over what follows."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


@pytest.mark.parametrize(
    ("name", "what"), [("catalogue.db", "catalogue"), ("mirrortape.db", "database")]
)
def test_a_damaged_file(operator: Operator, name: str, what: str) -> None:
    path = operator.folder / "data" / name
    overwrite(path)
    assert "is damaged" in only_wrong(what)
    path.write_bytes(b"not a database, but long enough to look at" * 40)
    assert "is damaged (file is not a database)" in only_wrong(what)


def test_a_catalogue_with_nothing_or_too_little_in_it(operator: Operator) -> None:
    path = operator.folder / "data" / "catalogue.db"
    sql(path, "alter table tracks drop column year")
    assert "lacks year" in only_wrong("catalogue")
    sql(path, "alter table tracks add column year integer", "delete from tracks")
    assert only_wrong("catalogue") == "it is empty; run: mirrortape catalogue fetch"
    path.unlink()
    assert only_wrong("catalogue") == "there is none yet; run: mirrortape catalogue fetch"


def test_a_database_of_another_version(operator: Operator) -> None:
    path = operator.folder / "data" / "mirrortape.db"
    sql(path, "delete from _sqlite_migrations where migration_set = 'gone'")
    verdict, said = found()["database"]
    assert (verdict, "brought up to date" in said) == ("ok", True)
    sql(
        path,
        "insert into _sqlite_migrations (migration_set, name, applied_at)"
        " values ('gone', 'm999', '')",
    )
    assert "a newer version" in only_wrong("database")


def test_a_database_that_somebody_holds(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.storage.inspection.BUSY_S", 0.1)
    path = operator.folder / "data" / "mirrortape.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("begin immediate")
    assert "cannot be written to: database is locked" in only_wrong("database")
    connection.close()


def test_a_folder_that_cannot_be_written_to(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (operator.folder / "data" / "mirrortape.db").unlink()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # whoever runs the tests may all
    assert f"{operator.folder / 'data'} cannot be written to" in only_wrong("database")


def test_a_full_disk(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LEAST_FREE_MB", 10**12)
    assert "make room" in only_wrong("disk")


def test_one_port_for_two_pages(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_ADDRESS", os.environ["WEB_ADDRESS"])
    assert "WEB_ADDRESS has that port" in only_wrong("health page")


def test_a_running_bot_may_have_its_ports(
    operator: Operator, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_ADDRESS", server.url.removeprefix("http://"))
    assert "Address already in use" in only_wrong("web pages")
    with in_use(operator.folder / "data" / "mirrortape.db", load_settings()):
        assert found()["web pages"][0] == "ok"
