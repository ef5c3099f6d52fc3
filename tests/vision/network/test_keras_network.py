"""The network with the shipped weights: its shape, its heat, its readings, its accuracy."""

import io
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import skimage.data
import tensorflow as tf
from PIL import Image

from vision.data.datasets import load_dataset
from vision.data.rows import Row
from vision.errors import (
    FaceTooBlurred,
    FaceTooDark,
    FaceTooSmall,
    NoFaceFound,
    VisionError,
    WeightsAltered,
)
from vision.evaluation.evaluate import answer
from vision.face.crops import EYES_SIZE, ROW_EYES
from vision.network import weights
from vision.network.calibration import softmax
from vision.network.gradcam import cam
from vision.network.graph import build_graph
from vision.network.keras_network import assign
from vision.network.serving import Network
from vision.reader import PhotoReader
from vision.reading import EMOTIONS


@pytest.fixture(scope="module")
def reader() -> PhotoReader:
    return PhotoReader.load()


@pytest.fixture(scope="module")
def portrait() -> bytes:
    return jpeg(Image.fromarray(skimage.data.astronaut()))


def jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def random_views(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    faces = rng.integers(0, 256, (count, 96, 96), dtype=np.uint8)
    return faces, rng.integers(0, 256, (count, *EYES_SIZE[::-1]), dtype=np.uint8)


def random_inputs(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    width, height = EYES_SIZE
    return {
        "face": rng.uniform(0, 255, (count, 96, 96, 1)).astype(np.float32),
        "eyes": rng.uniform(0, 255, (count, height, width, 1)).astype(np.float32),
    }


def test_the_last_stage_keeps_its_size_and_layers_their_names(network: keras.Model) -> None:
    shapes = {name: tuple(output.shape[1:]) for name, output in network.output.items()}
    assert shapes["face_map"] == (6, 6, 2048)
    assert shapes["eyes_map"] == (3, 6, 2048)
    assert shapes["eyes"] == shapes["face"] == shapes["fused"] == (7,)
    plain = keras.applications.ResNet50(weights=None, include_top=False)
    names = [layer.name for layer in plain.layers if layer.weights]
    ours = [layer.name for layer in network.get_layer("backbone").layers if layer.weights]
    assert ours == names


def test_every_weight_comes_from_the_file(network: keras.Model) -> None:
    tensors = weights.read()
    kernel = network.get_layer("backbone").get_layer("conv4_block2_2_conv").kernel
    name = "conv4_block2_2_conv/kernel"
    expected = weights.dequantise(tensors[name], tensors[name + "_scale"])
    assert np.array_equal(np.asarray(kernel), expected)
    del tensors["conv2_block1_1_bn/gamma"]
    with pytest.raises(WeightsAltered, match="conv2_block1_1_bn/gamma"):
        assign(network, tensors)


def test_serving_gives_the_same_probabilities(network: keras.Model) -> None:
    serving = Network.load()
    faces, strips = random_views(5)
    inputs = {"face": faces[..., None].astype(np.float32), "eyes": strips[..., None]}
    inputs["eyes"] = inputs["eyes"].astype(np.float32)
    outputs = serving.run(faces, strips)
    assert weights.LABELS[0] == "ferplus"
    for labels in reversed(weights.LABELS):  # those that other tests expect come last
        assign(network, weights.read(), labels)
        expected = network.predict_on_batch(inputs)
        for view in weights.VIEWS:
            said = softmax(outputs[f"{labels}_{view}"])
            assert np.allclose(said, softmax(expected[view]), atol=1e-3), (labels, view)
    for name in ("face_map", "eyes_map"):
        cells = outputs[name].transpose(0, 2, 3, 1)
        assert np.allclose(cells, expected[name], atol=1e-2 * expected[name].max())


def test_batches_change_nothing() -> None:
    serving = Network.load()
    faces, strips = random_views(3)
    whole = serving.run(faces, strips)
    for index in range(3):
        part = serving.run(faces[index : index + 1], strips[index : index + 1])
        for name, values in part.items():
            assert np.allclose(values[0], whole[name][index], atol=1e-3), name


def test_the_graph_is_a_valid_one() -> None:
    onnx.checker.check_model(onnx.load_from_string(build_graph(weights.read())), full_check=True)


def test_weights_of_another_network_are_refused() -> None:
    tensors = weights.read()
    with pytest.raises(WeightsAltered, match="lacks conv3_block1_0_bn/beta"):
        build_graph({name: x for name, x in tensors.items() if name != "conv3_block1_0_bn/beta"})
    with pytest.raises(WeightsAltered, match="conv2_block1_1_conv/kernel"):
        build_graph({n: x for n, x in tensors.items() if n != "conv2_block1_1_conv/kernel"})
    tensors["head_fer_eyes/kernel"] = tensors["head_fer_eyes/kernel"][:, :6]
    with pytest.raises(WeightsAltered, match=r"head_fer_eyes/kernel is \(2048, 6\)"):
        build_graph(tensors)


def test_cam_equals_grad_cam_on_the_logits(network: keras.Model) -> None:
    head = network.get_layer("head_face")
    inputs = random_inputs(1)
    feature_map = tf.constant(network.predict_on_batch(inputs)["face_map"])
    emotion = EMOTIONS.index("surprise")
    with tf.GradientTape() as tape:
        tape.watch(feature_map)
        logit = head(tf.reduce_mean(feature_map, axis=(1, 2)))[0, emotion]
    gradient = tape.gradient(logit, feature_map)
    alpha = tf.reduce_sum(gradient, axis=(1, 2), keepdims=True)  # Grad-CAM's, times the cells
    cells = feature_map.shape[1] * feature_map.shape[2]
    expected = tf.nn.relu(tf.reduce_sum(alpha / cells * feature_map, axis=-1))[0]
    column = np.asarray(head.kernel)[:, emotion]
    assert np.asarray(expected).max() > 0
    assert np.allclose(cam(feature_map[0].numpy(), column), expected, rtol=1e-4, atol=1e-5)


def test_a_smiling_portrait_is_happy(reader: PhotoReader, portrait: bytes) -> None:
    reading, picture = reader.explain(portrait)
    assert reading.emotion == "happy"
    assert reading.confidence > 0.8
    assert sum(reading.probabilities.values()) == pytest.approx(1)
    assert (reading.eyes_found, reading.faces, reading.answered_by) == ("haar", 1, "fused")
    assert np.allclose(reading.eye_centers, [[204, 101], [247, 103]], atol=6)
    left, top, width, height = reading.face_box
    assert left < 204 < 247 < left + width
    assert top < 101 < top + height
    assert list(reading.step_ms) == [
        "decode",
        "find face",
        "find eyes",
        "crop",
        "network",
        "picture",
    ]
    assert Image.open(io.BytesIO(picture)).format == "JPEG"


def test_coordinates_are_those_of_the_whole_photo(reader: PhotoReader, portrait: bytes) -> None:
    small = reader.read(portrait)
    large = reader.read(jpeg(Image.open(io.BytesIO(portrait)).resize((2560, 2560))))
    assert np.allclose(large.eye_centers, 5 * np.array(small.eye_centers), atol=25)
    assert np.allclose(large.face_box, 5 * np.array(small.face_box), atol=60)
    assert large.emotion == small.emotion


def test_a_photo_without_a_face_says_so(reader: PhotoReader) -> None:
    with pytest.raises(NoFaceFound):
        reader.read(jpeg(Image.new("RGB", (300, 300), "gray")))


@pytest.mark.parametrize(
    ("error", "spoil"),
    [
        (FaceTooSmall, lambda image: image.resize((110, 97))),
        (FaceTooDark, lambda image: image.point(lambda value: value // 9)),
        (FaceTooBlurred, lambda image: image.resize((28, 28)).resize((512, 512))),
    ],
)
def test_a_face_that_cannot_be_read_says_why(
    reader: PhotoReader,
    portrait: bytes,
    error: type[VisionError],
    spoil: Callable[[Image.Image], Image.Image],
) -> None:
    out = io.BytesIO()
    spoil(Image.open(io.BytesIO(portrait)).crop((60, 0, 400, 300))).save(out, "PNG")
    with pytest.raises(error):
        reader.read(out.getvalue())


@pytest.mark.data
def test_fer_accuracy_is_near_what_the_model_card_says(data_dir: Path) -> None:
    dataset = load_dataset(data_dir / "fer2013_trainval.npz", "PublicTest")
    chosen = dataset.only(np.arange(len(dataset)) < 100)
    # Eyes at their usual place: no search.
    rows = [Row(picture, ROW_EYES, is_found=False) for picture in chosen.pictures]
    answers = answer(Network.load(), rows)["ferplus"]
    assert chosen.is_clear is not None
    for view, floor in (("eyes", 0.55), ("face", 0.75), ("fused", 0.75)):
        right = answers[view].argmax(axis=1) == chosen.majority
        assert right[chosen.is_clear].mean() > floor
