from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.runtime.run import run_live
from bot.settings import NotReady, Settings, check_redirect, check_webhook, load_settings
from bot.storage.keys import cipher


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `.env` and no settings from whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_wrong_setting_is_named_and_its_value_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:hush")
    monkeypatch.setenv("WEB_ADDRESS", "my-secret-address")
    with pytest.raises(NotReady) as refused:
        load_settings()
    assert "WEB_ADDRESS" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_settings_never_print_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:hush")
    monkeypatch.setenv("SECRET_KEY", "hush")
    assert "hush" not in repr(load_settings())


def test_env_file_is_read() -> None:
    Path(".env").write_text("ALLOWED_TELEGRAM_IDS= 1, 2 ,\nWEB_ADDRESS=0.0.0.0:80\n")
    settings = load_settings()
    assert settings.allowed_ids == {"1", "2"}
    assert settings.web_host_and_port == ("0.0.0.0", 80)  # noqa: S104


@pytest.mark.parametrize(
    "key",
    ["", "short", f"{Fernet.generate_key().decode()},no"],
    ids=["none", "short", "second bad"],
)
def test_a_bad_key_says_how_to_make_one(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", key)
    with pytest.raises(NotReady, match="Make one with"):
        cipher(load_settings())


def test_a_new_key_in_front_still_reads_what_the_old_one_wrote(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    written = Fernet(old).encrypt(b"token")
    monkeypatch.setenv("SECRET_KEY", f"{new}, {old}")
    assert cipher(load_settings()).decrypt(written) == b"token"


@pytest.mark.parametrize(
    ("have", "missing"),
    [
        ({}, "TELEGRAM_BOT_TOKEN"),
        ({"TELEGRAM_BOT_TOKEN": "1:x"}, "ALLOWED_TELEGRAM_IDS"),
        ({"TELEGRAM_BOT_TOKEN": "1:x", "ALLOWED_TELEGRAM_IDS": "*"}, "SECRET_KEY"),
        (
            {
                "TELEGRAM_BOT_TOKEN": "1:x",
                "ALLOWED_TELEGRAM_IDS": "*",
                "SECRET_KEY": Fernet.generate_key().decode(),
            },
            "catalogue is empty",
        ),
    ],
)
def test_run_says_what_is_missing(
    have: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in have.items():
        monkeypatch.setenv(name, value)
    running = run_live()
    with pytest.raises(NotReady, match=missing):
        running.send(None)


def redirecting(**values: str) -> Settings:
    return Settings.model_validate(values)


@pytest.mark.parametrize(
    ("values", "uri", "is_public"),
    [
        ({}, "http://127.0.0.1:8080/callback", False),
        ({"web_address": "0.0.0.0:9000"}, "http://127.0.0.1:9000/callback", False),
        (
            {"spotify_redirect_uri": "http://127.0.0.1:99/callback"},
            "http://127.0.0.1:99/callback",
            False,
        ),
        (
            {"spotify_redirect_uri": "https://bot.example/callback"},
            "https://bot.example/callback",
            True,
        ),
        ({"public_url": "https://bot.example"}, "https://bot.example/callback", True),
        ({"public_url": "https://bot.example/tape/"}, "https://bot.example/tape/callback", True),
        (
            {
                "public_url": "https://bot.example",
                "spotify_redirect_uri": "https://bot.example/callback",
            },
            "https://bot.example/callback",
            True,
        ),
    ],
)
def test_consent_ends_where_the_settings_say(
    values: dict[str, str], uri: str, is_public: bool
) -> None:
    settings = redirecting(**values)
    check_redirect(settings)
    assert (settings.redirect_uri, settings.is_public) == (uri, is_public)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"spotify_redirect_uri": "http://localhost:8080/callback"}, "refuses localhost"),
        ({"spotify_redirect_uri": "https://LOCALHOST/callback"}, "refuses localhost"),
        ({"public_url": "https://localhost"}, "PUBLIC_URL: Spotify refuses localhost"),
        ({"spotify_redirect_uri": "http://bot.example/callback"}, "https://"),
        ({"spotify_redirect_uri": "https://bot.example/other"}, "end in /callback"),
        ({"spotify_redirect_uri": "https://bot.example/?x=/callback"}, "end in /callback"),
        ({"spotify_redirect_uri": "https:///callback"}, "https://"),
        ({"public_url": "http://bot.example"}, "PUBLIC_URL must begin with https://"),
        ({"public_url": "http://127.0.0.1:8080"}, "PUBLIC_URL must begin with https://"),
        ({"public_url": "bot.example"}, "PUBLIC_URL must begin with https://"),
        ({"public_url": "https://[bot.example"}, "PUBLIC_URL is no address"),
        ({"public_url": "https://my bot.example"}, "PUBLIC_URL must begin with https://"),
        ({"spotify_redirect_uri": "https://bot.example/#/callback"}, "end in /callback"),
        (
            {
                "public_url": "https://bot.example",
                "spotify_redirect_uri": "http://127.0.0.1:8080/callback",
            },
            "leave SPOTIFY_REDIRECT_URI out",
        ),
    ],
)
def test_a_redirect_that_would_not_work_is_told_with_the_reason(
    values: dict[str, str], why: str
) -> None:
    with pytest.raises(NotReady, match=why):
        check_redirect(redirecting(**values))


@pytest.mark.parametrize("url", ["http://[", "https://a:b", "https://"])
@pytest.mark.parametrize("name", ["public_url", "spotify_redirect_uri"])
def test_a_malformed_address_of_our_own_is_refused(name: str, url: str) -> None:
    def check(settings: Settings) -> None:
        check_webhook(settings)
        check_redirect(settings)

    with pytest.raises(NotReady, match=name.upper()):
        check(redirecting(**{name: url}))


@pytest.mark.parametrize(
    "url", ["http://[", "http://a:b", "ftp://a", "localhost", "http:// a", ""]
)
def test_a_malformed_address_of_a_service_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_API_URL", url)
    with pytest.raises(NotReady, match=r"TELEGRAM_API_URL: .*write an address"):
        load_settings()


def test_run_refuses_localhost_before_anything_else_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:x")
    monkeypatch.setenv("ALLOWED_TELEGRAM_IDS", "*")
    monkeypatch.setenv("SECRET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("SPOTIFY_REDIRECT_URI", "http://localhost:8080/callback")
    with pytest.raises(NotReady, match=r"Spotify refuses localhost.*Write 127\.0\.0\.1"):
        run_live().send(None)
