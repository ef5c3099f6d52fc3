"""What the bot's messages say."""

import re

from tests.support.telegram.chatting import Chat
from tests.support.telegram.fake_telegram import Call


def said(chat: Chat) -> list[str]:
    """Return the bot's new messages."""
    return [call.text for call in chat.telegram.calls if call.method == "sendMessage"]


def titles(playlist: Call) -> list[str]:
    """Return the titles that a playlist message shows."""
    return re.findall(r"^\d+\. (?:<a [^>]*>)?(.*?)(?:</a>)? · ", playlist.text, re.MULTILINE)
