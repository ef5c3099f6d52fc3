"""The callback data of buttons, such as `vote:12:3:up`: one grammar to write and parse it.

Callback data is untrusted: a modified Telegram client can send any text. So the forms of each kind
of button are listed here, `pack` refuses to write anything else, and `unpack` refuses to parse it.
Forms are never removed, because old messages keep their buttons.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.chat.zones import is_zone
from bot.storage.people import CONSENT_VERSION
from bot.texts import LIST_PAGES
from recommender.catalogue.importing import is_track_id
from recommender.errors import BadPreference
from recommender.mood.targets import EMOTIONS, MODES
from recommender.taste.preferences import (
    LONGEST,
    POPULARITY_WEIGHTS,
    SHORTEST,
    Preferences,
    parse_years,
)

DATA_BYTES: Final = 64
"""Telegram's limit for callback data."""

MOST_FACES: Final = 99
"""The highest number of a face; if a photo has fewer, its last one is read."""

_SQLITE_MOST: Final = 2**63 - 1
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_YEARS = re.compile(r"[0-9]{4}-[0-9]{4}")
_DAYS = re.compile(r"0?1?2?3?4?5?6?")

Field = Callable[[str], Any]
"""Parses the text of a field; raises `ValueError` if it is malformed."""

Form = tuple[Field, ...]
"""The fields of a button after its verb, in order."""


class UnknownButton(ValueError):
    """Callback data that no button of this bot sends."""


@dataclass(frozen=True, slots=True)
class Press:
    """The parsed callback data of a pressed button.

    Args:
        verb: Which kind of button it is.
        values: Its fields: `int` for numbers, otherwise text.
    """

    verb: str
    values: tuple[Any, ...]


def pack(*fields: object) -> str:
    """Return the callback data of a button: its verb and its fields, joined by colons."""
    data = ":".join(str(field) for field in fields)
    unpack(data)  # fails on a button that could never be pressed
    return data


def unpack(data: str) -> Press:
    """Parse callback data.

    Raises:
        UnknownButton: It matches no form.
    """
    if len(data.encode(errors="replace")) > DATA_BYTES:
        raise UnknownButton("longer than Telegram allows")
    verb, *fields = data.split(":")
    for form in FORMS.get(verb, ()):
        if len(form) == len(fields):
            try:
                values = tuple(read(text) for read, text in zip(form, fields, strict=True))
            except ValueError:
                continue
            return Press(verb, values)
    raise UnknownButton(f"no button of the kind {verb[:20]!r} sends this")


def is_unknown(data: object) -> bool:
    """Return whether this is not callback data of a button of this bot."""
    if not isinstance(data, str):
        return True
    try:
        unpack(data)
    except UnknownButton:
        return True
    return False


# -- fields --


def _whole(least: int, most: int) -> Field:
    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError("not a number in its range")
        return int(text)

    return read


def _one_of(*words: str) -> Field:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError("not one of its words")
        return text

    return read


def _such_that(holds: Callable[[str], object]) -> Field:
    def read(text: str) -> str:
        if not holds(text):
            raise ValueError("not of its form")
        return text

    return read


def _are_days(text: str) -> bool:
    return bool(text and _DAYS.fullmatch(text))


def _are_years(text: str) -> bool:
    if not _YEARS.fullmatch(text):
        return False
    try:
        first, last = parse_years(text)
        Preferences(first_year=first, last_year=last)
    except BadPreference:
        return False
    return True


_ID = _whole(1, _SQLITE_MOST)
_NAME_KEY = _whole(-_SQLITE_MOST - 1, _SQLITE_MOST)
_PLACE = _whole(0, 99)
_MINUTE = _whole(0, 24 * 60 - 1)
_SLOT = (_MINUTE, _such_that(_are_days))
_EMOTION = _one_of(*EMOTIONS)
_MODE = _one_of(*MODES)
_LIST = _one_of(*LIST_PAGES)
_WISH = _one_of("up", "down", "none")
_YES_NO = _one_of("yes", "no")

FORMS: Final[Mapping[str, tuple[Form, ...]]] = {
    "agree": ((_whole(1, CONSENT_VERSION),), ()),  # the first ones had no version
    "decline": ((),),
    "talk": ((),),
    "withdraw": ((),),
    "reset": ((),),
    "forget": ((_YES_NO,),),
    "right": ((_ID,),),
    "wrong": ((_ID,),),
    "back": ((_ID,),),
    "correct": ((_ID, _EMOTION),),
    "face": ((_whole(0, MOST_FACES),), (_whole(0, MOST_FACES), _such_that(bool))),
    "mood": ((_EMOTION,),),
    "mode": ((_ID, _MODE),),
    "remode": ((_ID, _MODE),),
    "more": ((_ID,),),
    "another": ((_ID,),),
    "page": ((_ID, _PLACE),),
    "files": ((_ID,),),
    "vote": ((_ID, _PLACE, _WISH),),
    "stars": ((_ID, _whole(1, 5)),),
    "felt": ((_ID, _EMOTION),),
    "undo": (
        (_one_of("vote"), _ID, _such_that(is_track_id), _WISH),
        (_one_of("stars"), _ID, _whole(0, 5)),
        (_one_of("felt"), _ID),
    ),
    "settings": ((_one_of("overview", "years", *LIST_PAGES),), (_LIST, _PLACE)),
    "set": (
        (_one_of("mode"), _MODE),
        (_one_of("length"), _whole(SHORTEST, LONGEST)),
        (_one_of("popularity"), _one_of(*POPULARITY_WEIGHTS)),
        (_one_of("explicit", "keeps"), _YES_NO),
        (_one_of("years"), _one_of("any")),
        (_one_of("years"), _such_that(_are_years)),
        (_one_of("all"), _one_of("usual")),
    ),
    "add": ((_LIST, _NAME_KEY),),
    "drop": ((_LIST, _NAME_KEY),),
    "ask": ((_one_of("years", *LIST_PAGES),),),
    "save": ((_ID,),),
    "connect": ((),),
    "history": ((_whole(0, 999),),),
    "again": ((_ID,),),
    "plan": (_SLOT,),
    "half": (_SLOT,),
    "unplan": ((_ID,),),
    "zone": ((), (_such_that(is_zone),)),
}
"""The forms of each kind of button, by its verb."""
