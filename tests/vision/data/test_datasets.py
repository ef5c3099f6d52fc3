"""Data sets: what is read from files and folders, and what is said about all the others."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vision.data.datasets import Dataset, load_dataset
from vision.data.ferplus import FERPLUS_COLUMNS
from vision.errors import UnusableData
from vision.reading import EMOTIONS

VOTE_COLUMNS = np.array([*FERPLUS_COLUMNS, "contempt", "unknown", "NF"])


def arrays(count: int = 8) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {
        "images": rng.integers(0, 256, (count, 48, 48), dtype=np.uint8),
        "labels": np.arange(count, dtype=np.uint8) % 7,
    }


def saved(folder: Path, **changes: Any) -> Path:
    """Write an `.npz` of eight rows; a change of None leaves an array out."""
    path = folder / "faces.npz"
    kept = {name: value for name, value in (arrays() | changes).items() if value is not None}
    np.savez(path, **kept)
    return path


def test_images_and_labels_are_enough(tmp_path: Path) -> None:
    dataset = load_dataset(saved(tmp_path))
    assert len(dataset) == 8
    assert dataset.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert dataset.names[5] == "5"
    assert dataset.label_heads == "fer"
    assert dataset.majority is dataset.is_clear is dataset.is_duplicate is None
    assert dataset.remarks == ()


@pytest.mark.parametrize(
    ("shape", "expected"), [((48, 48, 1), (48, 48)), ((30, 20), (30, 20)), ((9, 9, 3), (9, 9, 3))]
)
def test_images_may_be_grey_or_colour_of_any_size(
    tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    dataset = load_dataset(saved(tmp_path, images=np.zeros((8, *shape), np.uint8)))
    assert not isinstance(dataset.pictures, tuple)
    assert dataset.pictures.shape == (8, *expected)


def test_a_split_keeps_its_rows_and_their_numbers(tmp_path: Path) -> None:
    usage = np.array([0, 1, 1, 0, 0, 1, 0, 0], np.uint8)
    duplicate = np.array([0, 1, 0, 0, 0, 0, 0, 0], bool)
    path = saved(
        tmp_path,
        usage=usage,
        usage_names=np.array(["Training", "PublicTest"]),
        dup_of_train=duplicate,
    )
    dataset = load_dataset(path, "PublicTest")
    assert dataset.names == ("1", "2", "5")
    assert dataset.labels.tolist() == [1, 2, 5]
    assert dataset.is_duplicate is not None
    assert dataset.is_duplicate.tolist() == [True, False, False]
    assert len(load_dataset(path)) == 8
    with pytest.raises(UnusableData, match=r"no split PrivateTest; it has Training, PublicTest"):
        load_dataset(path, "PrivateTest")


def test_the_majority_counts_where_it_has_as_many_votes_as_all_others(tmp_path: Path) -> None:
    votes = np.zeros((8, 10), np.uint8)
    votes[0, [3, 0]] = 6, 4  # happy
    votes[1, [2, 9]] = 5, 5  # fear, and as many for no face
    votes[2, [2, 7, 8]] = 4, 3, 3  # fear, but more for the others together
    votes[3, 9] = 10
    path = saved(tmp_path, ferplus_votes=votes, ferplus_columns=VOTE_COLUMNS)
    dataset = load_dataset(path)
    assert dataset.majority is not None
    assert dataset.is_clear is not None
    assert dataset.majority[:3].tolist() == [3, 2, 2]
    assert dataset.is_clear.tolist() == [True, True, False, False] + [False] * 4


def test_votes_without_column_names_are_taken_in_the_order_of_ferplus(tmp_path: Path) -> None:
    votes = np.zeros((8, 10), np.uint8)
    votes[:, 0] = 10  # neutral comes first there
    dataset = load_dataset(saved(tmp_path, ferplus_votes=votes))
    assert dataset.majority is not None
    assert set(dataset.majority.tolist()) == {EMOTIONS.index("neutral")}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"images": None}, "lacks images"),
        ({"images": None, "labels": None}, "lacks images and labels"),
        ({"images": np.zeros((8, 48, 48), np.float32)}, "float32 8×48×48"),
        ({"images": np.zeros((8, 48), np.uint8)}, "uint8 8×48"),
        ({"images": np.zeros((8, 48, 48, 4), np.uint8)}, "8×48×48×4"),
        ({"images": np.zeros((8, 0, 48), np.uint8)}, "8×0×48"),
        ({"images": np.array(None)}, "no readable .npz"),
        ({"images": np.zeros((0, 48, 48), np.uint8), "labels": np.zeros(0, int)}, "no rows"),
        ({"labels": np.zeros(5, np.uint8)}, "labels must be 8 whole numbers"),
        ({"labels": np.zeros(8)}, "labels must be 8 whole numbers"),
        ({"labels": np.array(list("abcdefgh"))}, "labels must be 8 whole numbers"),
        ({"labels": np.array([0, 1, 2, 3, 4, 5, 6, 7])}, "there are also 7"),
        ({"labels": np.array([0, 1, 2, 3, 4, 5, 6, -1])}, "there are also -1"),
        ({"class_names": np.array(["happy", "sad"])}, "class_names are happy, sad"),
        ({"ferplus_votes": np.zeros((8, 7), np.uint8)}, "8×10 whole numbers"),
        (
            {"ferplus_votes": np.zeros((8, 1), int), "ferplus_columns": np.array(["fear"])},
            "lacks anger, disgust, happiness",
        ),
        ({"dup_of_train": np.zeros(3, bool)}, "dup_of_train must be 8"),
    ],
)
def test_what_spoils_a_file_is_said(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UnusableData, match=told):
        load_dataset(saved(tmp_path, **changes))


def test_a_split_needs_splits(tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="has no splits"):
        load_dataset(saved(tmp_path), "PublicTest")
    with pytest.raises(UnusableData, match=r"only an \.npz has splits"):
        load_dataset(tmp_path, "PublicTest")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"a text"])
def test_no_npz_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(UnusableData, match=r"no readable \.npz"):
        load_dataset(path)


def test_other_paths_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="there is no file or folder"):
        load_dataset(tmp_path / "nowhere")
    (tmp_path / "faces.csv").write_text("emotion,pixels\n")
    with pytest.raises(UnusableData, match=r"neither an \.npz nor a folder"):
        load_dataset(tmp_path / "faces.csv")


def test_a_folder_is_listed_in_order_and_the_rest_named(tmp_path: Path) -> None:
    for name in (
        "happy/b.JPG",
        "happy/a.png",
        "Sad/c.tif",
        "happy/notes.txt",
        "happy/.hidden.jpg",
        "contempt/d.jpeg",
        "README.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "fear").mkdir()
    dataset = load_dataset(tmp_path)
    assert dataset.names == ("Sad/c.tif", "happy/a.png", "happy/b.JPG")
    assert [EMOTIONS[label] for label in dataset.labels] == ["sad", "happy", "happy"]
    assert dataset.label_heads == "ferplus"
    told = "\n".join(dataset.remarks)
    assert "the folder fear has no pictures" in told
    assert "contempt (pictures: 1)" in told
    assert "2 that are no JPEG, PNG or TIFF, left out: README.md, happy/notes.txt" in told


def test_a_folder_without_emotions_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="no pictures"):
        load_dataset(tmp_path)
    (tmp_path / "joy").mkdir()
    (tmp_path / "joy" / "a.jpg").touch()
    with pytest.raises(UnusableData, match=r"but: joy \(pictures: 1\)"):
        load_dataset(tmp_path)


def test_only_keeps_everything_in_step() -> None:
    dataset = Dataset(
        names=("a", "b", "c"),
        pictures=(Path("a"), Path("b"), Path("c")),
        labels=np.array([0, 1, 2]),
        label_heads="ferplus",
        majority=np.array([3, 4, 5]),
        is_clear=np.array([True, False, True]),
        is_duplicate=np.array([False, False, True]),
    )
    kept = dataset.only(np.array([True, False, True]))
    assert kept.names == ("a", "c")
    assert kept.pictures == (Path("a"), Path("c"))
    assert kept.majority is not None
    assert (kept.labels.tolist(), kept.majority.tolist()) == ([0, 2], [3, 5])
    assert len(kept) == 2
