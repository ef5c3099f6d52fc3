"""Puts the bot together: which handler answers which update, in which order."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from telegram import BotCommand, Update
from telegram.constants import ChatType
from telegram.error import Forbidden, TelegramError
from telegram.ext import (
    Application,
    ApplicationBuilder,
    ApplicationHandlerStop,
    BaseHandler,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    MessageReactionHandler,
    TypeHandler,
    filters,
)
from telegram.request import BaseRequest

from bot import texts
from bot.chat import crisis
from bot.chat.buttons import is_unknown
from bot.chat.checkins.handlers import Scheduling
from bot.chat.connect.handlers import Connecting
from bot.chat.feedback.handlers import Feedback
from bot.chat.history.handlers import History
from bot.chat.media import PHOTOS, VIDEOS
from bot.chat.onboarding.handlers import Consent
from bot.chat.playlist.handlers import PlaylistHandlers
from bot.chat.playlist_messages import PlaylistMessages
from bot.chat.privacy.handlers import Privacy
from bot.chat.replies import say, sender, toast
from bot.chat.selfie.corrections import Corrections
from bot.chat.selfie.handlers import Selfies
from bot.chat.settings.handlers import Preferring
from bot.current_update import current
from bot.playlists.forgetting import Forgetting
from bot.playlists.playlists import Playlists
from bot.sending.bot_api import BotApiRequest
from bot.sending.delivery import Delivery, Undelivered
from bot.sending.pacing import USUAL, Limits
from bot.services import Services
from bot.updates.inbox import MustWaitForDisk, Unparsable
from bot.updates.polling import POLL_S
from bot.worker.readings import Readings
from recommender.storage.database import DiskFull

logger = logging.getLogger(__name__)

Context = ContextTypes.DEFAULT_TYPE
App = Application[Any, Any, Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot, and its parts that others call.

    Args:
        application: Receives updates.
        connecting: Must hear when somebody comes back from Spotify's consent page.
        playlist_messages: Publishes pending playlists, for the jobs.
    """

    application: App
    connecting: Connecting
    playlist_messages: PlaylistMessages


