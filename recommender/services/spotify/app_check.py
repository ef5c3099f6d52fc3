"""Whether Spotify knows an app, as far as can be told while nobody has logged in.

The token endpoint looks at the app first and at the authorization code then (RFC 6749, section
5.2): a code of ours that is none is refused as `invalid_grant` to an app that it knows, and as
`invalid_client` to one that it does not. Which redirect URIs stand in an app's settings, and whom
it serves, Spotify tells only people who have logged in.
"""

from datetime import datetime
from enum import Enum

from recommender.errors import ConnectionExpired, SpotifyRefused
from recommender.services.spotify.web_api import SpotifyClient

_NO_CODE = "does-this-app-exist"
_NO_VERIFIER = "0" * 43


class AppState(Enum):
    """What Spotify says about an app."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    WRONG_SECRET = "wrong secret"  # noqa: S105 - a state, no password
    UNCLEAR = "unclear"


def check_app(client: SpotifyClient, now: datetime) -> AppState:
    """Return what Spotify says about the owner's app.

    Raises:
        SpotifyBusy: Spotify cannot be reached, or cannot answer now.
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
