"""Maps Spotify's error responses to our errors."""

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
"""Spotify's rolling rate-limit window; the wait after a 429 without a valid Retry-After."""

LONGEST_WAIT_S = 7 * 86_400.0
"""Longer waits are capped to this."""

LONG_WAIT_S = 60.0
"""A 429 with a longer wait means a spent quota, not the rolling window."""

QUOTA_WAIT_S = 3600.0
"""The wait after a spent quota without a valid Retry-After."""

OUTAGE_WAIT_S = 60.0
"""The wait after a network or server failure, which has no Retry-After."""


def api_refusal(
    status: int, reason: str | None, message: str, headers: Mapping[str, str]
) -> RecommenderError:
    """Return the error for an error answer of the Web API.

    Args:
        status: The HTTP status, 400 or above.
        reason: The machine-readable reason in the body, if any.
        message: Spotify's message.
        headers: The headers of the answer, for `Retry-After`.
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
    """Return the error for a 403; only the text of the message tells the reasons apart."""
    words = message.lower()
    if "not registered" in words or "not be registered" in words:
        return NotOnUserList(message)
    if "premium" in words:
        return OwnerNeedsPremium(message)
    return SpotifyRefused(message)


def token_refusal(
    status: int, error: str | None, message: str, headers: Mapping[str, str]
) -> RecommenderError:
    """Return the error for a refusal to issue tokens (RFC 6749, section 5.2).

    Args:
        status: The HTTP status, 400 or above.
        error: The OAuth error code.
        message: Spotify's message.
        headers: The headers of the answer, for `Retry-After`.
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
    """Return the seconds in Retry-After, capped to `LONGEST_WAIT_S`.

    Dates, zero and invalid values are None.
    """
    try:
        wait_s = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(wait_s, LONGEST_WAIT_S) if math.isfinite(wait_s) and wait_s > 0 else None
