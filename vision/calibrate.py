"""Writes the temperatures of the heads into a weight file.

`python -m vision.calibrate FER2013.npz WEIGHTS.safetensors` fits each head's temperature to the
labels that it was trained for, on PublicTest.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np
from safetensors.numpy import save

from vision import weights as weight_file
from vision.calibration import calibration_error, fit_temperature, softmax
from vision.datasets import load_dataset
from vision.evaluation import truths_of, views_of_rows
from vision.rows import Row, find_rows
from vision.serving import HEAD_OUTPUTS, Network

_BATCH: Final = 64


def main() -> None:
    """Fit the temperatures of a weight file's heads to FER-2013's PublicTest."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("data", type=Path, help="FER-2013 with FER+ votes, .npz")
    parser.add_argument("weights", type=Path, help="the .safetensors file to calibrate")
    arguments = parser.parse_args()

    tensors = weight_file.read(arguments.weights)
    dataset = load_dataset(arguments.data, "PublicTest")
    rows = [row for row in find_rows(dataset) if isinstance(row, Row)]
    assert len(rows) == len(dataset), "rows of an .npz need not be opened"
    network = Network.load(arguments.weights)
    batches = [
        views_of_rows(rows[start : start + _BATCH]) for start in range(0, len(rows), _BATCH)
    ]
    outputs = [network.run(faces, strips, HEAD_OUTPUTS) for faces, strips in batches]
    for truth in truths_of(dataset):
        emotions = truth.emotions[truth.counts]
        for view in weight_file.VIEWS:
            head = f"{truth.heads}_{view}"
            logits = np.concatenate([part[head] for part in outputs])[truth.counts]
            temperature = fit_temperature(logits, emotions)
            tensors[f"temperature_{head}"] = np.array([temperature], np.float32)
            before, after = (
                100 * calibration_error(softmax(logits, t), emotions) for t in (1, temperature)
            )
            sys.stdout.write(
                f"{head}: ECE {before:.1f} -> {after:.1f} % at temperature {temperature:.3f}\n"
            )
    weight_file.write(save(tensors), arguments.weights)


if __name__ == "__main__":
    main()
