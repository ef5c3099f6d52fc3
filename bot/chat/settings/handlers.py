"""/settings: shows and changes settings by buttons and typed answers."""

import asyncio
import re
from collections.abc import Collection, Sequence
from typing import Any

from telegram import Bot, MaybeInaccessibleMessage, Update
from telegram.ext import ApplicationHandlerStop, ContextTypes

from bot import texts
from bot.chat.replies import edit, pressed, remove, say, sender, toast
from bot.chat.settings import pages
from bot.current_update import earlier
from bot.services import Services
from bot.storage.questions import Question
from bot.storage.records import Stores
from recommender.catalogue.names import Artists, Genres, Names
from recommender.errors import BadPreference
from recommender.taste.preferences import MOST_NAMES, USUAL, Preferences, parse_years

Context = ContextTypes.DEFAULT_TYPE

_YES_NO = {"yes": True, "no": False}
_ANSWERED = "answered"

_BETWEEN_NAMES = re.compile(r"[,;\n]")

_UNKNOWN_ASKED = 3
"""For how many unknown names similar ones are suggested; each takes about a second."""


class Preferring:
    """Shows and changes a user's settings."""

    def __init__(self, services: Services) -> None:
        self._services = services

    # -- commands and buttons --

    async def settings(self, update: Update, context: Context) -> None:
        """Show all settings."""
        user_id = sender(update)
        await say(context.bot, user_id, *await self._page(user_id, "overview"))

    async def page(self, update: Update, context: Context) -> None:
        """Show another page of the settings, and drop any open question."""
        query, (name, *rest) = pressed(update)
        await toast(query)
        await self._services.records.run(lambda s: s.people.questions.drop(sender(update)))
        await self._show(update, context.bot, name, rest[0] if rest else 0)

    async def set(self, update: Update, context: Context) -> None:
        """Change a setting."""
        query, (field, value) = pressed(update)
        await self._change(sender(update), **_changes(field, value))
        await toast(query, texts.SETTING_KEPT)
        await self._show(update, context.bot, "years" if field == "years" else "overview")

    async def add(self, update: Update, context: Context) -> None:
        """Add a name to a list."""
        query, (list_name, key) = pressed(update)
        name = self._names(list_name).named(key)
        if name is None:
            await toast(query, texts.GONE)
            return
        try:
            told = await self._put(sender(update), list_name, [name])
        except BadPreference as error:
            await toast(query, str(error))
            return
        await toast(query, told)
        await self._settle(context.bot, sender(update), query.message)
        await self._show(update, context.bot, list_name)

    async def drop(self, update: Update, context: Context) -> None:
        """Remove a name from a list."""
        query, (list_name, key) = pressed(update)
        known = self._names(list_name)
        user_id, now, keys = sender(update), self._services.clock(), {key}

        def take_off(stores: Stores) -> None:
            listed = getattr(stores.music.preferences.load(user_id), list_name)
            left = {list_name: _without(listed, keys, known)}
            stores.music.preferences.change(user_id, now, **left)

        await self._services.records.run(take_off)
        await toast(query, texts.SETTING_KEPT)
        await self._show(update, context.bot, list_name)

    async def ask(self, update: Update, context: Context) -> None:
        """Ask for a name or years; the user's next text is the answer."""
        query, (about,) = pressed(update)
        message_id = query.message.message_id if query.message else None
        if message_id is None:
            await toast(query, texts.GONE)
            return
        now, question = self._services.clock(), Question(about, message_id)
        user_id = sender(update)
        await self._services.records.run(lambda s: s.people.questions.ask(user_id, question, now))
        await toast(query)
        await edit(context.bot, user_id, message_id, *pages.question(about))

    # -- typed answers --

    async def answered(self, update: Update, context: Context) -> None:
        """Take a text as the answer to an open question; pass on any other message."""
        if earlier(_ANSWERED) is not None:
            raise ApplicationHandlerStop  # an earlier try took it
        user_id, now = sender(update), self._services.clock()
        question = await self._services.records.run(
            lambda s: s.people.questions.open(user_id, now)
        )
        message = update.effective_message
        if question is None or message is None:
            return
        if not message.text or message.text.startswith("/"):  # the user does something else
            if not (message.text or "").startswith("/cancel"):  # which reports what it stopped
                await self._services.records.run(lambda s: s.people.questions.drop(user_id))
            return
        if question.about == "years":
            await self._years_typed(context.bot, user_id, message.text)
        else:
            await self._names_typed(context.bot, user_id, question.about, message.text)
        raise ApplicationHandlerStop

    async def _years_typed(self, bot: Bot, user_id: int, text: str) -> None:
        try:
            first, last = parse_years(text)
            preferences = await self._change(user_id, first_year=first, last_year=last)
        except BadPreference as error:
            await say(bot, user_id, texts.bad_preference(error))
            return
        await say(bot, user_id, *pages.years(preferences, is_known=self._knows_years()))
        await self._settle(bot, user_id)

    async def _names_typed(self, bot: Bot, user_id: int, list_name: str, text: str) -> None:
        """Add the names that the catalogue knows to a list, and ask about the others."""
        known = self._names(list_name)
        parts = [part for part in map(str.strip, _BETWEEN_NAMES.split(text)) if part] or [text]
        parts = list(dict.fromkeys(parts))
        if len(parts) > MOST_NAMES:
            await say(bot, user_id, texts.TOO_MANY_NAMES.format(most=MOST_NAMES))
            return
        found = await asyncio.to_thread(_found, parts, known)
        names = dict.fromkeys(name for name in found.values() if name)
        unknown = [part for part, name in found.items() if name is None]
        if names:
            try:
                await self._put(user_id, list_name, names)
            except BadPreference as error:
                await say(bot, user_id, texts.bad_preference(error))
                return
            await say(bot, user_id, *await self._page(user_id, list_name))
        if not unknown:
            await self._settle(bot, user_id)
        for name in unknown[:_UNKNOWN_ASKED]:
            near = await asyncio.to_thread(known.like, name)
            await say(bot, user_id, *pages.suggestions(list_name, name, near, known))
        if others := unknown[_UNKNOWN_ASKED:]:
            await say(bot, user_id, *pages.unknown_names(list_name, others))

    # -- what they share --

    async def _put(self, user_id: int, list_name: str, names: Collection[str]) -> str:
        """Add names to a list, remove them from its opposite, and return the reply."""
        known, opposite, now = self._names(list_name), _opposite(list_name), self._services.clock()
        keys = {known.key(name) for name in names}

        def put(stores: Stores) -> bool:
            before = stores.music.preferences.load(user_id)
            listed = (*_without(getattr(before, list_name), keys, known), *names)
            left = _without(getattr(before, opposite), keys, known)
            after = stores.music.preferences.change(
                user_id, now, **{list_name: listed, opposite: left}
            )
            return bool(getattr(before, opposite) != getattr(after, opposite))

        has_swapped = await self._services.records.once("put on list", put)
        return texts.SWAPPED if has_swapped else texts.SETTING_KEPT

    async def _settle(
        self, bot: Bot, user_id: int, except_for: MaybeInaccessibleMessage | None = None
    ) -> None:
        """Delete the message with the answered question, unless the answer replaces it."""
        now = self._services.clock()

        def take(stores: Stores) -> int:
            question = stores.people.questions.open(user_id, now)
            stores.people.questions.drop(user_id)
            return 0 if question is None else question.message_id

        asked_in = await self._services.records.once(_ANSWERED, take)
        if asked_in and asked_in != (except_for.message_id if except_for else None):
            await remove(bot, user_id, asked_in)

    async def _show(self, update: Update, bot: Bot, name: str, number: int = 0) -> None:
        """Replace the pressed message with a page."""
        message = update.effective_message
        if message is not None:
            page = await self._page(sender(update), name, number)
            await edit(bot, sender(update), message.message_id, *page)

    async def _page(self, user_id: int, name: str, number: int = 0) -> pages.Page:
        preferences = await self._load(user_id)
        if name == "overview":
            table = self._services.table
            unchecked = int((~table.explicit_known).sum())
            return pages.overview(preferences, unchecked=unchecked, tracks=len(table))
        if name == "years":
            return pages.years(preferences, is_known=self._knows_years())
        known = self._names(name)
        offered = known.by_frequency if isinstance(known, Genres) else ()
        return pages.names(name, getattr(preferences, name), known, offered, number)

    async def _load(self, user_id: int) -> Preferences:
        return await self._services.records.run(lambda s: s.music.preferences.load(user_id))

    async def _change(self, user_id: int, **changes: Any) -> Preferences:
        now = self._services.clock()
        return await self._services.records.run(
            lambda s: s.music.preferences.change(user_id, now, **changes)
        )

    def _names(self, list_name: str) -> Names:
        """Return the catalogue's names for a list."""
        is_artists = list_name.endswith("artists")
        return Artists(self._services.table) if is_artists else Genres(self._services.table)

    def _knows_years(self) -> bool:
        return bool(self._services.table.years.any())


def _changes(field: str, value: Any) -> dict[str, Any]:
    """Return what a button changes, as fields of `Preferences`."""
    match field:
        case "mode":
            return {"mode": value}
        case "length":
            return {"length": value}
        case "popularity":
            return {"popularity": value}
        case "explicit":
            return {"allows_explicit": _YES_NO[value]}
        case "keeps":
            return {"keeps_playlists": _YES_NO[value]}
        case "years":
            first, last = (None, None) if value == "any" else parse_years(value)
            return {"first_year": first, "last_year": last}
        case _:  # all of them
            return {name: getattr(USUAL, name) for name in Preferences.__dataclass_fields__}


def _found(parts: Sequence[str], known: Names) -> dict[str, str | None]:
    """Return each typed part with the catalogue's name for it; None if it has none."""
    return {part: known.named(known.key(part)) for part in parts}


def _opposite(list_name: str) -> str:
    kind, _, noun = list_name.partition("_")
    return f"{'banned' if kind == 'favourite' else 'favourite'}_{noun}"


def _without(listed: Collection[str], keys: Collection[int], known: Names) -> tuple[str, ...]:
    return tuple(name for name in listed if known.key(name) not in keys)
