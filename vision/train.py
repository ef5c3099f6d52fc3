"""Training of the two-view network, with Keras alone, so that any of its backends can run it.

A run is a chain of epochs, each of which begins with a `Checkpoint` and ends with one: a run that
was stopped and resumed goes the same way as one that was not. What is measured, kept and served
are the averaged weights: the running mean of all weights, batch norms' statistics included, since
those of one moment do not fit the mean of the others.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from vision.errors import TrainingDiverged, UnusableWeights
from vision.lessons import Batch, Curriculum, Lessons, plain_views
from vision.network import build_backbone, build_trainee
from vision.recipe import Phase, Recipe
from vision.run_folder import Arrays, Checkpoint, Entry, RunFolder
from vision.weights import COVERING_HEAD, HEADS

_AHEAD: Final = 4  # batches that are cut while the network works
_AVERAGED_EVERY: Final = 4  # steps; each time costs a pass over all weights
_CHECK_BATCH: Final = 128

OnStep = Callable[[int, int, float], None]


class Trainer:
    """Trains on lessons, step by step and epoch by epoch.

    Args:
        lessons: What is learned from.
        held_back: What every epoch is measured on.
        recipe: How.
        backbone: Builds the convolutions.
    """

    def __init__(
        self,
        lessons: Lessons,
        held_back: Lessons,
        recipe: Recipe,
        backbone: Callable[[], keras.Model] = build_backbone,
    ) -> None:
        self._curriculum = Curriculum(lessons, recipe)
        self._held_back = held_back
        self._recipe = recipe
        self._backbone = backbone

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return self._curriculum.steps

    def run(
        self,
        checkpoint: Checkpoint,
        folder: RunFolder,
        on_step: OnStep = lambda epoch, step, loss: None,
        on_epoch: Callable[[Entry], None] = lambda entry: None,
    ) -> Checkpoint:
        """Train from a checkpoint to the end, keeping every epoch in the folder.

        Args:
            checkpoint: Where to begin.
            folder: Where epochs are kept.
            on_step: Is told the epoch, the steps done in it and their mean loss.
            on_epoch: Is told what was measured after an epoch.

        Raises:
            TrainingDiverged: The loss or a weight is no longer finite; the folder holds the last
                good epoch.
        """
        first = 0
        for phase in self._recipe.phases:
            epochs = range(max(first, checkpoint.epoch), first + phase.epochs)
            first += phase.epochs
            if not epochs:
                continue
            trainee, averaged = self._restore(phase, checkpoint)
            for epoch in epochs:
                begun = time.perf_counter()
                loss = self._epoch(trainee, averaged, epoch, phase.size, on_step)
                took_s = time.perf_counter() - begun
                checkpoint = _snapshot(trainee, averaged, epoch + 1)
                entry: Entry = {
                    "epoch": epoch + 1,
                    "phase": str(phase),
                    "loss": round(loss, 5),
                    "rows_per_s": round(self.steps * self._recipe.batch / took_s, 1),
                }
                entry |= accuracies(averaged, self._held_back, phase.size)
                folder.save(checkpoint, entry)
                on_epoch(entry)
        return checkpoint

    def _epoch(
        self,
        trainee: keras.Model,
        averaged: keras.Model,
        epoch: int,
        size: int,
        on_step: OnStep,
    ) -> float:
        """Run one epoch; return its mean loss."""
        total = 0.0
        for step, (inputs, targets, weights) in enumerate(self._batches(epoch, size), start=1):
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
        return total / self.steps

    def _batches(self, epoch: int, size: int) -> Iterator[Batch]:
        """Yield an epoch's batches, cutting the next ones meanwhile."""
        with ThreadPoolExecutor(_AHEAD) as pool:
            waiting: list[Future[Batch]] = []
            for step in range(self.steps):
                waiting.append(pool.submit(self._curriculum.batch, epoch, step, size))
                if len(waiting) > _AHEAD:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def _restore(self, phase: Phase, checkpoint: Checkpoint) -> tuple[keras.Model, keras.Model]:
        """Build the network that learns and the one that averages, as they were."""
        trainee = _compiled(self._recipe, phase, self.steps, self._backbone)
        averaged = _build(self._recipe, phase, self._backbone)
        load_weights(trainee, checkpoint.weights)
        load_weights(averaged, checkpoint.averages)
        kept = zip(trainee.optimizer.variables, checkpoint.optimizer, strict=True)
        for variable, value in kept:
            variable.assign(value)
        return trainee, averaged


def begin(
    recipe: Recipe,
    start: Mapping[str, NDArray[Any]],
    backbone: Callable[[], keras.Model] = build_backbone,
) -> tuple[Checkpoint, list[str]]:
    """Return a run before its first epoch, and the layers that begin with random weights.

    Args:
        recipe: How to train.
        start: Weights by `<layer>/<variable>`; layers may be lacking.
        backbone: Builds the convolutions.

    Raises:
        UnusableWeights: None of the network's layers is there, or one has another shape.
    """
    keras.utils.set_random_seed(recipe.seed)
    trainee = _compiled(recipe, recipe.phases[0], 1, backbone)
    fresh = load_weights(trainee, start)
    weights = weights_of(trainee)
    return Checkpoint(0, weights, weights, _optimizer_state(trainee)), fresh


