"""The recipe of a training run: all that decides the weights, besides data and initial weights."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from vision.training.augmentation import Augmentation

_SIZES: Final = (32, 192)  # smallest and largest width of the views, in pixels
_PHASE: Final = re.compile(r"(\d{2,3})x(\d{1,3})(s?)")


@dataclass(frozen=True, slots=True)
class Phase:
    """Consecutive epochs with views of one size.

    Args:
        size: Width of the views in pixels; small views train much faster.
        epochs: Number of epochs.
        batch_statistics: Whether batch norms use each batch's mean and variance, as usual. If
            false, they use the running ones, as in serving; these must already fit the weights.
            See `vision.network.keras_network.build_training_model`.
    """

    size: int
    epochs: int
    batch_statistics: bool = True

    def __str__(self) -> str:
        return f"{self.size}x{self.epochs}{'' if self.batch_statistics else 's'}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Hyperparameters of a training run.

    The defaults are the recipe of the first weights, plus weight averaging.

    Args:
        phases: In order.
        batch: Batch size in rows.
        learning_rate: Peak rate after the warm-up; decays to zero by a cosine over all phases.
        warmup_steps: Steps of linear warm-up from zero.
        momentum: Nesterov momentum of SGD.
        weight_decay: Weight decay of all weights.
        clip_norm: Largest global norm of the gradient; larger gradients are scaled down.
        dropout: Dropout rate of each head's pooled features.
        votes_share: Share of the FER+ votes in each row's target; the rest is the FER label.
        label_smoothing: Share of each target that is spread evenly over the emotions.
        averaging: Momentum, per step, of the running mean of the weights, which is the result.
        balance: Exponent of the class weights of rare emotions; 0 weights all rows equally.
        mixup: Parameter of mixup's Beta distribution (Zhang et al., 2017); 0 is off.
        frozen: Number of frozen stages, counted from the input, batch norms included. With well
            trained initial weights, freezing three of five makes a step 1.4 times as fast.
        bfloat16: Whether to compute in bfloat16, twice as fast on CPUs that support it.
        matrix_products: Whether to compute convolutions as matrix products, about three times as
            fast on CPUs without AVX-512, and half as fast on those that compute in bfloat16.
        seed: Seed of all randomness.
        augmentation: How rows are augmented.
    """

    phases: tuple[Phase, ...] = (Phase(48, 5), Phase(64, 4), Phase(96, 1))
    batch: int = 64
    learning_rate: float = 0.04
    warmup_steps: int = 200
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip_norm: float = 5.0
    dropout: float = 0.3
    votes_share: float = 0.7
    label_smoothing: float = 0.05
    averaging: float = 0.998
    balance: float = 0.0
    mixup: float = 0.0
    frozen: int = 0
    bfloat16: bool = False
    matrix_products: bool = True
    seed: int = 20261120
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def epochs(self) -> int:
        """Total number of epochs."""
        return sum(phase.epochs for phase in self.phases)

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return asdict(self) | {"phases": " ".join(map(str, self.phases))}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Recipe":
        """Return the recipe of a result of `to_json`."""
        phases = parse_phases(values["phases"])
        augmentation = Augmentation(**values["augmentation"])
        return cls(**values | {"phases": phases, "augmentation": augmentation})


def parse_phases(text: str) -> tuple[Phase, ...]:
    """Parse phases such as "64x6 96x3 96x1s": width, epochs, "s" for running statistics.

    Raises:
        ValueError: The text is malformed, or a number is out of range.
    """
    phases = []
    for part in text.replace(",", " ").split():
        match = _PHASE.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is no phase: write it like 64x6 or 96x3s")
        size, epochs = int(match[1]), int(match[2])
        if not _SIZES[0] <= size <= _SIZES[1] or size % 2 or epochs == 0:
            raise ValueError(
                f"{part!r}: the width is even, {_SIZES[0]} to {_SIZES[1]}, epochs > 0"
            )
        phases.append(Phase(size, epochs, batch_statistics=not match[3]))
    if not phases:
        raise ValueError("there is no phase; write them like 64x6,96x3s")
    return tuple(phases)
