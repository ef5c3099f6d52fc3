"""`mirrortape setup` as its operator meets it: on a terminal."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from dotenv import dotenv_values

from tests.support.contracts import ROOT
from tests.support.first_run import CLIENT_ID, OWNER, TOKEN, Operator
from tests.support.pseudo_terminal import PseudoTerminal

Start = Callable[..., PseudoTerminal]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `mirrortape setup` on a terminal."""
    terminals: list[PseudoTerminal] = []

    def start_one(*words: str) -> PseudoTerminal:
        terminals.append(PseudoTerminal("setup", *words))
        return terminals[-1]

    yield start_one
    for terminal in terminals:
        terminal.close()


def link(operator: Operator, terminal: PseudoTerminal) -> None:
    """Send the code that is shown, as if by its link."""
    terminal.wait_for("Waiting for the code")
    code = re.search(r"\?start=(\w+)", terminal.said)
    assert code is not None
    operator.telegram.send_text(OWNER, f"/start {code[1]}")


def test_from_nothing_to_a_bot_that_can_run(operator: Operator, start: Start) -> None:
    terminal = start("--url", operator.csv_url)
    terminal.answer("Token: ", TOKEN)
    link(operator, terminal)
    assert TOKEN[12:] not in terminal.said
    terminal.answer("is it you? [Y/n]: ", "maybe")
    terminal.answer("answer y or n", "y")
    terminal.answer("Public address [none]: ", "")
    terminal.answer("Client ID [none]: ", CLIENT_ID)
    terminal.answer("songs.csv? [Y/n]: ", "")
    code, said = terminal.end()
    assert code == 0, said
    assert "50 tracks, 50 new" in said
    assert "All is set. Next, type:\n      " in said
    assert "@mirrortape_local_bot a selfie" in said
    assert dotenv_values(".env")["ALLOWED_TELEGRAM_IDS"] == str(OWNER)
    (operator.folder / "data").rename(operator.folder / "data too")

    again = start("--url", f"{operator.server.url}/gone.csv")
    again.answer("Token [Enter keeps 1234...wxyz]: ", "")
    again.answer("Add a Telegram account? [y/N]: ", "")
    again.answer("Public address [none]: ", "")
    again.answer(f"Client ID [{CLIENT_ID}]: ", "")
    again.answer("gone.csv? [Y/n]: ", "")
    code, said = again.end()
    assert code == 2
    assert "mirrortape catalogue import FILE.csv" in said
    assert "Not quite done. What is left:" in said


@pytest.mark.parametrize("keys", ["\x03", "\x04"])
def test_whoever_stops_can_go_on_later(operator: Operator, start: Start, keys: str) -> None:
    terminal = start()
    terminal.answer("Token: ", TOKEN)
    link(operator, terminal)
    terminal.wait_for("is it you? [Y/n]: ")
    code, said = terminal.stop(keys)
    assert code == 2
    assert said.splitlines()[-1] == (
        "mirrortape: stopped. What you answered is in .env; run this again to go on."
    )
    assert dotenv_values(".env")["TELEGRAM_BOT_TOKEN"] == TOKEN


def test_ctrl_c_stops_the_wait_for_the_code(operator: Operator, start: Start) -> None:
    terminal = start()
    terminal.answer("Token: ", TOKEN)
    terminal.wait_for("Waiting for the code")
    code, said = terminal.stop("\x03")
    assert code == 2
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("mirrortape: stopped.")


def ended(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", "setup"],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_a_terminal_one_line_says_what_else_to_do(operator: Operator) -> None:
    result = ended()
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert "needs a terminal" in line
    assert ".env.example" in line
    assert not operator.env.exists()


def test_settings_that_cannot_be_read_are_told(
    operator: Operator, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "loud")
    code, said = start().end()
    assert code == 2
    assert said.splitlines()[-1].startswith("mirrortape: Please check your settings. LOG_LEVEL")


def test_a_folder_in_its_place_is_told(operator: Operator, start: Start) -> None:
    operator.env.mkdir()
    code, said = start().end()
    assert code == 2
    assert "Is a directory" in said.splitlines()[-1]
