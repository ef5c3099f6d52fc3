"""Fetching what was sent from Telegram, and from nowhere else.

Where a file lies is a path that Telegram answers. A server that runs in local mode answers paths
on its own disk, and python-telegram-bot opens them here. A wrong answer would have the bot read
any file of its own computer, so only paths below Telegram's address are followed.
"""

from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from telegram import Bot, File

from bot.chat.media import Media


class NotAtTelegram(Exception):
    """Telegram names no file of its own."""


async def fetch(bot: Bot, media: Media) -> list[bytes]:
    """Fetch the files, one after the other.

    Raises:
        NotAtTelegram: One of them does not lie there.
    """
    files = []
    for file_id in media.file_ids:
        url = remote_url(await bot.get_file(file_id), bot.base_file_url)
        # Not through `File`, which opens what it takes for a file on this computer.
        files.append(await bot.request.retrieve(url))
    return files


def remote_url(file: File, base_url: str) -> str:
    """Return from where a file is fetched.

    Args:
        file: What Telegram answered; its path may already begin with the address.
        base_url: The address below which Telegram keeps the bot's files.

    Raises:
        NotAtTelegram: The path is missing or leads somewhere else.
    """
    path = (file.file_path or "").removeprefix(f"{base_url}/")
    parts = PurePosixPath(path).parts
    is_plain = not (urlsplit(path).scheme or "\\" in path or path.startswith("/"))
    if not path or not is_plain or ".." in parts:
        raise NotAtTelegram("the path of a file leads somewhere else")
    return f"{base_url}/{quote(path)}"
