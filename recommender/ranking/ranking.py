"""Chooses the tracks of a playlist by fit to the targets, taste, variety and flow.

The score of a track at a position is the log-odds that the listener likes it there. Its trait
weights are drawn once per playlist from the posterior with reduced noise (damped Thompson
sampling). Positions are filled one after the other; each choice is sampled, so that two playlists
for the same mood differ.

A playlist that stays in one mood is filled in blocks of one style each, since music that jumps
between styles with every track does not hang together. Within a block the tracks are put in the
order in which they follow each other best. A playlist that moves keeps the order of its targets,
and prefers tracks that follow well.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.genre_families import style_of
from recommender.catalogue.table import TrackTable
from recommender.catalogue.tracks import genre_key
from recommender.mood.targets import Target
from recommender.ranking.candidates import Candidates, SearchConfig, holds, nearest, reach
from recommender.ranking.favourites import Favourites, favourite_rows
from recommender.ranking.filters import Predicate, filters, none_of, passes_all
from recommender.ranking.flow import Flow, smooth_order, styles
from recommender.ranking.variety import Likeness
from recommender.taste.posterior import Posterior
from recommender.taste.preferences import POPULARITY_WEIGHTS, USUAL, Preferences
from recommender.taste.taste import Taste, blocked_songs
from recommender.taste.traits import (
    PLACE_TRAITS,
    SOUND,
    TRAITS,
    place_traits,
    scaled,
    sound_traits,
)

POLICY_VERSION = "taste-4"
"""Stored with every shown track; change it whenever the same votes would rank differently."""

_POPULARITY = TRAITS.index("popularity")


@dataclass(frozen=True, slots=True)
class RankingConfig:
    """Weights of variety, flow and chance against the score."""

    search: SearchConfig = field(default_factory=SearchConfig)

    noise: float = 0.15
    """Factor on the posterior's standard deviation when trait weights are sampled: enough to keep
    exploring, little enough not to annoy."""

    diversity_weight: float = 0.35
    """Penalty for a track identical to one already chosen (maximal marginal relevance: Carbonell &
    Goldstein, SIGIR 1998)."""

    temperature: float = 0.05
    """Softmax temperature of each choice for listeners whose taste is known; at 0.05 a track that
    scores 0.05 less than the best is chosen a third as often."""

    first_temperature: float = 0.3
    """The temperature for a listener of whom nothing is known. It keeps two new listeners from
    getting the same playlist, and tries out more."""

    moving: float = 0.45
    """Factor on the temperature of a playlist that moves: each of its targets has other tracks."""

    known_at: float = 5.0
    """With this many votes, half of the way between the two temperatures is gone."""

    pool_votes: float = 40.0
    """A prior that was learned from many others counts as this many votes."""

    flow_weight: float = 0.3
    """Penalty for the worst possible change of tempo, key and loudness, where tracks cannot be
    reordered; a change of style counts as much."""

    block: tuple[int, int] = (4, 6)
    """Fewest and most tracks of one style in a row, in a playlist that stays in one mood."""

    style_weight: float = 0.2
    """Penalty for a style that already had a block, per block."""

    style_temperature: float = 0.15
    """Softmax temperature of the choice of a block's style."""

    tracks_per_artist: int = 2
    """Maximum number of tracks by one artist in a playlist."""

    tracks_per_seat: int = 6
    """Of so many tracks one is kept for a favourite artist who comes near the mood."""

    seat_reach: float = 8.0
    """How near that is, in tolerances."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen track and why.

    Args:
        row: Its row in the table.
        position: Its position in the playlist, from 0.
        score: The log-odds of a like at that position under the sampled weights, before variety,
            flow and chance.
        propensity: The probability, 0..1, with which it was drawn for that position, given the
            sampled weights, the style of its block and the earlier choices.
        distance: Distance to its target, in tolerances.
        misfit: Misfit of its supporting features; 0 is perfect.
    """

    row: int
    position: int
    score: float
    propensity: float
    distance: float
    misfit: float


