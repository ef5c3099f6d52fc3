"""Checks whether Spotify knows an app, without a login.

The token endpoint checks the app before the authorization code (RFC 6749, section 5.2). For an
invalid code it answers `invalid_grant` to a known app, and `invalid_client` to an unknown one. The
app's redirect URIs and user list cannot be checked without a login.
"""

from datetime import datetime
from enum import Enum

from recommender.errors import ConnectionExpired, SpotifyRefused
from recommender.services.spotify.web_api import SpotifyClient

_NO_CODE = "does-this-app-exist"
_NO_VERIFIER = "0" * 43


class AppState(Enum):
    """Spotify's answer about an app."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    WRONG_SECRET = "wrong secret"  # noqa: S105 - a state, no password
    UNCLEAR = "unclear"


def check_app(client: SpotifyClient, now: datetime) -> AppState:
    """Check the owner's app.

    Raises:
        SpotifyBusy: Spotify cannot be reached or cannot answer now.
    """
    try:
        client.exchange(_NO_CODE, _NO_VERIFIER, now)
    except ConnectionExpired:
        return AppState.KNOWN
    except SpotifyRefused as error:
        if "invalid_client" not in str(error):
            return AppState.UNCLEAR
        return AppState.WRONG_SECRET if "secret" in str(error).lower() else AppState.UNKNOWN
    return AppState.UNCLEAR
