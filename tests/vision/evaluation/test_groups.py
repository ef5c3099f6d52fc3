"""Groups of people: which picture belongs to whom, and the worst gap."""

from pathlib import Path

import numpy as np
import pytest

from vision.errors import UnusableData
from vision.evaluation.groups import MIN_GROUP, load_groups, score_groups

NAMES = ("happy/a.jpg", "sad/a.jpg", "sad/b.jpg")


def written(folder: Path, text: str) -> Path:
    path = folder / "groups.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_files_are_named_by_their_path_or_where_clear_by_their_name(tmp_path: Path) -> None:
    path = written(tmp_path, "group,file\nold,b.jpg\nyoung,happy/a.jpg\nold,a.jpg\nold,c.jpg\n")
    groups, remarks = load_groups(path, NAMES)
    assert groups == ["young", None, "old"]
    assert remarks == ["groups.csv, lines that name no picture: a.jpg, c.jpg"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "columns file and group"),
        ("name,age\na,b\n", "columns file and group"),
        ("file,group\n", "none of the pictures"),
        ("file,group\nx.jpg,old\n", "none of the pictures"),
        ("file,group\nb.jpg\n", "none of the pictures"),
    ],
)
def test_a_csv_without_groups_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UnusableData, match=told):
        load_groups(written(tmp_path, text), NAMES)


def test_no_csv_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="there is no file"):
        load_groups(tmp_path / "none.csv", NAMES)
    path = tmp_path / "picture.csv"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UnusableData, match="no readable CSV"):
        load_groups(path, NAMES)


def test_the_worst_gap_is_between_groups_of_enough_rows() -> None:
    groups = ["a"] * 40 + ["b"] * 20 + ["few"] * (MIN_GROUP - 1) + [None] * 3
    truth = np.zeros(len(groups), dtype=np.int64)
    answers = np.array([0] * 30 + [1] * 10 + [0] * 10 + [1] * 10 + [1] * (MIN_GROUP - 1) + [0] * 3)
    counts = np.ones(len(groups), dtype=bool)
    counts[-1] = False
    scores = score_groups(np.eye(7)[answers], truth, counts, groups, np.random.default_rng(0))
    assert {name: own.accuracy for name, own in scores.groups.items()} == {
        "a": 0.75,
        "b": 0.5,
        "few": 0.0,
    }
    assert scores.worst_gap is not None
    assert (scores.worst_gap.best, scores.worst_gap.worst) == ("a", "b")
    assert scores.worst_gap.accuracy == 0.25
    assert scores.too_small == ("few",)
    assert scores.ungrouped == 2


def test_one_group_has_no_gap() -> None:
    groups = ["a"] * 30
    scores = score_groups(
        np.eye(7)[np.zeros(30, dtype=int)],
        np.zeros(30, dtype=np.int64),
        np.ones(30, dtype=bool),
        groups,
        np.random.default_rng(0),
    )
    assert scores.worst_gap is None
