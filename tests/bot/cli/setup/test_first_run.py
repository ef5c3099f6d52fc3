import os
import stat
from typing import Any

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.cli.doctor.checks import refusal_to_listen
from bot.cli.env_file import set_value
from bot.cli.setup.answers import SetupStopped
from bot.cli.setup.first_run import run_first
from bot.runtime.run import utc_now
from tests.support.contracts import ROOT
from tests.support.first_run import (
    CLIENT_ID,
    OWNER,
    TOKEN,
    UNKNOWN_ID,
    FakeTerminal,
    Operator,
    free_address,
)
from tests.support.spotify.spotify_world import Server

EXAMPLE = (ROOT / ".env.example").read_text()
KEY, OTHER_KEY = (Fernet.generate_key().decode() for _ in range(2))


def first_run(operator: Operator, **answers: list[str]) -> FakeTerminal:
    """Go through the set-up; the owner sends the code that is shown."""
    terminal = FakeTerminal({"Token": [TOKEN], **answers})
    terminal.while_waiting = lambda shown: send(operator, shown.code)
    go(operator, terminal)
    return terminal


def go(operator: Operator, terminal: Any) -> None:
    run_first(terminal, operator.env, EXAMPLE, utc_now)


def send(operator: Operator, text: str, user_id: int = OWNER) -> None:
    operator.telegram.send_text(user_id, text)


def in_env(operator: Operator) -> dict[str, str | None]:
    return dotenv_values(operator.env)


def done(operator: Operator, **more: str) -> None:
    """Have a `.env` as an earlier run leaves it."""
    values = {"TELEGRAM_BOT_TOKEN": TOKEN, "ALLOWED_TELEGRAM_IDS": "42", "SECRET_KEY": KEY}
    text = EXAMPLE
    for name, value in (values | more).items():
        text = set_value(text, name, value)
    operator.env.write_text(text)


def test_from_nothing_to_settings(operator: Operator) -> None:
    terminal = first_run(operator, Client=[CLIENT_ID])
    written = in_env(operator)
    Fernet(written.pop("SECRET_KEY") or "")
    assert written == {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "ALLOWED_TELEGRAM_IDS": str(OWNER),
        "SPOTIFY_CLIENT_ID": CLIENT_ID,
    }
    assert stat.S_IMODE(operator.env.stat().st_mode) == 0o600
    comments = [line for line in EXAMPLE.splitlines() if line.startswith("#")]
    assert [line for line in operator.env.read_text().splitlines() if line[:1] == "#"] == comments
    assert f"http://{os.environ['WEB_ADDRESS']}/callback" in terminal.shown
    assert "Kim, number 42: is it you?" in terminal.asked
    assert "Spotify knows the app." in terminal.said
    chat = operator.telegram.chats[OWNER]
    assert "you are my owner" in list(chat.messages.values())[-1]["text"]
    assert len(operator.telegram.updates) == 0  # `run` will not answer the code


def test_asked_again_enter_keeps_everything(operator: Operator) -> None:
    done(
        operator,
        SPOTIFY_CLIENT_ID=CLIENT_ID,
        PUBLIC_URL="https://bot.example",
        SECRET_KEY=f"{KEY}, {OTHER_KEY}",
    )
    before = operator.env.read_bytes()
    operator.env.chmod(0o644)
    terminal = FakeTerminal()
    go(operator, terminal)
    assert operator.env.read_bytes() == before
    assert stat.S_IMODE(operator.env.stat().st_mode) == 0o600
    assert TOKEN not in terminal.everything()
    assert "Token [Enter keeps 1234...wxyz]" in terminal.asked
    assert KEY not in terminal.everything()


# -- the token --


def test_a_wrong_token_is_asked_for_again_and_none_is_ever_shown(operator: Operator) -> None:
    unknown = f"123456789:{'B' * 35}"
    terminal = first_run(operator, Token=["", "hello", unknown, f"Use this token: {TOKEN}"])
    assert sum("no token" in said for said in terminal.said) == 2
    assert sum("does not know that token" in said for said in terminal.said) == 1
    assert in_env(operator)["TELEGRAM_BOT_TOKEN"] == TOKEN
    assert TOKEN not in terminal.everything()
    assert unknown not in terminal.everything()


