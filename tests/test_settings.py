from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.keys import cipher
from bot.live import check_redirect, run_live
from bot.settings import NotReady, Settings, load_settings


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


@pytest.mark.parametrize("key", ["", "short", f"{Fernet.generate_key().decode()},no"])
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


@pytest.mark.parametrize(
    "uri", ["http://localhost:8080/callback", "http://bot.example/callback", "https://b.ex/other"]
)
def test_a_redirect_that_spotify_would_refuse_is_told_at_the_start(uri: str) -> None:
    with pytest.raises(NotReady, match="SPOTIFY_REDIRECT_URI"):
        check_redirect(uri)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:8080/callback", "https://bot.example/callback"])
def test_a_good_redirect_passes(uri: str) -> None:
    check_redirect(uri)
