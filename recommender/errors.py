"""What can go wrong between a reading and a playlist.

RecommenderError
├── CatalogueError
│   ├── CatalogueEmpty          no track to choose from
│   ├── CatalogueUnreadable     a CSV that cannot be used; nothing of it was
│   ├── LabelsUnlearnable       labelled songs that teach no categories
│   ├── NoSuchCategory          no song category goes with the emotion
│   └── CatalogueUnreachable    a CSV that cannot be downloaded
├── BadPreference               a setting of the listener that is impossible
│   └── UnknownName             an artist or genre that the catalogue does not have
├── TooFewTracks                the listener's filters leave too few tracks for a playlist
├── AuthorizationFailed         a way back from Spotify's consent page that connects nothing
│   ├── AuthorizationDenied     the listener said no there
│   ├── AuthorizationStale      the link is unknown, already used or too old
│   ├── AuthorizationForeign    the link was made for another listener
│   ├── AccountUnknown          Spotify does not say whose account it is
│   └── WrongDigits             what was typed is not what the page shows
├── NotConnected                this listener has no Spotify account connected
├── ConnectionExpired           Spotify no longer honours the stored authorization
├── SpotifyRefused              Spotify said no for a reason that trying again does not mend
│   ├── PlaylistGone            the playlist is not there any more
│   ├── NotOnUserList           the app's owner has not named this account
│   └── OwnerNeedsPremium       the app's owner has no Premium any more
└── SpotifyBusy                 Spotify cannot answer now; try again after `retry_after_s`
    ├── RateLimited             too many requests in a rolling window of seconds
    ├── QuotaExceeded           the app's daily quota is spent, hours to wait
    └── SpotifyUnreachable      the network or Spotify's servers failed
"""


class RecommenderError(Exception):
    """Anything that keeps a reading from becoming a playlist."""


class CatalogueError(RecommenderError):
    """The catalogue of tracks cannot serve."""


class CatalogueEmpty(CatalogueError):
    """There is no track to choose from."""


class CatalogueUnreadable(CatalogueError):
    """A file cannot be used; its text says why, and nothing of it was."""


class LabelsUnlearnable(CatalogueError):
    """From these labelled songs no categories can be learned; its text says why."""


class NoSuchCategory(CatalogueError):
    """The catalogue has no song category that goes with an emotion; its text says which it has."""


class BadPreference(RecommenderError):
    """A setting of the listener is impossible; the text says what would be possible."""


class UnknownName(BadPreference):
    """The catalogue has no such artist or genre; the text names the nearest that it has."""


class TooFewTracks(RecommenderError):
    """The listener's filters leave too few tracks for a playlist.

    The text names the filter that costs most and offers to relax it.

    Args:
        message: What happened, in whole sentences.
        left: Tracks that pass all filters.
        places: Tracks that were asked for.
        costly: Which filters to relax, the most costly first: names of `filters.Filter`.
        then_left: Tracks that pass the others.
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
    """Somebody came back from Spotify's consent page, but nothing could be connected."""


class AuthorizationDenied(AuthorizationFailed):
    """The listener said no on Spotify's consent page."""


class AuthorizationStale(AuthorizationFailed):
    """The link to the consent page is unknown, was used already, or is too old."""


class AuthorizationForeign(AuthorizationFailed):
    """The link to the consent page was made for another listener."""


class AccountUnknown(AuthorizationFailed):
    """Spotify does not say whose account was connected, so nothing can be kept for it."""


class WrongDigits(AuthorizationFailed):
    """What was typed is not what the page shows.

    Args:
        message: What happened.
        tries_left: How often it may still be typed.
    """

    def __init__(self, message: str, tries_left: int) -> None:
        super().__init__(message, tries_left)
        self.tries_left = tries_left

    def __str__(self) -> str:
        return str(self.args[0])


class CatalogueUnreachable(CatalogueError):
    """A file cannot be downloaded; its text says why and what else to do."""


class NotConnected(RecommenderError):
    """The listener has no Spotify account connected."""


class ConnectionExpired(RecommenderError):
    """Spotify no longer honours the stored authorization; the listener must connect again."""


class SpotifyRefused(RecommenderError):
    """Spotify said no, and asking again would not change that."""


class PlaylistGone(SpotifyRefused):
    """The playlist that was asked for is not there any more."""


class NotOnUserList(SpotifyRefused):
    """An app in Development Mode serves a few accounts that its owner names; this is none."""


class OwnerNeedsPremium(SpotifyRefused):
    """An app in Development Mode works only while its owner has Spotify Premium."""


class SpotifyBusy(RecommenderError):
    """Spotify cannot answer now.

    Args:
        message: What happened.
        retry_after_s: Seconds after which another try makes sense.
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
