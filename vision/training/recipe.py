"""The recipe of a training run: everything that determines the weights, besides data and start."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from vision.training.augmentation import Augmentation

_SIZES: Final = (32, 192)  # smallest and largest width of a view, in pixels
_PHASE: Final = re.compile(r"(\d{2,3})x(\d{1,3})(s?)")


@dataclass(frozen=True, slots=True)
class Phase:
    """A number of epochs with views of one size.

    Args:
        size: Width of the views in pixels; small ones are much faster.
        epochs: The number of epochs.
        batch_statistics: Whether batch norms use the statistics of each batch, as usual, or the
            stored ones, which must fit the weights already; see
            `vision.network.keras_network.build_trainee`.
    """

    size: int
    epochs: int
    batch_statistics: bool = True

    def __str__(self) -> str:
        return f"{self.size}x{self.epochs}{'' if self.batch_statistics else 's'}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Args:
        phases: In order.
        batch: Rows per step.
        learning_rate: After the warm-up; falls to zero along a cosine over all phases.
        warmup_steps: Steps in which the rate rises from zero.
        momentum: Nesterov momentum.
        weight_decay: Weight decay of all weights.
        clip_norm: Gradients with a larger global norm are scaled down to it.
        dropout: Share of the pooled features that are dropped for each head.
        votes_share: Share of the FER+ votes in each row's target; the rest is the FER label.
        label_smoothing: Share of each target that is spread over the seven emotions.
        averaging: Momentum per step of the running mean of the weights, which is the result.
        balance: Exponent of the class weights; 0 gives all rows the same weight.
        mixup: Shape of the Beta distribution of mixup's shares (Zhang et al., 2017); 0 is off.
        frozen: The number of first stages that are not trained, including their batch norms;
            three of five make a step 1.4 times as fast, if they are trained well already.
        bfloat16: Whether to multiply in bfloat16, twice as fast on processors that have it.
        matrix_products: Whether convolutions are computed as matrix products; on processors
            without AVX-512 a step is about three times as fast.
        seed: The seed of all randomness.
        augmentation: The data augmentation.
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
        """Number of epochs in all phases."""
        return sum(phase.epochs for phase in self.phases)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return asdict(self) | {"phases": " ".join(map(str, self.phases))}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Recipe":
        """Read what `to_json` wrote."""
        phases = parse_phases(values["phases"])
        augmentation = Augmentation(**values["augmentation"])
        return cls(**values | {"phases": phases, "augmentation": augmentation})


def parse_phases(text: str) -> tuple[Phase, ...]:
    """Read phases such as "64x6 96x3 96x1s": width, epochs, "s" for serving's statistics.

    Raises:
        ValueError: It is malformed, or a width is out of range.
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
