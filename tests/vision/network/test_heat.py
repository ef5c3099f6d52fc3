"""What the heat of the shipped weights is worth: checks that a mere picture of edges would fail.

`pytest -s -m figures tests/vision/network/test_heat.py` prints the figures that the model card
quotes; what runs without that looks at fewer faces.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from scipy.stats import wilcoxon
from skimage.metrics import structural_similarity

from vision.data.datasets import load_dataset
from vision.face.crops import EYES_SIZE, FACE_SIZE, ROW_SIZE, Views, align, cut_views
from vision.network import weights
from vision.network.calibration import softmax
from vision.network.gradcam import ViewHeat, cam, density, render
from vision.network.keras_network import assign, build_network
from vision.network.serving import Network
from vision.reading import EMOTIONS

PORTRAIT_EYES = ((204.0, 101.0), (247.0, 103.0))
PARTS = {"face": ("face",), "eyes": ("eyes",), "fused": ("face", "eyes")}
SIZES = {"face": (FACE_SIZE, FACE_SIZE), "eyes": EYES_SIZE}
SAME = np.eye(2, 3)
FRACTIONS = (1 / 8, 3 / 8)  # of the face view that is hidden, between nothing and all
STAGES = ("head_", "conv5", "conv4", "conv3", "conv2", "conv1")


@cache
def untrained(seed: int) -> keras.Model:
    """Return a network as it is before it learns."""
    keras.utils.set_random_seed(seed)
    return build_network()


@pytest.fixture(scope="module")
def served() -> Network:
    return Network.load()


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """A row, uint8 (48, 48), of a smiling face that comes with scikit-image."""
    gray = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)
    return align(gray, PORTRAIT_EYES)[0]


def see(network: keras.Model, views: list[Views]) -> dict[str, np.ndarray]:
    inputs = {
        name: np.stack([getattr(view, name) for view in views])[..., None].astype(np.float32)
        for name in SIZES
    }
    return network.predict_on_batch(inputs)


def heats_of(
    outputs: dict[str, np.ndarray], index: int, views: Views, column: np.ndarray
) -> list[ViewHeat]:
    """Return the heat of both views of one face for the emotion of a head's column."""
    return [
        ViewHeat(cam(outputs[f"{part}_map"][index], weights), to_view, SIZES[part])
        for part, weights, to_view in zip(
            PARTS["fused"], np.split(column, 2), (views.face_map, views.eyes_map), strict=True
        )
    ]


@pytest.mark.parametrize("view", PARTS)
def test_cam_equals_grad_cam(
    network: keras.Model, served: Network, portrait: np.ndarray, view: str
) -> None:
    """Grad-CAM by backpropagation through the network's own layers, for every emotion."""
    outputs = see(network, [cut_views(portrait)])
    parts = PARTS[view]
    names = [f"{part}_map" for part in parts]
    tail = keras.Model([network.output[name] for name in names], network.output[view])
    maps = [tf.constant(outputs[name]) for name in names]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(maps)
        logits = tail(maps if len(maps) > 1 else maps[0])
        by_emotion = [logits[0, index] for index in range(len(EMOTIONS))]
    assert np.allclose(logits, outputs[view], atol=1e-4)
    for index, emotion in enumerate(EMOTIONS):
        column = served.kernel(view)[:, index]
        for part, seen, kernel in zip(parts, maps, np.split(column, len(parts)), strict=True):
            gradient = tape.gradient(by_emotion[index], seen)
            alpha = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)  # Selvaraju, eq. 1
            added = tf.reduce_sum(alpha * seen, axis=-1)[0].numpy()
            expected = np.maximum(added, 0)  # eq. 2
            off = np.abs(cam(seen[0].numpy(), kernel) - expected).max()
            assert off <= 1e-5 * np.abs(added).max(), (emotion, part)


