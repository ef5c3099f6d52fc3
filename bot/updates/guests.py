"""Who may use the bot: those whom its owner admits, and nobody else is written to unasked."""

from dataclasses import dataclass

EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class Guests:
    """The people whom the owner admits.

    Args:
        ids: Their Telegram ids, as the settings hold them; `*` among them admits everyone.
    """

    ids: frozenset[str]

    def admits(self, user_id: int) -> bool:
        """Return whether this user may use the bot."""
        return not self.ids.isdisjoint({EVERYONE, str(user_id)})
