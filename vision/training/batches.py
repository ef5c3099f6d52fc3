"""Load the training data, and make batches of it.

The FER+ votes and the FER-2013 labels agree on only 60 to 67 % of the rows, so each row's target
mixes both. `vision.training.fit_heads` later fits the served heads to each kind separately.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vision.data.ferplus import FERPLUS_COLUMNS, votes_for_emotions
from vision.errors import UnusableData
from vision.face.crops import ROW_EYES, ROW_SIZE, Eyes, cut_views
from vision.network.weights import TRAINED_HEADS
from vision.reading import EMOTIONS
from vision.training.augmentation import augmented_views
from vision.training.recipe import Recipe

NOT_A_FACE_VOTES: Final = 5
"""Rows with at least this many of ten votes for not-a-face are left out."""

_ARRAYS: Final = ("images", "labels", "usage", "usage_names", "ferplus_votes", "ferplus_columns")

Floats = NDArray[np.float32]
Views = dict[str, Floats]
Batch = tuple[Views, dict[str, Floats], dict[str, Floats]]


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Faces with their FER-2013 labels and FER+ votes.

    Args:
        images: uint8 (N, 48, 48).
        eyes: Centres of both eyes, float64 (N, 2, 2), x and y in pixels of the row.
        fer: FER-2013 labels, one-hot, float32 (N, 7).
        ferplus: Each emotion's share of the votes for the seven, float32 (N, 7); zeros if there
            are none.
        trust: Share of all votes that are for one of the seven, float32 (N,).
        is_clear: Whether one of the seven has at least as many votes as contempt, unknown and
            not-a-face together, bool (N,).
    """

    images: NDArray[np.uint8]
    eyes: NDArray[np.float64]
    fer: Floats
    ferplus: Floats
    trust: Floats
    is_clear: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: NDArray[Any]) -> "LabelledRows":
        """Return the rows at these indices, or under this mask."""
        parts = {field.name: getattr(self, field.name)[rows] for field in fields(self)}
        return LabelledRows(**parts)

    def require(self, count: int) -> None:
        """Raise `UnusableData` if there are fewer than `count` rows."""
        if len(self) < count:
            raise UnusableData(f"{len(self)} rows do not fill a batch of {count}")

    def eyes_of(self, index: int) -> Eyes:
        """Return one row's eye centres as points."""
        (lx, ly), (rx, ry) = self.eyes[index].tolist()
        return (lx, ly), (rx, ry)

    def with_eyes(self, found: NDArray[np.float64]) -> "LabelledRows":
        """Return the rows with these eye centres, or the usual ones where they are NaN."""
        is_missing = np.isnan(found).any(axis=(1, 2), keepdims=True)  # (N, 1, 1)
        return replace(self, eyes=np.where(is_missing, np.array(ROW_EYES), found))


def load_labelled_rows(path: Path, split: str, limit: int | None = None) -> LabelledRows:
    """Load one split of FER-2013 with its FER+ votes, without rows that do not show a face.

    Args:
        path: An `.npz`; the model card describes it.
        split: One of the file's `usage_names`.
        limit: Load at most this many rows.

    Raises:
        UnusableData: The file lacks what training needs; the message says why.
    """
    arrays = _read(path)
    names = [str(name) for name in arrays["usage_names"]]
    if split not in names:
        raise UnusableData(f"{path} has no rows named {split}, but {', '.join(names) or 'none'}")
    columns = [str(name) for name in arrays["ferplus_columns"]]
    if lacking := [name for name in (*FERPLUS_COLUMNS, "NF") if name not in columns]:
        raise UnusableData(f"{path}: ferplus_columns lacks {', '.join(lacking)}")
    votes = arrays["ferplus_votes"]  # (N, columns)
    is_face = votes[:, columns.index("NF")] < NOT_A_FACE_VOTES
    kept = np.flatnonzero((arrays["usage"] == names.index(split)) & is_face)[:limit]
    if len(kept) == 0:
        raise UnusableData(f"{path} has no {split} rows that show a face")
    images, labels, votes = arrays["images"][kept], arrays["labels"][kept], votes[kept]
    if labels.min() < 0 or labels.max() >= len(EMOTIONS):
        unknown = sorted({int(label) for label in labels} - set(range(len(EMOTIONS))))
        raise UnusableData(f"{path} has labels that are none of 0 to 6: {unknown}")
    emotions, is_clear = votes_for_emotions(votes, columns)
    counted = emotions.sum(axis=1)
    return LabelledRows(
        images=images,
        eyes=np.tile(np.array(ROW_EYES), (len(images), 1, 1)),
        fer=np.eye(len(EMOTIONS), dtype=np.float32)[labels],
        ferplus=(emotions / np.maximum(counted, 1)[:, None]).astype(np.float32),
        trust=(counted / np.maximum(votes.sum(axis=1), 1)).astype(np.float32),
        is_clear=is_clear,
    )


def class_weights(shares: Floats, balance: float) -> Floats:
    """Return the loss weight of each emotion, (7,), with a mean of one over all rows.

    Args:
        shares: The targets of the rows, (N, 7).
        balance: 0 weights all rows equally, 1 all emotions.
    """
    frequency = shares.sum(axis=0) / max(shares.sum(), 1)
    weights = np.where(frequency > 0, np.maximum(frequency, 1e-9) ** -balance, 0)
    return np.asarray(weights / max((weights * frequency).sum(), 1e-9), dtype=np.float32)


