"""The photos, sticker or video that a user sent, as file ids of Telegram.

Nothing is downloaded here. The ids can be stored as text until the user gives their consent.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final, Literal

from telegram import Message, Update
from telegram.constants import FileSizeLimit
from telegram.ext import filters

from bot.chat.mood_words import Heard, hear, unpack
from vision.photo.formats import MAX_VIDEO_SECONDS

PHOTOS: Final = (
    filters.PHOTO
    | filters.Sticker.STATIC
    | ((filters.Document.IMAGE | filters.Document.FileExtension("heic")) & ~filters.ANIMATION)
)
"""Messages that may contain a photo. Phones send HEIC files without a type."""

VIDEOS: Final = filters.VIDEO | filters.VIDEO_NOTE | (filters.Document.VIDEO & ~filters.ANIMATION)
"""Messages that may contain a video."""

MAX_ALBUM_BYTES: Final = 60_000_000
"""The limit for an album: all its photos are in memory at once."""

Kind = Literal["photo", "album", "sticker", "video"]

Fault = Literal["file too big", "video too big", "video too long", "album too big"]


@dataclass(frozen=True, slots=True)
class Media:
    """What is read together.

    Args:
        kind: What it is.
        file_ids: Telegram's ids of the files.
        message_ids: The message of each file.
        words: The words of the caption that count, as `bot.chat.mood_words` packs them.
        passed_over: How many videos of an album are skipped.
        face: Which face is meant, from 0 and from the left; None if the user did not say.
    """

    kind: Kind
    file_ids: tuple[str, ...]
    message_ids: tuple[int, ...]
    words: str = ""
    passed_over: int = 0
    face: int | None = None

    @property
    def heard(self) -> Heard:
        """The words of the caption that count."""
        return unpack(self.words)

    def to_json(self) -> str:
        """Return it as text for `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Media":
        """Parse what `to_json` wrote."""
        fields = json.loads(text)
        lists = {name: tuple(fields[name]) for name in ("file_ids", "message_ids")}
        return cls(**fields | lists)


def media_of(messages: Sequence[Message]) -> Media:
    """Return what to read of a message, or of the messages of an album.

    The photos of an album are read, or its first video if it has no photos.
    """
    chosen = _chosen(messages)
    kind: Kind = "photo"
    if _is_video(chosen[0]):
        kind = "video"
    elif len(messages) > 1:
        kind = "album"
    elif chosen[0].sticker is not None:
        kind = "sticker"
    return Media(
        kind=kind,
        file_ids=tuple(_file(message)[0] for message in chosen),
        message_ids=tuple(message.message_id for message in chosen),
        words=hear("\n".join(message.caption or "" for message in messages)).packed(),
        passed_over=len(messages) - len(chosen),
    )


def fault_of(messages: Sequence[Message]) -> Fault | None:
    """Return why it cannot be read, as far as that is known before the download."""
    chosen = _chosen(messages)
    sizes = [_file(message)[1] for message in chosen]
    if any(_seconds(message) > MAX_VIDEO_SECONDS for message in chosen):
        return "video too long"
    if max(sizes) > FileSizeLimit.FILESIZE_DOWNLOAD:
        largest = chosen[sizes.index(max(sizes))]
        return "video too big" if _is_video(largest) else "file too big"
    return "album too big" if sum(sizes) > MAX_ALBUM_BYTES else None


def is_readable(message: Message) -> bool:
    """Return whether a message contains a photo or video."""
    return bool((PHOTOS | VIDEOS).check_update(Update(0, message=message)))


def _chosen(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the messages to read."""
    return [message for message in messages if not _is_video(message)] or messages[:1]


def _is_video(message: Message) -> bool:
    return bool(VIDEOS.check_update(Update(0, message=message)))


def _seconds(message: Message) -> float:
    video = message.video or message.video_note
    if video is None:
        return 0.0  # a file has no duration
    duration = video.duration
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration)


def _file(message: Message) -> tuple[str, int]:
    """Return the id of a message's file and its size in bytes, 0 if unknown."""
    photo = message.photo[-1] if message.photo else None  # the largest comes last
    file = photo or message.sticker or message.document or message.video or message.video_note
    assert file is not None
    return file.file_id, file.file_size or 0
