"""Chooses the tracks of a playlist by fit to the targets, taste and variety.

The score of a track at a position is the log-odds that the listener likes it there. Its trait
weights are drawn once per playlist from the posterior with reduced noise (damped Thompson
sampling). Positions are filled one after the other; each choice is sampled, so that two playlists
for the same mood differ.
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
"""Stored with every shown track; change it whenever the same votes would rank differently."""


_POPULARITY = TRAITS.index("popularity")


@dataclass(frozen=True, slots=True)
class RankingConfig:
    """Weights of variety and chance against the score."""

    search: SearchConfig = field(default_factory=SearchConfig)

    noise: float = 0.2
    """Factor on the posterior's standard deviation when trait weights are sampled: enough to keep
    exploring, little enough not to annoy."""

    diversity_weight: float = 0.35
    """Penalty for a track identical in style to one already chosen (maximal marginal relevance:
    Carbonell & Goldstein, SIGIR 1998)."""

    temperature: float = 0.04
    """Softmax temperature of each choice; at 0.04 a track that scores 0.1 less than the best is
    chosen a twelfth as often."""

    tracks_per_artist: int = 2
    """Maximum number of tracks by one artist in a playlist."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen track and why.

    Args:
        row: Its row in the table.
        position: Its position in the playlist, from 0.
        score: The log-odds of a like at that position under the sampled weights, before variety
            and chance.
        propensity: The probability, 0..1, with which it was drawn for that position, given the
            sampled weights and the earlier choices.
        distance: Distance to its target, in tolerances.
        misfit: Misfit of its supporting features; 0 is perfect.
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

    A playlist never repeats a song, exceeds the tracks per artist, contains a disliked song, or
    breaks a filter. If explicit tracks are not wanted, tracks that are not known to be clean are
    used only when the clean ones do not suffice. Recently shown songs are used only when the
    others do not suffice. If that is still not enough, there are fewer choices than targets.

    Args:
        table: The catalogue.
        targets: The target of each position.
        taste: The listener's opinions of earlier tracks.
        posterior: The listener's posterior.
        recent: Ids of recently shown tracks.
        rng: The random generator.
        config: The ranking's configuration.
        preferences: The listener's settings; filters and favourites are applied.
        is_allowed: An additional filter. Like all filters it is applied only to tracks near the
            targets, and the search widens until there are enough.

    Returns:
        The choices, ordered by position.
    """
    rules = [each.passes for each in filters(table, preferences)]
    rules.append(not_disliked(table, taste))
    if is_allowed is not None:
        rules.append(is_allowed)
    is_fresh = none_of(table.recording_keys, table.recording_keys[table.rows(recent)])
    playlist = _Playlist(table, targets, posterior, rng, config, preferences)
    if not preferences.allows_explicit and not table.explicit_known.all():
        # Clean tracks come first, even recently shown ones; unchecked ones only fill the rest.
        playlist.fill([*rules, lambda rows: table.explicit_known[rows], is_fresh])
        playlist.fill([*rules, lambda rows: table.explicit_known[rows]])
    playlist.fill([*rules, is_fresh])
    playlist.fill(rules)
    return playlist.in_order()


def not_disliked(table: TrackTable, taste: Taste) -> Predicate:
    """Return the predicate for tracks that the listener has not disliked.

    It compares songs by the title and artist of when they were shown, and by recording.
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
    """A playlist under construction."""

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
        """Fill the open positions with tracks that pass all rules, as far as possible.

        One round is nearly always enough. Another is needed when all candidates of a position
        have been taken, or are by artists who have reached their limit.
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
        """Return the part of the log-odds that depends on the position, float64 (P, C)."""
        shape = found.rows.shape
        wanted = np.repeat([(t.valence, t.energy) for t in targets], shape[1], axis=0)
        traits = place_traits(wanted, found.distances.ravel(), off.ravel())
        fit: NDArray[np.float64] = traits @ self._weights[: len(PLACE_TRAITS)]
        return fit.reshape(shape)

    def _liking(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the part of the log-odds that is the same at every position, float64 (U,)."""
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
    """Return the misfit of each candidate's supporting features, float32 (P, C); 0 is perfect."""
    wanted = np.array([target.support for target in targets], dtype=np.float32)  # (P, 5)
    weights = np.array([target.weights for target in targets], dtype=np.float32)  # (P, 5)
    squares = np.zeros(found.rows.shape, dtype=np.float32)  # (P, C)
    for k in range(wanted.shape[1]):
        ranks = table.ranks[:, k + 2][found.rows]  # (P, C); the first two are valence and energy
        squares += weights[:, k, None] * (ranks - wanted[:, k, None]) ** 2
    return np.sqrt(squares)


def _draw(
    scores: NDArray[np.float32], temperature: float, rng: np.random.Generator
) -> tuple[int, float]:
    """Sample an index from softmax(scores / temperature); return it and its probability.

    The argmax of scores / temperature + Gumbel noise is such a sample (the Gumbel-max trick).
    """
    logits = scores.astype(np.float64) / temperature
    place = int(np.argmax(logits + rng.gumbel(size=len(logits))))
    shares = np.exp(logits - logits.max())
    return place, float(shares[place] / shares.sum())
