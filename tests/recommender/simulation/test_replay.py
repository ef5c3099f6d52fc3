import csv
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import CatalogueUnreadable
from recommender.simulation.replay import LEAST_LISTENERS, ndcg, read_plays, replay


def write(path: Path, people: int = LEAST_LISTENERS, plays: int = 40, **fixed: str) -> Path:
    """Write plays of listeners who like what is bright."""
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = None
        for person in range(people):
            for number in range(plays):
                valence = float(rng.random())
                row = {
                    "listener": str(person),
                    "time_utc": f"2026-01-{1 + number // 24:02d}T{number % 24:02d}:00:00Z",
                    "track": str(rng.integers(60)),
                    "artist": f"Artist {rng.integers(20)}",
                    "genre": "pop",
                    "popularity": str(rng.integers(101)),
                    "valence": f"{valence:.3f}",
                    "energy": f"{rng.random():.3f}",
                    "tempo": "120",
                    "acousticness": "0.2",
                    "danceability": "0.6",
                    "loudness": "-7",
                    "rating": str(1 + int(4.99 * valence)),
                    "valence_before": "" if number < 20 else "0.2",
                    "arousal_before": "" if number < 20 else "0.1",
                }
                if writer is None:
                    writer = csv.DictWriter(file, list(row))
                    writer.writeheader()
                writer.writerow(row | fixed)
    return path


def test_ndcg_is_one_for_the_best_order_and_zero_for_nothing_liked_first() -> None:
    ratings = np.array([5.0, 1.0, 3.0, 1.0, 2.0, 4.0])
    assert ndcg(ratings, ratings) == pytest.approx(1)
    assert ndcg(-ratings, ratings) < 0.5
    assert ndcg(np.array([0.0, 1.0]), np.array([1.0, 1.0])) == 1  # nothing to gain or lose
    assert ndcg(np.array([1.0, 0.0]), np.array([1.0, 5.0]), depth=1) == 0


def test_who_hears_the_ratings_ranks_better(tmp_path: Path) -> None:
    people = read_plays(write(tmp_path / "plays.csv"))
    assert len(people) == LEAST_LISTENERS
    found = {name: values.mean() for name, values in replay(people).items()}
    assert found["Mirrortape"] > found["targets only"] + 0.05
    assert found["Mirrortape"] > found["popularity"] + 0.05


def test_groups_start_after_the_plays_that_are_only_learned_from(tmp_path: Path) -> None:
    person = next(iter(read_plays(write(tmp_path / "plays.csv", plays=47)).values()))
    assert [(each.start, each.stop) for each in person.groups()] == [(20, 30), (30, 40), (40, 47)]


def test_plays_are_sorted_by_time(tmp_path: Path) -> None:
    path = write(tmp_path / "plays.csv")
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, *reversed(rows)]), encoding="utf-8")
    again = next(iter(read_plays(path).values()))
    first = next(iter(read_plays(write(tmp_path / "other.csv")).values()))
    np.testing.assert_array_equal(again.ratings, first.ratings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"people": 2}, "has 2 listeners with 25 plays or more; a comparison needs 5"),
        ({"plays": 10}, "has 0 listeners"),
        ({"rating": "7"}, "7 is not within 1 and 5"),
        ({"energy": "loud"}, "energy is not a number"),
        ({"valence_before": "3", "arousal_before": "0"}, "3 is not within -1 and 1"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    with pytest.raises(CatalogueUnreadable, match=words):
        read_plays(write(tmp_path / "plays.csv", **changes))


@pytest.mark.data
def test_own_votes_help_real_listeners(data_dir: Path) -> None:
    found = replay(read_plays(data_dir / "listeners_dev.csv"))
    gain = found["Mirrortape"] - found["pool only"]
    low = gain.mean() - 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
    over_targets = (found["Mirrortape"] - found["targets only"]).mean()
    print(f"\nover pool only {gain.mean():.3f} (from {low:.3f}), over targets {over_targets:.3f}")
    assert gain.mean() >= 0
    assert low >= -0.005
    assert over_targets >= 0.1