def build_bot(
    services: Services,
    *,
    token: str,
    api_url: str,
    request: BaseRequest | None = None,
    limits: Limits = USUAL,
) -> Bot:
    """Build the bot: the same one for the real Telegram and the local one.

    Args:
        services: The outside world and the state.
        token: The bot's token.
        api_url: Telegram's address, without a trailing slash.
        request: The transport to Telegram; None means HTTP.
        limits: How fast messages may be sent.
    """

    async def stop_jobs(user_id: int) -> None:
        """Stop the check-ins of a user who blocked the bot."""
        if await services.records.run(lambda stores: stores.schedules.stop(user_id)):
            logger.info("a user blocked the bot, so their check-ins stop")

    application = (
        ApplicationBuilder()
        .token(token)
        .base_url(f"{api_url}/bot")
        .base_file_url(f"{api_url}/file/bot")
        .request(request or BotApiRequest(connection_pool_size=64, read_timeout=30))
        .get_updates_request(request or BotApiRequest(read_timeout=POLL_S + 10))
        .rate_limiter(Delivery(services.records, stop_jobs, limits))
        # bot.updates.inbox dispatches updates instead: it stores each before acknowledging it
        .updater(None)
        .build()
    )
    playlists = Playlists(services)
    playlist_messages = PlaylistMessages(services, playlists)
    readings = Readings(services.worker, services.metrics)
    connecting = Connecting(services, playlists, playlist_messages)
    selfies = Selfies(services, readings, playlists, playlist_messages)
    corrections = Corrections(services, playlists, playlist_messages)
    moods = PlaylistHandlers(services, playlists, playlist_messages)
    consent = Consent(services, selfies.read)
    forgetting = Forgetting(services, playlists, readings.stop)
    privacy = Privacy(services, forgetting, readings.stop)
    feedback = Feedback(services, playlists, playlist_messages)
    preferring = Preferring(services)
    scheduling = Scheduling(services)
    history = History(services, playlist_messages)

    # Lower groups run first. Messages about suicide are answered before anything else, for
    # strangers too.
    words = (filters.TEXT | filters.CAPTION) & filters.ChatType.PRIVATE
    application.add_handler(MessageHandler(words, crisis.answer), group=-5)
    talk = CallbackQueryHandler(crisis.talk, pattern=rf"^{crisis.TALK}$")
    application.add_handler(talk, group=-5)
    # Then strangers and groups are turned away. People who were taken off the list may still see,
    # export and delete their data.
    of_own_data: list[BaseHandler[Update, Context, Any]] = [
        CommandHandler("privacy", privacy.privacy),
        CommandHandler("export", privacy.export),
        CommandHandler("forget", privacy.forget),
        CallbackQueryHandler(privacy.withdraw, pattern=r"^withdraw(:|$)"),
        CallbackQueryHandler(privacy.reset, pattern=r"^reset(:|$)"),
        CallbackQueryHandler(privacy.forget_answered, pattern=r"^forget(:|$)"),
    ]
    application.add_handler(TypeHandler(Update, _gate(services, of_own_data)), group=-4)
    # Each of the next groups takes a plain message only if it was waiting for it: digits or an
    # address that connect an account,
    plain = filters.TEXT & ~filters.COMMAND
    application.add_handler(MessageHandler(plain, connecting.answered), group=-3)
    # the answer to a question (any other message ends the waiting),
    application.add_handler(MessageHandler(filters.ALL, preferring.answered), group=-2)
    # and a time zone, by name or by location.
    application.add_handler(MessageHandler(plain, scheduling.answered), group=-1)
    application.add_handler(MessageHandler(filters.LOCATION, scheduling.located), group=-1)

    # Within a group only the first match answers, so specific handlers come first.
    for command, answer in {
        "start": consent.start,
        "help": consent.help,
        "mood": moods.mood,
        "playlist": moods.playlist,
        "feedback": feedback.feedback,
        "settings": preferring.settings,
        "connect": connecting.connect,
        "disconnect": connecting.disconnect,
        "history": history.history,
        "schedule": scheduling.schedule,
        "cancel": selfies.cancel,
    }.items():
        application.add_handler(CommandHandler(command, answer))
    # Malformed callback data stops here, so the handlers below can rely on its fields.
    application.add_handler(
        CallbackQueryHandler(_unknown_button, pattern=is_unknown, game_pattern=".*")
    )
    application.add_handlers(of_own_data)
    for verb, press in {
        "agree": consent.agree,
        "decline": privacy.withdraw,
        "right": corrections.right,
        "wrong": corrections.wrong,
        "back": corrections.back,
        "correct": corrections.correct,
        "face": selfies.face,
        "mood": moods.mood_chosen,
        "mode": corrections.mode,
        "remode": moods.mode,
        "more": moods.more,
        "another": moods.another,
        "page": moods.page,
        "files": moods.files,
        "vote": feedback.vote,
        "stars": feedback.stars,
        "felt": feedback.felt,
        "undo": feedback.undo,
        "settings": preferring.page,
        "set": preferring.set,
        "add": preferring.add,
        "drop": preferring.drop,
        "ask": preferring.ask,
        "save": connecting.save,
        "connect": connecting.reconnect,
        "history": history.turn,
        "again": history.again,
        "plan": scheduling.plan,
        "half": scheduling.half,
        "unplan": scheduling.unplan,
        "zone": scheduling.zone,
    }.items():
        application.add_handler(CallbackQueryHandler(press, pattern=rf"^{verb}(:|$)"))
    application.add_handler(MessageReactionHandler(feedback.reacted))
    application.add_handler(MessageHandler(PHOTOS | VIDEOS, selfies.selfie))
    application.add_handler(MessageHandler(plain, moods.spoken))
    for kind, what in OTHER_MESSAGES.items():
        application.add_handler(MessageHandler(what, _say_instead(kind)))
    application.add_error_handler(_apologise(services))
    return Bot(application, connecting, playlist_messages)


OTHER_MESSAGES = {
    "unknown_command": filters.COMMAND,
    "voice": filters.VOICE,
    "audio": filters.AUDIO,
    "animation": filters.ANIMATION,  # before documents: Telegram sends it as one of those too
    "animated_sticker": filters.Sticker.ANIMATED,
    "video_sticker": filters.Sticker.VIDEO,
    "location": filters.LOCATION,
    "contact": filters.CONTACT,
    "poll": filters.POLL,
    "dice": filters.Dice.ALL,
    "document": filters.Document.ALL,
    "other": ~filters.StatusUpdate.ALL,
}
"""The key in `texts.NOT_A_PHOTO` for each kind of other message, in order of matching.

Service messages (a pinned message, a changed name) get no answer.
"""