def _build(recipe: Recipe, phase: Phase, backbone: Callable[[], keras.Model]) -> keras.Model:
    """Build the network of a phase."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if recipe.bfloat16 else "float32")
    try:
        convolutions = backbone()
        frozen = tuple(f"conv{stage}_" for stage in range(1, recipe.frozen + 1))
        for layer in convolutions.layers:
            layer.trainable = not layer.name.startswith(frozen)
        return build_trainee(convolutions, batch_statistics=phase.batch_statistics)
    finally:
        keras.config.set_dtype_policy(policy)


def _compiled(
    recipe: Recipe, phase: Phase, steps: int, backbone: Callable[[], keras.Model]
) -> keras.Model:
    """Build the network of a phase, ready to learn in epochs of so many steps."""
    trainee = _build(recipe, phase, backbone)
    optimizer = _optimizer(recipe, steps)
    heads = [*HEADS, COVERING_HEAD]
    losses = {head: keras.losses.CategoricalCrossentropy(from_logits=True) for head in heads}
    trainee.compile(optimizer, loss=losses)
    optimizer.build(trainee.trainable_variables)
    return trainee


def _optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    total = steps * recipe.epochs
    warmup = min(round(steps * recipe.warmup_epochs), total - 1)
    rate: float | keras.optimizers.schedules.LearningRateSchedule
    if warmup:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, total - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
        )
    else:
        rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, total)
    optimizer = keras.optimizers.SGD(
        rate, momentum=recipe.momentum, nesterov=True, weight_decay=recipe.weight_decay
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _average(averaged: keras.Model, trainee: keras.Model, momentum: float, count: int) -> None:
    """Move the averages towards the weights, quicker while there is little to average."""
    momentum = min(momentum**_AVERAGED_EVERY, count / (count + 9))
    for mean, value in zip(averaged.weights, trainee.weights, strict=True):
        change = keras.ops.stop_gradient(value) - keras.ops.stop_gradient(mean)
        mean.assign(mean + (1 - momentum) * change)


def accuracies(trainee: keras.Model, lessons: Lessons, size: int) -> dict[str, float]:
    """Return each head's accuracy against its own labels; FER+ counts the clear rows."""
    logits: dict[str, list[NDArray[np.float32]]] = {head: [] for head in HEADS}
    for start in range(0, len(lessons), _CHECK_BATCH):
        rows = range(start, min(start + _CHECK_BATCH, len(lessons)))
        outputs = trainee.predict_on_batch(plain_views(lessons, rows, size))
        for head in HEADS:
            logits[head].append(outputs[head])
    result = {}
    for head, parts in logits.items():
        is_fer = head.split("_")[1] == "fer"
        truth = (lessons.fer if is_fer else lessons.ferplus).argmax(axis=1)
        is_right = np.concatenate(parts).argmax(axis=1) == truth
        counted = is_right if is_fer else is_right[lessons.is_clear]
        result[head] = round(float(counted.mean()), 4) if len(counted) else math.nan
    return result


def load_weights(trainee: keras.Model, weights: Mapping[str, NDArray[Any]]) -> list[str]:
    """Load weights by `<layer>/<variable>`; return the layers that are not among them.

    Raises:
        UnusableWeights: None of the layers is there, or one has another shape.
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
    """Return all weights by `<layer>/<variable>`, float32."""
    return {
        f"{layer.name}/{variable.name}": _numpy(variable)
        for layer in _layers(trainee)
        for variable in layer.weights
    }


def _layers(trainee: keras.Model) -> Iterator[keras.layers.Layer]:
    heads = map(trainee.get_layer, [*HEADS, COVERING_HEAD])
    for layer in [*trainee.get_layer("backbone").layers, *heads]:
        if layer.weights:
            yield layer


def _snapshot(trainee: keras.Model, averaged: keras.Model, epoch: int) -> Checkpoint:
    """Return what an epoch has led to.

    Raises:
        TrainingDiverged: A weight is not finite.
    """
    state = _optimizer_state(trainee)
    checkpoint = Checkpoint(epoch, weights_of(trainee), weights_of(averaged), state)
    for weights in (checkpoint.weights, checkpoint.averages):
        for name, value in weights.items():
            if not np.isfinite(value).all():
                raise TrainingDiverged(
                    f"training diverged: {name} is no longer finite after epoch {epoch}"
                )
    return checkpoint


def _optimizer_state(trainee: keras.Model) -> list[NDArray[Any]]:
    return [_numpy(variable) for variable in trainee.optimizer.variables]


def _numpy(variable: keras.Variable) -> NDArray[Any]:
    return np.array(variable.numpy())
