"""Fits to a trained network what it needs for covered faces.

`python -m vision.fit_covering FER2013.npz WEIGHTS.safetensors` draws masks and sunglasses on rows
of *Training* and fits, to the pooled features of both views, the head that tells what is covered
and the heads that say the emotion then. The convolutions and the other heads stay as they are, so
nothing that was measured of them changes.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from vision import weights as weight_file
from vision.answering import COVERED_FROM, answering_head
from vision.augmentation import Augmentation, augmented_views
from vision.calibration import softmax
from vision.coverings import COVERINGS
from vision.lessons import Lessons, load_lessons
from vision.serving import Network
from vision.weights import COVERING_HEAD, LABELS, SEES, Tensors

# Nothing is erased, since an erased patch covers something too.
_AMOUNT: Final = Augmentation(masked=0.4, shaded=0.3, erased=0, strip_erased=0)
_BATCH: Final = 64
_STRENGTH: Final = 1e-3  # inverse of the pull towards zero; features are standardised
_PULL: Final = 0.3  # towards the head that sees the same of plain faces
_STEPS: Final = 80  # of the search for the best head; more change nothing
_HELD_BACK: Final = 5  # every so many-th row is not fitted, but measured on
_SEED: Final = 7

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LinearHead:
    """A head: `features @ kernel + bias`, (C, K) and (K,)."""

    kernel: Floats
    bias: Floats

    def __call__(self, pooled: Floats) -> Floats:
        """Return the logits, (N, K), of features, (N, C)."""
        return pooled @ self.kernel + self.bias


def features(network: Network, lessons: Lessons) -> tuple[Floats, NDArray[np.int64]]:
    """Return the pooled features of rows with drawn coverings, (N, 4096), and which, (N,)."""
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


def fit_covering(pooled: Floats, kinds: NDArray[np.int64]) -> LinearHead:
    """Return a head that tells kinds, (N,), from features as they are, (N, C)."""
    mean, spread = _scale(pooled)
    found = LogisticRegression(C=_STRENGTH, max_iter=500).fit((pooled - mean) / spread, kinds)
    kernel = (found.coef_ / spread).T
    return _as_it_is(kernel, found.intercept_, mean)


def refit(plain: LinearHead, pooled: Floats, shares: Floats, trust: Floats) -> LinearHead:
    """Return a head for features of another kind, not far from one for plain faces.

    It is the most probable one under a normal prior around `plain`, in standardised features.

    Args:
        plain: Where to start from.
        pooled: Features, (N, C).
        shares: What the rows show, (N, 7), each row summing to one or, if unknown, to zero.
        trust: How much each row counts, (N,).
    """
    mean, spread = _scale(pooled)
    standard = (pooled - mean) / spread
    kernel, bias = plain.kernel * spread[:, None], plain.bias + mean @ plain.kernel
    weights = (trust / trust.sum())[:, None].astype(np.float32)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        offset = flat[: kernel.size].reshape(kernel.shape).astype(np.float32)
        logits = standard @ (kernel + offset) + bias + flat[kernel.size :].astype(np.float32)
        said = softmax(logits).astype(np.float32)
        wrong = weights * (said * shares.sum(axis=1, keepdims=True) - shares)  # (N, 7)
        slope = standard.T @ wrong + _PULL * offset
        surprise = -(weights * shares * np.log(said + 1e-9)).sum()
        total = float(surprise + _PULL / 2 * (offset**2).sum())
        return total, np.concatenate([slope.ravel(), wrong.sum(axis=0)]).astype(np.float64)

    start = np.zeros(kernel.size + bias.size)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    kernel = (kernel + found[: kernel.size].reshape(kernel.shape)) / spread[:, None]
    return _as_it_is(kernel, bias + found[-bias.size :], mean)


def _scale(pooled: Floats) -> tuple[Floats, Floats]:
    return pooled.mean(axis=0), pooled.std(axis=0) + np.float32(1e-3)


def _as_it_is(kernel: NDArray[Any], bias: NDArray[Any], mean: Floats) -> LinearHead:
    """Return a head for features from which no mean has been taken."""
    return LinearHead(kernel.astype(np.float32), (bias - mean @ kernel).astype(np.float32))


def fit_heads(
    tensors: Tensors, lessons: Lessons, pooled: Floats, kinds: NDArray[np.int64]
) -> None:
    """Fit the covering head and the heads of covered faces, say how right they are, keep them."""
    is_held_back = np.arange(len(kinds)) % _HELD_BACK == 0
    tells = fit_covering(pooled[~is_held_back], kinds[~is_held_back])
    _keep(tensors, COVERING_HEAD, tells)
    probabilities = softmax(tells(pooled[is_held_back]))
    said = np.where(probabilities.max(axis=1) >= COVERED_FROM, probabilities.argmax(axis=1), 0)
    for kind, name in enumerate(COVERINGS):
        of_kind = said[kinds[is_held_back] == kind]
        _say(f"{name}: {(of_kind == kind).mean():.1%} of {len(of_kind):,} rows held back are told")
    shown = {"ferplus": (lessons.ferplus, lessons.trust), "fer": (lessons.fer, lessons.trust**0)}
    for kind, covering in enumerate(COVERINGS[1:], start=1):
        head = answering_head(covering, is_found=True)
        seen = pooled if SEES[head] == "fused" else pooled[:, : pooled.shape[1] // 2]
        fitted, held_back = (kinds == kind) & ~is_held_back, (kinds == kind) & is_held_back
        for labels in LABELS:
            shares, trust = shown[labels]
            layer = f"head_{labels}_{SEES[head]}"
            plain = LinearHead(
                *(tensors[f"{layer}/{part}"].astype(np.float32) for part in ("kernel", "bias"))
            )
            better = refit(plain, seen[fitted], shares[fitted], trust[fitted])
            _keep(tensors, f"head_{labels}_{head}", better)
            before, after = (
                np.mean(each(seen[held_back]).argmax(axis=1) == shares[held_back].argmax(axis=1))
                for each in (plain, better)
            )
            _say(
                f"{labels}, {covering} covered: right on {before:.1%} by {SEES[head]}, on "
                f"{after:.1%} by {head}, of {held_back.sum():,} rows held back"
            )


def _keep(tensors: Tensors, name: str, head: LinearHead) -> None:
    tensors[f"{name}/kernel"] = head.kernel.astype(np.float16)
    tensors[f"{name}/bias"] = head.bias


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Fit a weight file's heads for covered faces."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("data", type=Path, help="FER-2013 with FER+ votes, .npz")
    parser.add_argument("weights", type=Path, help="the .safetensors file that gets the heads")
    parser.add_argument("--rows", type=int, default=12000, help="of Training")
    arguments = parser.parse_args()

    tensors = weight_file.read(arguments.weights)
    lessons = load_lessons(arguments.data, "Training", arguments.rows)
    pooled, kinds = features(Network.load(arguments.weights), lessons)
    fit_heads(tensors, lessons, pooled, kinds)
    weight_file.write(save(tensors), arguments.weights)


if __name__ == "__main__":
    main()