def test_a_cell_looks_where_its_heat_is_drawn(network: keras.Model, portrait: np.ndarray) -> None:
    """Small spots on the face change the map around the cells whose heat is drawn there."""
    plain = cut_views(portrait).face.astype(np.float32)
    y, x = np.mgrid[:FACE_SIZE, :FACE_SIZE]
    places = [(px, py) for px in (32, 48, 64) for py in (32, 48, 64)]
    spots = [60 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 18) for px, py in places]
    faces = np.stack([plain, *(np.where(plain > 127, plain - s, plain + s) for s in spots)])
    strips = np.zeros((len(faces), *EYES_SIZE[::-1], 1), np.float32)
    maps = network.predict_on_batch({"face": faces[..., None], "eyes": strips})["face_map"]
    changes = ((maps[1:] - maps[0]) ** 2).sum(axis=-1)  # (9, 6, 6)
    shares = (changes / changes.sum(axis=(1, 2), keepdims=True)).astype(np.float32)
    drawn = density([ViewHeat(shares.mean(axis=0), SAME, SIZES["face"])], SAME, SIZES["face"])
    middle = np.array([(drawn * x).sum(), (drawn * y).sum()]) / drawn.sum()
    print(f"\nspots around (48, 48) change the map around ({middle[0]:.1f}, {middle[1]:.1f})")
    assert middle == pytest.approx((48, 48), abs=4)  # stretched over the view, it would be 7.5 off


def similarity_by_stage(network: keras.Model, rows: np.ndarray, seeds: int) -> dict[str, float]:
    """Return how similar heat stays while layers lose what they learned, from the top down.

    The cascade of Adebayo et al., Sanity Checks for Saliency Maps, 2018. Heat is that of the
    fused head for the emotion that it read at first, drawn on the row: 48 pixels are what the
    network knows of a face, and the window of SSIM (Gaussian, 1.5 pixels, as Wang et al., 2004)
    then spans about one cell. On larger pictures the same heat is flatter, and any two maps more
    alike. Each map is scaled to 0..1, as in the explaining picture.

    Args:
        network: The network; it has its weights again afterwards.
        rows: Faces, uint8 (N, 48, 48).
        seeds: How many networks that have learned nothing lend their weights, one at a time.

    Returns:
        The mean over faces and untrained networks, after each of `STAGES`.
    """
    views = [cut_views(row) for row in rows]
    emotions = see(network, views)["fused"].argmax(axis=1)

    def draw() -> list[np.ndarray]:
        outputs = see(network, views)
        kernel = np.asarray(network.get_layer("head_fused").kernel)
        return [
            render(heats_of(outputs, i, view, kernel[:, emotions[i]]), SAME, (ROW_SIZE, ROW_SIZE))
            for i, view in enumerate(views)
        ]

    first = draw()
    found: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for seed in range(seeds):
        for stage in STAGES:
            forget(network, untrained(seed), stage)
            found[stage] += [
                structural_similarity(
                    before,
                    after,
                    data_range=1.0,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                )
                for before, after in zip(first, draw(), strict=True)
            ]
        assign(network, weights.read())
    return {stage: float(np.mean(values)) for stage, values in found.items()}


def forget(network: keras.Model, untrained: keras.Model, stage: str) -> None:
    """Give one stage's layers the weights of a network that has learned nothing."""
    pairs = [(network, untrained), *((n.get_layer("backbone") for n in (network, untrained)),)]
    for model, source in pairs:
        for layer in model.layers:
            if layer.name.startswith(stage) and layer.weights:
                layer.set_weights(source.get_layer(layer.name).get_weights())


def check_that_heat_is_learned(found: dict[str, float]) -> None:
    print("\nSSIM after randomising down to", {k: round(v, 3) for k, v in found.items()})
    # New heads still weigh features that were learned; from conv4 on nothing of the kind is left.
    assert max(found[stage] for stage in STAGES[2:]) < 0.3


@pytest.mark.parametrize("seeds", [1, pytest.param(3, marks=pytest.mark.figures)])
def test_randomised_layers_destroy_the_heat_of_a_portrait(
    network: keras.Model, portrait: np.ndarray, seeds: int
) -> None:
    both = np.stack([portrait, portrait[:, ::-1]])
    check_that_heat_is_learned(similarity_by_stage(network, both, seeds))


@pytest.mark.data
@pytest.mark.parametrize(
    ("faces", "seeds"), [(6, 1), pytest.param(24, 2, marks=pytest.mark.figures)]
)
def test_randomised_layers_destroy_the_heat(
    network: keras.Model, data_dir: Path, faces: int, seeds: int
) -> None:
    dataset = load_dataset(data_dir / "fer2013_trainval.npz", "PublicTest")
    rows = np.asarray(dataset.pictures[:faces])
    check_that_heat_is_learned(similarity_by_stage(network, rows, seeds))


