"""Damaged or missing files: each command says so in one line, never with a traceback.

Root may read everything, and a test fills no disk. So missing permissions and a full disk are
simulated by replacing the operating system's `open` and SQLite's `connect`.
"""

import asyncio
import builtins
import contextlib
import errno
import functools
import io
import itertools
import os
import shutil
import sqlite3
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, MultiFernet
from typer.testing import CliRunner, Result

from bot.cli import main as cli
from bot.cli.doctor import checks
from bot.runtime import run as live
from bot.storage.backups import back_up
from bot.storage.records import open_stores
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.invented import fill
from recommender.storage.database import open_database
from tests.support.fork_server import InstantWorker
from tests.support.town import free_port, without_settings
from vision.network import weights

KEY = Fernet.generate_key().decode()
KEYS = MultiFernet([Fernet(KEY)])
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working installation, to be copied."""
    folder = tmp_path_factory.mktemp("filled")
    data = folder / "data"
    catalogue = Catalogue(data / "catalogue.db")
    fill(catalogue, 1)
    catalogue.load()
    catalogue.close()
    open_stores(data / "mirrortape.db", KEYS).people.db.close()
    (data / "mirrortape.db.running").touch(0o600)
    (data / "backups").mkdir(0o700)
    back_up(data / "mirrortape.db", data / "backups" / "mirrortape-2026-11-19.db")
    back_up(data / "mirrortape.db", folder / "copy.db")
    return folder


@pytest.fixture
def home(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with valid settings and data, in which commands run."""
    folder = tmp_path / "home"
    shutil.copytree(filled, folder)
    for name in os.environ.keys() - without_settings(os.environ).keys():
        monkeypatch.delenv(name)
    (folder / ".env").write_text(
        f"TELEGRAM_BOT_TOKEN=123456789:{'A' * 35}\nALLOWED_TELEGRAM_IDS=42\nSECRET_KEY={KEY}\n"
        f"TELEGRAM_API_URL={NOWHERE}\nSPOTIFY_ACCOUNTS_URL={NOWHERE}\nSPOTIFY_API_URL={NOWHERE}\n"
        f"WEB_ADDRESS=127.0.0.1:{free_port()}\nOPS_ADDRESS=127.0.0.1:{free_port()}\n"
    )
    (folder / ".env").chmod(0o600)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(live, "VisionWorker", InstantWorker)
    monkeypatch.setattr(live, "running_bot", _no_bot)
    monkeypatch.setattr(live, "loaded", _no_bot)
    monkeypatch.setattr(live, "until_stopped", _at_once)
    monkeypatch.setattr(live, "set_up_logging", lambda level: None)
    monkeypatch.setattr(weights, "read", _shipped_weights)
    monkeypatch.setattr(ssl, "create_default_context", _certificates)
    return folder


# No fault here is about the shipped weights or the certificates, and both take long to read.
_shipped_weights = functools.cache(weights.read)
_certificates = functools.cache(ssl.create_default_context)


@contextlib.asynccontextmanager
async def _no_bot(*_: Any) -> AsyncIterator[None]:
    yield


async def _at_once(_: Any) -> None:
    """Stop as soon as everything has started."""


