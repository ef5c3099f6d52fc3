"""Runs the network with ONNX Runtime on the CPU, without Keras.

The graph is built from the weight file at each start. That takes half a second and leaves no cache
that could become stale. `mirrortape evaluate` measures this network, not the trained one.
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
"""What the graph returns, by the names that `vision.network.graph.build_graph` gives its outputs.
"""

Answers = dict[Labels, dict[Head, NDArray[np.float64]]]
"""Calibrated probabilities, (N, 7), by set of labels and head."""

HEAD_OUTPUTS: Final = (*(f"{labels}_{head}" for labels in LABELS for head in SEES), "covering")
"""All outputs except the feature maps, which are large."""


class Network:
    """Computes all heads' logits and the last feature maps from both views.

    Args:
        graph: As `vision.network.graph.build_graph` returns it.
        heads: Kernels and temperatures of the heads, by their names in the weight file.
    """

    def __init__(self, graph: bytes, heads: Tensors) -> None:
        self._heads = heads
        options = ort.SessionOptions()
        options.intra_op_num_threads = processors()
        # Spinning threads would slow down the searches between runs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Kernels become float32 once, at loading, not in every run.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        width, height = EYES_SIZE
        self.run(  # the first run allocates the buffers of later ones
            np.zeros((1, FACE_SIZE, FACE_SIZE), np.uint8), np.zeros((1, height, width), np.uint8)
        )
        give_back_memory()

    @classmethod
    def load(cls, weights: Path = weight_file.WEIGHTS) -> Self:
        """Load the network from a weight file.

        Raises:
            WeightsMissing: There is no weight file.
            WeightsAltered: Its SHA-256 is not the pinned one, or layers are missing.
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
        there = [output.name for output in self._session.get_outputs()]
        wanted = [name for name in there if names is None or name in names]
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
        """Return a head's calibration temperature."""
        return float(self._heads[f"temperature_{labels}_{head}"][0])

    def kernel(self, head: Head, labels: Labels = "ferplus") -> NDArray[np.float32]:
        """Return a head's kernel, (C, 7): the weight of each pooled feature for each logit."""
        return np.asarray(self._heads[f"head_{labels}_{head}/kernel"], np.float32)


def give_back_memory() -> None:
    """Return freed memory to the system: after loading, glibc holds twice what is in use."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)