def rules(
    table: TrackTable,
    taste: Taste,
    preferences: Preferences = USUAL,
    is_allowed: Predicate | None = None,
) -> list[Predicate]:
    """Return what every track of a listener's playlist must pass.

    Args:
        table: The catalogue.
        taste: The listener's opinions of earlier tracks.
        preferences: The listener's settings, whose filters are applied.
        is_allowed: An additional filter.
    """
    found = [each.passes for each in filters(table, preferences)]
    found.append(not_disliked(table, taste))
    if is_allowed is not None:
        found.append(is_allowed)
    return found


def rank(
    table: TrackTable,
    targets: Sequence[Target],
    posterior: Posterior,
    known: float,
    recent: Collection[str],
    rng: np.random.Generator,
    config: RankingConfig,
    must_pass: Sequence[Predicate],
    preferences: Preferences = USUAL,
    *,
    is_whole: bool = True,
) -> list[Choice]:
    """Choose a track for each target.

    A playlist never repeats a song, not even as a cover, exceeds the tracks per artist, or breaks
    a rule. Recently shown songs are used only when the others do not suffice. If that is still not
    enough, there are fewer choices than targets.

    Args:
        table: The catalogue.
        targets: The target of each position.
        posterior: The listener's posterior.
        known: How many votes it knows.
        recent: Ids of recently shown tracks.
        rng: The random generator.
        config: The ranking's configuration.
        must_pass: `rules`. They are applied only to tracks near the targets, and the search widens
            until there are enough.
        preferences: The listener's settings; favourites and popularity are applied.
        is_whole: Whether the targets are a whole playlist, not some positions of one. Only a whole
            one that holds its mood is filled in blocks of one style.

    Returns:
        The choices, ordered by position.
    """
    shown = table.rows(recent)
    is_fresh = none_of(table.title_keys, table.title_keys[shown])  # so no version, no cover
    blocks = _Blocks(config, rng) if is_whole and holds(targets) else None
    temperature = _temperature(config, known) * (1.0 if holds(targets) else config.moving)
    cooled = replace(config, temperature=temperature)
    playlist = _Playlist(table, targets, posterior, rng, cooled, preferences, blocks)
    playlist.fill([*must_pass, is_fresh])
    playlist.fill(must_pass)
    return playlist.in_order()


def _temperature(config: RankingConfig, known: float) -> float:
    """Return the temperature for a listener of whom this many votes are known."""
    unknown = config.known_at / (config.known_at + known)
    return config.temperature + unknown * (config.first_temperature - config.temperature)


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


