from pathlib import Path

import pytest

from tests.command_line import mirrortape


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("dance", "No such command 'dance'"),
        ("recommend --emotion sad --mode lift --length many", "--length"),
        ("recommend --emotion glad --mode lift", "choose one of angry"),
        ("recommend --emotion sad --mode lift", "catalogue is empty"),
        ("demo --port 99999", "--port"),
        ("catalogue import nowhere.csv", "nowhere.csv"),
        ("run", "TELEGRAM_BOT_TOKEN"),
    ],
)
def test_bad_input_ends_with_one_line_and_exit_code_2(
    words: str, told: str, tmp_path: Path
) -> None:
    ended = mirrortape(*words.split(), folder=tmp_path)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


@pytest.mark.parametrize("words", ["--help", "recommend --help", "catalogue import --help"])
def test_help_ends_well(words: str, tmp_path: Path) -> None:
    ended = mirrortape(*words.split(), folder=tmp_path)
    assert ended.returncode == 0
    assert "Usage" in ended.stdout


def test_the_demo_touches_no_file_but_its_own(tmp_path: Path) -> None:
    import socket

    mine = tmp_path / "demo" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = ("demo", "--no-browser", "--port", port, "--data-dir", str(tmp_path))
        mirrortape(*words, folder=tmp_path)
    assert mine.read_text() == "years of work"


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = mirrortape("demo", "--no-browser", "--port", port, folder=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"mirrortape: 127.0.0.1:{port} cannot be used")
    assert len(ended.stderr.splitlines()) == 1
