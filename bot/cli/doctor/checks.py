"""The checks of `mirrortape doctor`: one finding for each thing that the bot needs.

Nothing is changed: databases are opened read-only, and ports are bound only for an instant.
"""

import errno
import os
import shutil
import socket
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from bot.cli.doctor.findings import Finding
from bot.cli.doctor.service_checks import ask, host, spotify, telegram, time_of, webhook
from bot.cli.env_file import PRIVATE
from bot.data_faults import explain, remedy
from bot.runtime.database_lock import is_running, lock_file
from bot.settings import (
    NotReady,
    Settings,
    check_ops_address,
    check_redirect,
    host_and_port,
    load_settings,
)
from bot.storage.keys import cipher
from bot.storage.records import NewerVersion, check_version, known_migrations
from recommender.catalogue.catalogue import Catalogue
from recommender.storage import inspection
from recommender.storage.private_files import check_regular, exposed
from vision import VisionError
from vision.network import weights

LEAST_FREE_MB = 500
"""More than a household needs in a year, with backups and SQLite's temporary files."""

HIGHEST_PORT = 65535

CLOCK_OFF = timedelta(minutes=1)
"""How far this computer's clock may differ from a service's; schedules and tokens depend on it."""


def examine(env: Path, now: Callable[[], datetime]) -> Iterator[Finding]:
    """Yield findings, in the order in which a new installation needs things.

    Args:
        env: The settings file.
        now: Returns the time, in UTC.
    """
    yield env_file(env)
    bot_runs = False
    try:
        settings = load_settings()
    except NotReady as error:
        yield Finding("settings", "wrong", str(error))
        yield weights_file()
        yield Finding("the rest", "unknown", "it can be looked at once the settings are right")
        return
    with suppress(OSError):  # the database check reports it
        bot_runs = is_running(settings.data_dir / "mirrortape.db")
    yield secret_key(settings)
    yield people(settings)
    yield telegram(settings)
    if settings.public_url:
        yield webhook(settings, now(), bot_runs=bot_runs)
    yield spotify(settings, now())
    yield redirect(settings)
    yield weights_file()
    yield catalogue(settings)
    yield database(settings)
    yield file_modes(settings)
    yield disk(settings)
    yield port("web pages", "WEB_ADDRESS", settings.web_address, bot_runs=bot_runs)
    yield health_page(settings, bot_runs=bot_runs)
    yield clock(settings, now)


def env_file(path: Path) -> Finding:
    """Check who may read `.env`."""
    what = ".env"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return Finding(what, "ok", "there is none: settings come from the environment alone")
    except OSError as error:
        return Finding(what, "wrong", explain(error, path))
    if not path.is_file():
        return Finding(what, "wrong", f"{path} is no file: move it away, and make one")
    if mode & ~PRIVATE:
        return Finding(
            what, "wrong", f"others may read the keys in it ({mode:o}); run: chmod 600 {path}"
        )
    return Finding(what, "ok", "only its owner may read it")


def weights_file(path: Path = weights.WEIGHTS) -> Finding:
    """Check the weights against their pinned hash."""
    try:
        weights.read(path)
    except VisionError as error:
        return Finding("weights", "wrong", f"{error}; get models/ anew from where this came from")
    except OSError as error:
        return Finding("weights", "wrong", explain(error, path))
    return Finding("weights", "ok", "they have their pinned hash")


def secret_key(settings: Settings) -> Finding:
    """Check the keys that encrypt the user data."""
    try:
        cipher(settings)
    except NotReady as error:
        return Finding("secret key", "wrong", str(error))
    return Finding("secret key", "ok", "it is a key")


def people(settings: Settings) -> Finding:
    """Check who may use the bot."""
    allowed = settings.allowed_ids
    if not allowed:
        return Finding(
            "people",
            "wrong",
            "ALLOWED_TELEGRAM_IDS is empty, so nobody may use the bot: `mirrortape setup` puts "
            "your number there",
        )
    if odd := sorted(part for part in allowed if part != "*" and not part.isdecimal()):
        return Finding(
            "people", "wrong", f"ALLOWED_TELEGRAM_IDS holds what is no number: {', '.join(odd)}"
        )
    if "*" in allowed:
        return Finding("people", "ok", "everybody on Telegram may use the bot")
    noun = "account" if len(allowed) == 1 else "accounts"
    return Finding("people", "ok", f"{len(allowed)} {noun} may use the bot")


def redirect(settings: Settings) -> Finding:
    """Check where Spotify redirects users."""
    try:
        check_redirect(settings)
    except NotReady as error:
        return Finding("redirect URI", "wrong", str(error))
    return Finding(
        "redirect URI", "ok", f"{settings.redirect_uri} (your app needs it, letter for letter)"
    )


def catalogue(settings: Settings) -> Finding:
    """Check the catalogue of tracks."""
    what, path = "catalogue", settings.data_dir / "catalogue.db"
    fill = "run: mirrortape catalogue fetch"
    try:
        is_there = path.exists()
    except OSError as error:
        return Finding(what, "wrong", explain(error, path))
    if not is_there:
        return Finding(what, "wrong", f"there is none yet; {fill}")
    expected = Catalogue(None)
    try:
        with inspection.read_only(path) as opened:
            broken = inspection.damage(opened)
            is_old = inspection.migrations(opened) < inspection.migrations(expected.db.conn)
            found = inspection.columns(opened, "tracks")
            missing = inspection.columns(expected.db.conn, "tracks") - found
            count = opened.execute("select count(*) from tracks").fetchone()[0] if found else 0
    except (sqlite3.Error, OSError) as error:
        return Finding(what, "wrong", explain(error, path))
    finally:
        expected.close()
    if broken:
        return Finding(what, "wrong", f"{path} is damaged ({broken}): {remedy(path)}.")
    if missing and not is_old:
        names = ", ".join(sorted(missing))
        return Finding(what, "wrong", f"{path} lacks {names}; delete it, then {fill}")
    if not count:
        return Finding(what, "wrong", f"it is empty; {fill}")
    state = "of an older version, renewed when next opened" if missing else "all their columns"
    return Finding(what, "ok", f"{count:,} tracks, {state}")


