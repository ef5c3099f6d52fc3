"""Calibration: when the network says 70 %, it shall be right seven times in ten.

Each head's logits are divided by one temperature before the softmax, fitted by maximum
likelihood on labelled rows (Guo et al.: On Calibration of Modern Neural Networks, 2017).

`python -m vision.calibration FER2013.npz WEIGHTS.safetensors` measures all heads on PublicTest,
refits their temperatures and writes them into the weight file.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vision.crops import ROW_EYES, cut_views
from vision.eyes import EyeFinder
from vision.fer import Rows, load_rows

_CANDIDATES: Final = np.geomspace(0.25, 4.0, 801)  # temperatures, half a per cent apart

BINS: Final = 15
"""Bins of confidence that the calibration error is averaged over."""

Floats = NDArray[np.floating[Any]]


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return probabilities along the last axis."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def fit_temperature(logits: Floats, labels: NDArray[np.int64]) -> float:
    """Return the temperature under which the labels, (N,), are likeliest, given logits (N, C)."""
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(logits, t)[rows, labels] + 1e-12).mean() for t in _CANDIDATES]
    return float(_CANDIDATES[int(np.argmin(losses))])


def calibration_error(probabilities: Floats, labels: NDArray[np.int64]) -> float:
    """Return the expected calibration error: |confidence - accuracy|, averaged over 15 bins."""
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = [
        abs(confidence[bins == k].sum() - is_right[bins == k].sum())
        for k in range(BINS)
        if (bins == k).any()
    ]
    return float(sum(gaps) / len(labels))


def inputs_of_rows(
    rows: Rows, finder: EyeFinder
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.bool_]]:
    """Cut both views of rows; where no eyes are found, at their usual place.

    Returns:
        The network's inputs, `face` (N, 96, 96, 1) and `eyes` (N, 48, 96, 1), and whether the
        eyes were found, (N,).
    """
    eyes = [finder.find_in_row(row) for row in rows.images]
    views = [cut_views(r, e or ROW_EYES) for r, e in zip(rows.images, eyes, strict=True)]
    inputs = {
        "face": np.stack([view.face for view in views])[..., None].astype(np.float32),
        "eyes": np.stack([view.eyes for view in views])[..., None].astype(np.float32),
    }
    return inputs, np.array([pair is not None for pair in eyes])


def main() -> None:
    """Measure and calibrate the heads of a weight file on FER-2013's PublicTest."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("data", type=Path, help="FER-2013 with FER+ votes, .npz")
    parser.add_argument("weights", type=Path, help="the .safetensors file to calibrate")
    parser.add_argument("--dry-run", action="store_true", help="measure, but write nothing")
    arguments = parser.parse_args()

    from safetensors.numpy import save

    from vision import weights
    from vision.network import build_network, run_batches

    rows = load_rows(arguments.data, "PublicTest")
    inputs, found = inputs_of_rows(rows, EyeFinder())
    mirrored = {name: view[:, :, ::-1] for name, view in inputs.items()}
    tensors = weights.read(arguments.weights)
    network = build_network()
    _say(f"PublicTest: {len(found):,} rows, eyes found in {found.mean():.1%}; per cent")
    for labels in ("ferplus", "fer"):
        weights.assign(network, tensors, labels)
        logits, mirror = run_batches(network, inputs), run_batches(network, mirrored)
        clear = rows.is_clear if labels == "ferplus" else np.ones_like(rows.is_clear)
        truth = (rows.majority if labels == "ferplus" else rows.labels)[clear]
        for view in weights.VIEWS:
            plain = logits[view][clear]
            averaged = softmax(plain) + softmax(mirror[view][clear])
            temperature = fit_temperature(plain, truth)
            right = plain.argmax(axis=1) == truth
            _say(
                f"{labels:8} {view:6} accuracy {100 * right.mean():.1f}"
                f" (mirror-averaged {100 * (averaged.argmax(axis=1) == truth).mean():.1f};"
                f" eyes found {100 * right[found[clear]].mean():.1f},"
                f" not found {100 * right[~found[clear]].mean():.1f})"
                f" ECE {100 * calibration_error(softmax(plain), truth):.1f}"
                f" -> {100 * calibration_error(softmax(plain, temperature), truth):.1f}"
                f" at temperature {temperature:.3f}"
            )
            name = f"temperature_{labels}_{view}"
            tensors[name] = np.array([temperature], dtype=np.float32)
    if not arguments.dry_run:
        weights.write(save(tensors), arguments.weights)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
