"""Who may use the bot: only people whom its owner has allowed."""

from dataclasses import dataclass

EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class Guests:
    """The people who may use the bot.

    Args:
        ids: Their Telegram ids as in the settings; `*` stands for everyone.
    """

    ids: frozenset[str]

    def admits(self, user_id: int) -> bool:
        """Return whether this user may use the bot."""
        return not self.ids.isdisjoint({EVERYONE, str(user_id)})