def test_without_telegram_it_asks_again_then_stops_and_keeps_what_there_is(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.env.write_text("# mine\nLOG_LEVEL=DEBUG\n")
    monkeypatch.setenv("TELEGRAM_API_URL", "http://127.0.0.1:9")
    terminal = FakeTerminal({"Token": [TOKEN], "Try": ["y", "n"]})
    with pytest.raises(SetupStopped, match="Run this again"):
        go(operator, terminal)
    assert terminal.said.count("127.0.0.1:9 does not answer. Check the connection.") == 2
    assert operator.env.read_text() == "# mine\nLOG_LEVEL=DEBUG\n"


def test_telegram_may_come_back(operator: Operator) -> None:
    tries = iter([JSONResponse({"ok": False, "error_code": 502, "description": "Bad"}, 502)])

    async def get_me(request: Request) -> Response:
        if (failing := next(tries, None)) is not None:
            return failing
        bot = {"id": 1, "is_bot": True, "first_name": "Tape", "username": "tape_bot"}
        return JSONResponse({"ok": True, "result": bot})

    operator.serve(Route("/telegram/bot{token}/getMe", get_me, methods=["POST"]))
    terminal = first_run(operator)
    assert "Try again?" in terminal.asked
    assert "Tape, @tape_bot" in terminal.said


# -- the key --


@pytest.mark.parametrize(
    ("held", "kept"),
    [("torn", ""), (f"{KEY},torn", KEY), (f"torn,{KEY},{OTHER_KEY}", "both")],
    ids=["none", "first", "last two"],
)
def test_no_key_is_ever_lost(operator: Operator, held: str, kept: str) -> None:
    done(operator, SECRET_KEY=held)
    go(operator, FakeTerminal())
    assert f"# SECRET_KEY={held}\n" in operator.env.read_text()
    now = in_env(operator)["SECRET_KEY"] or ""
    if kept:
        assert now == {"both": f"{KEY},{OTHER_KEY}"}.get(kept, kept)
    else:
        Fernet(now)


# -- the owner --


def test_only_the_code_makes_an_owner(operator: Operator) -> None:
    def others_first(terminal: FakeTerminal) -> None:
        send(operator, "/start", user_id=7)
        send(operator, f"/start {terminal.code[::-1]}", user_id=8)
        send(operator, f"/start {terminal.code.replace('-', '')}", user_id=9)

    terminal = FakeTerminal({"Token": [TOKEN]})
    terminal.while_waiting = others_first
    go(operator, terminal)
    assert in_env(operator)["ALLOWED_TELEGRAM_IDS"] == "9"
    assert terminal.said.count("A message came that is not the code.") == 2


def test_another_account_joins_those_that_were_named(operator: Operator) -> None:
    done(operator, ALLOWED_TELEGRAM_IDS="5, 6")
    first_run(operator, Add=["y"])
    assert in_env(operator)["ALLOWED_TELEGRAM_IDS"] == "5,6,42"


def test_somebody_else_is_not_taken_for_the_owner(operator: Operator) -> None:
    codes: list[str] = []

    def send_it(terminal: FakeTerminal) -> None:
        codes.append(terminal.code)
        send(operator, terminal.code, user_id=70 + len(codes))

    terminal = FakeTerminal({"Token": [TOKEN], "Robin,": ["n"], "Try": ["y"]})
    terminal.while_waiting = send_it
    go(operator, terminal)
    assert in_env(operator)["ALLOWED_TELEGRAM_IDS"] == "72"
    assert codes[0] != codes[1]


def test_no_code_in_time_can_be_left_for_later(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cli.owner.CODE_LASTS_S", 0.2)
    terminal = FakeTerminal({"Token": [TOKEN], "Try": ["n"]})
    go(operator, terminal)
    assert "No code came in time." in terminal.said
    assert in_env(operator)["ALLOWED_TELEGRAM_IDS"] == ""


def test_a_bot_that_runs_already_is_told(operator: Operator) -> None:
    conflict = {"ok": False, "error_code": 409, "description": "Conflict: terminated by other"}

    async def get_updates(request: Request) -> Response:
        return JSONResponse(conflict, 409)

    operator.serve(Route("/telegram/bot{token}/getUpdates", get_updates, methods=["POST"]))
    terminal = FakeTerminal({"Token": [TOKEN], "Try": ["n"]})
    go(operator, terminal)
    assert any("Stop it first" in said for said in terminal.said)


def test_an_outage_while_the_code_is_awaited_is_told(operator: Operator) -> None:
    async def down(request: Request) -> Response:
        return JSONResponse({"ok": False, "error_code": 500, "description": "down"}, 500)

    terminal = FakeTerminal({"Token": [TOKEN], "Try": ["n"]})
    path = "/telegram/bot{token}/deleteWebhook"
    terminal.while_waiting = lambda _: operator.serve(Route(path, down, methods=["POST"]))
    go(operator, terminal)
    assert any("does not answer" in said for said in terminal.said)


def test_a_token_that_is_none_is_not_offered(operator: Operator) -> None:
    done(operator, TELEGRAM_BOT_TOKEN="1:hush")
    terminal = FakeTerminal({"Token": ["", TOKEN]})
    go(operator, terminal)
    assert terminal.asked[:2] == ["Token", "Token"]
    assert "hush" not in terminal.everything()
    assert in_env(operator)["TELEGRAM_BOT_TOKEN"] == TOKEN


def test_messages_are_not_taken_from_another_program_unasked(operator: Operator) -> None:
    operator.webhook = "https://other.example/hook"
    terminal = FakeTerminal({"Token": [TOKEN], "This": ["n"]})
    with pytest.raises(SetupStopped, match="stays with that program"):
        go(operator, terminal)
    assert any("go to other.example now" in asked for asked in terminal.asked)


# -- the way back --


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("http://bot.example", "must begin with https://"),
        ("https://localhost", "refuses localhost"),
        ("bot.example", "must begin with https://"),
        ("https://[half", "no address"),
        ("https://bot.example/#x", "must begin"),
    ],
)
def test_a_wrong_address_is_asked_for_again(operator: Operator, typed: str, why: str) -> None:
    done(operator)
    terminal = FakeTerminal({"Public": [typed, "https://bot.example/"]})
    go(operator, terminal)
    assert any(why in said for said in terminal.said)
    assert in_env(operator)["PUBLIC_URL"] == "https://bot.example"
    assert "https://bot.example/callback" in terminal.shown