async def publish_commands(application: App) -> None:
    """Show the commands in Telegram's menu."""
    commands = [BotCommand(name, text) for name, text in texts.COMMANDS.items()]
    await application.bot.set_my_commands(commands)


def _gate(services: Services, of_own_data: Sequence[BaseHandler[Update, Context, Any]]) -> Any:
    async def gate(update: Update, context: Context) -> None:
        """Turn away strangers, and everybody in groups, with a kind line.

        People whose data is stored here may still use the handlers for it.
        """
        if update.effective_user is None or update.effective_chat is None:
            raise ApplicationHandlerStop  # nobody to answer
        is_private = update.effective_chat.type == ChatType.PRIVATE
        has_data = False
        if is_private:
            if services.guests.admits(user_id := sender(update)):
                return
            has_data = await services.records.run(lambda s: s.holds_any(user_id))
            if has_data and any(each.check_update(update) for each in of_own_data):
                return
        text = texts.NO_LONGER_ADMITTED if has_data else texts.STRANGER
        try:
            await (_turn_away(update, context, text) if is_private else _decline(update, context))
        except TelegramError as error:  # still turned away
            logger.info("a stranger could not be told why: %s", type(error).__name__)
        raise ApplicationHandlerStop

    return gate


async def _turn_away(update: Update, context: Context, text: str) -> None:
    """Tell somebody who is not admitted what they can do."""
    if update.callback_query is not None:
        await toast(update.callback_query)
    if update.message_reaction is None:  # reactions ask nothing
        user_id = sender(update)
        await say(context.bot, user_id, text.format(user_id=user_id))


async def _decline(update: Update, context: Context) -> None:
    """Answer a command in a group."""
    message, chat = update.effective_message, update.effective_chat
    assert chat is not None
    if message is not None and message.text and message.text.startswith("/"):
        await say(context.bot, chat.id, texts.PRIVATE_CHATS_ONLY)


async def _unknown_button(update: Update, context: Context) -> None:
    """Answer a button with malformed or unknown callback data."""
    if update.callback_query is not None:
        await toast(update.callback_query, texts.UNKNOWN_BUTTON)


def _say_instead(kind: str) -> Any:
    async def say_instead(update: Update, context: Context) -> None:
        """Say what to send instead."""
        await say(context.bot, sender(update), texts.NOT_A_PHOTO[kind])

    return say_instead


def _apologise(services: Services) -> Any:
    async def apologise(update: object, context: Context) -> None:
        """Log an unexpected error, then have the update retried, or apologise without details."""
        if isinstance(context.error, MustWaitForDisk | Unparsable):
            text = texts.DISK_FULL
            if isinstance(context.error, Unparsable):
                text = texts.UNPARSABLE
            if services.guests.admits(context.error.user_id):
                await _tell(context, context.error.user_id, text)
            raise ApplicationHandlerStop
        if isinstance(context.error, Forbidden):
            logger.info("a user has blocked the bot")
            raise ApplicationHandlerStop
        handling, is_final = current(), isinstance(context.error, Undelivered)
        if handling is not None and isinstance(context.error, DiskFull):
            handling.met_full_disk = True
            raise ApplicationHandlerStop
        logger.error("an update could not be handled", exc_info=context.error)
        if handling is not None and not is_final and not handling.is_last_try:
            handling.has_failed = True
            raise ApplicationHandlerStop  # later groups answer in the retry
        if isinstance(update, Update) and update.effective_user is not None:
            services.metrics.updates_failed.inc()
            await _tell(context, update.effective_user.id, texts.APOLOGY)
        raise ApplicationHandlerStop  # else later groups would answer too

    return apologise


async def _tell(context: Context, user_id: int, text: str) -> None:
    """Tell a user what went wrong, if Telegram delivers it."""
    try:
        await say(context.bot, user_id, text)
    except TelegramError as error:
        logger.warning("the user could not be told: %s", type(error).__name__)
