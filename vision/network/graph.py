"""Build the network as an ONNX graph from the weight file, for serving without Keras.

The convolutions are those of `vision.network.keras_network`. Every batch norm is folded into the
convolution before it: with fixed statistics, the two are one affine map. All heads are outputs of
one graph. Kernels stay int8 in the graph and become float32 when a session loads it. A test
checks that both networks give the same probabilities.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vision.errors import WeightsAltered
from vision.face.crops import EYES_SIZE, FACE_SIZE
from vision.network.coverings import COVERINGS
from vision.network.weights import CHANNEL_MEANS, COVERING_HEAD, LABELS, SEES, Tensors, kernel_of
from vision.reading import EMOTIONS, View

# Number of blocks in each of ResNet50's stages, and the stride of the first block.
_STAGES: Final = ((3, 1), (4, 2), (6, 2), (3, 1))
_STEM: Final = "conv1"
_BATCH_NORM_EPSILON: Final = 1.001e-5  # of `keras.applications.ResNet50`
_FEATURES: Final = 2048
_REDUCTION: Final = 16  # from a view to its last feature map

_OPSET: Final = 17
_IR_VERSION: Final = 8  # both supported by every onnxruntime that the project allows


def build_graph(tensors: Tensors) -> bytes:
    """Return the network as a serialised ONNX model.

    The inputs are grey, 0..255, uint8: `face` (B, 96, 96) and `eyes` (B, 48, 96). The outputs are
    float32: the logits `<labels>_<head>` (B, 7) of each head, in the order of `EMOTIONS`;
    `covering` (B, 3), in the order of `COVERINGS`; and the last feature maps `face_map`
    (B, 2048, 6, 6) and `eyes_map` (B, 2048, 3, 6).

    Args:
        tensors: The result of `vision.network.weights.read`.

    Raises:
        WeightsAltered: The tensors do not fit this network.
    """
    graph = _Graph(tensors)
    width, height = EYES_SIZE
    sizes: dict[View, tuple[int, int]] = {
        "face": (FACE_SIZE, FACE_SIZE),
        "eyes": (height, width),
    }
    pooled = {view: graph.view(view, size) for view, size in sizes.items()}
    pooled["fused"] = graph.add("Concat", [pooled["face"], pooled["eyes"]], axis=1)
    for labels in LABELS:
        for head, seen in SEES.items():
            graph.head(f"head_{labels}_{head}", pooled, seen, f"{labels}_{head}", len(EMOTIONS))
    graph.head(COVERING_HEAD, pooled, "fused", "covering", len(COVERINGS))
    inputs = [
        helper.make_tensor_value_info(view, TensorProto.UINT8, ["B", *size])
        for view, size in sizes.items()
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", *shape])
        for name, shape in graph.outputs.items()
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "mirrortape", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
    )
    return bytes(model.SerializeToString())


def convolutions() -> Iterator[tuple[str, str]]:
    """Yield the name of each convolution and of the batch norm that follows it."""
    yield f"{_STEM}_conv", f"{_STEM}_bn"
    for stage, (blocks, _) in enumerate(_STAGES, start=2):
        for block in range(1, blocks + 1):
            for part in range(0 if block == 1 else 1, 4):
                name = f"conv{stage}_block{block}_{part}"
                yield f"{name}_conv", f"{name}_bn"


class _Graph:
    """Collects the nodes and constants of a graph."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.outputs: dict[str, tuple[int, ...]] = {}
        means = np.array(CHANNEL_MEANS, np.float32).reshape(1, 3, 1, 1)
        self._means = self._constant("means", means)
        self._channel = self._constant("channel", np.array([1], np.int64))
        self._kernels = dict(self._fold(*names) for names in convolutions())

    def add(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def view(self, name: str, size: tuple[int, int]) -> str:
        """Add the layers of one view up to its last feature map; return its pooled features."""
        x = self.add("Cast", [name], to=TensorProto.FLOAT)
        x = self.add("Unsqueeze", [x, self._channel])
        x = self.add("Concat", [x, x, x], axis=1)  # (B, 3, h, w)
        x = self.add("Sub", [x, self._means])
        x = self.add("Relu", [self._convolve(x, f"{_STEM}_conv", stride=2, padding=3)])
        # Keras pads with zeros, ONNX with the lowest number: after a ReLU, max pooling agrees.
        x = self.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        for stage, (blocks, stride) in enumerate(_STAGES, start=2):
            for block in range(1, blocks + 1):
                first = block == 1
                output = f"{name}_map" if (stage, block) == (5, blocks) else ""
                x = self._block(x, f"conv{stage}_block{block}", first, stride, output)
        self.outputs[x] = (_FEATURES, size[0] // _REDUCTION, size[1] // _REDUCTION)
        return self.add("Flatten", [self.add("GlobalAveragePool", [x])])

    def head(
        self, layer: str, pooled: dict[View, str], seen: View, output: str, count: int
    ) -> None:
        """Add a linear head on the pooled features of its view."""
        kernel, bias = self._tensor(f"{layer}/kernel"), self._tensor(f"{layer}/bias")
        inputs = _FEATURES * (2 if seen == "fused" else 1)
        if kernel.shape != (inputs, count) or bias.shape != (count,):
            raise WeightsAltered(f"{layer}/kernel is {kernel.shape}, not {(inputs, count)}")
        names = [
            self._constant(f"{layer}/{name}", value.astype(np.float32))
            for name, value in (("kernel", kernel), ("bias", bias))
        ]
        self.outputs[self.add("Gemm", [pooled[seen], *names], output)] = (count,)

    def _block(self, x: str, name: str, first: bool, stride: int, output: str) -> str:
        """Add a bottleneck block (He et al., 2015, figure 5); the first of a stage reshapes."""
        step = stride if first else 1
        shortcut = self._convolve(x, f"{name}_0_conv", stride=step) if first else x
        x = self.add("Relu", [self._convolve(x, f"{name}_1_conv", stride=step)])
        x = self.add("Relu", [self._convolve(x, f"{name}_2_conv", padding=1)])
        x = self.add("Add", [shortcut, self._convolve(x, f"{name}_3_conv")])
        return self.add("Relu", [x], output)

    def _convolve(self, x: str, layer: str, stride: int = 1, padding: int = 0) -> str:
        return self.add(
            "Conv", [x, *self._kernels[layer]], strides=[stride] * 2, pads=[padding] * 4
        )

    def _fold(self, layer: str, batch_norm: str) -> tuple[str, list[str]]:
        """Add a convolution's constants, shared by both views, with its batch norm folded in."""
        kernel, scale = kernel_of(self._tensors, f"{layer}/kernel")  # int8 HWIO, (O,)
        gamma, beta, mean, variance = (
            self._tensor(f"{batch_norm}/{name}")
            for name in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        factor = gamma / np.sqrt(variance + _BATCH_NORM_EPSILON)
        bias = (self._tensor(f"{layer}/bias") - mean) * factor + beta
        whole = self._constant(f"{layer}/int8", kernel.transpose(3, 2, 0, 1))  # OIHW
        scales = self._constant(f"{layer}/scale", (scale * factor).astype(np.float32))
        folded = self.add("DequantizeLinear", [whole, scales], axis=0)
        return layer, [folded, self._constant(f"{layer}/bias", bias.astype(np.float32))]

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _tensor(self, name: str) -> NDArray[Any]:
        if name not in self._tensors:
            raise WeightsAltered(f"the weight file lacks {name}")
        return self._tensors[name]
