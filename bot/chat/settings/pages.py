"""The pages of /settings: an overview, release years, and one for each list of names.

Each page is one message, edited in place. The button of a name holds a key that all its spellings
share.
"""

from collections.abc import Sequence
from html import escape

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot import texts
from bot.chat.keyboards import Rows, button
from recommender.catalogue.names import Names
from recommender.taste.preferences import USUAL, Preferences

Page = tuple[str, InlineKeyboardMarkup]

LENGTHS = (10, 20, 30, 50)
DECADES = range(1960, 2030, 10)

NAMES = 8
"""How many names of a list show at a time."""

UNKNOWN_TOLD = 30
"""How many unknown names a message lists before it only counts them."""

OFFERED = 12
"""How many genres are offered as buttons."""


def overview(preferences: Preferences, *, unchecked: int, tracks: int) -> Page:
    """Return all settings, and the ways to change them.

    Args:
        preferences: The user's settings.
        unchecked: The number of tracks that may be explicit for all the catalogue knows.
        tracks: The number of tracks in the catalogue.
    """
    lines = [f"{title}: <b>{_told(preferences, name)}</b>" for name, title in texts.SETTINGS]
    explicit, keeps = preferences.allows_explicit, preferences.keeps_playlists
    rows: Rows = [
        [
            _choice(label, "mode", mode, is_chosen=mode == preferences.mode)
            for mode, label in texts.MODE_LABELS.items()
        ],
        [
            _choice(str(length), "length", length, is_chosen=length == preferences.length)
            for length in LENGTHS
        ],
        [
            _choice(label, "popularity", dial, is_chosen=dial == preferences.popularity)
            for dial, label in texts.POPULARITY.items()
        ],
        [button(texts.SWITCH_EXPLICIT[explicit], "set", "explicit", "no" if explicit else "yes")],
        [button(texts.SWITCH_KEEPS[keeps], "set", "keeps", "no" if keeps else "yes")],
        [button(texts.YEARS_BUTTON, "settings", "years")],
        *(
            [_list_button(preferences, f"{kind}_{noun}") for noun in ("artists", "genres")]
            for kind in ("favourite", "banned")
        ),
    ]
    rows.append([button(texts.ZONE_BUTTON, "zone")])
    if preferences != USUAL:
        rows.append([button(texts.USUAL_BUTTON, "set", "all", "usual")])
    text = f"{texts.SETTINGS_HEAD}\n\n" + "\n".join(lines)
    if unchecked and not explicit:
        kind = "all" if unchecked == tracks else "some"
        text += "\n\n" + texts.EXPLICIT_UNKNOWN[kind].format(
            unchecked=f"{unchecked:,}", tracks=f"{tracks:,}"
        )
    return text, InlineKeyboardMarkup(rows)


def years(preferences: Preferences, *, is_known: bool) -> Page:
    """Return the choice of release years.

    Args:
        preferences: The user's settings.
        is_known: Whether the catalogue has release years.
    """
    chosen = (preferences.first_year, preferences.last_year)
    decades = [
        _choice(
            f"{first}s",
            "years",
            f"{first}-{first + 9}",
            is_chosen=chosen == (first, first + 9),
        )
        for first in DECADES
    ]
    text = texts.YEARS_PAGE.format(years=_told(preferences, "years"))
    if not is_known:
        text += f"\n{texts.YEARS_UNKNOWN}"
    rows = [decades[i : i + 4] for i in range(0, len(decades), 4)]
    anytime = _choice(texts.ANY_YEAR, "years", "any", is_chosen=chosen == (None, None))
    rows += [[anytime, button(texts.TYPE_YEARS, "ask", "years")], [_back()]]
    return text, InlineKeyboardMarkup(rows)


