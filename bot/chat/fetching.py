"""Downloads users' files from Telegram, and from nowhere else.

Telegram answers a request for a file with its path. A Bot API server in local mode answers with
paths on its own disk, which python-telegram-bot would open on this computer. A wrong answer could
make the bot read any local file, so only paths below Telegram's address are followed.
"""

from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from telegram import Bot, File

from bot.chat.media import Media


class NotAtTelegram(Exception):
    """The path of a file is missing or leads away from Telegram."""


async def fetch(bot: Bot, media: Media) -> list[bytes]:
    """Download the files, one after the other.

    Raises:
        NotAtTelegram: A path leads away from Telegram.
    """
    files = []
    for file_id in media.file_ids:
        url = remote_url(await bot.get_file(file_id), bot.base_file_url)
        # Not through `File`, which opens local paths.
        files.append(await bot.request.retrieve(url))
    return files


def remote_url(file: File, base_url: str) -> str:
    """Return the address of a file.

    Args:
        file: Telegram's answer; its path may already start with the address.
        base_url: The address below which Telegram keeps the bot's files.

    Raises:
        NotAtTelegram: The path is missing or leads away from Telegram.
    """
    path = (file.file_path or "").removeprefix(f"{base_url}/")
    parts = PurePosixPath(path).parts
    is_plain = not (urlsplit(path).scheme or "\\" in path or path.startswith("/"))
    if not path or not is_plain or ".." in parts:
        raise NotAtTelegram("the path of a file leads somewhere else")
    return f"{base_url}/{quote(path)}"