def database(settings: Settings) -> Finding:
    """Check the user data."""
    what, path = "database", settings.data_dir / "mirrortape.db"
    try:
        check_regular(lock_file(path))
        if not path.exists():
            return _missing_database(settings.data_dir)
        with inspection.read_only(path) as opened:
            broken = inspection.damage(opened)
            have = inspection.migrations(opened)
            check_version(opened, path)
    except (sqlite3.Error, OSError) as error:
        return Finding(what, "wrong", explain(error, path))
    except NewerVersion as error:
        return Finding(what, "wrong", str(error))
    if broken:
        return Finding(what, "wrong", f"{path} is damaged ({broken}): {remedy(path)}.")
    if refusal := inspection.refusal_to_write(path):
        return Finding(what, "wrong", f"{path} cannot be written to: {refusal}")
    state = (
        "sound" if have == known_migrations() else "sound, brought up to date at the next start"
    )
    return Finding(what, "ok", f"{state}; it can be written to")


def file_modes(settings: Settings) -> Finding:
    """Check who may read the data."""
    what = "file modes"
    try:
        found = exposed(settings.data_dir) if settings.data_dir.is_dir() else []
    except OSError as error:
        return Finding(what, "wrong", explain(error, settings.data_dir))
    if found:
        (path, mode), more = found[0], len(found) - 1
        and_more = f" and {more} more" if more else ""
        return Finding(
            what,
            "wrong",
            f"others on this computer may read {path} ({mode:o}){and_more}; the next start mends "
            f"that, or run: chmod -R go= {settings.data_dir}",
        )
    return Finding(what, "ok", "only their owner may read the data")


def disk(settings: Settings) -> Finding:
    """Check the free disk space."""
    folder = _nearest(settings.data_dir)
    try:
        free_mb = shutil.disk_usage(folder).free // 2**20
    except OSError as error:
        return Finding("disk", "wrong", explain(error, folder))
    if free_mb < LEAST_FREE_MB:
        return Finding(
            "disk", "wrong", f"{free_mb:,} MB are free for {folder}; make room for 500 MB or more"
        )
    return Finding("disk", "ok", f"{free_mb / 1024:,.1f} GB are free")


def port(what: str, name: str, address: str, *, bot_runs: bool) -> Finding:
    """Check that an address can be listened on.

    Args:
        what: What is served there.
        name: The setting.
        address: Its value.
        bot_runs: Whether the bot is running, and so uses the address.
    """
    if bot_runs:
        return Finding(what, "ok", f"{address}, in use by the running bot")
    if refusal := refusal_to_listen(address):
        return Finding(
            what, "wrong", f"{address} cannot be used ({refusal}); choose another {name}"
        )
    return Finding(what, "ok", f"{address} is free")


def health_page(settings: Settings, *, bot_runs: bool) -> Finding:
    """Check the address of the health page, which must be on this computer."""
    try:
        check_ops_address(settings)
    except NotReady as error:
        return Finding("health page", "wrong", str(error))
    if host_and_port(settings.ops_address)[1] == settings.web_host_and_port[1]:
        return Finding("health page", "wrong", "WEB_ADDRESS has that port; choose another")
    return port("health page", "OPS_ADDRESS", settings.ops_address, bot_runs=bot_runs)


def refusal_to_listen(address: str) -> str:
    """Return why an address cannot be listened on; empty if it can."""
    host, port = host_and_port(address)
    if not 0 < port <= HIGHEST_PORT:
        return f"a port is from 1 to {HIGHEST_PORT}"
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def clock(settings: Settings, now: Callable[[], datetime]) -> Finding:
    """Compare this computer's clock with a service's."""
    for url in (settings.telegram_api_url, settings.spotify_accounts_url):
        answer = ask(url)
        theirs = None if answer is None else time_of(answer)
        if theirs is None:
            continue
        off = now() - theirs
        if abs(off) <= CLOCK_OFF:
            return Finding("clock", "ok", f"it agrees with {host(url)}'s")
        way = "ahead of" if off > timedelta() else "behind"
        return Finding(
            "clock",
            "wrong",
            f"it is {abs(off).total_seconds():,.0f} s {way} {host(url)}'s; let the "
            "system set it from the network",
        )
    return Finding("clock", "unknown", "no service answers that it could be compared with")


def _missing_database(folder: Path) -> Finding:
    """Check that a database can be created in a folder that may not exist yet."""
    where = _nearest(folder)
    if not where.is_dir():
        return Finding("database", "wrong", explain(NotADirectoryError(errno.ENOTDIR, ""), where))
    if not os.access(where, os.W_OK | os.X_OK):
        return Finding("database", "wrong", f"there is none yet, and {where} cannot be written to")
    return Finding("database", "ok", "there is none yet; the first start makes it")


def _nearest(folder: Path) -> Path:
    """Return the folder, or its nearest parent that exists."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if _exists(path))


def _exists(path: Path) -> bool:
    """Return whether the path exists, as far as we can tell."""
    try:
        return path.exists()
    except OSError:  # such as a link to itself
        return False
