"""What Spotify's refusals mean: from a status and a reason to one of our errors."""

import math
from collections.abc import Mapping

from recommender.errors import (
    ConnectionExpired,
    NotOnUserList,
    OwnerNeedsPremium,
    PlaylistGone,
    QuotaExceeded,
    RateLimited,
    RecommenderError,
    SpotifyRefused,
    SpotifyUnreachable,
)

RATE_WINDOW_S = 30.0
"""Spotify counts requests over this long; what a 429 without a usable Retry-After means."""

LONGEST_WAIT_S = 7 * 86_400.0
"""The longest wait that we believe."""

LONG_WAIT_S = 60.0
"""A 429 that asks for more than this is no matter of the rolling window."""

QUOTA_WAIT_S = 3600.0
"""What a spent quota without a usable Retry-After means."""

OUTAGE_WAIT_S = 60.0
"""When to try again after the network or a server of Spotify's failed; nobody says."""


def api_refusal(
    status: int, reason: str | None, message: str, headers: Mapping[str, str]
) -> RecommenderError:
    """Return the error that an answer of the Web API stands for.

    Args:
        status: The HTTP status, 400 or above.
        reason: The machine-readable reason in the body, where there is one.
        message: What Spotify says about it.
        headers: Of the answer; `Retry-After` is read.
    """
    if status == 401:
        return ConnectionExpired(message)
    if status == 403:
        return _forbidden(message)
    if status == 404:
        return PlaylistGone(message)
    if status == 429:
        return _wait(reason, message, headers)
    if status >= 500:
        return SpotifyUnreachable(message, OUTAGE_WAIT_S)
    return SpotifyRefused(message)


def _forbidden(message: str) -> RecommenderError:
    """Return which of Spotify's reasons to forbid it is; its words alone tell them apart."""
    words = message.lower()
    if "not registered" in words or "not be registered" in words:
        return NotOnUserList(message)
    if "premium" in words:
        return OwnerNeedsPremium(message)
    return SpotifyRefused(message)


def token_refusal(
    status: int, error: str | None, message: str, headers: Mapping[str, str]
) -> RecommenderError:
    """Return the error that a refusal to issue tokens stands for (RFC 6749, section 5.2).

    Args:
        status: The HTTP status, 400 or above.
        error: The OAuth error code.
        message: What Spotify says about it.
        headers: Of the answer; `Retry-After` is read.
    """
    if status == 429:
        return _wait(None, message, headers)
    if status >= 500:
        return SpotifyUnreachable(message, OUTAGE_WAIT_S)
    if error == "invalid_grant":
        return ConnectionExpired(message)
    return SpotifyRefused(message)


def _wait(reason: str | None, message: str, headers: Mapping[str, str]) -> RecommenderError:
    wait_s = _retry_after_s(headers)
    if reason == "QUOTA_EXCEEDED":
        return QuotaExceeded(message, wait_s or QUOTA_WAIT_S)
    if wait_s is not None and wait_s > LONG_WAIT_S:
        return QuotaExceeded(message, wait_s)
    return RateLimited(message, wait_s or RATE_WINDOW_S)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the positive number of seconds in Retry-After; dates, zero and nonsense are None.

    No more than `LONGEST_WAIT_S`: whoever asks for longer is asked again then.
    """
    try:
        wait_s = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(wait_s, LONGEST_WAIT_S) if math.isfinite(wait_s) and wait_s > 0 else None
