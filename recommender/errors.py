"""The errors between a reading and a playlist.

RecommenderError
├── CatalogueError
│   ├── CatalogueEmpty          there are no tracks
│   ├── CatalogueUnreadable     a CSV cannot be used; nothing was imported
│   ├── LabelsUnlearnable       no categories can be learned from the labelled songs
│   ├── NoSuchCategory          no song category matches the emotion
│   └── CatalogueUnreachable    a CSV cannot be downloaded
├── BadPreference               an impossible setting
│   └── UnknownName             the catalogue lacks this artist or genre
├── TooFewTracks                the listener's filters leave too few tracks for a playlist
├── AuthorizationFailed         a return from Spotify's consent page connects nothing
│   ├── AuthorizationDenied     the listener said no there
│   ├── AuthorizationStale      the link is unknown, already used or too old
│   ├── AuthorizationForeign    the link was made for another listener
│   ├── AccountUnknown          Spotify does not say whose account it is
│   └── WrongDigits             the typed digits are not those of the page
├── NotConnected                this listener has no Spotify account connected
├── ConnectionExpired           Spotify no longer honours the stored authorization
├── SpotifyRefused              Spotify refuses, and a retry would not help
│   ├── PlaylistGone            the playlist no longer exists
│   ├── NotOnUserList           the app's owner has not listed this account
│   └── OwnerNeedsPremium       the app's owner has no Premium any more
└── SpotifyBusy                 Spotify cannot answer now; try again after `retry_after_s`
    ├── RateLimited             too many requests in a rolling window of seconds
    ├── QuotaExceeded           the app's daily quota is spent, hours to wait
    └── SpotifyUnreachable      the network or Spotify's servers failed
"""


class RecommenderError(Exception):
    """No playlist can be made or published."""


class CatalogueError(RecommenderError):
    """The catalogue cannot be used."""


class CatalogueEmpty(CatalogueError):
    """The catalogue has no tracks."""


class CatalogueUnreadable(CatalogueError):
    """A file cannot be imported, for the reason in the message; nothing was changed."""


class LabelsUnlearnable(CatalogueError):
    """No categories can be learned from the labelled songs, for the reason in the message."""


class NoSuchCategory(CatalogueError):
    """No song category matches the emotion; the message lists the categories."""


class BadPreference(RecommenderError):
    """A setting is impossible; the message says what is possible."""


class UnknownName(BadPreference):
    """The catalogue lacks this artist or genre; the message suggests similar names."""


class TooFewTracks(RecommenderError):
    """The listener's filters leave too few tracks for a playlist.

    The message names the costliest filter and offers to relax it.

    Args:
        message: What happened, in whole sentences.
        left: Tracks that pass all filters.
        places: The requested number of tracks.
        costly: The filters to relax, the costliest first: names of `filters.Filter`.
        then_left: Tracks that pass without these filters.
    """

    def __init__(
        self, message: str, left: int, places: int, costly: tuple[str, ...], then_left: int
    ) -> None:
        super().__init__(message, left, places, costly, then_left)
        self.left = left
        self.places = places
        self.costly = costly
        self.then_left = then_left

    def __str__(self) -> str:
        return str(self.args[0])


class AuthorizationFailed(RecommenderError):
    """A return from Spotify's consent page connects nothing."""


class AuthorizationDenied(AuthorizationFailed):
    """The listener said no on Spotify's consent page."""


class AuthorizationStale(AuthorizationFailed):
    """The link to the consent page is unknown, was used already, or is too old."""


class AuthorizationForeign(AuthorizationFailed):
    """The link to the consent page was made for another listener."""


class AccountUnknown(AuthorizationFailed):
    """Spotify does not say whose account was connected, so it cannot be stored."""


class WrongDigits(AuthorizationFailed):
    """The typed digits are not those of the page.

    Args:
        message: What happened.
        tries_left: How many tries are left.
    """

    def __init__(self, message: str, tries_left: int) -> None:
        super().__init__(message, tries_left)
        self.tries_left = tries_left

    def __str__(self) -> str:
        return str(self.args[0])


class CatalogueUnreachable(CatalogueError):
    """A file cannot be downloaded; the message says why, and what else to do."""


class NotConnected(RecommenderError):
    """The listener has no Spotify account connected."""


class ConnectionExpired(RecommenderError):
    """Spotify no longer honours the stored authorization; the listener must connect again."""


class SpotifyRefused(RecommenderError):
    """Spotify refuses, and a retry would not help."""


class PlaylistGone(SpotifyRefused):
    """The playlist no longer exists."""


class NotOnUserList(SpotifyRefused):
    """The app is in Development Mode, and its owner has not listed this account."""


class OwnerNeedsPremium(SpotifyRefused):
    """The app is in Development Mode, and its owner no longer has Premium."""


class SpotifyBusy(RecommenderError):
    """Spotify cannot answer now.

    Args:
        message: What happened.
        retry_after_s: Seconds to wait before a retry.
    """

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, retry_after_s)
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return str(self.args[0])


class RateLimited(SpotifyBusy):
    """Too many requests in Spotify's rolling window."""


class QuotaExceeded(SpotifyBusy):
    """The app's daily quota is spent."""


class SpotifyUnreachable(SpotifyBusy):
    """The network or Spotify's servers failed."""
