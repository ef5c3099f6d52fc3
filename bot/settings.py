"""Everything that is set from outside, read once at start from the environment and `.env`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class NotReady(Exception):
    """A setting is missing or makes no sense; the text says what to do."""


CALLBACK = "/callback"
"""The page that Spotify sends people back to."""

Address = Annotated[str, StringConstraints(pattern=r"^[^:]+:\d{1,5}$")]
"""A host and a port, as in 127.0.0.1:8080."""


class Settings(BaseSettings):
    """The settings of one installation; `.env.example` describes each for its owner."""

    model_config = SettingsConfigDict(
        env_file=".env", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    telegram_bot_token: SecretStr = SecretStr("")
    telegram_api_url: str = "https://api.telegram.org"

    spotify_client_id: str = ""
    spotify_client_secret: SecretStr = SecretStr("")
    spotify_redirect_uri: str = ""
    spotify_api_url: str = "https://api.spotify.com/v1"
    spotify_accounts_url: str = "https://accounts.spotify.com"

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
        """The Telegram ids that may use the bot; `*` among them stands for everyone."""
        return frozenset(part.strip() for part in self.allowed_telegram_ids.split(",")) - {""}

    @property
    def redirect_uri(self) -> str:
        """Where Spotify sends people back: under `PUBLIC_URL`, else to this computer."""
        _, port = self.web_host_and_port
        address = self.public_url.rstrip("/") or f"http://127.0.0.1:{port}"
        return self.spotify_redirect_uri or f"{address}{CALLBACK}"

    @property
    def is_public(self) -> bool:
        """Whether browsers on other computers can come back to our page."""
        return bool(self.public_url) or self.redirect_uri.startswith("https://")

    @property
    def web_host_and_port(self) -> tuple[str, int]:
        """Where the web pages listen."""
        host, _, port = self.web_address.rpartition(":")
        return host, int(port)


def load_settings() -> Settings:
    """Read the settings from the environment and `.env`.

    Raises:
        NotReady: A value has the wrong form; the text names the setting, never its value.
    """
    try:
        return Settings()
    except UnicodeDecodeError as error:
        raise NotReady("The file .env is not UTF-8 text; please save it as such.") from error
    except ValidationError as error:
        wrong = [f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]
        raise NotReady(f"Please check your settings. {'; '.join(wrong)}.") from error
