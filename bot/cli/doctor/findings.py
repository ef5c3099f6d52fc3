"""What is found out about one thing that the bot needs."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `mirrortape doctor`.

    Args:
        what: The thing.
        verdict: Whether it is well; unknown where it could not be looked at.
        says: How it is; where it is not well, what is wrong and what to do.
    """

    what: str
    verdict: Verdict
    says: str
