"""Recognises music that is only wanted at a time of year, or by children, or not at all.

Catalogues do not say so, but titles, albums and genres do.
"""

import re
from collections.abc import Iterable
from datetime import date
from enum import IntFlag
from typing import Final

from recommender.catalogue.genre_families import families_of
from recommender.catalogue.tracks import plain


class Kind(IntFlag):
    """What a track is, as bits."""

    CHRISTMAS = 1
    HALLOWEEN = 2
    CHILDREN = 4
    EXPLICIT_TITLE = 8
    SELF_HARM = 16


SEASONS: Final = {
    Kind.CHRISTMAS: ((12, 6), (12, 26)),
    Kind.HALLOWEEN: ((10, 25), (10, 31)),
}
"""First and last day, as month and day, on which seasonal music is played at all."""

_CHRISTMAS: Final = re.compile(
    r"\b(?:christmas\w*|xmas|x mas|navidad\w*|navidenas?|noel|natale|weihnacht\w*|santa claus"
    r"|santa baby|santa tell me|santa s coming|here comes santa|jingle bells?|jingle bell rock"
    r"|let it snow|winter wonderland|silent night|holy night|rudolph|frosty|sleigh(?: ride)?"
    r"|feliz navidad|mistletoe|deck the halls?|little drummer boy|jolly|yuletide|yule|nutcracker"
    r"|reindeer|o come all ye faithful|joy to the world|away in a manger|first noel|auld lang syne"
    r"|driving home for|chestnuts roasting|happy holidays?|holiday season|villancicos?"
    r"|new years? (?:s )?eve|new year s day)\b"
)
_HALLOWEEN: Final = re.compile(
    r"\b(?:halloween|monster mash|spooky scary|trick or treat|this is halloween|ghostbusters)\b"
)
_CHILDREN: Final = re.compile(
    r"\b(?:kidz bop|cocomelon|baby shark|pinkfong|wiggles|super simple songs|nursery rhymes?"
    r"|lullab(?:y|ies) for|lullaby renditions|sesame street|peppa pig|paw patrol|wheels on the bus"
    r"|twinkle twinkle|little baby bum|old macdonald|itsy bitsy|for (?:kids|children|babies)"
    r"|kids songs?|children s songs?|raffi|teletubbies|disney junior|frozen (?:sing along|2|ii)"
    r"|canciones infantiles|kinderlieder|blippi|bluey|sing along)\b"
)
_EXPLICIT: Final = re.compile(
    r"\b(?:f+u+c+k\w*|fuk|fck\w*|f k|f ck|motherf\w*|mf|shit\w*|sh t|bullshit|bitch\w*|b tch\w*"
    r"|bitchez|niggas?|niggaz|n ggas?|n gga|pussy|p ssy|dick|d ck|cock|cunt\w*|hoes?|whores?"
    r"|slut\w*|asshole\w*|ass|a hole|faggot\w*|porn\w*|puta|puto|mierda|pendej\w+|chinga\w*"
    r"|cabron|verga|explicit)\b"
)
_SELF_HARM: Final = re.compile(
    r"\b(?:suicid\w*|kill (?:yourself|myself|urself)|hang (?:yourself|myself)|self harm"
    r"|slit (?:my|your) wrists?|wanna die|want to die|better off dead|end my life"
    r"|quiero morir|selbstmord)\b"
)
"""Whoever is sad gets no song of such a title from us."""


def kinds_of(title: str, artist: str, album: str, genres: Iterable[str]) -> int:
    """Return the bits of `Kind` for a track."""
    name, names = plain(title), plain(f"{title}\n{album}")
    kinds = Kind(0)
    if _CHRISTMAS.search(names):
        kinds |= Kind.CHRISTMAS
    if _HALLOWEEN.search(name):
        kinds |= Kind.HALLOWEEN
    if _CHILDREN.search(f"{names} {plain(artist)}") or any(
        "children" in families_of(genre) for genre in genres
    ):
        kinds |= Kind.CHILDREN
    if _EXPLICIT.search(name):
        kinds |= Kind.EXPLICIT_TITLE
    if _SELF_HARM.search(name):
        kinds |= Kind.SELF_HARM
    return int(kinds)


def out_of_season(today: date | None) -> Kind:
    """Return the seasonal kinds that are not played on a day; all of them if it is unknown."""
    away = Kind(0)
    for kind, (first, last) in SEASONS.items():
        if today is None or not first <= (today.month, today.day) <= last:
            away |= kind
    return away
