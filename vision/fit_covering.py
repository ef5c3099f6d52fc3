"""Fits the head that tells what is covered to a network that was trained without one.

`python -m vision.fit_covering FER2013.npz WEIGHTS.safetensors` draws masks and sunglasses on rows
of *Training* and fits a logistic regression to the pooled features of both views. The
convolutions stay as they are, so nothing that was measured of the other heads changes.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from sklearn.linear_model import LogisticRegression

from vision import weights as weight_file
from vision.answering import COVERED_FROM
from vision.augmentation import Augmentation, augmented_views
from vision.calibration import softmax
from vision.coverings import COVERINGS
from vision.lessons import load_lessons
from vision.serving import Network
from vision.weights import COVERING_HEAD

# Nothing is erased, since an erased patch covers something too.
_AMOUNT: Final = Augmentation(masked=1 / 3, shaded=1 / 3, erased=0, strip_erased=0)
_BATCH: Final = 64
_STRENGTH: Final = 1e-3  # inverse of the pull towards zero; features are standardised
_HELD_BACK: Final = 5  # every so many-th row is not fitted, but measured on
_SEED: Final = 7


def features(
    network: Network, data: Path, count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the pooled features of rows with drawn coverings, (N, 4096), and which, (N,)."""
    lessons = load_lessons(data, "Training", count)
    rng = np.random.default_rng(_SEED)
    parts, kinds = [], []
    for start in range(0, len(lessons), _BATCH):
        rows = range(start, min(start + _BATCH, len(lessons)))
        drawn = [
            augmented_views(lessons.images[row], lessons.eyes_of(row), 96, rng, _AMOUNT)
            for row in rows
        ]
        faces, strips, coverings = zip(*drawn, strict=True)
        maps = network.run(np.stack(faces), np.stack(strips), ("face_map", "eyes_map"))
        pooled = [maps[name].mean(axis=(2, 3)) for name in ("face_map", "eyes_map")]
        parts.append(np.concatenate(pooled, axis=1))
        kinds += [COVERINGS.index(covering) for covering in coverings]
    return np.concatenate(parts), np.array(kinds)


def fit(
    pooled: NDArray[np.float32], kinds: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the kernel, (C, 3), and the bias, (3,), of a head for features as they are."""
    mean, spread = pooled.mean(axis=0), pooled.std(axis=0) + 1e-3
    found = LogisticRegression(C=_STRENGTH, max_iter=500).fit((pooled - mean) / spread, kinds)
    kernel = (found.coef_ / spread).T
    bias = found.intercept_ - mean @ kernel
    return kernel.astype(np.float32), bias.astype(np.float32)


def main() -> None:
    """Fit the covering head of a weight file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("data", type=Path, help="FER-2013 with FER+ votes, .npz")
    parser.add_argument("weights", type=Path, help="the .safetensors file that gets the head")
    parser.add_argument("--rows", type=int, default=6000, help="of Training")
    arguments = parser.parse_args()

    pooled, kinds = features(Network.load(arguments.weights), arguments.data, arguments.rows)
    is_held_back = np.arange(len(kinds)) % _HELD_BACK == 0
    kernel, bias = fit(pooled[~is_held_back], kinds[~is_held_back])
    probabilities = softmax(pooled[is_held_back] @ kernel + bias)
    said = np.where(probabilities.max(axis=1) >= COVERED_FROM, probabilities.argmax(axis=1), 0)
    for kind, name in enumerate(COVERINGS):
        of_kind = said[kinds[is_held_back] == kind]
        share = (of_kind == kind).mean()
        sys.stdout.write(f"{name}: {share:.1%} of {len(of_kind):,} rows held back are told\n")
    tensors = weight_file.read(arguments.weights)
    tensors[f"{COVERING_HEAD}/kernel"], tensors[f"{COVERING_HEAD}/bias"] = kernel, bias
    weight_file.write(save(tensors), arguments.weights)


if __name__ == "__main__":
    main()
