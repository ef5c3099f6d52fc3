"""Whatever Telegram can make of a message: answered by its handler, or ignored on purpose.

A kind of message that the Bot API has and these tables lack fails.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bot.updates.inbox import ALLOWED_UPDATES
from tests.support.telegram import handlers
from tests.support.telegram.chatting import Chat
from tests.support.telegram.telegram_contract import Contract

CONTENT: Mapping[str, str] = MappingProxyType(
    {
        "text": "message to PlaylistHandlers.spoken",
        "photo": "message to Selfies.selfie",
        "live_photo": "message to Selfies.selfie",
        "video": "message to Selfies.selfie",
        "video_note": "message to Selfies.selfie",
        # a still one is a selfie, see `tests.bot.chat.selfie.test_inputs`
        "sticker": "message animated_sticker",
        "document": "message document",
        "animation": "message animation",
        "audio": "message audio",
        "voice": "message voice",
        "location": "message location",
        "venue": "message location",
        "contact": "message contact",
        "dice": "message dice",
        "poll": "message poll",
        "rich_message": "message other",
        "paid_media": "message other",
        "story": "message other",
        "checklist": "message other",
        "game": "message other",
        "invoice": "message other",
        "giveaway": "message other",
        "giveaway_winners": "message other",
        "successful_payment": "message other",
        "passport_data": "message other",
        "boost_added": "message other",
    }
)
"""What a message can be, and the handler that answers the smallest of its kind."""

COMES_WITH = {"live_photo": "photo", "venue": "location", "animation": "document"}
"""What Telegram sets besides, so that older bots understand."""

_NOBODYS_QUESTION = """
new_chat_members left_chat_member chat_owner_left chat_owner_changed new_chat_title
new_chat_photo delete_chat_photo group_chat_created supergroup_chat_created
channel_chat_created message_auto_delete_timer_changed migrate_to_chat_id
migrate_from_chat_id pinned_message refunded_payment users_shared chat_shared gift
unique_gift gift_upgrade_sent connected_website write_access_allowed
proximity_alert_triggered chat_background_set checklist_tasks_done checklist_tasks_added
direct_message_price_changed forum_topic_created forum_topic_edited forum_topic_closed
forum_topic_reopened general_forum_topic_hidden general_forum_topic_unhidden
giveaway_created giveaway_completed managed_bot_created paid_message_price_changed
poll_option_added poll_option_deleted suggested_post_approved
suggested_post_approval_failed suggested_post_declined suggested_post_paid
suggested_post_refunded video_chat_scheduled video_chat_started video_chat_ended
video_chat_participants_invited web_app_data
"""
NOBODYS_QUESTION = frozenset(_NOBODYS_QUESTION.split())
"""Service messages, which get no answer on purpose."""

_ABOUT_A_MESSAGE = """
message_id message_thread_id direct_messages_topic from sender_chat sender_boost_count
sender_business_bot sender_tag date guest_query_id business_connection_id chat
forward_origin is_topic_message is_automatic_forward reply_to_message external_reply quote
reply_to_story reply_to_checklist_task_id reply_to_poll_option_id via_bot
guest_bot_caller_user guest_bot_caller_chat edit_date has_protected_content is_from_offline
is_paid_post media_group_id author_signature paid_star_count entities link_preview_options
suggested_post_info effect_id caption caption_entities show_caption_above_media
has_media_spoiler reply_markup
"""
ABOUT_A_MESSAGE = frozenset(_ABOUT_A_MESSAGE.split())
"""What says something of a message, but is none by itself."""


def smallest(bot_api: Contract, field: str) -> Any:
    """Return the smallest value that this field of a message can have."""
    fields = bot_api.types["Message"]["fields"]
    return bot_api.smallest(next(each["types"] for each in fields if each["name"] == field))


def test_whatever_a_message_can_be_has_its_line(bot_api: Contract) -> None:
    fields = [field["name"] for field in bot_api.types["Message"]["fields"]]
    assert sorted(fields) == sorted([*CONTENT, *NOBODYS_QUESTION, *ABOUT_A_MESSAGE])


async def test_each_kind_of_message_is_answered_by_its_handler(
    chat: Chat, bot_api: Contract
) -> None:
    for kind, name in CONTENT.items():
        content = {each: smallest(bot_api, each) for each in {kind, COMES_WITH.get(kind, kind)}}
        handlers.reached.clear()
        assert await chat.message(content), kind
        assert name in handlers.reached, kind


async def test_service_messages_get_no_answer(chat: Chat, bot_api: Contract) -> None:
    for kind in sorted(NOBODYS_QUESTION):
        assert await chat.message({kind: smallest(bot_api, kind)}) == [], kind


def test_every_kind_of_update_that_is_asked_for_is_there(bot_api: Contract) -> None:
    assert set(ALLOWED_UPDATES) == {"message", "callback_query", "message_reaction"}
    assert set(ALLOWED_UPDATES) < {field["name"] for field in bot_api.types["Update"]["fields"]}
