"""Load labelled pictures for evaluation: an `.npz` of faces, or a folder with one per emotion.

A data set that cannot be used raises an error. Parts that cannot be used are left out and listed
as remarks.
"""

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vision.data.ferplus import FERPLUS_COLUMNS, votes_for_emotions
from vision.errors import UnusableData
from vision.network.weights import Labels
from vision.reading import EMOTIONS

ENDINGS: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
"""File name endings of pictures, in lower case."""

# FER+'s column order, for files with votes but without column names.
_VOTE_COLUMNS: Final = (
    *("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"),
    *("contempt", "unknown", "NF"),
)
_ARRAYS: Final = (
    *("images", "labels", "class_names", "usage", "usage_names"),
    *("ferplus_votes", "ferplus_columns", "dup_of_train"),
)
_MOST_NAMED: Final = 5  # names in a message; the others are counted

# What numpy raises on files that are not `.npz`, truncated, encrypted, or hold pickled objects.
_BROKEN: Final = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures and their labels.

    Args:
        names: The path of each picture below the folder, or its row number in the `.npz`.
        pictures: uint8 (N, H, W) or (N, H, W, 3), or the files to open.
        labels: 0..6, int64 (N,).
        label_heads: The set of heads fitted to this kind of label.
        majority: The emotion with the most FER+ votes, int64 (N,); None without votes.
        is_clear: Whether that emotion has at least as many votes as contempt, unknown and
            not-a-face together, bool (N,).
        is_duplicate: Whether the picture also occurs in the training data, bool (N,), if known.
        remarks: What was left out and why, one sentence each.
    """

    names: tuple[str, ...]
    pictures: NDArray[np.uint8] | tuple[Path, ...]
    labels: NDArray[np.int64]
    label_heads: Labels
    majority: NDArray[np.int64] | None = None
    is_clear: NDArray[np.bool_] | None = None
    is_duplicate: NDArray[np.bool_] | None = None
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def only(self, kept: NDArray[np.bool_]) -> "Dataset":
        """Return the pictures selected by a mask, bool (N,)."""
        pictures = self.pictures
        return replace(
            self,
            names=tuple(compress(self.names, kept)),
            pictures=tuple(compress(pictures, kept))
            if isinstance(pictures, tuple)
            else pictures[kept],
            labels=self.labels[kept],
            majority=None if self.majority is None else self.majority[kept],
            is_clear=None if self.is_clear is None else self.is_clear[kept],
            is_duplicate=None if self.is_duplicate is None else self.is_duplicate[kept],
        )


def load_dataset(path: Path, split: str | None = None) -> Dataset:
    """Read an `.npz`, or list the pictures of a folder.

    Args:
        path: The `.npz` or the folder.
        split: One of the `usage_names` of an `.npz`; by default all rows.

    Raises:
        UnusableData: There is nothing to evaluate; the message says why.
    """
    if path.is_dir():
        if split is not None:
            raise UnusableData(
                f"{path} is a folder, and only an .npz has splits: leave out --split"
            )
        return _list_folder(path)
    if not path.exists():
        raise UnusableData(f"there is no file or folder {path}")
    if path.suffix.lower() != ".npz":
        raise UnusableData(f"{path} is neither an .npz nor a folder of <emotion>/ folders")
    dataset, kept = _read_npz(path, split)
    if not kept.any():
        raise UnusableData(f"{path} has no rows" + (f" in the split {split}" if split else ""))
    return dataset if kept.all() else dataset.only(kept)


def listed(names: list[str]) -> str:
    """Join names for a message; a long list is shortened and counted."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _list_folder(folder: Path) -> Dataset:
    files: list[Path] = []
    labels: list[int] = []
    remarks, unknown, others = [], [], []
    try:
        for entry in _entries(folder):
            if not entry.is_dir():
                others.append(entry.name)
            elif entry.name.casefold() in EMOTIONS:
                inside = _entries(entry)
                found = [path for path in inside if _is_picture(path)]
                others += [f"{entry.name}/{path.name}" for path in inside if not _is_picture(path)]
                if not found:
                    remarks.append(f"the folder {entry.name} has no pictures")
                files += found
                labels += [EMOTIONS.index(entry.name.casefold())] * len(found)
            else:
                count = sum(_is_picture(path) for path in entry.rglob("*"))
                unknown.append(f"{entry.name} (pictures: {count:,})")
    except OSError as error:
        raise UnusableData(f"{error.filename} cannot be listed: {error.strerror}") from error
    if unknown:
        remarks.append(f"folders named after no emotion, left out: {listed(unknown)}")
    if others:
        remarks.append(
            f"{len(others):,} that are no JPEG, PNG or TIFF, left out: {listed(others)}"
        )
    if not files:
        raise UnusableData(
            f"{folder} has no pictures (.jpg, .png, .tiff) in folders named {', '.join(EMOTIONS)}"
            + (f", but: {listed(unknown)}" if unknown else "")
        )
    names = tuple(path.relative_to(folder).as_posix() for path in files)
    return Dataset(
        names, tuple(files), np.array(labels, np.int64), "ferplus", remarks=tuple(remarks)
    )


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and path.is_file()