class _Blocks:
    """Chooses the style of each block of tracks.

    Args:
        config: The ranking's configuration.
        rng: The random generator.
    """

    def __init__(self, config: RankingConfig, rng: np.random.Generator) -> None:
        self._config = config
        self._rng = rng
        self._used: Counter[int] = Counter()
        self._style = 0
        self._left = 0

    def style(
        self, scores: NDArray[np.float64], styles: NDArray[np.int64], left: int
    ) -> NDArray[np.bool_]:
        """Return which candidates have the style of the next position, bool (C,).

        The style of a new block is sampled by how high its best tracks together score.

        Args:
            scores: The candidates' scores, -inf for those that cannot be chosen, float64 (C,).
            styles: Their styles, int64 (C,).
            left: Open positions, this one included.
        """
        is_free = np.isfinite(scores)
        if self._left and (is_free & (styles == self._style)).any():
            self._left -= 1
            return np.equal(styles, self._style)
        least, most = self._config.block
        length = int(self._rng.integers(least, most + 1))
        if left - length < least:  # too few are left for another block
            length = left if left <= most else left // 2
        there = np.unique(styles[is_free])
        values = np.empty(len(there))
        for k, style in enumerate(there):
            best = np.sort(scores[is_free & (styles == style)])[::-1][:length]
            lacking = length - len(best)  # the block would end early
            values[k] = (
                best.mean() - lacking / length - self._config.style_weight * self._used[style]
            )
        k, _ = _draw(values, self._config.style_temperature, self._rng)
        self._style, self._left = int(there[k]), length - 1
        self._used[self._style] += 1
        return np.equal(styles, self._style)


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
        blocks: _Blocks | None,
    ) -> None:
        self._table = table
        self._targets = targets
        self._posterior = posterior
        self._weights = posterior.sample(config.noise, rng)
        self._weights[_POPULARITY] += POPULARITY_WEIGHTS[preferences.popularity]
        self._rng = rng
        self._config = config
        self._blocks = blocks
        self._own = favourite_rows(table, preferences)
        self._favourites = Favourites(table, preferences, self._own)
        self._styles = styles(table)  # (genres,)
        self._reach = reach(targets, config.search)
        self._seats = len(targets) // config.tracks_per_seat
        self._choices: dict[int, Choice] = {}
        self._artists: Counter[int] = Counter()

    def in_order(self) -> list[Choice]:
        """Return the choices by position.

        Tracks with the same target are put together by style, and flow within it.
        """
        positions = sorted(self._choices)
        ordered: list[int] = []  # positions at which the tracks were chosen
        for _, group in groupby(positions, lambda position: self._targets[position]):
            by_style: dict[int, list[int]] = {}
            for position in group:
                row = self._choices[position].row
                by_style.setdefault(int(self._styles[self._table.genre_codes[row, 0]]), []).append(
                    position
                )
            for same in by_style.values():
                before = self._choices[ordered[-1]].row if ordered else None
                rows = [self._choices[position].row for position in same]
                ordered += [same[place] for place in smooth_order(self._table, rows, before)]
        return [
            replace(self._choices[chosen], position=position)
            for position, chosen in zip(positions, ordered, strict=True)
        ]

    def fill(self, must_pass: Sequence[Predicate]) -> None:
        """Fill the open positions with tracks that pass all rules, as far as possible.

        One round is nearly always enough. Another is needed when all candidates of a position
        have been taken, or are by artists who have reached their limit.
        """
        self._seat_favourites(must_pass)
        while open_ := self._open():
            targets = [self._targets[position] for position in open_]
            count = self._config.search.candidates(len(self._table), is_held=holds(self._targets))
            found = nearest(self._table, targets, self._free(must_pass), self._reach, count)
            if not found.rows.size:
                return
            self._fill_round(open_, found)

    def _open(self) -> list[int]:
        return [p for p in range(len(self._targets)) if p not in self._choices]

    def _free(self, must_pass: Sequence[Predicate]) -> Predicate:
        """Return the predicate for tracks that pass all rules and that the playlist can take."""
        table = self._table
        rows = [choice.row for choice in self._choices.values()]
        most = self._config.tracks_per_artist
        full = [artist for artist, count in self._artists.items() if count >= most]
        return passes_all(
            [
                *must_pass,
                none_of(table.title_keys, table.title_keys[rows]),
                none_of(table.artist_keys, full),
            ]
        )

    def _seat_favourites(self, must_pass: Sequence[Predicate]) -> None:
        """Keep a position for each favourite artist with a track near the mood.

        Without a seat, the best of 28,000 tracks would nearly always be somebody else's.
        """
        table = self._table
        for key in self._rng.permutation(np.unique(table.artist_keys[self._own])):
            if not (self._seats and (open_ := self._open())):
                return
            rows = self._own[table.artist_keys[self._own] == key]
            rows = rows[self._free(must_pass)(rows)]
            if self._artists[int(key)] or not len(rows):
                continue
            targets = [self._targets[position] for position in open_]
            square = table.features[rows, :2] / np.array(self._reach)  # (n, 2)
            points = np.array([(t.valence, t.energy) for t in targets]) / np.array(self._reach)
            away = np.linalg.norm(square - points[:, None], axis=2)  # (P, n)
            p = len(open_) - 1 - int(away.min(axis=1)[::-1].argmin())  # the last of the best
            here = np.flatnonzero(away[p] <= self._config.seat_reach)
            if not len(here):
                continue
            found = Candidates(rows[None, here], away[None, p, here].astype(np.float32))
            off = misfits(table, [targets[p]], rows[here], np.arange(len(here))[None])
            scores = self._fit([targets[p]], found, off) + self._liking(rows[here])
            c, propensity = _draw(scores[0], self._config.temperature, self._rng)
            self._choose(open_[p], c, propensity, scores[0], found, off, 0)
            self._seats -= 1

    def _choose(
        self,
        position: int,
        c: int,
        propensity: float,
        scores: NDArray[np.float64],
        found: Candidates,
        off: NDArray[np.float32],
        p: int,
    ) -> None:
        """Take candidate c of the p-th open position."""
        row = int(found.rows[p, c])
        self._choices[position] = Choice(
            row=row,
            position=position,
            score=float(scores[c]),
            propensity=propensity,
            distance=float(found.distances[p, c]),
            misfit=float(off[p, c]),
        )
        self._artists[int(self._table.artist_keys[row])] += 1

    def _fill_round(self, positions: list[int], found: Candidates) -> None:
        table, config = self._table, self._config
        wanted = [self._targets[position] for position in positions]
        targets = list(dict.fromkeys(wanted))  # D different ones, each with its candidates
        firsts = [wanted.index(target) for target in targets]
        found = Candidates(found.rows[firsts], found.distances[firsts])  # (D, C)
        rows, places = np.unique(found.rows, return_inverse=True)  # (U,), (D, C)
        off = misfits(table, targets, rows, places)  # (D, C)
        scores = self._fit(targets, found, off) + self._liking(rows)[places]  # (D, C)
        titles = table.title_keys[rows]  # (U,)
        artists, styles_ = table.artist_keys[rows], self._styles[table.genre_codes[rows, 0]]
        is_free = np.ones(len(rows), dtype=np.bool_)  # (U,)
        likeness = Likeness(table, rows, [choice.row for choice in self._choices.values()])
        flow, last = Flow(table, rows), -1
        for p, position in enumerate(positions):
            d = targets.index(wanted[p])
            here = places[d]  # (C,) into rows
            if not is_free[here].any():
                continue
            varied = scores[d] - config.diversity_weight * likeness.most[here]
            varied[~is_free[here]] = -np.inf
            if self._blocks is not None:
                fitting = self._blocks.style(varied, styles_[here], len(positions) - p)
                varied[~fitting] = -np.inf
            elif last >= 0:
                jump = flow.cost(last, here) + (styles_[here] != styles_[last])
                varied -= config.flow_weight * jump
            c, propensity = _draw(varied, config.temperature, self._rng)
            row, last = int(found.rows[d, c]), int(here[c])
            self._choose(position, c, propensity, scores[d], found, off, d)
            is_free &= titles != table.title_keys[row]
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
            + by_code[table.genre_codes[rows, 0]]
            + posterior.artists[table.artist_keys[rows]]
            + self._favourites.bonus(rows)
        )
        return liking


