"""/schedule, its buttons, and the question for the time zone.

Check-ins start once the time zone is known. A location is used to find zones near it and not
stored.
"""

from datetime import timedelta
from html import escape

from telegram import Bot, ReplyKeyboardRemove, Update
from telegram.ext import ApplicationHandlerStop, ContextTypes

from bot import texts
from bot.chat.checkins import keyboards
from bot.chat.checkins.messages import schedule_text, which_half, zone_noted
from bot.chat.keyboards import consent
from bot.chat.mood_words import understand
from bot.chat.replies import edit, pressed, remove, say, sender, toast
from bot.chat.zones import find_zones, zones_near
from bot.current_update import earlier
from bot.services import Services
from bot.storage.records import Stores
from bot.storage.schedules import MOST_PER_USER, Schedule, TooMany
from bot.timetable import HourAlone, NotUnderstood, Slot, read_slots

Context = ContextTypes.DEFAULT_TYPE

OFF = frozenset({"off", "stop", "none", "never"})
ZONE = frozenset({"zone", "timezone"})

ASKED_FOR = timedelta(minutes=10)
"""How long text that names neither a place nor a mood is taken as an answer."""


_ZONE_SET = "zone set"


class Scheduling:
    """Sets check-ins and the user's time zone."""

    def __init__(self, services: Services) -> None:
        self._services = services

    # -- times --

    async def schedule(self, update: Update, context: Context) -> None:
        """Show the check-ins, or set or stop them, or change the zone, as the text says."""
        user_id, words = sender(update), context.args or []
        first, rest = "".join(words[:1]).lower(), " ".join(words[1:])
        if not words:
            await self._show(context.bot, user_id)
        elif first in OFF:
            had_any = await self._services.records.once(
                "stop check-ins", lambda s: s.schedules.stop(user_id)
            )
            text = texts.SCHEDULE_OFF if had_any else texts.NO_SCHEDULE
            await say(context.bot, user_id, text, ReplyKeyboardRemove())
        elif not await self._may(context.bot, user_id):
            pass  # `_may` asked for their consent
        elif first not in ZONE:
            await self._add(context.bot, user_id, " ".join(words))
        elif rest:
            # So that the user may type another place next; a retry must not ask again.
            if earlier(_ZONE_SET) is None:
                await self._note_asked(user_id)
            await self._take_zone(context.bot, user_id, rest)
        else:
            await self.ask_zone(context.bot, user_id)

    async def plan(self, update: Update, context: Context) -> None:
        """Add the check-in on the button."""
        query, (minute, days) = pressed(update)
        await toast(query)
        user_id = sender(update)
        if await self._may(context.bot, user_id):
            await self._put(context.bot, user_id, (Slot.of(minute, days),))

    async def half(self, update: Update, context: Context) -> None:
        """Add the check-in on the button that chose between before and after noon."""
        query, (minute, days) = pressed(update)
        await toast(query)
        user_id = sender(update)
        if not await self._may(context.bot, user_id):
            return
        if query.message is not None:
            await remove(context.bot, user_id, query.message.message_id)
        await self._put(context.bot, user_id, (Slot.of(minute, days),))

    async def unplan(self, update: Update, context: Context) -> None:
        """Delete the check-in on the button."""
        query, (check_in_id,) = pressed(update)
        user_id, now = sender(update), self._services.clock()
        was_there = await self._services.records.once(
            "remove check-in", lambda s: s.schedules.remove(user_id, check_in_id)
        )
        await toast(query, texts.CHECK_IN_REMOVED if was_there else texts.GONE)
        schedule = await self._load(user_id)
        if query.message is not None:
            await edit(
                context.bot,
                user_id,
                query.message.message_id,
                schedule_text(schedule, now),
                keyboards.schedule(schedule),
            )

    async def _add(self, bot: Bot, user_id: int, words: str) -> None:
        try:
            slots = read_slots(words)
        except NotUnderstood as error:
            text = texts.NO_TIME
            if error.word:
                text = texts.NOT_A_TIME.format(word=escape(error.word[:40]))
            await say(bot, user_id, f"{text} {texts.SCHEDULE_USAGE}")
        except HourAlone as error:
            if error.clear:
                await self._put(bot, user_id, error.clear)
            for morning in error.mornings:
                await say(bot, user_id, which_half(morning), keyboards.halves(morning))
        else:
            await self._put(bot, user_id, slots)

    async def _put(self, bot: Bot, user_id: int, slots: tuple[Slot, ...]) -> None:
        now = self._services.clock()
        try:
            await self._services.records.run(lambda s: s.schedules.add(user_id, slots, now))
        except TooMany:
            await say(bot, user_id, texts.TOO_MANY_CHECK_INS.format(most=MOST_PER_USER))
            return
        await self._show(bot, user_id)
        if (await self._load(user_id)).zone is None:
            await self.ask_zone(bot, user_id)

    # -- the zone --

    async def ask_zone(self, bot: Bot, user_id: int) -> None:
        """Ask for the user's time zone."""
        await self._note_asked(user_id)
        await say(bot, user_id, texts.ASK_ZONE, keyboards.location())

    async def zone(self, update: Update, context: Context) -> None:
        """Set the zone on the button, or ask for one if the button names none."""
        query, fields = pressed(update)
        user_id = sender(update)
        await toast(query)
        if not await self._may(context.bot, user_id):
            return
        if fields:
            if query.message is not None:
                await remove(context.bot, user_id, query.message.message_id)
            await self._set_zone(context.bot, user_id, fields[0])
        else:
            await self.ask_zone(context.bot, user_id)

    async def located(self, update: Update, context: Context) -> None:
        """Offer the zones near a location, if one was asked for."""
        message, user_id, now = update.effective_message, sender(update), self._services.clock()
        assert message is not None
        assert message.location is not None
        if await self._services.records.run(lambda s: s.schedules.asked_zone(user_id)) is None:
            return
        zones = zones_near(message.location.latitude, message.location.longitude, now)
        await say(context.bot, user_id, texts.LOOKED_AT_LOCATION, ReplyKeyboardRemove())
        await say(context.bot, user_id, texts.WHICH_CLOCK, keyboards.zones(zones, now))
        raise ApplicationHandlerStop

    async def answered(self, update: Update, context: Context) -> None:
        """Take the name of a place, if one was asked for; pass on other text."""
        message, user_id = update.effective_message, sender(update)
        assert message is not None
        if earlier(_ZONE_SET) is not None:  # an earlier try stored it; only the reply is left
            await self._take_zone(context.bot, user_id, message.text or "")
            raise ApplicationHandlerStop
        asked = await self._services.records.run(lambda s: s.schedules.asked_zone(user_id))
        if asked is None:
            return
        words, now = message.text or "", self._services.clock()
        is_answer = abs(now - asked) < ASKED_FOR and understand(words).emotion is None
        if find_zones(words, now) or is_answer:
            await self._take_zone(context.bot, user_id, words)
            raise ApplicationHandlerStop

    async def _note_asked(self, user_id: int) -> None:
        now = self._services.clock()
        await self._services.records.run(lambda s: s.schedules.ask_zone(user_id, now))

    async def _take_zone(self, bot: Bot, user_id: int, words: str) -> None:
        """Set the zone that a text names, or ask which of several."""
        now = self._services.clock()
        zones = find_zones(words, now)
        if not zones:
            await say(bot, user_id, texts.UNKNOWN_PLACE)
        elif len(zones) == 1:
            await self._set_zone(bot, user_id, zones[0])
        else:
            await say(bot, user_id, texts.WHICH_CLOCK, keyboards.zones(zones, now))

    async def _set_zone(self, bot: Bot, user_id: int, zone: str) -> None:
        now = self._services.clock()

        def set_zone(stores: Stores) -> int:
            stores.schedules.set_zone(user_id, zone, now)
            return 1

        await self._services.records.once(_ZONE_SET, set_zone)
        await say(bot, user_id, zone_noted(zone, now), ReplyKeyboardRemove())
        if (await self._load(user_id)).check_ins:
            await self._show(bot, user_id)

    # -- what they share --

    async def _show(self, bot: Bot, user_id: int) -> None:
        schedule = await self._load(user_id)
        text = schedule_text(schedule, self._services.clock())
        await say(bot, user_id, text, keyboards.schedule(schedule))

    async def _load(self, user_id: int) -> Schedule:
        return await self._services.records.run(lambda s: s.schedules.load(user_id))

    async def _may(self, bot: Bot, user_id: int) -> bool:
        """Return whether the user gave their consent; ask for it if not."""
        if await self._services.records.run(lambda s: s.people.has_consent(user_id)):
            return True
        await say(bot, user_id, texts.CONSENT_FIRST)
        await say(bot, user_id, texts.ASK_CONSENT, consent())
        return False