class Broken:
    """Replaces the functions that open files, and refuses some of them.

    Args:
        path: It, and whatever lies in it, is refused.
        number: Why, as the operating system says it.
        code: Why, as SQLite says it.
        is_for_writing: Whether reading is still fine.
    """

    def __init__(self, path: Path, number: int, code: int, *, is_for_writing: bool) -> None:
        self._path = path
        self._number = number
        self._code = code
        self._is_for_writing = is_for_writing

    def before(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace them."""
        os_open, io_open, connect = os.open, io.open, sqlite3.connect

        def lower(path: Any, flags: int, *args: Any, **more: Any) -> int:
            self._check(path, is_writing=bool(flags & (os.O_WRONLY | os.O_RDWR)))
            return os_open(path, flags, *args, **more)

        def upper(path: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
            self._check(path, is_writing=bool(set(mode) & set("wax+")))
            return io_open(path, mode, *args, **more)

        def database(path: Any, *args: Any, **more: Any) -> sqlite3.Connection:
            if self._holds(str(path).removeprefix("file://").partition("?")[0]):
                error = sqlite3.OperationalError("refused")
                error.sqlite_errorcode = self._code
                raise error
            return connect(path, *args, **more)

        monkeypatch.setattr(os, "open", lower)
        monkeypatch.setattr(io, "open", upper)
        monkeypatch.setattr(builtins, "open", upper)
        monkeypatch.setattr(sqlite3, "connect", database)

    def _check(self, path: Any, *, is_writing: bool) -> None:
        if self._holds(path) and (is_writing or not self._is_for_writing):
            raise OSError(self._number, os.strerror(self._number), str(path))

    def _holds(self, path: Any) -> bool:
        if isinstance(path, int) or str(path) == ":memory:":
            return False
        where = Path(os.path.abspath(path))
        return where == self._path or self._path in where.parents


def _away(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _half(path: Path) -> bytes:
    content = path.read_bytes() if path.is_file() else b"half"
    return content[: len(content) // 2]


FAULTS: dict[str, Callable[[Path], Any]] = {
    "missing": _away,
    "folder": lambda path: (_away(path), path.mkdir()),
    "file": lambda path: (_away(path), path.write_text("a file")),
    "empty": lambda path: (_away(path), path.touch()),
    "random": lambda path: (_away(path), path.write_bytes(os.urandom(50_000))),
    "truncated": lambda path: path.is_file() and path.write_bytes(_half(path)),
    "pipe": lambda path: (_away(path), os.mkfifo(path)),
    "link to nothing": lambda path: (_away(path), path.symlink_to("nowhere")),
    "link to itself": lambda path: (_away(path), path.symlink_to(path.name)),
}

PATHS = [
    ".env",
    "data",
    "data/catalogue.db",
    "data/catalogue.db-tracks",
    "data/mirrortape.db",
    "data/mirrortape.db-wal",
    "data/mirrortape.db.running",
    "data/backups",
    "data/backups/mirrortape-2026-11-19.db",
    "copy.db",
]

COMMANDS = {
    "doctor": ["doctor"],
    "run": ["run"],
    "backup": ["backup", "copy.db"],
    "restore": ["restore", "copy.db"],
}


def invoke(command: str) -> Result:
    """Run a command here; whatever it does not foresee is raised."""
    return CliRunner().invoke(cli.app, COMMANDS[command], catch_exceptions=False)


def check(ended: Result, command: str) -> None:
    """Make sure that a command ended as commands do."""
    assert ended.exit_code in (0, 1, 2), ended.output
    assert "Traceback" not in ended.output
    if command == "doctor":
        assert all(
            line.split()[0] in {"ok", "wrong", "unknown"}
            for line in ended.stdout.splitlines()[:-1]
        ), ended.stdout
    elif ended.exit_code:
        assert ended.stderr.startswith("mirrortape: ")
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
        assert "Errno" not in ended.stderr


def drawn(faults: Iterable[str]) -> list[Any]:
    """Return each fault of each path before each command; all but every third in `make chaos`."""
    cases = itertools.product(faults, PATHS, COMMANDS)
    return [
        pytest.param(*case, marks=[pytest.mark.chaos] if number % 3 else [])
        for number, case in enumerate(cases)
    ]


@pytest.mark.parametrize(("fault", "path", "command"), drawn(FAULTS))
def test_no_fault_of_a_file_ends_in_a_traceback(
    home: Path, fault: str, path: str, command: str
) -> None:
    FAULTS[fault](home / path)
    check(invoke(command), command)


@pytest.mark.parametrize(("fault", "path", "command"), drawn(["unreadable", "full"]))
def test_nor_does_a_refusal_of_the_system(
    home: Path, fault: str, path: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (
        Broken(home / path, errno.EACCES, sqlite3.SQLITE_CANTOPEN, is_for_writing=False)
        if fault == "unreadable"
        else Broken(home / path, errno.ENOSPC, sqlite3.SQLITE_FULL, is_for_writing=True)
    )
    with monkeypatch.context() as patched:
        broken.before(patched)
        ended = invoke(command)
    check(ended, command)
    assert "damaged" not in ended.output
    assert "delete it" not in ended.output


@pytest.mark.parametrize("command", COMMANDS)
def test_where_all_is_well_each_command_ends_well(home: Path, command: str) -> None:
    ended = invoke(command)
    assert ended.exit_code == (2 if command == "doctor" else 0), ended.output  # of the services
    assert ended.stdout.count("wrong  ") == (1 if command == "doctor" else 0), ended.output


# -- what is said --


def _newer(path: Path) -> None:
    db = open_database(path)
    db.execute(
        "insert into _sqlite_migrations (migration_set, name, applied_at)"
        " values ('people', 'm999_later', '2030-01-01')"
    )
    db.close()


@pytest.mark.parametrize(
    ("path", "spoil", "says"),
    [
        ("data", FAULTS["file"], ["data is a file, but must be a folder", "DATA_DIR"]),
        ("data/mirrortape.db.running", FAULTS["folder"], ["running is a folder", "move it away"]),
        ("data/mirrortape.db", FAULTS["random"], ["mirrortape.db is damaged", "restore"]),
        ("data/mirrortape.db", FAULTS["pipe"], ["mirrortape.db cannot be used", "move it away"]),
        ("data/mirrortape.db", _newer, ["newer version", "people m999_later", "install"]),
        ("data/catalogue.db", FAULTS["random"], ["catalogue.db is damaged", "catalogue fetch"]),
        ("data/catalogue.db", FAULTS["folder"], ["catalogue.db is a folder", "move it away"]),
    ],
)
@pytest.mark.parametrize("command", ["run", "doctor"])
def test_the_file_and_the_remedy_are_named(
    home: Path, command: str, path: str, spoil: Callable[[Path], Any], says: list[str]
) -> None:
    spoil(home / path)
    ended = invoke(command)
    assert ended.exit_code == 2
    for each in says:
        assert each in ended.output


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        (errno.EACCES, sqlite3.SQLITE_CANTOPEN, ["cannot be opened", "own it"]),
        (errno.ENOSPC, sqlite3.SQLITE_FULL, ["no room on the disk", "make room"]),
        (errno.EBUSY, sqlite3.SQLITE_BUSY, ["in use by another program", "close that"]),
        (errno.EIO, sqlite3.SQLITE_IOERR, ["cannot be read or written", "disk"]),
    ],
)
@pytest.mark.parametrize("name", ["mirrortape.db", "catalogue.db"])
@pytest.mark.parametrize("command", ["run", "doctor"])
def test_so_are_a_full_disk_and_a_mode_and_neither_is_called_damage(
    home: Path,
    command: str,
    name: str,
    number: int,
    code: int,
    says: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        Broken(home / "data" / name, number, code, is_for_writing=True).before(patched)
        ended = invoke(command)
    assert ended.exit_code == 2
    for each in (f"data/{name}", *says):
        assert each in ended.output
    assert "damaged" not in ended.output


def test_a_port_in_use_is_named_with_its_setting(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("WEB_ADDRESS", f"127.0.0.1:{port}")
        ended = invoke("run")
    assert ended.exit_code == 2
    assert f"127.0.0.1:{port} cannot be used" in ended.stderr
    assert "choose another" in ended.stderr


@pytest.mark.parametrize("name", ["TELEGRAM_API_URL", "SPOTIFY_API_URL", "SPOTIFY_ACCOUNTS_URL"])
@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_malformed_address_is_told_by_its_setting(
    home: Path, command: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://[")
    ended = invoke(command)
    check(ended, command)
    assert ended.exit_code == 2
    assert f"{name}: " in ended.output


@pytest.mark.parametrize("name", ["PUBLIC_URL", "SPOTIFY_REDIRECT_URI"])
@pytest.mark.parametrize("command", ["run", "doctor"])
def test_so_is_one_of_our_own(
    home: Path, command: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "https://a:b")
    ended = invoke(command)
    check(ended, command)
    assert ended.exit_code == 2
    assert name in ended.output


# -- copies --


@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe", "device"])
def test_a_copy_replaces_nothing_but_a_file(home: Path, kind: str) -> None:
    target, other = home / "there.db", home / "other.db"
    shutil.copy(home / "copy.db", other)
    before = other.read_bytes()
    match kind:
        case "link":
            target.symlink_to(other.name)
        case "link to nothing":
            target.symlink_to("nowhere.db")
        case "pipe":
            os.mkfifo(target)
        case _:
            target = Path("/dev/null")
    was = target.lstat()
    ended = CliRunner().invoke(cli.app, ["backup", str(target)], catch_exceptions=False)
    assert ended.exit_code == 2
    assert "name" in ended.stderr
    assert (target.lstat().st_ino, target.lstat().st_mode) == (was.st_ino, was.st_mode)
    assert other.read_bytes() == before
    assert not (home / "nowhere.db").exists()


def test_a_copy_of_a_newer_version_is_not_put_back(home: Path) -> None:
    _newer(home / "copy.db")
    before = (home / "data" / "mirrortape.db").read_bytes()
    ended = invoke("restore")
    assert ended.exit_code == 2
    assert "people m999_later" in ended.stderr
    assert "newer version" in ended.stderr
    assert (home / "data" / "mirrortape.db").read_bytes() == before


def test_a_database_of_a_newer_version_gives_way_to_a_copy(home: Path) -> None:
    _newer(home / "data" / "mirrortape.db")
    assert invoke("restore").exit_code == 0
    assert "m999_later" not in str(list(sqlite3.connect("data/mirrortape.db").iterdump()))


# -- the arrays beside the catalogue --


def test_arrays_with_other_contents_are_made_anew(home: Path) -> None:
    arrays = home / "data" / "catalogue.db-tracks"
    sound = arrays.read_bytes()
    start = 8 + int.from_bytes(sound[:8], "little")
    for spoiled in (
        sound[:start] + os.urandom(len(sound) - start),
        sound[: start + 5] + bytes([sound[start + 5] ^ 1]) + sound[start + 6 :],
        sound[:-1] + bytes([sound[-1] ^ 0x80]),
        os.urandom(len(sound)),
    ):
        arrays.write_bytes(spoiled)
        catalogue = Catalogue(home / "data" / "catalogue.db")
        table = catalogue.load()
        catalogue.close()
        assert arrays.read_bytes()[start:] == sound[start:]
        assert table.track(0).artist


# -- who may read it all --


def modes(folder: Path) -> dict[str, int]:
    """Return what may be done with each file in a folder, and with the folder."""
    return {
        str(path.relative_to(folder)): path.stat().st_mode & 0o777
        for path in (folder, *folder.rglob("*"))
    }


def are_private(folder: Path) -> bool:
    return all(not mode & 0o077 for mode in modes(folder).values())


@pytest.mark.skipif(os.name != "posix", reason="this system has no POSIX modes")
def test_a_start_takes_the_data_from_others_and_doctor_tells(home: Path) -> None:
    data = home / "data"
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    told = {each.what: each for each in checks.examine(Path(".env"), live.utc_now)}
    assert told["file modes"].verdict == "wrong"
    assert "data (755) and" in told["file modes"].says
    assert "chmod" in told["file modes"].says
    assert invoke("run").exit_code == 0
    assert are_private(data), modes(data)
    told = {each.what: each for each in checks.examine(Path(".env"), live.utc_now)}
    assert told["file modes"].verdict == "ok"


@pytest.mark.skipif(os.name != "posix", reason="this system has no POSIX modes")
def test_what_is_made_is_private_from_the_beginning(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is made and then closed: with this mask and no later change, it would stay open."""
    shutil.rmtree(home / "data")
    before = os.umask(0)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a mode was changed afterwards")

    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(os, "chmod", refuse)
    try:
        catalogue = Catalogue(home / "data" / "catalogue.db")
        fill(catalogue, 1)
        catalogue.load()
        shown = [modes(home / "data")]
        assert invoke("run").exit_code == 0
        stores = open_stores(home / "data" / "mirrortape.db", KEYS)
        stores.people.agree(1, live.utc_now())  # which makes the log and the shared memory
        shown.append(modes(home / "data"))
        assert invoke("backup").exit_code == 0
        stores.people.db.close()
        catalogue.close()
        assert invoke("restore").exit_code == 0
        shown.append(modes(home / "data"))
    finally:
        os.umask(before)
    assert any("mirrortape.db-wal" in each for each in shown)
    for each in shown:
        assert {mode & 0o077 for mode in each.values()} == {0}, each
    assert (home / "copy.db").stat().st_mode & 0o777 == 0o600


def test_the_demo_is_private_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.sandbox import demo

    own = home / "data" / "demo"
    own.mkdir(0o755)
    (own / "mirrortape.db").touch(0o644)
    monkeypatch.setattr(demo, "set_up_logging", lambda level: None)
    asyncio.run(demo.run_demo(port=free_port(), data_dir=None, opens_browser=False))
    assert are_private(own), modes(own)
