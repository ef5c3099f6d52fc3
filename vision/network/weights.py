"""Read and write the weight file: int8 kernels, checked against a pinned SHA-256, no pickle.

A convolution kernel is stored as int8 with one float32 scale per output channel, which maps the
channel's largest weight to ±127. Everything else is stored unchanged. Names are those of the
Keras layers and weights: `conv1_conv/kernel`, `conv1_conv/kernel_scale`, `conv1_bn/gamma`, …. The
heads are `head_<labels>_<head>/…` and `head_covering/…`, the temperatures
`temperature_<labels>_<head>`.

`python -m vision.network.weights SOURCE.npz OUT.safetensors` makes the file from trained weights.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from vision.errors import WeightsAltered, WeightsMissing
from vision.reading import Head, View

WEIGHTS: Final = Path(__file__).resolve().parents[2] / "models" / "mirrortape.safetensors"
"""The shipped weights."""

Labels = Literal["ferplus", "fer"]
"""What a set of heads is fitted to: FER+ votes (used by the product) or FER-2013 labels."""

LABELS: Final[tuple[Labels, ...]] = ("ferplus", "fer")

VIEWS: Final[tuple[View, ...]] = ("eyes", "face", "fused")

HEADS: Final = tuple(f"head_{labels}_{view}" for labels in LABELS for view in VIEWS)
"""The heads for each view and set of labels; `vision.training.fit_heads` fits them."""

TRAINED_HEADS: Final = tuple(f"head_mixed_{view}" for view in VIEWS)
"""The heads used to train the convolutions, on mixed votes and labels; never served."""

SEES: Final[dict[Head, View]] = {
    **{view: view for view in VIEWS},
    "masked": "fused",
    "shaded": "face",
}
"""Each emotion head and its view; every set of labels has all of them.

`vision.training.fit_heads` fits `masked` to faces with a covered mouth and `shaded` to faces with
covered eyes. Before that, they are copies of the heads of the same view.
"""

COVERING_HEAD: Final = "head_covering"
"""The head that classifies coverings; see `vision.network.coverings`."""

CHANNEL_MEANS: Final = (103.939, 116.779, 123.68)
"""Means of blue, green and red that ResNet50's ImageNet weights expect to be subtracted."""

Tensors = dict[str, NDArray[Any]]

_SCALE: Final = "_scale"


def quantise(kernel: NDArray[np.floating[Any]]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantise a kernel to int8 with one scale per output channel (its last axis).

    Returns:
        The integers, -127..127, and the scales, (channels,).
    """
    values = kernel.astype(np.float32)
    largest = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.rint(values / scale).astype(np.int8), scale


def dequantise(whole: NDArray[np.int8], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the float kernel of a result of `quantise`."""
    return whole.astype(np.float32) * scale


def kernel_of(tensors: Tensors, name: str) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a quantised kernel of a weight file: integers and scales.

    Raises:
        WeightsAltered: The kernel is missing.
    """
    try:
        return tensors[name], tensors[name + _SCALE]
    except KeyError as error:
        raise WeightsAltered(f"the weight file lacks {error}") from error


def pack(trained: Mapping[str, NDArray[Any]]) -> bytes:
    """Serialise trained weights as a weight file.

    Args:
        trained: Arrays by name, kernels in any float type. Heads that are not served are left
            out.
    """
    kept = tuple(f"head_{labels}_{head}/" for labels in LABELS for head in SEES)
    tensors: Tensors = {}
    for name, array in trained.items():
        if name.startswith("head_") and not name.startswith((*kept, f"{COVERING_HEAD}/")):
            continue
        if name.endswith("/kernel") and not name.startswith("head_"):
            tensors[name], tensors[name + _SCALE] = quantise(array)
        else:
            tensors[name] = array  # heads are small: quantising them would save little
    for labels in LABELS:
        for head, view in SEES.items():
            tensors.setdefault(f"temperature_{labels}_{head}", np.ones(1, np.float32))
            for part in ("kernel", "bias"):
                if (plain := f"head_{labels}_{view}/{part}") in tensors:
                    tensors.setdefault(f"head_{labels}_{head}/{part}", tensors[plain])
    return save(tensors)


def write(content: bytes, path: Path) -> None:
    """Write a weight file and pin its SHA-256 beside it."""
    path.write_bytes(content)
    _pin(path).write_text(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n")


def read(path: Path = WEIGHTS) -> Tensors:
    """Read a weight file.

    Raises:
        WeightsMissing: The file or its pinned SHA-256 is missing.
        WeightsAltered: The file does not match its pinned SHA-256.
    """
    try:
        content, pinned = path.read_bytes(), _pin(path).read_text().split()
    except FileNotFoundError as error:
        raise WeightsMissing(f"{error.filename} is missing") from error
    if pinned[:1] != [hashlib.sha256(content).hexdigest()]:
        raise WeightsAltered(f"{path} does not have the SHA-256 pinned in {_pin(path).name}")
    try:
        return load(content)
    except SafetensorError as error:
        raise WeightsAltered(f"{path} is no weight file: {error}") from error


def unpack(tensors: Tensors) -> Tensors:
    """Return the weights of a file in the form that `pack` takes, with float kernels."""
    return {
        name: dequantise(value, tensors[name + _SCALE]) if name + _SCALE in tensors else value
        for name, value in tensors.items()
        if not name.endswith(_SCALE) and not name.startswith("temperature_")
    }


def _pin(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def main() -> None:
    """Make a weight file from an `.npz` of trained weights."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("source", type=Path, help="an .npz with one array per weight")
    parser.add_argument("out", type=Path, help="the .safetensors file to write")
    arguments = parser.parse_args()
    with np.load(arguments.source, allow_pickle=False) as trained:
        content = pack(trained)
    write(content, arguments.out)
    sys.stdout.write(f"{arguments.out}: {len(content):,} bytes, not calibrated yet\n")


if __name__ == "__main__":
    main()