def misfits(
    table: TrackTable,
    targets: Sequence[Target],
    rows: NDArray[np.int64],
    places: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return how badly each candidate's supporting features and genre fit, 0 (perfect) to 0.5.

    Args:
        table: The catalogue.
        targets: The positions' targets.
        rows: The candidates of all positions, int64 (U,).
        places: Index of each position's candidates in `rows`, int64 (P, C).

    Returns:
        float32 (P, C); 0.25 for a track that neither supports the mood nor contradicts it.
    """
    sounds = scaled(table.features[rows])  # (U, K)
    genres = table.genre_codes[rows, 0]  # (U,)
    families = [style_of(genre) for genre in table.genres]
    found = np.empty(places.shape, dtype=np.float32)
    for p, target in enumerate(targets):
        here = places[p]
        by_genre = np.array([target.family_support(family) for family in families])
        found[p] = misfit(sounds[here], by_genre[genres[here]], target)
    return found


def misfit(
    sounds: NDArray[np.float32], family_support: NDArray[np.floating], target: Target
) -> NDArray[np.float32]:
    """Return how badly the supporting features and genres of tracks fit a target, float32 (n,).

    Args:
        sounds: `traits.scaled` features, float32 (n, K).
        family_support: `Target.family_support` of each track's style, (n,).
        target: The target.
    """
    support = sounds[:, 2:] @ np.array(target.support, dtype=np.float32) + family_support
    return ((1 - np.clip(support, -1, 1)) / 4).astype(np.float32)


def _draw(
    scores: NDArray[np.floating], temperature: float, rng: np.random.Generator
) -> tuple[int, float]:
    """Sample an index from softmax(scores / temperature); return it and its probability.

    The argmax of scores / temperature + Gumbel noise is such a sample (the Gumbel-max trick).
    """
    logits = scores.astype(np.float64) / temperature
    place = int(np.argmax(logits + rng.gumbel(size=len(logits))))
    shares = np.exp(logits - logits.max())
    return place, float(shares[place] / shares.sum())
