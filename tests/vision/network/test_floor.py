"""The floor of the network's time."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from vision.network.floor import matrix_rate, multiplications


def test_multiplications_are_counted_by_output_pixel_and_kernel() -> None:
    kernel = numpy_helper.from_array(np.ones((4, 3, 5, 5), np.float32), "kernel")
    bias = numpy_helper.from_array(np.zeros(4, np.float32), "bias")
    node = helper.make_node("Conv", ["x", "kernel", "bias"], ["y"], strides=[2, 2])
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 3, 21, 11])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "one", [x], [y], [kernel, bias])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert multiplications(model.SerializeToString()) == 9 * 4 * (4 * 3 * 5 * 5)


def test_the_rate_is_that_of_a_computer() -> None:
    assert 1e8 < matrix_rate() < 1e15
