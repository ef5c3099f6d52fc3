"""A training run small enough for tests: tiny convolutions, and faces that are easy to tell."""

from pathlib import Path

import keras
import numpy as np

from vision.training.augmentation import Augmentation
from vision.training.batches import LabelledRows
from vision.training.recipe import Phase, Recipe
from vision.training.run_folder import RunFolder
from vision.training.train import Trainer, begin

COLUMNS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"]
COLUMNS += ["contempt", "unknown", "NF"]  # FER+'s own order
OF_LABELS = [4, 5, 6, 1, 3, 2, 0]  # the column of each of our labels

MILD = Augmentation(0.5, 2, 0.02, 0.5, 0.5, 0.2, 0.05, 5, 0, 0, 0, 0, 0)

QUICK = Recipe(
    phases=(Phase(32, 2),),
    batch=8,
    learning_rate=0.05,
    averaging=0.5,
    warmup_steps=1,
    dropout=0.0,
    matrix_products=False,  # XLA takes seconds to compile what runs in milliseconds
    augmentation=MILD,
)


def tiny_backbone() -> keras.Model:
    """Build two blocks of a few filters, with batch norms as ResNet50 has them."""
    x = seen = keras.Input((None, None, 3))
    for name, filters in (("conv1", 4), ("conv2", 8)):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same", name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"{name}_bn", momentum=0.8)(x)
        x = keras.layers.ReLU(name=f"{name}_relu")(x)
    return keras.Model(seen, x, name="backbone")


def tiny_weights(recipe: Recipe = QUICK) -> dict[str, np.ndarray]:
    """Return weights to start from, the same each time."""
    rng = np.random.default_rng(3)
    shapes = {"conv1_conv": (3, 3, 3, 4), "conv2_conv": (3, 3, 4, 8)}
    weights = {}
    for name, shape in shapes.items():
        weights[f"{name}/kernel"] = rng.normal(0, 0.3 / shape[2], shape)
        weights[f"{name}/bias"] = np.zeros(shape[-1])
    return weights


def write_data(path: Path, count: int = 48, check: int = 16, seed: int = 1) -> Path:
    """Write an `.npz` like FER-2013's, whose labels show as a bright bar at seven heights."""
    rng = np.random.default_rng(seed)
    total = count + check
    labels = np.arange(total) % 7
    images = rng.integers(40, 80, (total, 48, 48)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[4 + 6 * label : 10 + 6 * label, 6:42] = 220
    votes = np.zeros((total, 10), np.uint8)
    votes[np.arange(total), np.array(OF_LABELS)[labels]] = 8
    votes[:, COLUMNS.index("unknown")] = 2
    np.savez(
        path,
        images=images,
        labels=labels.astype(np.uint8),
        usage=(np.arange(total) >= count).astype(np.uint8),
        usage_names=np.array(["Training", "PublicTest"]),
        ferplus_votes=votes,
        ferplus_columns=np.array(COLUMNS),
    )
    return path


def toy_run(
    folder: Path, labelled: LabelledRows, held_back: LabelledRows, recipe: Recipe = QUICK
) -> tuple[Trainer, RunFolder]:
    """Begin a run in a folder; return what trains it, and the folder."""
    run = RunFolder(folder)
    checkpoint, _ = begin(recipe, tiny_weights(), tiny_backbone)
    run.begin(recipe, {"data": "toy"}, checkpoint)
    return Trainer(labelled, {"held back": held_back}, recipe, tiny_backbone), run
