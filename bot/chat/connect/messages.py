"""The message about a connected account, as Telegram's HTML."""

from html import escape

from bot import texts


def connected(name: str) -> str:
    """Return that Spotify is connected, and whose account it is; the name may be empty."""
    who = texts.AS_WHOM.format(name=escape(name)) if name else ""
    return texts.ACCOUNT_CONNECTED.format(who=who)
