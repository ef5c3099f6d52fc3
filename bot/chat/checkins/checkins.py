"""The job that asks users for a selfie at the times they chose."""

import logging

from telegram import Bot
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TimedOut

from bot import texts
from bot.chat import keyboards
from bot.chat.replies import say
from bot.services import Services
from bot.storage.records import Stores
from bot.storage.schedules import Due

logger = logging.getLogger(__name__)


async def ask_due(bot: Bot, services: Services) -> None:
    """Send each due check-in once; stop those of users who blocked the bot."""
    now = services.clock()
    for due in await services.records.run(lambda stores: stores.schedules.due(now)):
        await _ask(bot, services, due)


async def _ask(bot: Bot, services: Services, due: Due) -> None:
    run, user_id = services.records.run, due.user_id
    is_guest = services.guests.admits(user_id)

    def claim(stores: Stores) -> bool:
        if is_guest and stores.people.has_consent(user_id):
            return stores.schedules.claim(due)
        stores.schedules.settle(due)
        return False

    if not await run(claim):
        return
    try:
        await say(bot, user_id, texts.check_in(due.moment.hour), keyboards.emotions("mood"))
    except (Forbidden, BadRequest) as error:  # they blocked the bot, or are gone
        logger.info("a user's check-ins stop: %s", type(error).__name__)
        await run(lambda stores: stores.schedules.remove(user_id))
    except TimedOut:
        logger.warning("a check-in may not have arrived; it is sent once more")
    except (NetworkError, RetryAfter) as error:
        logger.warning("a check-in is sent later: %s", type(error).__name__)
        await run(lambda stores: stores.schedules.put_back(due))
    else:
        await run(lambda stores: stores.schedules.settle(due))
