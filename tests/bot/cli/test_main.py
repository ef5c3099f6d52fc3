import os
from pathlib import Path

import pytest

from bot.cli.main import main
from tests.support.command_line import mirrortape
from tests.support.contracts import ROOT


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("dance", "mirrortape: No such command 'dance'. See --help."),
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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("recomend", "mirrortape: No such command 'recomend'. Did you mean 'recommend'? See"),
        ("catalogue imprt x.csv", "No such command 'imprt'. Did you mean 'import'? See --help."),
        ("recommend --emotoin sad", "No such option: --emotoin. See --help."),
        ("run now", "There is too much after the command: now. See --help."),
        ("recommend --emotion sad --length many", "'--length': a whole number is needed. See"),
        ("recommend --emotion sad --length -3", "1 to 100 tracks, not -3"),
        ("recommend --emotion sad --user bob --json", "'--user': a whole number is needed."),
        ("recommend --emotion sad --seed -1", "'--seed': 0 is the least."),
        ("recommend --emotion glad --json", "choose one of angry"),
        ("recommend --emotion sad --mode dance", "choose one of match"),
        ("train nowhere.npz --out out --rate fast", "'--rate': a number is needed."),
        ("train nowhere.npz --out out", "there is no file nowhere.npz"),
        ("evaluate bad.npz --json", "mirrortape: bad.npz is no readable .npz file\n"),
        ("evaluate empty", "empty has no pictures"),
        ("evaluate nowhere", "no file or folder nowhere"),
        ("benchmark nowhere", "no folder nowhere"),
        ("simulate --world mars", "choose from easy"),
        ("simulate --listeners 1", "30 or more"),
        ("backup copy.db", "nothing to copy"),
        ("catalogue import empty", "empty cannot be opened"),
        ("catalogue import bad.csv", "bad.csv is a binary file"),
        ("catalogue fetch --url nonsense", "nonsense is no address"),
        ("catalogue label bad.csv", "catalogue is empty"),
        ("setup", "needs a terminal"),
        ("recommend --emotion glad --mode lift", "choose one of angry"),
        ("recommend --emotion sad --mode lift", "catalogue is empty"),
    ],
)
def test_what_is_wrong_is_told_in_plain_words(
    words: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("bad.csv", "bad.npz"):
        (tmp_path / name).write_bytes(bytes(range(256)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("sys.argv", ["mirrortape", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("words", ["--help", "recommend --help", "catalogue import --help"])
def test_help_ends_well(words: str, tmp_path: Path) -> None:
    ended = mirrortape(*words.split(), folder=tmp_path)
    assert ended.returncode == 0
    assert "Usage" in ended.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_an_answer_that_cannot_be_written_ends_with_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = mirrortape("catalogue", "stats", folder=tmp_path, stdout=full)
    assert ended.returncode == 2
    assert ended.stderr == "mirrortape: No space left on device.\n"


@pytest.mark.parametrize("words", [("--help",), ("run",), ("demo", "--no-browser")])
def test_on_windows_itself_it_says_where_it_runs(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['fcntl'] = None  # not to be found, as on Windows\n"
    )
    ended = mirrortape(*words, folder=tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("mirrortape: this runs on Linux and macOS. On Windows, install WSL2")


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


@pytest.mark.parametrize("command", ["demo --no-browser --port 18765", "catalogue stats"])
def test_a_file_as_data_folder_is_reported_in_one_line(command: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    ended = mirrortape(*command.split(), "--data-dir", str(file), folder=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"mirrortape: {file} is a file, but must be a folder: move it")
    assert len(ended.stderr.splitlines()) == 1


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = mirrortape("demo", "--no-browser", "--port", port, folder=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"mirrortape: 127.0.0.1:{port} cannot be used")
    assert len(ended.stderr.splitlines()) == 1
