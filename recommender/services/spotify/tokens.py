"""OAuth tokens and profiles of Spotify accounts."""

import json
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tokens:
    """A listener's OAuth tokens.

    Args:
        access_token: Valid for an hour.
        refresh_token: Gets new access tokens, for six months after the authorization.
        expires_utc: When the access token expires.
        scope: The granted scopes, separated by spaces.
        authorized_utc: When the listener consented; refreshing does not change it.
        client_id: The listener's own app; empty for the owner's.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_utc: datetime
    scope: str
    authorized_utc: datetime
    client_id: str = ""

    def to_json(self) -> str:
        """Return all fields as JSON. Encrypt it before storing it."""
        return json.dumps(
            {
                "access_token": self.access_token,
                "refresh_token": self.refresh_token,
                "expires_utc": self.expires_utc.isoformat(),
                "scope": self.scope,
                "authorized_utc": self.authorized_utc.isoformat(),
                "client_id": self.client_id,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Tokens":
        """Parse the output of `to_json`."""
        values = json.loads(text)
        return cls(
            access_token=values["access_token"],
            refresh_token=values["refresh_token"],
            expires_utc=datetime.fromisoformat(values["expires_utc"]),
            scope=values["scope"],
            authorized_utc=datetime.fromisoformat(values["authorized_utc"]),
            client_id=values.get("client_id", ""),
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """An account: its permanent id, and its display name."""

    account_id: str
    display_name: str