def names(
    list_name: str,
    listed: Sequence[str],
    known: Names,
    offered: Sequence[str] = (),
    number: int = 0,
) -> Page:
    """Return a list of names, with buttons to remove names, add names, or type one.

    Args:
        list_name: A field of `Preferences`.
        listed: The names on it.
        known: The catalogue's names of that kind.
        offered: Names to add by button.
        number: Which page of the list, from 0.
    """
    count = max(1, -(-len(listed) // NAMES))
    number = min(max(number, 0), count - 1)
    shown = listed[number * NAMES : (number + 1) * NAMES]
    rows: Rows = [
        [button(f"✕ {_cut(name)}", "drop", list_name, known.key(name))] for name in shown
    ]
    if count > 1:
        page = f"{number + 1} / {count}"
        rows.append(
            [
                button("‹", "settings", list_name, (number - 1) % count),
                button(page, "settings", list_name, number),
                button("›", "settings", list_name, (number + 1) % count),
            ]
        )
    taken = {known.key(name) for name in listed}
    free = [name for name in offered if known.key(name) not in taken][:OFFERED]
    more = [button(f"+ {_cut(name)}", "add", list_name, known.key(name)) for name in free]
    rows += [more[i : i + 3] for i in range(0, len(more), 3)]
    rows.append([button(texts.TYPE_NAME[_noun(list_name)], "ask", list_name)])
    rows.append([_back()])
    told = "\n".join(f"• {escape(_cut(name))}" for name in shown) or texts.EMPTY_LIST
    return f"{texts.LIST_PAGES[list_name]}\n\n{told}", InlineKeyboardMarkup(rows)


def suggestions(list_name: str, text: str, near: Sequence[str], known: Names) -> Page:
    """Return the reply to a name that the catalogue lacks, with similar names as buttons."""
    told = texts.UNKNOWN_NAME[bool(near)].format(noun=_noun(list_name), name=escape(_cut(text)))
    rows: Rows = [[button(_cut(name), "add", list_name, known.key(name))] for name in near]
    return told, InlineKeyboardMarkup([*rows, [button(texts.STOP_TYPING, "settings", list_name)]])


def unknown_names(list_name: str, unknown: Sequence[str]) -> Page:
    """Return the reply to more names that the catalogue lacks."""
    told = ", ".join(f"<b>{escape(_cut(name))}</b>" for name in unknown[:UNKNOWN_TOLD])
    if (more := len(unknown) - UNKNOWN_TOLD) > 0:
        told += texts.AND_MORE.format(count=more)
    text = texts.UNKNOWN_NAMES.format(noun=_noun(list_name), names=told)
    rows: Rows = [[button(texts.STOP_TYPING, "settings", list_name)]]
    return text, InlineKeyboardMarkup(rows)


def question(about: str) -> Page:
    """Return the question for years or a name, with a way back."""
    text = texts.ASK_YEARS if about == "years" else texts.ASK_NAME[_noun(about)]
    return text, InlineKeyboardMarkup([[button(texts.STOP_TYPING, "settings", about)]])


def _told(preferences: Preferences, name: str) -> str:
    """Return a setting in words."""
    match name:
        case "mode":
            return texts.MODE_LABELS[preferences.mode]
        case "length":
            return texts.LENGTH.format(length=preferences.length)
        case "popularity":
            return texts.POPULARITY[preferences.popularity]
        case "allows_explicit":
            return texts.EXPLICIT[preferences.allows_explicit]
        case "keeps_playlists":
            return texts.KEEPS[preferences.keeps_playlists]
        case "years":
            return _years(preferences.first_year, preferences.last_year)
        case _:
            return _joined(getattr(preferences, name))


def _years(first: int | None, last: int | None) -> str:
    if first is None:
        return texts.ANY_YEAR.lower() if last is None else texts.YEARS_UNTIL.format(year=last)
    if last is None:
        return texts.YEARS_FROM.format(year=first)
    return str(first) if first == last else f"{first} to {last}"


def _joined(listed: Sequence[str]) -> str:
    if not listed:
        return texts.NOBODY
    more = f" + {len(listed) - 3}" if len(listed) > 3 else ""
    return escape(", ".join(map(_cut, listed[:3]))) + more


def _noun(list_name: str) -> str:
    return list_name.partition("_")[2].removesuffix("s")


def _list_button(preferences: Preferences, list_name: str) -> InlineKeyboardButton:
    count = len(getattr(preferences, list_name))
    label = texts.LIST_BUTTONS[list_name] + (f" ({count})" if count else "")
    return button(label, "settings", list_name)


def _choice(label: str, field: str, value: object, *, is_chosen: bool) -> InlineKeyboardButton:
    return button(f"• {label} •" if is_chosen else label, "set", field, value)


def _back() -> InlineKeyboardButton:
    return button("‹ Back", "settings", "overview")


def _cut(name: str) -> str:
    return name if len(name) <= 40 else name[:39].rstrip() + "…"
