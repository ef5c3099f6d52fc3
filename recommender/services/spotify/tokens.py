"""What lets us act for a listener at Spotify, and whose account it is."""

import json
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Tokens:
    """What lets us act for a listener.

    Args:
        access_token: Good for an hour.
        refresh_token: Buys the next access token, until six months after the authorization.
        expires_utc: When the access token ends.
        scope: What the listener agreed to, separated by spaces.
        authorized_utc: When the listener agreed; refreshing does not change it.
        client_id: The listener's own app, to which they were given; empty for the owner's.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_utc: datetime
    scope: str
    authorized_utc: datetime
    client_id: str = ""

    def to_json(self) -> str:
        """Return all fields as JSON, to be encrypted before it is stored."""
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
        """Return the tokens that `to_json` wrote."""
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
    """Whose account it is: an id that never changes, and the name it shows."""

    account_id: str
    display_name: str
