"""Where a photo is fetched from: Telegram alone, whatever path it answers."""

from pathlib import Path
from typing import Any

import pytest
from telegram import File

from bot import texts
from bot.chat.fetching import NotAtTelegram, remote_url
from tests.support.telegram.chatting import AGREE, JPEG, Chat
from tests.support.telegram.fake_telegram import Call

BASE = "https://telegram.test/file/bot1:test"


def answering(chat: Chat, file_path: str) -> None:
    """Have Telegram name this as the place of every file."""
    result = chat.telegram._result

    def named(call: Call) -> Any:
        answer = result(call)
        return answer | {"file_path": file_path} if call.method == "getFile" else answer

    chat.telegram._result = named  # type: ignore[method-assign] # one answer differs


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "{climb}{path}", "{name}"])
async def test_a_file_of_this_computer_is_never_read(
    chat: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(JPEG + b" a secret")
    monkeypatch.chdir(tmp_path)
    climb = "../" * 30
    file_path = form.format(path=secret, climb=climb[:-1], name=secret.name)

    await chat.press(AGREE)
    chat.telegram.files["secret.jpg"] = JPEG  # Telegram may well have one of that name
    answering(chat, file_path)
    calls = await chat.photo()
    assert chat.worker.photos == ([JPEG] if form == "{name}" else [])
    if form != "{name}":
        assert calls[-1].text == texts.FETCH_FAILED


@pytest.mark.parametrize(
    "path", ["photos/file_1.jpg", f"{BASE}/photos/file_1.jpg", "documents/Zoë 1#2?.jpg"]
)
def test_a_file_at_telegram_is_fetched_from_there(path: str) -> None:
    url = remote_url(File("id", "unique", file_path=path), BASE)
    assert url.startswith(f"{BASE}/")
    assert not set(url) & set(" #?ë")


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "../../etc/passwd",
        "photos/../../x",
        f"{BASE}/../x",
        f"{BASE}//etc/passwd",
        "https://elsewhere.test/x.jpg",
        "//elsewhere.test/x.jpg",
        "C:\\Users\\anna\\x.jpg",
        "..\\x.jpg",
    ],
)
def test_any_other_path_is_refused(path: str | None) -> None:
    with pytest.raises(NotAtTelegram):
        remote_url(File("id", "unique", file_path=path), BASE)
