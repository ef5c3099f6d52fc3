"""Mood in, playlist out: the public API of the music recommender.

`recommend` ranks the tracks of a `Catalogue` for a mood, given a listener's `Taste` and
`Preferences`. It is pure: no clock, database or network. `MusicStore` keeps what listeners were
shown and how they voted, and `recommender.services.spotify` writes playlists to Spotify.

    table = Catalogue(Path("catalogue.db")).load()
    playlist = recommend(
        table,
        probabilities={"sad": 1.0},
        mode="lift",
        length=20,
        taste=Taste(),
        recent=(),
        rng=np.random.default_rng(),
    )
    for pick in playlist.picks:
        print(pick.track.name, pick.reason)

`score` says how well given tracks fit a mood, which may be any `Target.at(valence, energy)`.
"""

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.invented import fill
from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import Track
from recommender.errors import RecommenderError
from recommender.listeners.store import MusicStore
from recommender.mood.targets import EMOTIONS, MODES, Target
from recommender.ranking.explaining import Pick
from recommender.recommend import Recommendation, recommend, recommend_replacements, score
from recommender.taste.preferences import Preferences
from recommender.taste.taste import Opinion, Taste

__all__ = [
    "EMOTIONS",
    "MODES",
    "Catalogue",
    "MusicStore",
    "Opinion",
    "Pick",
    "Preferences",
    "Recommendation",
    "RecommenderError",
    "Target",
    "Taste",
    "Track",
    "TrackTable",
    "fill",
    "recommend",
    "recommend_replacements",
    "score",
]