def _read_npz(path: Path, split: str | None) -> tuple[Dataset, NDArray[np.bool_]]:
    """Return all rows, and a mask, bool (N,), of those in the split."""
    try:
        # Opened here, because numpy does not close a broken file.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            arrays = {name: data[name] for name in _ARRAYS if name in data}
    except _BROKEN as error:
        raise UnusableData(f"{path} is no readable .npz file") from error
    if lacking := [name for name in ("images", "labels") if name not in arrays]:
        raise UnusableData(f"{path} lacks {' and '.join(lacking)}")
    pictures = _pictures(path, arrays["images"])
    count = len(pictures)
    labels = _column(path, arrays, "labels", "iu", count)
    if (classes := _names(arrays, "class_names", EMOTIONS)) != list(EMOTIONS):
        raise UnusableData(
            f"{path}: class_names are {', '.join(classes)}, not {', '.join(EMOTIONS)}"
        )
    if unknown := sorted(set(labels.tolist()) - set(range(len(EMOTIONS)))):
        strange = listed([str(label) for label in unknown])
        raise UnusableData(f"{path}: labels are 0 to 6, but there are also {strange}")
    majority, is_clear = None, None
    if "ferplus_votes" in arrays:
        majority, is_clear = _majority(path, arrays, count)
    is_duplicate = None
    if "dup_of_train" in arrays:
        is_duplicate = _column(path, arrays, "dup_of_train", "biu", count).astype(np.bool_)
    dataset = Dataset(
        tuple(str(row) for row in range(count)),
        pictures,
        labels.astype(np.int64),
        "fer",
        majority,
        is_clear,
        is_duplicate,
    )
    return dataset, _in_split(path, arrays, split, count)


def _pictures(path: Path, images: NDArray[Any]) -> NDArray[np.uint8]:
    is_gray = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 1)
    is_rgb = images.ndim == 4 and images.shape[3] == 3
    if images.dtype != np.uint8 or not (is_gray or is_rgb) or 0 in images.shape[1:]:
        shape = "×".join(map(str, images.shape)) or "a single number"
        raise UnusableData(f"{path}: images are {images.dtype} {shape}, not uint8 N×H×W")
    return images[..., 0] if is_gray and images.ndim == 4 else images


def _column(
    path: Path, arrays: Mapping[str, NDArray[Any]], name: str, kinds: str, count: int
) -> NDArray[Any]:
    """Return an array, after checking that it has one whole number per image."""
    values = arrays[name]
    if values.dtype.kind not in kinds or values.shape != (count,):
        shape = "×".join(map(str, values.shape)) or "a single value"
        raise UnusableData(
            f"{path}: {name} must be {count:,} whole numbers, one per image, "
            f"not {values.dtype} {shape}"
        )
    return values


def _names(arrays: Mapping[str, NDArray[Any]], name: str, default: tuple[str, ...]) -> list[str]:
    return [str(value) for value in np.ravel(arrays.get(name, np.array(default)))]


def _majority(
    path: Path, arrays: Mapping[str, NDArray[Any]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    names = _names(arrays, "ferplus_columns", _VOTE_COLUMNS)
    if lacking := [name for name in FERPLUS_COLUMNS if name not in names]:
        raise UnusableData(f"{path}: ferplus_columns lacks {', '.join(lacking)}")
    votes = arrays["ferplus_votes"]
    if votes.dtype.kind not in "iu" or votes.shape != (count, len(names)):
        shape = "×".join(map(str, votes.shape))
        raise UnusableData(
            f"{path}: ferplus_votes must be {count:,}×{len(names)} whole numbers, "
            f"not {votes.dtype} {shape}"
        )
    emotions, is_clear = votes_for_emotions(votes, names)
    return emotions.argmax(axis=1), is_clear


def _in_split(
    path: Path, arrays: Mapping[str, NDArray[Any]], split: str | None, count: int
) -> NDArray[np.bool_]:
    if split is None:
        return np.ones(count, dtype=np.bool_)
    if "usage" not in arrays or "usage_names" not in arrays:
        raise UnusableData(f"{path} has no splits (usage, usage_names): leave out --split")
    names = _names(arrays, "usage_names", ())
    if split not in names:
        raise UnusableData(f"{path} has no split {split}; it has {', '.join(names) or 'none'}")
    return np.asarray(_column(path, arrays, "usage", "iu", count) == names.index(split))
