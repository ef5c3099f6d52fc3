"""The families of genres: "big room" is electronic, "latin pop" is both Latin and pop.

Catalogues name genres freely, so families are recognised by the words in a name. A ban on a family
holds for all its members, and a playlist keeps to one family for a while.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from recommender.catalogue.tracks import genre_key, plain


@dataclass(frozen=True, slots=True)
class Family:
    """A family of genres.

    Args:
        name: Its usual name, in lower case.
        members: Genres of the family, as regular expressions for whole words of a plain name.
        parents: Names of the wider families.
    """

    name: str
    members: str
    parents: tuple[str, ...] = ()


FAMILIES: Final = (
    Family("children", r"children(?: s)?|childrens|kids?|nursery|lullab(?:y|ies)|disney"),
    Family("classical", r"classical|opera|baroque|orchestral?|chamber|symphon(?:y|ic)|choral"),
    Family("soundtrack", r"soundtracks?|scores?|show tunes?|broadway|musicals?|anime|video game"),
    Family("metal", r"\w{0,9}metal|metalcore|deathcore|grindcore|djent|thrash|doom", ("rock",)),
    Family("punk", r"\w{0,9}punk|emo|hardcore|screamo|riot grrrl|ska", ("rock",)),
    Family(
        "hip hop",
        r"hip hop|hiphop|hip pop|rap|\w+ rap|rapper|trap|drill|grime|gangster|boom bap|phonk",
    ),
    Family("r&b", r"r b|rnb|r n b|new jack swing|urban contemporary|quiet storm"),
    Family("soul", r"soul|funk|motown|gospel|doo wop", ("r&b",)),
    Family(
        "electronic",
        r"edm|electronica?|electro(?!pop)\w*|dance(?! pop)|house|techno|trance|dubstep"
        r"|drum and bass|drum n bass|dnb|d b|big room|idm|breakbeat|breakcore"
        r"|garage house|uk garage|jungle|club|rave"
        r"|hardstyle|synthwave|chillwave|vaporwave|downtempo|trip hop|disco|eurodance|hi nrg"
        r"|detroit|future bass|complextro",
    ),
    Family("ambient", r"ambient|new age|drone|sleep|meditation|white noise", ("electronic",)),
    Family(
        "latin",
        r"latin\w*|latino|reggaeton|salsa|bachata|cumbia|merengue|samba|pagode|sertanejo|mpb|forro"
        r"|bossa nova|tango|flamenco|mariachi|ranchera|norteno|banda|corrido\w*|trap latino"
        r"|tropical|brazil\w*|spanish|salsaton|dembow",
    ),
    Family("reggae", r"reggae|dancehall|dub|rocksteady|roots reggae"),
    Family("jazz", r"jazz|bebop|swing era|big band|smooth jazz"),
    Family("blues", r"blues"),
    Family("country", r"country|bluegrass|honky tonk|americana|nashville"),
    Family("folk", r"folk|singer songwriter|songwriter|acoustic|celtic"),
    Family("african", r"afro\w*|amapiano|highlife|kwaito"),
    Family("indian", r"bollywood|indian|desi|punjabi|filmi|tamil|telugu|hindi"),
    Family(
        "pop", r"pop|\w{1,9}pop|poptimism|boy band|girl group|power ballad|idol|cantopop|mandopop"
    ),
    Family(
        "rock",
        r"\w{0,9}rock\w{0,9}|grunge|indie(?! pop)|alternative|alt|shoegaze|britpop|garage"
        r"|permanent wave|rock n roll|psych\w*|new wave|goth\w*|industrial|surf",
    ),
)
"""The families; of several that a genre belongs to, its style is the first."""

_ALIASES: Final = {
    "rap": "hip hop",
    "hiphop": "hip hop",
    "edm": "electronic",
    "electro": "electronic",
    "dance": "electronic",
    "rnb": "r&b",
    "latino": "latin",
    "kids": "children",
}
"""Other names of whole families."""

_BY_NAME: Final = {family.name: family for family in FAMILIES}
_BY_KEY: Final = {genre_key(family.name): family.name for family in FAMILIES} | {
    genre_key(alias): name for alias, name in _ALIASES.items()
}
_PATTERNS: Final = tuple(
    (family.name, re.compile(rf"(?:^|\s)(?:{family.members})(?:\s|$)")) for family in FAMILIES
)
_POP: Final = re.compile(r"\bpop$")
"""A name that ends in "pop", such as "dance pop", is first of all pop."""


@lru_cache(maxsize=10_000)
def families_of(genre: str) -> tuple[str, ...]:
    """Return the names of all families of a genre, wider ones too, its style first."""
    words = plain(genre)
    found = [name for name, pattern in _PATTERNS if pattern.search(words)]
    if _POP.search(words) and "pop" in found:
        found.remove("pop")
        found.insert(0, "pop")
    wider = [parent for name in found for parent in _BY_NAME[name].parents]
    return tuple(dict.fromkeys([*found, *wider]))


def style_of(genre: str) -> str:
    """Return the family that a listener would file a genre under, or the genre itself if none."""
    return next(iter(families_of(genre)), plain(genre))


def includes(wanted: str, genre: str) -> bool:
    """Return whether a genre is the wanted one, or belongs to the family of that name."""
    family = _BY_KEY.get(genre_key(wanted))
    return genre_key(genre) == genre_key(wanted) or family in families_of(genre)


def is_included(wanted: Iterable[str], genre: str) -> bool:
    """Return whether a genre is one of the wanted ones, or belongs to one of their families."""
    return bool(genre) and any(includes(each, genre) for each in wanted)
