"""Fit the temperatures of the heads, and write them into a weight file.

`python -m vision.evaluation.calibrate FER2013.npz WEIGHTS.safetensors` fits each head's
temperature on PublicTest, against the kind of labels that the head was fitted to. For the heads
of covered faces, masks or sunglasses are drawn first.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from safetensors.numpy import save

from vision.data.datasets import load_dataset
from vision.data.rows import Row, find_rows
from vision.evaluation.evaluate import truths_of, views_of_rows
from vision.network import weights as weight_file
from vision.network.answering import answering_head
from vision.network.calibration import calibration_error, fit_temperature, softmax
from vision.network.coverings import COVERINGS, covered
from vision.network.serving import HEAD_OUTPUTS, Network, Outputs
from vision.network.weights import VIEWS
from vision.reading import Covering

_BATCH: Final = 64
_SEED: Final = 7  # of the drawn masks and sunglasses


def main() -> None:
    """Fit the temperatures of a weight file's heads to FER-2013's PublicTest."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("data", type=Path, help="FER-2013 with FER+ votes, .npz")
    parser.add_argument("weights", type=Path, help="the .safetensors file to calibrate")
    arguments = parser.parse_args()

    tensors = weight_file.read(arguments.weights)
    dataset = load_dataset(arguments.data, "PublicTest")
    rows = [row for row in find_rows(dataset) if isinstance(row, Row)]
    assert len(rows) == len(dataset), "rows of an .npz cannot fail to open"
    network = Network.load(arguments.weights)
    rng = np.random.default_rng(_SEED)
    for covering in COVERINGS:
        heads = VIEWS if covering == "none" else (answering_head(covering, is_found=True),)
        outputs = _run(network, [_covered(row, covering, rng) for row in rows])
        for truth, head in product(truths_of(dataset), heads):
            name, emotions = f"{truth.heads}_{head}", truth.emotions[truth.counts]
            logits = outputs[name][truth.counts]
            temperature = fit_temperature(logits, emotions)
            tensors[f"temperature_{name}"] = np.array([temperature], np.float32)
            before, after = (
                100 * calibration_error(softmax(logits, t), emotions) for t in (1, temperature)
            )
            sys.stdout.write(
                f"{name}: ECE {before:.1f} -> {after:.1f} % at temperature {temperature:.3f}\n"
            )
    weight_file.write(save(tensors), arguments.weights)


def _covered(row: Row, covering: Covering, rng: np.random.Generator) -> Row:
    return replace(row, pixels=covered(row.pixels, row.eyes, covering, rng))


def _run(network: Network, rows: Sequence[Row]) -> Outputs:
    """Return the logits of all heads."""
    starts = range(0, len(rows), _BATCH)
    parts = [network.run(*views_of_rows(rows[i : i + _BATCH]), HEAD_OUTPUTS) for i in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in HEAD_OUTPUTS}


if __name__ == "__main__":
    main()
