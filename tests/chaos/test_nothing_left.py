"""Nothing of a photo, and no secret, is anywhere after a hundred photos and a kill.

The real bot logs all that it can. People connect their Spotify; their photos carry canaries in
every place that holds words, and pixels that are found nowhere else. The bot is killed while it
reads. Then every file that it could have written is searched, and all that it said.
"""

import base64
import io
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from cryptography.fernet import Fernet
from PIL import Image

from bot.sandbox.page.samples import portrait_jpeg
from bot.storage.backups import back_up
from tests.support.load_generator import welcome
from tests.support.photos.hostile import canary_exif
from tests.support.photos.photo_files import encoded
from tests.support.town import TOKEN, Town, town_in, wait_for

FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
PHOTOS_EACH = 2
SECRET = "canary-of-the-app-which-is-its-secret"


@pytest.mark.parametrize("photos", [8, pytest.param(100, marks=pytest.mark.chaos)])
def test_no_photo_and_no_secret_is_left_anywhere(
    photos: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    people = range(1, photos // PHOTOS_EACH + 1)
    with town_in(tmp_path, LOG_LEVEL="DEBUG", SPOTIFY_CLIENT_SECRET=SECRET) as town:
        town.spotify._state.client_secret = SECRET
        canaries = secrets_of(town)
        welcome(town, people)
        for user_id in people[:2]:
            back = parse_qs(urlparse(town.connect(user_id)).query)
            canaries |= {f"code of {user_id}": back["code"][0].encode()}
            canaries |= {f"state of {user_id}": back["state"][0].encode()}
        for user_id in people:
            for number in range(PHOTOS_EACH):
                canaries |= send(town, user_id, user_id * PHOTOS_EACH + number)
        wait_for(town.has_handled_all, "all photos to be read")
        read = sum(len(town.pictures(user_id)) for user_id in people)
        assert read > photos / 2  # the others were cut short, and each was answered
        back_up(town.database, tmp_path / "backup.db")
        for user_id in people[:4]:
            canaries |= send(town, user_id, 1000 + user_id)
        time.sleep(0.3)
        town.kill()
        canaries |= tokens_of(town)
        said = json.dumps([town.heard(user_id) for user_id in people], ensure_ascii=False)
    files = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.name != ".env"
    }
    print(f"\n{photos} photos, {read} pictures, {len(canaries)} canaries, in {len(files)} files")
    assert {"mirrortape.db", "mirrortape.db-wal", "backup.db", "bot.log"} <= set(files)
    assert b"INFO bot.updates.inbox" in files["bot.log"]
    assert b"Traceback" not in files["bot.log"]
    assert b"gAAAAA" in files["mirrortape.db"] + files["mirrortape.db-wal"]  # what is sealed
    assert list(hits(files, canaries)) == []
    for_users = {what for what in canaries if what.startswith("state")}  # in the link to Spotify
    told = {what: canaries[what] for what in canaries.keys() - for_users}
    assert list(hits({"what it said": said.encode()}, told)) == []
    for name, content in files.items():
        assert b"\xff\xd8\xff" not in content, f"{name} holds a JPEG"


def secrets_of(town: Town) -> dict[str, bytes]:
    """Return what stands in the bot's settings and must stand nowhere else."""
    settings = dict(
        line.split("=", 1)
        for line in (town.folder / ".env").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    assert Fernet(settings["SECRET_KEY"])
    return {
        "token": TOKEN.partition(":")[2].encode(),
        "key": settings["SECRET_KEY"].encode(),
        "app's secret": SECRET.encode(),
    }


def tokens_of(town: Town) -> dict[str, bytes]:
    """Return the tokens that Spotify gave out."""
    state = town.spotify._state
    tokens = [*state.access_tokens, *state.refresh_tokens]
    assert len(tokens) >= 4
    return {f"token {number}": token.encode() for number, token in enumerate(tokens)}


def send(town: Town, user_id: int, number: int) -> dict[str, bytes]:
    """Send a photo full of canaries, every fifth cut short; return them."""
    words = f"canary-{number:04}-of-the-garden-gate"
    name, caption = f"file-{words}.jpg", f"caption-{words}"
    format = FORMATS[number % len(FORMATS)]
    rng = np.random.default_rng(number)
    photo = np.asarray(Image.open(io.BytesIO(portrait_jpeg())).convert("RGB")).copy()
    noise = rng.integers(0, 256, (16, photo.shape[1], 3), np.uint8)
    photo[-16:] = noise  # below the face
    content = encoded(Image.fromarray(photo), format, exif=canary_exif(words), **_options(format))
    assert words.encode() in content
    middle = len(content) // 2
    canaries = {
        f"words of {number}": words.encode(),  # also in its name and caption
        f"bytes of {number}": content[middle : middle + 24],
        f"pixels of {number}": noise[8, 100:110].tobytes(),
        f"grey pixels of {number}": _grey(noise)[8, 100:124].tobytes(),
    }
    if number % 5 == 4:
        content = content[: middle + 100]
    town.telegram.send_document(user_id, content, name, f"image/{format.lower()}", caption)
    return canaries


def _options(format: str) -> dict[str, bool]:
    return {"lossless": True} if format == "WEBP" else {}


def _grey(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).convert("L"))


def hits(texts: Mapping[str, bytes], canaries: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Yield where which canary is, in clear or written in another way."""
    for what, canary in canaries.items():
        ways = set(written(canary))
        for name, text in texts.items():
            if any(way in text for way in ways):
                yield name, what


def written(canary: bytes) -> Iterator[bytes]:
    """Yield the ways in which some bytes may be written."""
    yield canary
    yield canary[::-1]
    yield canary.hex().encode()
    yield repr(canary)[2:-1].encode()
    for start in range(3):  # what stands before shifts the letters of base64
        whole = canary[start : start + (len(canary) - start) // 3 * 3]
        yield base64.b64encode(whole)
        yield base64.urlsafe_b64encode(whole)
