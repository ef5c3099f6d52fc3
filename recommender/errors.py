"""The errors of the recommender.

RecommenderError
├── CatalogueError
│   ├── CatalogueEmpty          no track to choose from
│   ├── CatalogueUnreadable     a CSV cannot be used; the catalogue is unchanged
│   ├── LabelsUnlearnable       labelled songs are too few to learn categories from
│   ├── NoSuchCategory          no song category matches the emotion
│   └── CatalogueUnreachable    a CSV cannot be downloaded
├── BadPreference               a listener's setting is invalid
│   └── UnknownName             the catalogue does not have this artist or genre
├── TooFewTracks                the listener's filters leave too few tracks for a playlist
├── AuthorizationFailed         OAuth ended without a connected account
│   ├── AuthorizationDenied     the listener refused consent
│   ├── AuthorizationStale      the link is unknown, already used or expired
│   ├── AuthorizationForeign    the link was made for another listener
│   ├── AccountUnknown          Spotify does not say whose account it is
│   └── WrongDigits             the typed digits are not the ones on the page
├── NotConnected                this listener has no Spotify account connected
├── ConnectionExpired           Spotify no longer accepts the stored tokens
├── SpotifyRefused              Spotify refused the request; a retry would not help
│   ├── PlaylistGone            the playlist no longer exists
│   ├── NotOnUserList           the account is not on the app's user list
│   └── OwnerNeedsPremium       the app's owner no longer has Premium
└── SpotifyBusy                 Spotify cannot answer now; retry after `retry_after_s`
    ├── RateLimited             too many requests within Spotify's rolling window
    ├── QuotaExceeded           the app's daily quota is spent; the wait is hours
    └── SpotifyUnreachable      the network or Spotify's servers failed
"""


class RecommenderError(Exception):
    """The base class of the recommender's errors."""


class CatalogueError(RecommenderError):
    """The catalogue cannot be used."""


class CatalogueEmpty(CatalogueError):
    """The catalogue has no tracks."""


class CatalogueUnreadable(CatalogueError):
    """A file cannot be used. The message says why; nothing was imported."""


class LabelsUnlearnable(CatalogueError):
    """No categories can be learned from these labelled songs. The message says why."""


class NoSuchCategory(CatalogueError):
    """No song category matches the emotion. The message lists the existing categories."""


class BadPreference(RecommenderError):
    """A listener's setting is invalid. The message says what is valid."""


class UnknownName(BadPreference):
    """The catalogue does not have this artist or genre. The message suggests similar names."""


class TooFewTracks(RecommenderError):
    """The listener's filters leave too few tracks for a playlist.

    The message names the most restrictive filters and suggests relaxing them.

    Args:
        message: What happened, in whole sentences.
        left: Tracks that pass all filters.
        places: Requested tracks.
        costly: Names of the filters to relax, the most restrictive first (`filters.Filter`).
        then_left: Tracks that pass the remaining filters.
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
    """Spotify's OAuth ended without a connected account."""


class AuthorizationDenied(AuthorizationFailed):
    """The listener refused consent."""


class AuthorizationStale(AuthorizationFailed):
    """The link to the consent page is unknown, already used or expired."""


class AuthorizationForeign(AuthorizationFailed):
    """The link to the consent page was made for another listener."""


class AccountUnknown(AuthorizationFailed):
    """Spotify does not say whose account it is, so it cannot be stored."""


class WrongDigits(AuthorizationFailed):
    """The typed digits are not the ones on the page.

    Args:
        message: What happened.
        tries_left: Remaining attempts.
    """

    def __init__(self, message: str, tries_left: int) -> None:
        super().__init__(message, tries_left)
        self.tries_left = tries_left

    def __str__(self) -> str:
        return str(self.args[0])


class CatalogueUnreachable(CatalogueError):
    """A file cannot be downloaded. The message says why and what else to try."""


class NotConnected(RecommenderError):
    """The listener has no Spotify account connected."""


class ConnectionExpired(RecommenderError):
    """Spotify no longer accepts the stored tokens; the listener must connect again."""


class SpotifyRefused(RecommenderError):
    """Spotify refused the request; a retry would not help."""


class PlaylistGone(SpotifyRefused):
    """The playlist no longer exists."""


class NotOnUserList(SpotifyRefused):
    """The account is not on the user list of the app, which is in Development Mode."""


class OwnerNeedsPremium(SpotifyRefused):
    """An app in Development Mode works only while its owner has Spotify Premium."""


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