def test_an_address_can_be_taken_back(operator: Operator) -> None:
    done(operator, PUBLIC_URL="https://bot.example")
    go(operator, FakeTerminal({"Public": ["none"]}))
    assert "PUBLIC_URL" not in in_env(operator)
    assert "# PUBLIC_URL=https://bot.example\n" in operator.env.read_text()


def test_a_redirect_that_no_longer_fits_becomes_a_comment(operator: Operator) -> None:
    done(operator, SPOTIFY_REDIRECT_URI="https://old.example/callback")
    go(operator, FakeTerminal({"Public": ["https://bot.example"]}))
    assert "SPOTIFY_REDIRECT_URI" not in in_env(operator)
    assert "# SPOTIFY_REDIRECT_URI=https://old.example/callback\n" in operator.env.read_text()


def test_a_taken_port_is_changed(
    operator: Operator, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEB_ADDRESS")
    taken = int(server.url.rpartition(":")[2])
    done(operator, WEB_ADDRESS=f"127.0.0.1:{taken}")
    terminal = FakeTerminal({"Another": ["many", "99999"]})
    go(operator, terminal)
    address = in_env(operator)["WEB_ADDRESS"] or ""
    assert address != f"127.0.0.1:{taken}"
    assert refusal_to_listen(address) == ""
    assert f"http://{address}/callback" in terminal.shown


def test_the_two_ports_of_the_bot_differ(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WEB_ADDRESS", "OPS_ADDRESS"):
        monkeypatch.delenv(name)
    one = free_address()
    done(operator, WEB_ADDRESS=one, OPS_ADDRESS=one)
    terminal = FakeTerminal()
    go(operator, terminal)
    assert f"{one} cannot be used: OPS_ADDRESS has it." in terminal.said
    written = in_env(operator)
    assert written["WEB_ADDRESS"] != written["OPS_ADDRESS"] == one


def test_where_nothing_can_listen_it_says_so_and_stops(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(operator)
    monkeypatch.setenv("WEB_ADDRESS", "192.0.2.1:8080")  # nobody's address
    with pytest.raises(SetupStopped, match=r"WEB_ADDRESS 192\.0\.2\.1:8080 cannot be used"):
        go(operator, FakeTerminal())


# -- Spotify --


def test_only_an_app_that_spotify_knows_is_taken(operator: Operator) -> None:
    done(operator)
    terminal = FakeTerminal({"Client": ["my app", UNKNOWN_ID, CLIENT_ID.upper()]})
    go(operator, terminal)
    assert any("32 characters" in said for said in terminal.said)
    assert any("knows no such app" in said for said in terminal.said)
    assert in_env(operator)["SPOTIFY_CLIENT_ID"] == CLIENT_ID


def test_what_spotify_did_not_check_is_said(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(operator)
    monkeypatch.setenv("SPOTIFY_ACCOUNTS_URL", "http://127.0.0.1:9")
    terminal = FakeTerminal({"Client": [CLIENT_ID]})
    go(operator, terminal)
    assert any("was not checked" in said for said in terminal.said)
    assert in_env(operator)["SPOTIFY_CLIENT_ID"] == CLIENT_ID


def test_an_app_can_be_taken_back(operator: Operator) -> None:
    done(operator, SPOTIFY_CLIENT_ID=CLIENT_ID)
    go(operator, FakeTerminal({"Client": ["none"]}))
    assert "SPOTIFY_CLIENT_ID" not in in_env(operator)


def test_a_setting_of_the_environment_is_pointed_out(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(operator)
    monkeypatch.setenv("PUBLIC_URL", "https://env.example")
    terminal = FakeTerminal({"Public": ["https://bot.example"]})
    go(operator, terminal)
    assert "PUBLIC_URL is set in the environment too, which counts more." in terminal.said
