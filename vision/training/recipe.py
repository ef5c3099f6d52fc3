"""What a training run is made of: everything that decides the weights, besides data and start."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from vision.training.augmentation import Augmentation

_SIZES: Final = (32, 192)  # smallest and largest width of the views, in pixels
_PHASE: Final = re.compile(r"(\d{2,3})x(\d{1,3})(s?)")


@dataclass(frozen=True, slots=True)
class Phase:
    """Some epochs with views of one size.

    Args:
        size: Width of the views in pixels; small ones cost a fraction of the time.
        epochs: How many.
        batch_statistics: Whether batch norms use each batch's own mean and variance, as usual, or
            the running ones that serving will use, which must fit the weights already; see
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

    The defaults are the recipe of the first weights, with averaged weights added.

    Args:
        phases: One after another.
        batch: Rows in a step.
        learning_rate: After the warm-up; falls to zero along a cosine over all phases.
        warmup_steps: Steps in which the rate rises from zero.
        momentum: Nesterov momentum of the gradient descent.
        weight_decay: Pull of all weights towards zero.
        clip_norm: Largest norm of the gradient of all weights together; longer ones are scaled.
        dropout: Share of the pooled features that a head does not see in a step.
        votes_share: Share of the FER+ votes in each row's target; the rest is the FER label.
        label_smoothing: Share of each target that is spread over the seven emotions.
        averaging: Momentum, per step, of the running mean of the weights, which is what is kept.
        balance: Exponent by which rare emotions weigh more; 0 treats all rows alike.
        mixup: Shape of the Beta distribution of mixup's shares (Zhang et al., 2017); 0 is off.
        frozen: Stages, from the picture on, that stay as they are, their batch norms included;
            three of five make a step 1.4 times as quick, where the start is trained well.
        bfloat16: Whether to multiply in bfloat16, twice as quick on processors that have it.
        matrix_products: Whether convolutions are computed as matrix products; on processors
            without AVX-512 a step is about three times as quick.
        seed: Where all randomness starts.
        augmentation: What is done to the rows.
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
        """Return plain values."""
        return asdict(self) | {"phases": " ".join(map(str, self.phases))}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Recipe":
        """Return the recipe that `to_json` wrote."""
        phases = parse_phases(values["phases"])
        augmentation = Augmentation(**values["augmentation"])
        return cls(**values | {"phases": phases, "augmentation": augmentation})


def parse_phases(text: str) -> tuple[Phase, ...]:
    """Read phases such as "64x6 96x3 96x1s": width, epochs, "s" for serving's statistics.

    Raises:
        ValueError: It is written in another way, or a width is out of range.
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
