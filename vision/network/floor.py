"""A lower bound on the network's time: its multiplications at the machine's matrix rate."""

import time
from typing import Final

import numpy as np
import onnx
from threadpoolctl import threadpool_limits

from vision.pool import processors

_SIDE: Final = (
    1536  # side of the matrices: large enough for the best rate, small enough for 20 ms each
)
_PRODUCTS: Final = 12


def multiplications(graph: bytes) -> int:
    """Count the multiplications in a graph's convolutions, for one face.

    Args:
        graph: The result of `vision.network.graph.build_graph`.
    """
    model = onnx.load_from_string(graph)
    for values in model.graph.input:
        values.type.tensor_type.shape.dim[0].dim_value = 1
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {
        values.name: [dim.dim_value for dim in values.type.tensor_type.shape.dim]
        for values in [*inferred.value_info, *inferred.output]
    }
    shapes |= {constant.name: list(constant.dims) for constant in inferred.initializer}
    total = 0
    for node in inferred.node:
        if node.op_type == "Conv":
            _, kernel, _ = node.input
            pixels = np.prod(shapes[node.output[0]][2:])
            total += int(pixels * np.prod(shapes[kernel]))  # (O, I, h, w)
    return total


def matrix_rate() -> float:
    """Measure the best rate of multiplications in float32 matrix products, per second.

    Each multiplication is followed by an addition, as in a convolution. All CPUs of the process
    are used.
    """
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(_SIDE, _SIDE)).astype(np.float32) for _ in range(2))
    took_s = []
    with threadpool_limits(processors(), user_api="blas"):  # the bot limits numpy to one thread
        for _ in range(_PRODUCTS):
            begun = time.perf_counter()
            a @ b
            took_s.append(time.perf_counter() - begun)
    return float(_SIDE**3 / min(took_s))
