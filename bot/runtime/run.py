"""Starts the bot: `mirrortape run` with the real services, `demo` with the local ones."""

import logging
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack, closing, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from bot.app import build_bot
from bot.data_faults import explaining_errors
from bot.linking.connections import Connections
from bot.logs import set_up_logging
from bot.metrics import Metrics
from bot.runtime.database_lock import in_use, lock_file
from bot.runtime.jobs import schedule
from bot.runtime.serving import (
    listen,
    loaded,
    running_bot,
    until_stopped,
    web_server,
)
from bot.services import Services
from bot.settings import (
    NotReady,
    Settings,
    check_ops_address,
    check_redirect,
    check_webhook,
    host_and_port,
    load_settings,
)
from bot.storage.backups import FOLDER, Nightly
from bot.storage.keys import cipher
from bot.storage.records import Records
from bot.updates.guests import Guests
from bot.updates.inbox import Inbox
from bot.updates.polling import poll
from bot.updates.webhook import Webhook
from bot.web.callback_page import callback_routes
from bot.web.health import ops_routes
from bot.web.limits import OPS_LIMITS, WebLimits, public_limits
from bot.worker.process import VisionWorker
from recommender.catalogue.catalogue import Catalogue, TrackTable
from recommender.errors import CatalogueEmpty
from recommender.services.spotify.web_api import SpotifyApp, SpotifyClient
from recommender.storage.private_files import restrict_access

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


def make_private(folder: Path) -> None:
    """Create the data folder, and make it readable by its owner only.

    Raises:
        OSError: It cannot be created, or is not a folder.
    """
    for path in restrict_access(folder):
        logger.warning("other users may read %s, and its mode cannot be changed", path)


async def run_live(stopping: Callable[[], None] = lambda: None) -> None:
    """Run the bot with the real Telegram and Spotify until stopped.

    Args:
        stopping: Called when the stop begins.

    Raises:
        NotReady: A setting is missing or invalid, or the catalogue is empty.
    """
    settings = load_settings()
    set_up_logging(settings.log_level)
    if not settings.telegram_bot_token.get_secret_value():
        raise NotReady("TELEGRAM_BOT_TOKEN is not set: @BotFather gives you one; put it in .env.")
    if not settings.allowed_ids:
        raise NotReady(
            "ALLOWED_TELEGRAM_IDS is empty, so nobody could use the bot: list Telegram ids "
            "separated by commas, or * for everyone."
        )
    cipher(settings)  # reports a bad key before reading the catalogue
    check_redirect(settings)
    check_webhook(settings)
    check_ops_address(settings)
    with explaining_errors(settings.data_dir):
        make_private(settings.data_dir)
    path = settings.data_dir / "catalogue.db"
    try:
        with explaining_errors(path), closing(Catalogue(path)) as catalogue:
            table = catalogue.load()
    except CatalogueEmpty as error:
        raise NotReady(
            "The catalogue is empty: fill it with `mirrortape catalogue fetch` or "
            "`mirrortape catalogue import FILE.csv`."
        ) from error
    database = settings.data_dir / "mirrortape.db"
    with ExitStack() as stack:
        with explaining_errors(lock_file(database)):
            stack.enter_context(in_use(database, settings))
        await serve(
            settings,
            table=table,
            database=database,
            listener=stack.enter_context(listen(*settings.web_host_and_port)),
            ops_listener=stack.enter_context(listen(*host_and_port(settings.ops_address))),
            ready=lambda: print("Mirrortape is running; Ctrl-C stops it.", flush=True),  # noqa: T201
            stopping=stopping,
            backups=settings.data_dir / FOLDER,
        )


async def serve(
    settings: Settings,
    *,
    table: TrackTable,
    database: Path,
    listener: socket.socket,
    ready: Callable[[], None],
    stopping: Callable[[], None] = lambda: None,
    more_routes: Sequence[BaseRoute] = (),
    backups: Path | None = None,
    ops_listener: socket.socket | None = None,
    web_limits: WebLimits | None = None,
) -> None:
    """Run the bot and its web pages until stopped.

    Args:
        settings: The settings.
        table: The catalogue, in memory.
        database: The file of the user data.
        listener: The socket of the web pages.
        ready: Called once everything is up.
        stopping: Called when asked to stop, before anything is shut down.
        more_routes: Further web pages.
        backups: The folder of the nightly backups; None for none.
        ops_listener: The socket of health and metrics; None for none.
        web_limits: Limits for visitors of the web pages; None for the limits for strangers.
    """
    metrics = Metrics()
    with explaining_errors(database):
        records = Records(database, cipher(settings))
    worker = VisionWorker()
    connections = None
    if settings.spotify_client_id:
        app = SpotifyApp(
            client_id=settings.spotify_client_id,
            client_secret=settings.spotify_client_secret.get_secret_value(),
            redirect_uri=settings.redirect_uri,
            api_url=settings.spotify_api_url,
            accounts_url=settings.spotify_accounts_url,
        )
        connections = Connections(
            records,
            SpotifyClient(app, on_answer=metrics.spotify_answered),
            utc_now,
            shows_digits=settings.is_public,
        )
    services = Services(
        records,
        worker,
        table,
        connections,
        utc_now,
        np.random.default_rng(),
        Guests(settings.allowed_ids),
        Nightly(database, backups, cipher(settings)) if backups is not None else None,
        metrics,
    )
    bot = build_bot(
        services,
        token=settings.telegram_bot_token.get_secret_value(),
        api_url=settings.telegram_api_url,
    )
    application = bot.application
    schedule(application, services, bot.playlist_messages)
    inbox = Inbox(application, records, utc_now, metrics, services.guests)
    fetch: Callable[[], Coroutine[Any, Any, None]]
    routes, settle = list(more_routes), None
    if settings.webhook_url:
        url, key = settings.webhook_url, settings.webhook_key
        webhook = Webhook(application.bot, inbox, url, key, utc_now, metrics)
        fetch = webhook.keep
        routes += webhook.routes()
    else:
        fetch = partial(poll, application.bot, inbox, utc_now, metrics)
    if connections is not None:
        settle = connections.settle
        connecting, telegram = bot.connecting, application.bot
        routes += callback_routes(
            connections,
            partial(connecting.connected, telegram),
            partial(connecting.arrived, telegram),
        )
    ops = Starlette(routes=ops_routes(services))
    async with (
        web_server(ops, ops_listener, OPS_LIMITS) if ops_listener is not None else nullcontext(),
        loaded(worker, records),
        web_server(Starlette(routes=routes), listener, web_limits or public_limits()),
        running_bot(application, inbox, fetch, settle) as fetching,
    ):
        ready()
        await until_stopped(fetching)
        stopping()
