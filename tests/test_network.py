"""The network with the shipped weights: its shape, its heat, its readings, its accuracy."""

import io
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from PIL import Image

from vision import weights
from vision.crops import EYES_SIZE, cut_views
from vision.errors import (
    FaceTooBlurred,
    FaceTooDark,
    FaceTooSmall,
    NoFaceFound,
    VisionError,
    WeightsAltered,
)
from vision.fer import load_rows
from vision.gradcam import cam
from vision.network import build_network, run_batches
from vision.reader import PhotoReader
from vision.reading import EMOTIONS


@pytest.fixture(scope="module")
def network() -> keras.Model:
    built = build_network()
    weights.assign(built, weights.read())
    return built


@pytest.fixture(scope="module")
def reader(network: keras.Model) -> PhotoReader:
    return PhotoReader(network, weights.temperatures(weights.read()))


@pytest.fixture(scope="module")
def portrait() -> bytes:
    return jpeg(Image.fromarray(skimage.data.astronaut()))


def jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


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
        weights.assign(network, tensors)


def test_batches_change_nothing(network: keras.Model) -> None:
    inputs = random_inputs(3)
    whole, parts = run_batches(network, inputs, batch=3), run_batches(network, inputs, batch=1)
    for view in weights.VIEWS:
        assert whole[view].shape == (3, 7)
        assert np.allclose(parts[view], whole[view], atol=1e-3)


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
def test_fer_accuracy_is_near_what_the_model_card_says(
    network: keras.Model, data_dir: Path
) -> None:
    rows = load_rows(data_dir / "fer2013_trainval.npz", "PublicTest", count=256)
    views = [cut_views(row) for row in rows.images]  # eyes at their usual place: no search
    inputs = {
        name: np.stack([getattr(view, name) for view in views])[..., None].astype(np.float32)
        for name in ("face", "eyes")
    }
    logits = run_batches(network, inputs)
    for view, floor in (("eyes", 0.55), ("face", 0.75), ("fused", 0.75)):
        right = logits[view].argmax(axis=1) == rows.majority
        assert right[rows.is_clear].mean() > floor
