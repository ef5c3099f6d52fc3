"""The folder of a training run.

| file | content |
|---|---|
| `recipe.json` | recipe, data set, and changes made when the run was resumed |
| `checkpoint.npz` | everything needed to resume |
| `weights.npz` | averaged weights of the last epoch, input of `vision.training.fit_heads` |
| `history.jsonl`, `curves.png` | loss and accuracies, epoch by epoch |
| `eyes-*.npz` | cached eye centres of the rows |

Every file is replaced atomically, the checkpoint last, so a run killed at any moment resumes from
its last checkpoint.
"""

import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision.data.atomic_files import write_atomically, write_npz
from vision.errors import UnusableFolder
from vision.training.recipe import Recipe

Arrays = dict[str, NDArray[Any]]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a run after some steps.

    Args:
        step: Steps done, over all epochs.
        weights: The trained weights, by name.
        averages: Their running mean, by name.
        state: Variables of the optimizer and of the random generators, in order.
        loss_sum: Sum of the losses in the current epoch.
        seconds: Training time in the current epoch.
    """

    step: int
    weights: Arrays
    averages: Arrays
    state: list[NDArray[Any]]
    loss_sum: float = 0.0
    seconds: float = 0.0


class RunFolder:
    """A run's folder; the module docstring lists its files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse_if_used(self) -> None:
        """Raise `UnusableFolder` if the folder already holds a run."""
        if self._recipe.exists():
            raise UnusableFolder(
                f"{self.path} holds a run already: add --resume to go on with it, "
                "or choose another folder"
            )

    def begin(self, recipe: Recipe, about: dict[str, Any], checkpoint: Checkpoint) -> None:
        """Create the folder of a new run, with its recipe and initial checkpoint.

        Args:
            recipe: The recipe.
            about: What else identifies the run, such as its data; `resume` compares it.
            checkpoint: The state before the first epoch.

        Raises:
            UnusableFolder: It already holds a run, or is not writable.
        """
        self.refuse_if_used()
        noted = json.dumps({"recipe": recipe.to_json(), "run": about, "before": []}, indent=1)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.save_checkpoint(checkpoint)
            self._write_text(self._recipe, noted + "\n")
        except OSError as error:
            raise UnusableFolder(
                f"{self.path} cannot hold a training run: {error.strerror}"
            ) from error

    def resume(self, about: dict[str, Any], changes: dict[str, Any]) -> Recipe:
        """Return the recipe of the folder's run, after applying and recording changes.

        Args:
            about: What identifies the run besides its recipe; see `begin`.
            changes: New values of recipe fields, by name.

        Raises:
            UnusableFolder: It holds no run, a run on other data, or an unreadable recipe.
        """
        if not self._recipe.is_file():
            raise UnusableFolder(f"{self.path} holds no run to resume: leave --resume out")
        try:
            noted = json.loads(self._recipe.read_text())
            recipe, run = Recipe.from_json(noted["recipe"]), noted["run"]
        except (ValueError, KeyError, TypeError) as error:
            raise UnusableFolder(f"{self._recipe} cannot be read: {error}") from error
        if run != about:
            changed = ", ".join(name for name in about if about[name] != run.get(name))
            raise UnusableFolder(
                f"the run in {self.path} was begun with another {changed or 'version'}: "
                "resume it with the same, or begin another in a new folder"
            )
        changed_recipe = replace(recipe, **changes)
        if changed_recipe != recipe:
            before = {"until_step": self.load().step, "recipe": noted["recipe"]}
            noted |= {"recipe": changed_recipe.to_json(), "before": [*noted["before"], before]}
            self._write_text(self._recipe, json.dumps(noted, indent=1) + "\n")
        return changed_recipe

    def load(self) -> Checkpoint:
        """Return the last checkpoint.

        Raises:
            UnusableFolder: It is missing or damaged.
        """
        path = self.path / "checkpoint.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                arrays = {name: kept[name] for name in kept}
                numbers = range(len([name for name in arrays if name.startswith("state:")]))
            return Checkpoint(
                int(arrays["step"]),
                _section(arrays, "weights:"),
                _section(arrays, "averages:"),
                [arrays[f"state:{number}"] for number in numbers],
                float(arrays["loss_sum"]),
                float(arrays["seconds"]),
            )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UnusableFolder(
                f"{path} is missing or damaged: begin anew in another folder"
            ) from error

    def save(self, checkpoint: Checkpoint, entry: Entry) -> None:
        """Save a finished epoch: history, averaged weights, curves, and last the checkpoint."""
        history = [*self.history()[: entry["epoch"] - 1], entry]
        lines = "".join(json.dumps(each) + "\n" for each in history)
        self._write_text(self.path / "history.jsonl", lines)
        write_npz(self.path / "weights.npz", checkpoint.averages)
        draw_curves(history, self.path / "curves.png")
        self.save_checkpoint(checkpoint)

    def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Save a checkpoint."""
        arrays: Arrays = {
            name: np.array(getattr(checkpoint, name)) for name in ("step", "loss_sum", "seconds")
        }
        arrays |= {"weights:" + name: value for name, value in checkpoint.weights.items()}
        arrays |= {"averages:" + name: value for name, value in checkpoint.averages.items()}
        arrays |= {f"state:{i}": value for i, value in enumerate(checkpoint.state)}
        write_npz(self.path / "checkpoint.npz", arrays)

    def history(self) -> list[Entry]:
        """Return the measurements of each epoch."""
        path = self.path / "history.jsonl"
        return (
            [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        )

    @property
    def _recipe(self) -> Path:
        return self.path / "recipe.json"

    def _write_text(self, path: Path, text: str) -> None:
        write_atomically(path, lambda file: file.write(text.encode()))


def draw_curves(history: list[Entry], path: Path) -> None:
    """Plot loss and accuracies over the epochs as a PNG."""
    from matplotlib.figure import Figure  # slow to import, and used once per epoch

    epochs = [entry["epoch"] for entry in history]
    figure = Figure(figsize=(10, 4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    loss.plot(epochs, [entry["loss"] for entry in history], color="0.3", marker=".")
    loss.set(title="Training loss", xlabel="epoch")
    colours = {"eyes": "tab:orange", "face": "tab:blue", "fused": "tab:green"}
    for check, style in zip(history[-1]["checks"], ("-", "--", ":"), strict=False):
        for view, colour in colours.items():
            accuracy.plot(
                epochs,
                [100 * entry["checks"][check][view]["ferplus"] for entry in history],
                color=colour,
                linestyle=style,
                marker=".",
                label=f"{view}, {check}",
            )
    accuracy.set(title="Accuracy against the FER+ majority, %", xlabel="epoch")
    if history[-1]["checks"]:
        accuracy.legend(ncols=2, fontsize="small")
    for axes in (loss, accuracy):
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=120))


def _section(arrays: Arrays, prefix: str) -> Arrays:
    return {
        name.removeprefix(prefix): value
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