def split(labelled: LabelledRows, held_back: int, seed: int) -> tuple[LabelledRows, LabelledRows]:
    """Split at random into training rows and `held_back` validation rows."""
    order = np.random.default_rng((seed, len(labelled))).permutation(len(labelled))
    return labelled[np.sort(order[held_back:])], labelled[np.sort(order[:held_back])]


def mixed_targets(labelled: LabelledRows, votes_share: float) -> Floats:
    """Return the weighted mean of votes and label for each row, (N, 7), summing to 1.

    A row without a vote for one of the seven gets only its label.
    """
    has_votes = labelled.ferplus.sum(axis=1, keepdims=True) > 0  # (N, 1)
    mixed = votes_share * labelled.ferplus + (1 - votes_share) * labelled.fer
    return np.where(has_votes, mixed, labelled.fer).astype(np.float32)


class Batches:
    """Makes the batches of every epoch: order, augmentation, targets and weights.

    The augmentation of a row depends only on seed, epoch and row, so a resumed run sees the same
    batches.
    """

    def __init__(self, labelled: LabelledRows, recipe: Recipe) -> None:
        labelled.require(recipe.batch)
        self._labelled, self._recipe = labelled, recipe
        shares = mixed_targets(labelled, recipe.votes_share)
        smooth = recipe.label_smoothing
        self._targets = (1 - smooth) * shares + np.float32(smooth / len(EMOTIONS))
        self._weights = (shares @ class_weights(shares, recipe.balance)).astype(np.float32)

    @property
    def steps(self) -> int:
        """Batches in an epoch; the rows of an incomplete batch are skipped."""
        return len(self._labelled) // self._recipe.batch

    def batch(self, epoch: int, step: int, size: int) -> Batch:
        """Return the inputs, targets and weights of a batch, with views `size` pixels wide."""
        seed, count = self._recipe.seed, self._recipe.batch
        order = np.random.default_rng((seed, epoch)).permutation(len(self._labelled))
        rows = order[step * count : (step + 1) * count]
        faces, strips = zip(*(self._views(epoch, int(row), size) for row in rows), strict=True)
        inputs = _stacked(faces, strips)
        target, weight = self._targets[rows], self._weights[rows]
        if self._recipe.mixup:
            rng = np.random.default_rng((seed, epoch, step, 1))
            share = np.float32(rng.beta(self._recipe.mixup, self._recipe.mixup))
            partner = rng.permutation(count)
            inputs = {name: share * x + (1 - share) * x[partner] for name, x in inputs.items()}
            target = share * target + (1 - share) * target[partner]
            weight = share * weight + (1 - share) * weight[partner]
        return inputs, dict.fromkeys(TRAINED_HEADS, target), dict.fromkeys(TRAINED_HEADS, weight)

    def _views(
        self, epoch: int, row: int, size: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        rng = np.random.default_rng((self._recipe.seed, epoch, row, 0))
        image, eyes = self._labelled.images[row], self._labelled.eyes_of(row)
        return augmented_views(image, eyes, size, rng, self._recipe.augmentation)[:2]


def plain_views(labelled: LabelledRows, rows: range, size: int) -> Views:
    """Return the network's inputs without augmentation, `size` pixels wide."""
    cut = [cut_views(labelled.images[row], labelled.eyes_of(row), size) for row in rows]
    return _stacked([views.face for views in cut], [views.eyes for views in cut])


def _stacked(faces: Sequence[NDArray[np.uint8]], strips: Sequence[NDArray[np.uint8]]) -> Views:
    return {
        name: np.stack(pictures)[..., None].astype(np.float32)
        for name, pictures in (("face", faces), ("eyes", strips))
    }


def _read(path: Path) -> Mapping[str, NDArray[Any]]:
    """Read the arrays and check that they are consistent."""
    if not path.is_file():
        raise UnusableData(f"there is no file {path}; training needs an .npz of FER-2013")
    try:
        # Opened here, because numpy does not close a file that is not an archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            if lacking := [name for name in _ARRAYS if name not in data]:
                raise UnusableData(f"{path} lacks {', '.join(lacking)}")
            arrays = {name: data[name] for name in _ARRAYS}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise UnusableData(f"{path} is no readable .npz file") from error
    images, count = arrays["images"], len(arrays["images"])
    if images.dtype != np.uint8 or images.shape[1:] != (ROW_SIZE, ROW_SIZE):
        shape = "×".join(map(str, images.shape))
        raise UnusableData(
            f"{path}: images are {images.dtype} {shape}, not uint8 N×{ROW_SIZE}×{ROW_SIZE}"
        )
    for name in ("labels", "usage", "ferplus_votes"):
        if arrays[name].dtype.kind not in "ui" or arrays[name].shape[:1] != (count,):
            raise UnusableData(f"{path}: {name} are not {count:,} whole numbers, one per image")
    if arrays["ferplus_votes"].shape[1:] != arrays["ferplus_columns"].shape:
        raise UnusableData(f"{path}: ferplus_votes and ferplus_columns do not fit together")
    return arrays
