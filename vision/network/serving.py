"""Run the network for serving: ONNX Runtime on the CPU, without Keras.

The graph is built from the weight file at each start. That takes half a second and leaves no
derived file that could go stale. `mirrortape evaluate` measures this network, not the Keras one.
"""

import ctypes
import os
from pathlib import Path
from typing import Final, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from vision.face.crops import EYES_SIZE, FACE_SIZE
from vision.network import weights as weight_file
from vision.network.calibration import softmax
from vision.network.coverings import COVERINGS
from vision.network.graph import build_graph
from vision.network.weights import LABELS, SEES, Labels, Tensors
from vision.pool import processors
from vision.reading import Covering, Head

Outputs = dict[str, NDArray[np.float32]]
"""The graph's outputs by name; see `vision.network.graph.build_graph`."""

Answers = dict[Labels, dict[Head, NDArray[np.float64]]]
"""Calibrated probabilities, (N, 7), by set of labels and head."""

HEAD_OUTPUTS: Final = (*(f"{labels}_{head}" for labels in LABELS for head in SEES), "covering")
"""The small outputs: all but the feature maps."""


class Network:
    """The loaded network: both views in, all heads' logits and the last feature maps out.

    Args:
        graph: The result of `vision.network.graph.build_graph`.
        heads: Kernels and temperatures of the heads, by their names in the weight file.
    """

    def __init__(self, graph: bytes, heads: Tensors) -> None:
        self._heads = heads
        options = ort.SessionOptions()
        options.intra_op_num_threads = processors()
        # Spinning threads would slow down the face and eye search between two runs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Convert kernels to float32 once, at load, not in every run.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        width, height = EYES_SIZE
        self.run(  # the first run allocates the buffers that later runs reuse
            np.zeros((1, FACE_SIZE, FACE_SIZE), np.uint8), np.zeros((1, height, width), np.uint8)
        )
        give_back_memory()

    @classmethod
    def load(cls, weights: Path = weight_file.WEIGHTS) -> Self:
        """Load the network from a weight file.

        Raises:
            WeightsMissing: There is no weight file.
            WeightsAltered: It does not match its pinned SHA-256, or lacks layers.
        """
        tensors = weight_file.read(weights)
        graph = build_graph(tensors)
        heads = {n: v.copy() for n, v in tensors.items() if n.startswith(("head_", "temp"))}
        del tensors
        give_back_memory()
        return cls(graph, heads)

    def run(
        self,
        faces: NDArray[np.uint8],
        strips: NDArray[np.uint8],
        names: tuple[str, ...] | None = None,
    ) -> Outputs:
        """Run the network on B faces.

        Args:
            faces: uint8 (B, 96, 96).
            strips: Their eye strips, uint8 (B, 48, 96).
            names: The outputs to return; all by default.

        Returns:
            float32 (B, …); see `vision.network.graph.build_graph`.
        """
        available = [output.name for output in self._session.get_outputs()]
        wanted = [name for name in available if names is None or name in names]
        values = self._session.run(wanted, {"face": faces, "eyes": strips})
        return dict(zip(wanted, values, strict=True))

    def answers(self, outputs: Outputs) -> Answers:
        """Return the calibrated probabilities of each head."""
        return {
            labels: {
                head: softmax(outputs[f"{labels}_{head}"], self.temperature(labels, head))
                for head in SEES
            }
            for labels in LABELS
        }

    def covering(self, outputs: Outputs) -> dict[Covering, NDArray[np.float64]]:
        """Return the probability of each covering, (B,)."""
        return dict(zip(COVERINGS, softmax(outputs["covering"]).T, strict=True))

    def temperature(self, labels: Labels, head: Head) -> float:
        """Return the temperature of a head."""
        return float(self._heads[f"temperature_{labels}_{head}"][0])

    def kernel(self, head: Head, labels: Labels = "ferplus") -> NDArray[np.float32]:
        """Return a head's kernel, (C, 7)."""
        return np.asarray(self._heads[f"head_{labels}_{head}/kernel"], np.float32)


def give_back_memory() -> None:
    """Return freed memory to the system; after loading, glibc holds twice what is in use."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)
