"""The allow-list: who may use the bot, and whom it may write to unasked."""

from dataclasses import dataclass

EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class Guests:
    """The people on the allow-list.

    Args:
        ids: Their Telegram ids, as in the settings; `*` admits everyone.
    """

    ids: frozenset[str]

    def admits(self, user_id: int) -> bool:
        """Return whether this user may use the bot."""
        return not self.ids.isdisjoint({EVERYONE, str(user_id)})
