"""Chooses the tracks of a playlist: the fit to each position's target, taste, and variety.

The score of a track at a position is the log-odds that the listener likes it there, by trait
weights drawn near the middle of what is believed of them (Thompson sampling, damped). Positions
are filled one after the other; each choice is drawn with a little noise, so that asking twice
does not bore.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import genre_key
from recommender.mood.targets import Target
from recommender.ranking.candidates import Candidates, SearchConfig, nearest, reach
from recommender.ranking.favourites import favoured
from recommender.ranking.filters import Predicate, filters, none_of, passes_all
from recommender.ranking.variety import Likeness
from recommender.taste.posterior import Posterior
from recommender.taste.preferences import USUAL, Preferences
from recommender.taste.taste import Taste, blocked_songs
from recommender.taste.traits import PLACE_TRAITS, SOUND, TRAITS, place_traits, sound_traits

POLICY_VERSION = "taste-3"
"""Stored with every shown track; change it whenever the same votes would rank otherwise."""


_POPULARITY = TRAITS.index("popularity")


@dataclass(frozen=True, slots=True)
class RankingConfig:
    """How the score is weighed against variety and chance."""

    search: SearchConfig = field(default_factory=SearchConfig)

    noise: float = 0.2
    """Share of the posterior's standard deviation by which each playlist's trait weights stray
    from its mean: enough to go on learning, little enough not to annoy."""

    diversity_weight: float = 0.35
    """Score lost by a track that is just like one already chosen (maximal marginal relevance:
    Carbonell & Goldstein, SIGIR 1998)."""

    temperature: float = 0.04
    """How far chance may overrule the score; at 0.04 a track 0.1 behind is chosen a twelfth as
    often as the leader."""

    tracks_per_artist: int = 2
    """More than that by one artist are never in one playlist."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen track and why.

    Args:
        row: Its row in the table.
        position: Its place in the playlist, from 0.
        score: The log-odds of a like at that place, by the weights that were drawn for this
            playlist, before variety and chance.
        propensity: The probability, 0..1, with which it was drawn at that place, given those
            weights and the choices before it.
        distance: To its target, in tolerances.
        misfit: Of its supporting features, 0 is perfect.
    """

    row: int
    position: int
    score: float
    propensity: float
    distance: float
    misfit: float


def rank(
    table: TrackTable,
    targets: Sequence[Target],
    taste: Taste,
    posterior: Posterior,
    recent: Collection[str],
    rng: np.random.Generator,
    config: RankingConfig,
    preferences: Preferences = USUAL,
    is_allowed: Predicate | None = None,
) -> list[Choice]:
    """Choose a track for each target.

    No song twice, no artist more often than allowed, no disliked song ever, nothing that the
    listener's filters keep out. Where explicit tracks are not wanted, those that nobody has
    checked come in only when the known clean ones do not suffice. Songs shown lately come in only
    when the others do not suffice; when those do not either, there are fewer choices than targets.

    Args:
        table: The catalogue.
        targets: What each position should be like.
        taste: What the listener thinks of earlier tracks.
        posterior: What that says about other tracks.
        recent: Ids of tracks shown lately.
        rng: Where chance comes from.
        config: Of the ranking.
        preferences: The listener's settings, whose filters and favourites count here.
        is_allowed: What else may be chosen, where not all. Like the filters it is asked only
            about tracks near the targets, and the search goes as far as it must for enough.

    Returns:
        The choices in the order of their positions, numbered from 0 without a gap.
    """
    rules = [each.passes for each in filters(table, preferences)]
    rules.append(not_disliked(table, taste))
    if is_allowed is not None:
        rules.append(is_allowed)
    is_fresh = none_of(table.recording_keys, table.recording_keys[table.rows(recent)])
    playlist = _Playlist(table, targets, posterior, rng, config, preferences)
    if not preferences.allows_explicit and not table.explicit_known.all():
        # Tracks that are known to be clean come first, even again; the rest only fill up.
        playlist.fill([*rules, lambda rows: table.explicit_known[rows], is_fresh])
        playlist.fill([*rules, lambda rows: table.explicit_known[rows]])
    playlist.fill([*rules, is_fresh])
    playlist.fill(rules)
    return playlist.in_order()


def not_disliked(table: TrackTable, taste: Taste) -> Predicate:
    """Return the predicate of the tracks that are nothing a listener disliked.

    A song is known as it was shown and as the catalogue calls it now.

    Args:
        table: The catalogue.
        taste: What the listener thinks of earlier tracks.
    """
    disliked = taste.disliked
    rows = table.rows(opinion.track_id for opinion in disliked)
    return passes_all(
        [
            none_of(table.song_keys, blocked_songs(disliked)),
            none_of(table.recording_keys, table.recording_keys[rows]),
        ]
    )


class _Playlist:
    """A playlist that is being filled."""

    def __init__(
        self,
        table: TrackTable,
        targets: Sequence[Target],
        posterior: Posterior,
        rng: np.random.Generator,
        config: RankingConfig,
        preferences: Preferences,
    ) -> None:
        self._table = table
        self._targets = targets
        self._posterior = posterior
        self._weights = posterior.sample(config.noise, rng)
        self._rng = rng
        self._config = config
        self._preferences = preferences
        self._reach = reach(targets, config.search)
        self._choices: dict[int, Choice] = {}
        self._recordings: set[int] = set()
        self._artists: Counter[int] = Counter()

    def in_order(self) -> list[Choice]:
        """Return the choices by position."""
        return [self._choices[position] for position in sorted(self._choices)]

    def fill(self, rules: Sequence[Predicate]) -> None:
        """Fill the open positions with tracks that keep all rules, as far as there are any.

        The first round nearly always fills all. Another is needed where all candidates of a
        position have meanwhile been taken, or are by artists who have had their share.
        """
        table = self._table
        while open_ := [p for p in range(len(self._targets)) if p not in self._choices]:
            is_free = passes_all(
                [
                    *rules,
                    none_of(table.recording_keys, list(self._recordings)),
                    none_of(table.artist_keys, self._full_artists()),
                ]
            )
            targets = [self._targets[position] for position in open_]
            found = nearest(table, targets, is_free, self._reach, self._config.search.count)
            if not found.rows.size:
                return
            self._fill_round(open_, found)

    def _full_artists(self) -> list[int]:
        most = self._config.tracks_per_artist
        return [artist for artist, count in self._artists.items() if count >= most]

    def _fill_round(self, positions: list[int], found: Candidates) -> None:
        table, config = self._table, self._config
        targets = [self._targets[position] for position in positions]
        rows, places = np.unique(found.rows, return_inverse=True)  # (U,), (P, C)
        off = misfits(table, targets, found)  # (P, C)
        scores = self._fit(targets, found, off) + self._liking(rows)[places]  # (P, C)
        recordings, artists = table.recording_keys[rows], table.artist_keys[rows]  # (U,) each
        is_free = np.ones(len(rows), dtype=np.bool_)  # (U,)
        likeness = Likeness(table, rows, [choice.row for choice in self._choices.values()])
        for p, position in enumerate(positions):
            here = places[p]  # (C,) into rows
            if not is_free[here].any():
                continue
            varied = scores[p] - config.diversity_weight * likeness.most[here]
            varied[~is_free[here]] = -np.inf
            c, propensity = _draw(varied, config.temperature, self._rng)
            row = int(found.rows[p, c])
            self._take(
                Choice(
                    row=row,
                    position=position,
                    score=float(scores[p, c]),
                    propensity=propensity,
                    distance=float(found.distances[p, c]),
                    misfit=float(off[p, c]),
                )
            )
            is_free &= recordings != table.recording_keys[row]
            if self._artists[int(table.artist_keys[row])] >= config.tracks_per_artist:
                is_free &= artists != table.artist_keys[row]
            likeness.add(row)

    def _fit(
        self, targets: Sequence[Target], found: Candidates, off: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return what the places add to the log-odds of their candidates, float64 (P, C)."""
        shape = found.rows.shape
        wanted = np.repeat([(t.valence, t.energy) for t in targets], shape[1], axis=0)
        traits = place_traits(wanted, found.distances.ravel(), off.ravel())
        fit: NDArray[np.float64] = traits @ self._weights[: len(PLACE_TRAITS)]
        return fit.reshape(shape)

    def _liking(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what tracks add at any place: sound, genre, artist, favourites; float64 (U,)."""
        table, posterior = self._table, self._posterior
        sound = sound_traits(table.features[rows]) @ self._weights[SOUND]
        known = self._weights[_POPULARITY] * (table.popularity[rows] - 0.5)
        by_code = posterior.genres[np.array([genre_key(name) for name in table.genres])]
        liking: NDArray[np.float64] = (
            sound
            + known
            + by_code[table.genre_codes[rows]]
            + posterior.artists[table.artist_keys[rows]]
            + favoured(table, rows, self._preferences)
        )
        return liking

    def _take(self, choice: Choice) -> None:
        self._choices[choice.position] = choice
        self._recordings.add(int(self._table.recording_keys[choice.row]))
        self._artists[int(self._table.artist_keys[choice.row])] += 1


def misfits(
    table: TrackTable, targets: Sequence[Target], found: Candidates
) -> NDArray[np.float32]:
    """Return how wrong each candidate's supporting features are, float32 (P, C); 0 is perfect."""
    wanted = np.array([target.support for target in targets], dtype=np.float32)  # (P, 5)
    weights = np.array([target.weights for target in targets], dtype=np.float32)  # (P, 5)
    squares = np.zeros(found.rows.shape, dtype=np.float32)  # (P, C)
    for k in range(wanted.shape[1]):
        ranks = table.ranks[:, k + 2][found.rows]  # (P, C); the first two are the square
        squares += weights[:, k, None] * (ranks - wanted[:, k, None]) ** 2
    return np.sqrt(squares)


def _draw(
    scores: NDArray[np.float32], temperature: float, rng: np.random.Generator
) -> tuple[int, float]:
    """Draw a place with probability softmax(scores / temperature); return it and that.

    The largest of scores / temperature + Gumbel noise is such a draw (the Gumbel-max trick).
    """
    logits = scores.astype(np.float64) / temperature
    place = int(np.argmax(logits + rng.gumbel(size=len(logits))))
    shares = np.exp(logits - logits.max())
    return place, float(shares[place] / shares.sum())
