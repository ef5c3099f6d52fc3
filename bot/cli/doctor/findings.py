"""A finding about something that the bot needs."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `mirrortape doctor`.

    Args:
        what: The thing.
        verdict: Whether it is all right; unknown if it could not be checked.
        says: Its state, and if it is not all right, what to do.
    """

    what: str
    verdict: Verdict
    says: str
