"""`mirrortape demo`: the whole product on 127.0.0.1, with a local Telegram and a local Spotify.

The bot is the one that `mirrortape run` starts; only the addresses of its services differ.
"""

import secrets
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cryptography.fernet import Fernet
from pydantic import SecretStr
from starlette.routing import Mount

from bot.data_faults import explaining_errors
from bot.logs import set_up_logging
from bot.runtime.run import make_private, serve, utc_now
from bot.runtime.serving import listen
from bot.sandbox.page.chat import chat_routes
from bot.sandbox.spotify.local_spotify import LocalSpotify
from bot.sandbox.telegram.local_telegram import LocalTelegram
from bot.settings import CALLBACK, load_settings
from bot.web.limits import public_limits
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.invented import fill
from recommender.catalogue.tracks import Track

HOST = "127.0.0.1"
DATABASE = "mirrortape.db"
CATALOGUE = "catalogue.db"
MAX_UPLOAD_BYTES = 64_000_000
"""More than the largest photo or video that the chat page or the bot uploads."""

INVENTED_SEED = 20261120
"""The invented catalogue is the same for everyone who tries it."""


async def run_demo(
    *,
    port: int,
    data_dir: Path | None,
    opens_browser: bool,
    is_public: bool = False,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Run the demo until stopped.

    Args:
        port: The port on 127.0.0.1.
        data_dir: The folder of an imported catalogue; None means `DATA_DIR`. The demo writes only
            to its subfolder `demo`.
        opens_browser: Whether to open the chat page.
        is_public: Whether accounts are connected by six digits, as with a `PUBLIC_URL`.
        stopping: Called when the stop begins.

    Raises:
        bot.settings.NotReady: A setting is invalid, or the data folder cannot be used.
        bot.runtime.serving.AddressInUse: Another program listens on that port.
    """
    settings = load_settings()
    set_up_logging(settings.log_level)
    listener = listen(HOST, port)  # first: fails if another demo is running
    data_dir = data_dir or settings.data_dir
    own_dir = data_dir / "demo"
    with explaining_errors(own_dir):
        make_private(own_dir)
        _forget_last_time(own_dir)
        catalogue = _catalogue(data_dir, own_dir)
    base_url = f"http://{HOST}:{port}"
    token = f"{secrets.randbelow(10**9)}:{secrets.token_urlsafe(26)}"
    telegram = LocalTelegram(token, utc_now)
    spotify = LocalSpotify(
        f"{base_url}/spotify",
        lambda uris: _describe(catalogue, uris),
        offers_phone=not is_public,
    )

    def ready() -> None:
        print(f"\nMirrortape is ready: {base_url}\nCtrl-C stops it.", flush=True)  # noqa: T201
        if opens_browser:
            webbrowser.open(base_url)

    def stop() -> None:
        stopping()
        telegram.close()

    await serve(
        settings.model_copy(
            update={
                "telegram_bot_token": SecretStr(token),
                "telegram_api_url": f"{base_url}/telegram",
                "spotify_client_id": "mirrortape-demo",
                "spotify_client_secret": SecretStr(""),
                "spotify_redirect_uri": f"{base_url}{CALLBACK}",
                "public_url": base_url if is_public else "",
                "spotify_api_url": f"{base_url}/spotify/v1",
                "spotify_accounts_url": f"{base_url}/spotify",
                "secret_key": SecretStr(Fernet.generate_key().decode()),
                "allowed_telegram_ids": "*",
            }
        ),
        table=catalogue.load(),
        database=own_dir / DATABASE,
        listener=listener,
        ready=ready,
        stopping=stop,
        web_limits=replace(public_limits(), body_bytes=MAX_UPLOAD_BYTES),
        more_routes=[
            Mount("/telegram", routes=telegram.routes()),
            Mount("/spotify", routes=spotify.routes()),
            *chat_routes(telegram),
        ],
    )


def _forget_last_time(own_dir: Path) -> None:
    """Delete the last demo's data: its Telegram starts empty, so its users do too."""
    for name in (DATABASE, CATALOGUE):
        for file in own_dir.glob(f"{name}*"):  # including SQLite's log files
            file.unlink()


def _catalogue(data_dir: Path, own_dir: Path) -> Catalogue:
    """Return the imported catalogue, or a new one of invented tracks."""
    imported = data_dir / CATALOGUE
    if imported.exists() and len(catalogue := Catalogue(imported)):
        return catalogue
    catalogue = Catalogue(own_dir / CATALOGUE)
    fill(catalogue, INVENTED_SEED)
    return catalogue


def _describe(catalogue: Catalogue, uris: Sequence[str]) -> Mapping[str, Track]:
    ids = [uri.removeprefix("spotify:track:") for uri in uris]
    return {track.uri: track for track in catalogue.find(ids)}