@pytest.mark.data
@pytest.mark.parametrize("count", [50, pytest.param(100, marks=pytest.mark.figures)])
def test_hot_places_matter_most(network: keras.Model, data_dir: Path, count: int) -> None:
    """Deletion and insertion (Petsiuk et al., RISE, 2018) on faces that are read rightly.

    Pixels of the face view are blurred, or brought back, the hottest first, and what is left of
    the emotion's probability is summed up. Against heat stand two orders that know nothing of the
    face: smooth random heat, and from the middle outwards. The eye strip stays as it is.
    """
    dataset = load_dataset(data_dir / "fer2013_trainval.npz", "PublicTest")
    clear = np.flatnonzero(dataset.is_clear)[: count * 3 // 2]
    views = [cut_views(dataset.pictures[i]) for i in clear]
    seen = [see(network, views[start : start + 50]) for start in range(0, len(views), 50)]
    outputs = {name: np.concatenate([part[name] for part in seen]) for name in seen[0]}
    right = np.flatnonzero(outputs["fused"].argmax(axis=1) == dataset.majority[clear])[:count]
    assert len(right) == count
    emotions = dataset.majority[clear][right]
    faces = np.stack([views[i].face for i in right])
    blurred = np.stack([cv2.GaussianBlur(face, (0, 0), 10) for face in faces])
    probability = reads_faces(network, outputs["eyes_map"][right].mean(axis=(1, 2)), emotions)

    kernel = np.split(np.asarray(network.get_layer("head_fused").kernel), 2)[0]
    cells = [
        cam(outputs["face_map"][i], kernel[:, k]) for i, k in zip(right, emotions, strict=True)
    ]
    rng = np.random.default_rng(0)
    noise = rng.random((len(faces), 6, 6)).astype(np.float32)
    y, x = np.mgrid[:FACE_SIZE, :FACE_SIZE] - (FACE_SIZE - 1) / 2
    heats = {
        "heat": [density([ViewHeat(c, SAME, SIZES["face"])], SAME, SIZES["face"]) for c in cells],
        "random": [
            density([ViewHeat(c, SAME, SIZES["face"])], SAME, SIZES["face"]) for c in noise
        ],
        "centre": [-np.hypot(x, y)] * len(faces),
    }
    ends = probability(faces), probability(blurred)
    areas: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name, maps in heats.items():
        # Places that are equally hot come in random order.
        ranks = np.stack([rank(heat, rng) for heat in maps])
        hidden = [ranks < fraction * FACE_SIZE**2 for fraction in FRACTIONS]
        deleted = [probability(np.where(mask, blurred, faces)) for mask in hidden]
        inserted = [probability(np.where(mask, faces, blurred)) for mask in hidden]
        grid = [0, *FRACTIONS, 1]
        areas[name] = (
            np.trapezoid([ends[0], *deleted, ends[1]], grid, axis=0),
            np.trapezoid([ends[1], *inserted, ends[0]], grid, axis=0),
        )
        print(f"\n{name}: deletion {areas[name][0].mean():.3f}", end=", ")
        print(f"insertion {areas[name][1].mean():.3f}", end="")
    for other in ("random", "centre"):
        for gain in (areas[other][0] - areas["heat"][0], areas["heat"][1] - areas[other][1]):
            p = wilcoxon(gain, alternative="greater").pvalue
            print(f"\nagainst {other}: {gain.mean():+.3f}, p = {p:.0e}", end="")
            assert p < 0.01


def rank(heat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the place of each pixel in the order from hot to cold, the shape of `heat`."""
    order = np.lexsort((rng.random(heat.size), -heat.ravel()))
    ranks = np.empty(heat.size, int)
    ranks[order] = np.arange(heat.size)
    return ranks.reshape(heat.shape)


def reads_faces(
    network: keras.Model, strips: np.ndarray, emotions: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Return how probable faces, uint8 (N, 96, 96), make emotions, next to known eye strips.

    Args:
        network: The network; its fused head answers.
        strips: Pooled features of the eye strips, (N, 2048).
        emotions: What is asked about, (N,).
    """
    maps = keras.Model(network.input["face"], network.output["face_map"])
    kernel, bias = (np.asarray(x) for x in network.get_layer("head_fused").get_weights())
    temperature = float(weights.read()["temperature_ferplus_fused"][0])

    def probability(faces: np.ndarray) -> np.ndarray:
        pooled = np.concatenate(
            [
                maps.predict_on_batch(faces[i : i + 50, ..., None].astype(np.float32)).mean((1, 2))
                for i in range(0, len(faces), 50)
            ]
        )
        logits = np.hstack([pooled, strips]) @ kernel + bias
        return softmax(logits, temperature)[np.arange(len(faces)), emotions]

    return probability
