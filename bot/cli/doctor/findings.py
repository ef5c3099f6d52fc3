"""The result of one check."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `mirrortape doctor`.

    Args:
        what: What was checked.
        verdict: The result; unknown if it could not be checked.
        says: Its state; if wrong, the problem and what to do.
    """

    what: str
    verdict: Verdict
    says: str
