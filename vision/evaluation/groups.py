"""Compare accuracy between groups of people.

The groups come from a CSV with the columns `file` and `group`.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vision.data.datasets import listed
from vision.errors import UnusableData
from vision.evaluation.metrics import Interval, score

MIN_GROUP: Final = 20
"""Smallest group that is compared; the accuracy of smaller ones is too uncertain."""


@dataclass(frozen=True, slots=True)
class GroupScore:
    """The scores of one group; the intervals are None for too few rows."""

    n: int
    accuracy: float
    accuracy_interval: Interval | None
    macro_f1: float
    macro_f1_interval: Interval | None


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest accuracy difference between two groups of at least `MIN_GROUP` rows."""

    accuracy: float
    best: str
    worst: str


@dataclass(frozen=True, slots=True)
class GroupScores:
    """The scores of all groups.

    Args:
        groups: Scores by group.
        worst_gap: None if fewer than two groups have enough rows.
        ungrouped: Number of rows without a group.
        too_small: Groups with too few rows for the gap.
    """

    groups: dict[str, GroupScore]
    worst_gap: Gap | None
    ungrouped: int
    too_small: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields that `mirrortape evaluate --json` prints."""
        return asdict(self)


def load_groups(path: Path, names: Sequence[str]) -> tuple[list[str | None], list[str]]:
    """Read the group of each picture.

    Args:
        path: A CSV with the columns `file` and `group`.
        names: The pictures' names; the CSV may leave out their folder.

    Returns:
        The group of each name, and remarks on lines that match no name.

    Raises:
        UnusableData: The file is not such a CSV, or matches no picture.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"file", "group"} <= set(reader.fieldnames or ()):
                raise UnusableData(f"{path} needs a first line with the columns file and group")
            lines = [
                ((line["file"] or "").strip(), (line["group"] or "").strip()) for line in reader
            ]
    except FileNotFoundError as error:
        raise UnusableData(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableData(f"{path} is no readable CSV: {error}") from error
    positions = _positions(names)
    groups: list[str | None] = [None] * len(names)
    unknown = []
    for name, group in lines:
        if (position := positions.get(name)) is None:
            unknown.append(name or "(empty)")
        else:
            groups[position] = group or None
    if not any(groups):
        raise UnusableData(f"{path} gives none of the pictures a group")
    remarks = [f"{path.name}, lines that name no picture: {listed(unknown)}"] if unknown else []
    return groups, remarks


def score_groups(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.int64],
    counts: NDArray[np.bool_],
    groups: Sequence[str | None],
    rng: np.random.Generator,
) -> GroupScores:
    """Score each group.

    Args:
        probabilities: float64 (N, 7).
        truth: The true emotions, int64 (N,).
        counts: Whether each row is evaluated, bool (N,).
        groups: The group of each row, or None.
        rng: Draws the bootstrap samples.
    """
    own = np.array([group or "" for group in groups])
    scored = {}
    for group in sorted(set(own[counts].tolist()) - {""}):
        chosen = counts & (own == group)
        s = score(probabilities[chosen], truth[chosen], rng)
        scored[group] = GroupScore(
            s.n, s.accuracy, s.accuracy_interval, s.macro_f1, s.macro_f1_interval
        )
    ranked = sorted(
        (group for group in scored if scored[group].n >= MIN_GROUP),
        key=lambda group: scored[group].accuracy,
    )
    gap = None
    if len(ranked) > 1:
        worst, best = ranked[0], ranked[-1]
        gap = Gap(scored[best].accuracy - scored[worst].accuracy, best, worst)
    too_small = tuple(group for group in scored if scored[group].n < MIN_GROUP)
    return GroupScores(scored, gap, int((counts & (own == "")).sum()), too_small)


def _positions(names: Sequence[str]) -> dict[str, int]:
    """Map each name to its index, and each unique file name as well."""
    last = [name.rsplit("/", 1)[-1] for name in names]
    times = Counter(last)
    short = {part: i for i, part in enumerate(last) if times[part] == 1}
    return short | {name: i for i, name in enumerate(names)}
