"""The job that tells users that their consent at Spotify ends soon or has ended."""

import logging
from datetime import datetime

from telegram import Bot
from telegram.error import BadRequest, Forbidden, TelegramError

from bot import texts
from bot.chat.connect import keyboards
from bot.chat.replies import say
from bot.services import Services
from bot.storage.records import Records
from recommender.services.spotify.notices import Notice

logger = logging.getLogger(__name__)


async def tell_due(bot: Bot, services: Services) -> None:
    """Send each due notice once; notices that Telegram does not deliver are sent later."""
    now = services.clock()
    for notice in await services.records.run(lambda stores: stores.spotify.notices.due(now)):
        if services.guests.admits(notice.user_id):
            await _tell(bot, services.records, notice, now)


async def _tell(bot: Bot, records: Records, notice: Notice, now: datetime) -> None:
    if not await records.run(lambda stores: stores.spotify.notices.claim(notice, now)):
        return  # sent meanwhile
    try:
        text = texts.CONSENT[notice.kind].format(day=f"{notice.ends_utc:%-d %B}")
        await say(bot, notice.user_id, text, keyboards.reconnect())
    except (Forbidden, BadRequest) as error:  # they blocked the bot, or are gone
        logger.info("a notice cannot be delivered: %s", type(error).__name__)
    except TelegramError as error:
        logger.warning("a notice is sent later: %s", type(error).__name__)
        await records.run(lambda stores: stores.spotify.notices.put_back(notice))
