"""Fit all served heads on the features of trained convolutions, and write the weight file.

`python -m vision.training.fit_heads FER2013.npz RUN/weights.npz OUT.safetensors` quantises the
convolutions. Then it fits, on the pooled features that this network gives for rows of *Training*:

1. for each view, one head to the FER+ votes and one to the FER labels, starting from the heads
   that were trained with the convolutions;
2. on rows with drawn masks and sunglasses, the head that classifies coverings, and the emotion
   heads for covered faces.

Every fifth row is held back for validation.
"""

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from vision.data.row_eyes import find_eyes
from vision.network import weights as weight_file
from vision.network.answering import COVERED_FROM, answering_head
from vision.network.calibration import softmax
from vision.network.coverings import COVERINGS
from vision.network.serving import Network
from vision.network.weights import COVERING_HEAD, LABELS, SEES, VIEWS, Labels, Tensors
from vision.training.augmentation import NONE, Augmentation, augmented_views
from vision.training.batches import LabelledRows, load_labelled_rows

# No erasing, since an erased patch covers something too.
_COVERED: Final = Augmentation(masked=0.4, shaded=0.3, degraded=0.2, erased=0)
_PLAIN: Final = replace(NONE, flipped=0.5)
_BATCH: Final = 64
_STRENGTH: Final = 1e-3  # inverse regularisation strength; features are standardised
_PRIOR: Final = 0.3  # precision of the prior around the initial head
_STEPS: Final = 80  # of L-BFGS; more change nothing
_HELD_BACK: Final = 5  # every fifth row is for validation
_SEED: Final = 7

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LinearHead:
    """A linear head, `features @ kernel + bias`, with shapes (C, K) and (K,)."""

    kernel: Floats
    bias: Floats

    def __call__(self, pooled: Floats) -> Floats:
        """Return logits, (N, K), for features, (N, C)."""
        return pooled @ self.kernel + self.bias


def features(
    network: Network, labelled: LabelledRows, amount: Augmentation
) -> tuple[Floats, NDArray[np.int64]]:
    """Return the pooled features of augmented rows, (N, 4096), and their coverings, (N,)."""
    rng = np.random.default_rng(_SEED)
    parts, kinds = [], []
    for start in range(0, len(labelled), _BATCH):
        rows = range(start, min(start + _BATCH, len(labelled)))
        drawn = [
            augmented_views(labelled.images[row], labelled.eyes_of(row), 96, rng, amount)
            for row in rows
        ]
        faces, strips, coverings = zip(*drawn, strict=True)
        maps = network.run(np.stack(faces), np.stack(strips), ("face_map", "eyes_map"))
        pooled = [maps[name].mean(axis=(2, 3)) for name in ("face_map", "eyes_map")]
        parts.append(np.concatenate(pooled, axis=1))
        kinds += [COVERINGS.index(covering) for covering in coverings]
    return np.concatenate(parts), np.array(kinds)


def fit_covering(pooled: Floats, kinds: NDArray[np.int64]) -> LinearHead:
    """Fit a head that classifies coverings, (N,), from features, (N, C)."""
    mean, spread = _scale(pooled)
    found = LogisticRegression(C=_STRENGTH, max_iter=500).fit((pooled - mean) / spread, kinds)
    kernel = (found.coef_ / spread).T
    return _unstandardised(kernel, found.intercept_, mean)


def adapt_head(plain: LinearHead, pooled: Floats, shares: Floats, trust: Floats) -> LinearHead:
    """Adapt a head to other features, without moving far from it.

    The result is the maximum a posteriori estimate under a normal prior around `plain`, in
    standardised features.

    Args:
        plain: The initial head.
        pooled: Features, (N, C).
        shares: Targets, (N, 7); each row sums to one or, if unknown, to zero.
        trust: Weight of each row, (N,).
    """
    mean, spread = _scale(pooled)
    standard = (pooled - mean) / spread
    kernel, bias = plain.kernel * spread[:, None], plain.bias + mean @ plain.kernel
    weights = (trust / trust.sum())[:, None].astype(np.float32)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        offset = flat[: kernel.size].reshape(kernel.shape).astype(np.float32)
        logits = standard @ (kernel + offset) + bias + flat[kernel.size :].astype(np.float32)
        predicted = softmax(logits).astype(np.float32)
        error = weights * (predicted * shares.sum(axis=1, keepdims=True) - shares)  # (N, 7)
        gradient = standard.T @ error + _PRIOR * offset
        cross_entropy = -(weights * shares * np.log(predicted + 1e-9)).sum()
        total = float(cross_entropy + _PRIOR / 2 * (offset**2).sum())
        return total, np.concatenate([gradient.ravel(), error.sum(axis=0)]).astype(np.float64)

    start = np.zeros(kernel.size + bias.size)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    kernel = (kernel + found[: kernel.size].reshape(kernel.shape)) / spread[:, None]
    return _unstandardised(kernel, bias + found[-bias.size :], mean)


def _scale(pooled: Floats) -> tuple[Floats, Floats]:
    return pooled.mean(axis=0), pooled.std(axis=0) + np.float32(1e-3)


def _unstandardised(kernel: NDArray[Any], bias: NDArray[Any], mean: Floats) -> LinearHead:
    """Return the head for features without their mean subtracted."""
    return LinearHead(kernel.astype(np.float32), (bias - mean @ kernel).astype(np.float32))


