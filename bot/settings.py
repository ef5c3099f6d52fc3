"""All settings, read once at start from the environment and `.env`."""

import hashlib
import hmac
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from recommender.storage.private_files import check_regular


class NotReady(Exception):
    """A setting is missing or invalid; the text says what to do."""


ENV_FILE = Path(".env")
"""The settings file in the current folder."""

CALLBACK = "/callback"
"""The page that Spotify redirects users to."""

WEBHOOK = "/webhook"
"""The path that Telegram delivers updates to."""

WEBHOOK_PORTS = (443, 80, 88, 8443)
"""The ports that Telegram delivers to."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")

Address = Annotated[str, StringConstraints(pattern=r"^[^:]+:\d{1,5}$")]
"""A host and a port, as in 127.0.0.1:8080."""


def _service(url: str) -> str:
    """Return a service's URL if it is valid."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # parsed only on access
    except ValueError as error:  # half of an IPv6 address, or an invalid port
        raise ValueError(_NO_SERVICE) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or url != "".join(url.split()):
        raise ValueError(_NO_SERVICE)
    return url


_NO_SERVICE = "write an address such as https://example.org"

ServiceUrl = Annotated[str, AfterValidator(_service)]
"""The base URL of a service, starting with http:// or https://."""


class Settings(BaseSettings):
    """The settings of one installation; `.env.example` describes each one."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    telegram_bot_token: SecretStr = SecretStr("")
    telegram_api_url: ServiceUrl = "https://api.telegram.org"

    spotify_client_id: str = ""
    spotify_client_secret: SecretStr = SecretStr("")
    spotify_redirect_uri: str = ""
    spotify_api_url: ServiceUrl = "https://api.spotify.com/v1"
    spotify_accounts_url: ServiceUrl = "https://accounts.spotify.com"

    public_url: str = ""
    webhook_secret: SecretStr = SecretStr("")
    web_address: Address = "127.0.0.1:8080"
    ops_address: Address = "127.0.0.1:8081"

    secret_key: SecretStr = SecretStr("")
    allowed_telegram_ids: str = ""
    data_dir: Path = Path("data")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def allowed_ids(self) -> frozenset[str]:
        """The Telegram ids that may use the bot; `*` stands for everyone."""
        return frozenset(part.strip() for part in self.allowed_telegram_ids.split(",")) - {""}

    @property
    def redirect_uri(self) -> str:
        """Where Spotify redirects users: under `PUBLIC_URL`, otherwise to this computer."""
        _, port = self.web_host_and_port
        address = self.public_url.rstrip("/") or f"http://127.0.0.1:{port}"
        return self.spotify_redirect_uri or f"{address}{CALLBACK}"

    @property
    def is_public(self) -> bool:
        """Whether browsers on other computers can reach our callback page."""
        return bool(self.public_url) or self.redirect_uri.startswith("https://")

    @property
    def webhook_url(self) -> str:
        """Where Telegram delivers updates; empty if the bot polls."""
        return self.public_url and f"{self.public_url.rstrip('/')}{WEBHOOK}"

    @property
    def webhook_key(self) -> str:
        """The secret that Telegram sends: the setting, else derived from the bot's token."""
        token = self.telegram_bot_token.get_secret_value()
        made = hmac.new(token.encode(), WEBHOOK.encode(), hashlib.sha256).hexdigest()
        return self.webhook_secret.get_secret_value() or made

    @property
    def web_host_and_port(self) -> tuple[str, int]:
        """The address that the web pages listen on."""
        return host_and_port(self.web_address)


def host_and_port(address: Address) -> tuple[str, int]:
    """Split an address into host and port."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def load_settings() -> Settings:
    """Read the settings from the environment and `.env`.

    Raises:
        NotReady: A value is invalid; the text names the setting, never its value.
    """
    try:
        check_regular(ENV_FILE)  # reading a pipe would block forever
        return Settings()
    except OSError as error:
        why = error.strerror or error
        raise NotReady(f"The file .env cannot be read ({why}): make a text file of it.") from error
    except UnicodeDecodeError as error:
        raise NotReady("The file .env is not UTF-8 text; please save it as such.") from error
    except ValidationError as error:
        wrong = [f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise NotReady(f"Please check your settings. {'; '.join(wrong)}.") from error


def check_ops_address(settings: Settings) -> None:
    """Refuse to serve the health page to other computers.

    Raises:
        NotReady: `OPS_ADDRESS` is not a loopback address.
    """
    host, port = host_and_port(settings.ops_address)
    try:
        is_own = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_own = False
    if not is_own:
        raise NotReady(f"OPS_ADDRESS is for this computer alone: write 127.0.0.1:{port}.")


def check_webhook(settings: Settings) -> None:
    """Refuse a webhook address or secret that Telegram would refuse.

    Raises:
        NotReady: `PUBLIC_URL` has a port that Telegram does not deliver to, or `WEBHOOK_SECRET`
            has invalid characters or is too short.
    """
    try:
        port = urlsplit(settings.public_url).port
    except ValueError as error:
        raise NotReady("PUBLIC_URL is no address that Telegram could deliver to.") from error
    if port not in (None, *WEBHOOK_PORTS):
        ports = ", ".join(map(str, WEBHOOK_PORTS))
        raise NotReady(f"PUBLIC_URL: Telegram delivers to the ports {ports} alone.")
    secret = settings.webhook_secret.get_secret_value()
    if secret and not _SECRET.fullmatch(secret):
        raise NotReady(
            "WEBHOOK_SECRET must be 16 to 256 letters, digits, _ or -; leave it out, and one is "
            "made from the bot's token."
        )


def check_redirect(settings: Settings) -> None:
    """Refuse a redirect URI that Spotify would refuse, or that does not lead to our page.

    Raises:
        NotReady: It is neither HTTPS nor a loopback address, does not end in /callback, or differs
            from the one that `PUBLIC_URL` implies.
    """
    uri, by_public_url = settings.redirect_uri, f"{settings.public_url.rstrip('/')}{CALLBACK}"
    name = "SPOTIFY_REDIRECT_URI" if settings.spotify_redirect_uri else "PUBLIC_URL"
    if settings.public_url and uri != by_public_url:
        raise NotReady(
            "SPOTIFY_REDIRECT_URI and PUBLIC_URL lead to different places: leave "
            f"SPOTIFY_REDIRECT_URI out, and it is {by_public_url}."
        )
    try:
        parts = urlsplit(uri)
    except ValueError as error:  # half of an IPv6 address
        raise NotReady(f"{name} is no address that a browser could open.") from error
    if parts.hostname == "localhost":
        raise NotReady(
            f"{name}: Spotify refuses localhost as the address to which it sends people back. "
            "Write 127.0.0.1 in its place, here and in your app's settings."
        )
    is_loopback = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1"}
    is_allowed = parts.scheme == "https" or (is_loopback and not settings.public_url)
    has_more = parts.query or parts.fragment or uri != "".join(uri.split())
    if not is_allowed or not parts.hostname or not parts.path.endswith(CALLBACK) or has_more:
        raise NotReady(
            "PUBLIC_URL must begin with https:// and lead to this bot's web pages."
            if settings.public_url
            else "SPOTIFY_REDIRECT_URI must end in /callback and begin with https:// or "
            "http://127.0.0.1, just as in your app's settings."
        )
