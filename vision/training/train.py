"""Train the two-view network, using only Keras, so that any of its backends works.

A `Checkpoint` is saved every ten minutes, after every epoch, and when the run is asked to stop. A
resumed run gives the same result as an uninterrupted one. The averaged weights are measured,
saved and served: the running mean of all weights, including the batch norms' statistics, since
statistics of a single step do not fit averaged weights.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from vision.errors import TrainingDiverged, TrainingStopped, UnusableWeights
from vision.network.keras_network import build_backbone, build_training_model, with_matrix_products
from vision.network.weights import TRAINED_HEADS
from vision.training.batches import Batch, Batches, LabelledRows, plain_views
from vision.training.recipe import Phase, Recipe
from vision.training.run_folder import Arrays, Checkpoint, Entry, RunFolder

CHECKPOINT_EVERY_S: Final = 600.0
"""Seconds between checkpoints within an epoch."""

_AHEAD: Final = 4  # batches prepared while the network trains
_AVERAGED_EVERY: Final = 4  # steps; each update is a pass over all weights
_CHECK_BATCH: Final = 128

OnStep = Callable[[int, int, float], None]


class Trainer:
    """Runs the training loop.

    Args:
        labelled: The training rows.
        checks: Validation sets by name, measured after every epoch.
        recipe: The hyperparameters.
        backbone: Builds the convolutions.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        labelled: LabelledRows,
        checks: Mapping[str, LabelledRows],
        recipe: Recipe,
        backbone: Callable[[], keras.Model] = build_backbone,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._batches = Batches(labelled, recipe)
        self._checks = checks
        self._clock = clock
        self._recipe = recipe
        self._backbone = backbone

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return self._batches.steps

    def run(
        self,
        checkpoint: Checkpoint,
        folder: RunFolder,
        on_step: OnStep = lambda epoch, step, loss: None,
        on_epoch: Callable[[Entry], None] = lambda entry: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Checkpoint:
        """Train from a checkpoint to the end.

        Args:
            checkpoint: The state to start from.
            folder: Where to save checkpoints and measurements.
            on_step: Called with the epoch, the steps done in it, and their mean loss.
            on_epoch: Called with the measurements of a finished epoch.
            should_stop: Called after every step; if true, the run saves a checkpoint and ends.

        Raises:
            TrainingStopped: `should_stop` returned true; the checkpoint is saved.
            TrainingDiverged: The loss or a weight is no longer finite; the folder has the last
                good checkpoint.
        """
        first = 0
        for phase in self._recipe.phases:
            last, first = first + phase.epochs, first
            done = checkpoint.step // self.steps
            if done < last:
                trainee, averaged = self._restore(phase, checkpoint)
                for epoch in range(max(first, done), last):
                    checkpoint = self._epoch(
                        trainee, averaged, epoch, checkpoint, phase, folder, on_step, should_stop
                    )
                    entry = self._measured(averaged, checkpoint, epoch, phase)
                    checkpoint = replace(checkpoint, loss_sum=0.0, seconds=0.0)
                    folder.save(checkpoint, entry)
                    on_epoch(entry)
            first = last
        return checkpoint

    def _epoch(
        self,
        trainee: keras.Model,
        averaged: keras.Model,
        epoch: int,
        checkpoint: Checkpoint,
        phase: Phase,
        folder: RunFolder,
        on_step: OnStep,
        should_stop: Callable[[], bool],
    ) -> Checkpoint:
        """Run an epoch, or the rest of it; return the checkpoint at its end."""
        begin = checkpoint.step - epoch * self.steps
        total, seconds = checkpoint.loss_sum, checkpoint.seconds
        resumed = saved = self._clock()
        batches = self._prefetched(epoch, begin, phase.size)
        for step, (inputs, targets, weights) in enumerate(batches, start=begin + 1):
            logs = trainee.train_on_batch(inputs, targets, weights, return_dict=True)
            loss = float(logs["loss"])
            if not math.isfinite(loss):
                raise TrainingDiverged(
                    f"training diverged: the loss is {loss} in step {step} of epoch {epoch + 1}"
                )
            total += loss
            done = epoch * self.steps + step
            if done % _AVERAGED_EVERY == 0:
                _average(averaged, trainee, self._recipe.averaging, done // _AVERAGED_EVERY)
            on_step(epoch, step, total / step)
            now = self._clock()
            is_over, is_stopped = step == self.steps, should_stop()
            if is_over or is_stopped or now - saved >= CHECKPOINT_EVERY_S:
                took_s = seconds + now - resumed
                checkpoint = _snapshot(trainee, averaged, done, total, took_s)
                if not is_over:
                    folder.save_checkpoint(checkpoint)
                    saved = now
            if is_stopped and not is_over:
                raise TrainingStopped(f"stopped after step {step} of epoch {epoch + 1}")
        return checkpoint

    def _measured(
        self, averaged: keras.Model, checkpoint: Checkpoint, epoch: int, phase: Phase
    ) -> Entry:
        """Measure a finished epoch; return its entry in the history."""
        return {
            "epoch": epoch + 1,
            "phase": str(phase),
            "loss": round(checkpoint.loss_sum / self.steps, 5),
            "rows": checkpoint.step * self._recipe.batch,
            "hours": round(checkpoint.seconds / 3600, 3),
            "rows_per_s": round(self.steps * self._recipe.batch / checkpoint.seconds, 1),
            "checks": {
                name: measure(averaged, rows, phase.size) for name, rows in self._checks.items()
            },
        }

    def _prefetched(self, epoch: int, begin: int, size: int) -> Iterator[Batch]:
        """Yield an epoch's batches from step `begin` on, preparing the next ones in threads."""
        with ThreadPoolExecutor(_AHEAD) as pool:
            waiting: list[Future[Batch]] = []
            for step in range(begin, self.steps):
                waiting.append(pool.submit(self._batches.batch, epoch, step, size))
                if len(waiting) > _AHEAD:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def _restore(self, phase: Phase, checkpoint: Checkpoint) -> tuple[keras.Model, keras.Model]:
        """Build the trained and the averaged network, and restore their state."""
        trainee = _compiled(self._recipe, phase, self.steps, self._backbone)
        averaged = _build(self._recipe, phase, self._backbone)
        load_weights(trainee, checkpoint.weights)
        load_weights(averaged, checkpoint.averages)
        for variable, value in zip(_state(trainee), checkpoint.state, strict=True):
            variable.assign(value)
        return trainee, averaged


def begin(
    recipe: Recipe,
    start: Mapping[str, NDArray[Any]],
    backbone: Callable[[], keras.Model] = build_backbone,
) -> tuple[Checkpoint, list[str]]:
    """Return the initial checkpoint, and the layers that have random weights.

    Args:
        recipe: The hyperparameters.
        start: Initial weights by `<layer>/<variable>`; layers may be missing.
        backbone: Builds the convolutions.

    Raises:
        UnusableWeights: All of the network's layers are missing, or one has another shape.
    """
    keras.utils.set_random_seed(recipe.seed)
    trainee = _compiled(recipe, recipe.phases[0], 1, backbone)
    fresh = load_weights(trainee, _with_trained_heads(start))
    weights = weights_of(trainee)
    state = [_numpy(variable) for variable in _state(trainee)]
    return Checkpoint(0, weights, weights, state), fresh


def _with_trained_heads(start: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Add the `ferplus` heads as mixed heads, unless the initial weights have mixed ones."""
    votes = {
        name.replace("head_ferplus_", "head_mixed_"): value
        for name, value in start.items()
        if name.startswith("head_ferplus_")
    }
    return {**votes, **start}


def _build(recipe: Recipe, phase: Phase, backbone: Callable[[], keras.Model]) -> keras.Model:
    """Build the network of a phase."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if recipe.bfloat16 else "float32")
    try:
        convolutions = backbone()
        if recipe.matrix_products:
            convolutions = with_matrix_products(convolutions)
        frozen = tuple(f"conv{stage}_" for stage in range(1, recipe.frozen + 1))
        for layer in convolutions.layers:
            layer.trainable = not layer.name.startswith(frozen)
        return build_training_model(
            convolutions, batch_statistics=phase.batch_statistics, dropout=recipe.dropout
        )
    finally:
        keras.config.set_dtype_policy(policy)


def _compiled(
    recipe: Recipe, phase: Phase, steps: int, backbone: Callable[[], keras.Model]
) -> keras.Model:
    """Build and compile the network of a phase, for epochs of this many steps."""
    trainee = _build(recipe, phase, backbone)
    optimizer = _optimizer(recipe, steps)
    losses = {
        head: keras.losses.CategoricalCrossentropy(from_logits=True) for head in TRAINED_HEADS
    }
    # XLA fuses the operations between matrix products, but its convolutions are slow on a CPU.
    trainee.compile(optimizer, loss=losses, jit_compile=recipe.matrix_products)
    optimizer.build(trainee.trainable_variables)
    return trainee


def _optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    total = steps * recipe.epochs
    warmup = min(recipe.warmup_steps, total - 1)
    rate: float | keras.optimizers.schedules.LearningRateSchedule
    if warmup:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, total - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
        )
    else:
        rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, total)
    return keras.optimizers.SGD(
        rate,
        momentum=recipe.momentum,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        global_clipnorm=recipe.clip_norm,
    )


def _average(averaged: keras.Model, trainee: keras.Model, momentum: float, count: int) -> None:
    """Update the running mean of the weights, with a lower momentum in the first updates."""
    momentum = min(momentum**_AVERAGED_EVERY, count / (count + 9))
    for mean, value in zip(averaged.weights, trainee.weights, strict=True):
        change = keras.ops.stop_gradient(value) - keras.ops.stop_gradient(mean)
        mean.assign(mean + (1 - momentum) * change)


def measure(trainee: keras.Model, rows: LabelledRows, size: int) -> dict[str, dict[str, float]]:
    """Measure each view's head on rows without augmentation.

    Returns:
        For each view, 0..1: `ferplus`, the accuracy against the majority of the votes on clear
        rows; `recall`, the mean recall over the emotions of these rows; and `fer`, the accuracy
        against the labels.
    """
    logits: dict[str, list[NDArray[np.float32]]] = {head: [] for head in TRAINED_HEADS}
    for start in range(0, len(rows), _CHECK_BATCH):
        part = range(start, min(start + _CHECK_BATCH, len(rows)))
        outputs = trainee.predict_on_batch(plain_views(rows, part, size))
        for head in TRAINED_HEADS:
            logits[head].append(outputs[head])
    result = {}
    votes, labels = rows.ferplus.argmax(axis=1)[rows.is_clear], rows.fer.argmax(axis=1)
    for head, parts in logits.items():
        said = np.concatenate(parts).argmax(axis=1)
        is_right = said[rows.is_clear] == votes
        found = [is_right[votes == emotion].mean() for emotion in np.unique(votes)]
        result[head.rsplit("_", 1)[1]] = {
            "ferplus": round(float(is_right.mean()), 4) if len(votes) else math.nan,
            "recall": round(float(np.mean(found)), 4) if found else math.nan,
            "fer": round(float((said == labels).mean()), 4),
        }
    return result


def load_weights(trainee: keras.Model, weights: Mapping[str, NDArray[Any]]) -> list[str]:
    """Load weights by `<layer>/<variable>`; return the layers that are missing in them.

    Raises:
        UnusableWeights: All layers are missing, or one has another shape.
    """
    fresh, layers = [], list(_layers(trainee))
    for layer in layers:
        names = [f"{layer.name}/{variable.name}" for variable in layer.weights]
        if not all(name in weights for name in names):
            fresh.append(layer.name)
            continue
        for name, variable in zip(names, layer.weights, strict=True):
            if weights[name].shape != tuple(variable.shape):
                raise UnusableWeights(f"{name} is {weights[name].shape}, not {variable.shape}")
            variable.assign(np.asarray(weights[name], dtype=np.float32))
    if len(fresh) == len(layers):
        raise UnusableWeights("they have none of this network's layers")
    return fresh


def weights_of(trainee: keras.Model) -> Arrays:
    """Return all weights, float32, by `<layer>/<variable>`."""
    return {
        f"{layer.name}/{variable.name}": _numpy(variable)
        for layer in _layers(trainee)
        for variable in layer.weights
    }


def _layers(trainee: keras.Model) -> Iterator[keras.layers.Layer]:
    heads = map(trainee.get_layer, TRAINED_HEADS)
    for layer in [*trainee.get_layer("backbone").layers, *heads]:
        if layer.weights:
            yield layer


def _snapshot(
    trainee: keras.Model, averaged: keras.Model, step: int, loss_sum: float, seconds: float
) -> Checkpoint:
    """Return a checkpoint of the current state.

    Raises:
        TrainingDiverged: A weight is not finite.
    """
    checkpoint = Checkpoint(
        step,
        weights_of(trainee),
        weights_of(averaged),
        [_numpy(variable) for variable in _state(trainee)],
        loss_sum,
        seconds,
    )
    for weights in (checkpoint.weights, checkpoint.averages):
        for name, value in weights.items():
            if not np.isfinite(value).all():
                raise TrainingDiverged(
                    f"training diverged: {name} is no longer finite after step {step}"
                )
    return checkpoint


def _state(trainee: keras.Model) -> list[keras.Variable]:
    """Return the variables of the optimizer and of dropout's random generators."""
    generators = [
        variable
        for variable in trainee.non_trainable_variables
        if variable.path.endswith("seed_generator_state")
    ]
    return [*trainee.optimizer.variables, *generators]


def _numpy(variable: keras.Variable) -> NDArray[Any]:
    return np.array(variable.numpy())