def fit_plain_heads(tensors: Tensors, labelled: LabelledRows, pooled: Floats) -> None:
    """Fit and store the heads for plain faces; print their validation accuracy."""
    is_held_back = np.arange(len(pooled)) % _HELD_BACK == 0
    half = pooled.shape[1] // 2
    seen = {"face": pooled[:, :half], "eyes": pooled[:, half:], "fused": pooled}
    for labels, (shares, trust) in _targets(labelled).items():
        for view in VIEWS:
            plain = _head_of(tensors, f"head_{labels}_{view}")
            fitted = ~is_held_back & (trust > 0)
            better = adapt_head(plain, seen[view][fitted], shares[fitted], trust[fitted])
            _store(tensors, f"head_{labels}_{view}", better)
            before, after = (
                _accuracy(each, seen[view][is_held_back], shares[is_held_back])
                for each in (plain, better)
            )
            _print(f"{labels}, {view}: accuracy {before:.1%} before, {after:.1%} after")


def fit_covering_heads(
    tensors: Tensors, labelled: LabelledRows, pooled: Floats, kinds: NDArray[np.int64]
) -> None:
    """Fit and store the covering head and the heads for covered faces; print their accuracy."""
    is_held_back = np.arange(len(kinds)) % _HELD_BACK == 0
    covering_head = fit_covering(pooled[~is_held_back], kinds[~is_held_back])
    _store(tensors, COVERING_HEAD, covering_head)
    probabilities = softmax(covering_head(pooled[is_held_back]))
    answers = np.where(probabilities.max(axis=1) >= COVERED_FROM, probabilities.argmax(axis=1), 0)
    for kind, name in enumerate(COVERINGS):
        of_kind = answers[kinds[is_held_back] == kind]
        _print(f"{name}: recall {(of_kind == kind).mean():.1%} on {len(of_kind):,} held-back rows")
    targets = _targets(labelled)
    for kind, covering in enumerate(COVERINGS[1:], start=1):
        head = answering_head(covering, is_found=True)
        seen = pooled if SEES[head] == "fused" else pooled[:, : pooled.shape[1] // 2]
        fitted, held_back = (kinds == kind) & ~is_held_back, (kinds == kind) & is_held_back
        for labels in LABELS:
            shares, trust = targets[labels]
            layer = f"head_{labels}_{SEES[head]}"
            plain = _head_of(tensors, layer)
            better = adapt_head(plain, seen[fitted], shares[fitted], trust[fitted])
            _store(tensors, f"head_{labels}_{head}", better)
            before, after = (
                _accuracy(each, seen[held_back], shares[held_back]) for each in (plain, better)
            )
            _print(
                f"{labels}, {covering} covered: accuracy {before:.1%} with {SEES[head]}, "
                f"{after:.1%} with {head}, on {held_back.sum():,} held-back rows"
            )


def _targets(labelled: LabelledRows) -> dict[Labels, tuple[Floats, Floats]]:
    """Return the targets, (N, 7), and the row weights, (N,), for each set of labels."""
    return {
        "ferplus": (labelled.ferplus, labelled.trust),
        "fer": (labelled.fer, np.ones_like(labelled.trust)),
    }


def _accuracy(head: LinearHead, pooled: Floats, shares: Floats) -> float:
    """Return a head's accuracy against the most likely emotion of each row."""
    return float((head(pooled).argmax(axis=1) == shares.argmax(axis=1)).mean())


def _head_of(tensors: Tensors, name: str) -> LinearHead:
    kernel, bias = (tensors[f"{name}/{part}"].astype(np.float32) for part in ("kernel", "bias"))
    return LinearHead(kernel, bias)


def _store(tensors: Tensors, name: str, head: LinearHead) -> None:
    tensors[f"{name}/kernel"] = head.kernel.astype(np.float16)
    tensors[f"{name}/bias"] = head.bias


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _with_served_heads(trained: Tensors) -> Tensors:
    """Add the served heads to trained weights, as copies of the trained heads."""
    copies = {
        f"head_{labels}_{view}/{part}": trained[f"head_mixed_{view}/{part}"]
        for labels in LABELS
        for view in VIEWS
        for part in ("kernel", "bias")
    }
    zeros = np.zeros((2 * copies["head_fer_face/kernel"].shape[0], len(COVERINGS)), np.float32)
    covering = {f"{COVERING_HEAD}/kernel": zeros, f"{COVERING_HEAD}/bias": zeros[0]}
    return trained | copies | covering


def main() -> None:
    """Make a weight file from the trained weights of a run."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("data", type=Path, help="FER-2013 with FER+ votes, .npz")
    parser.add_argument("trained", type=Path, help="weights.npz of a run")
    parser.add_argument("out", type=Path, help="the .safetensors file to write")
    parser.add_argument("--rows", type=int, default=12000, help="rows of Training to fit")
    arguments = parser.parse_args()

    labelled = load_labelled_rows(arguments.data, "Training")
    found = find_eyes(labelled.images, arguments.trained.with_name("eyes-Training.npz"))
    labelled = labelled.with_eyes(found)[np.arange(min(arguments.rows, len(labelled)))]
    with np.load(arguments.trained, allow_pickle=False) as kept:
        weight_file.write(weight_file.pack(_with_served_heads(dict(kept))), arguments.out)
    tensors, network = weight_file.read(arguments.out), Network.load(arguments.out)
    fit_plain_heads(tensors, labelled, features(network, labelled, _PLAIN)[0])
    fit_covering_heads(tensors, labelled, *features(network, labelled, _COVERED))
    content = save(tensors)
    weight_file.write(content, arguments.out)
    _print(f"{arguments.out}: {len(content):,} bytes, not calibrated yet")


if __name__ == "__main__":
    main()
