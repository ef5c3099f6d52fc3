"""Plots a simulation: the quality of each policy's playlists over time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from recommender.simulation.simulation import PLAYLISTS, Outcome, interval

_COLOURS: Final = (
    "#c9c9d1", "#8a8a96", "#d97b4a", "#c9a227", "#5b8bd0", "#8e6bbf", "#2f8f6b"
)  # fmt: skip
_DPI: Final = 150


def plot_simulation(path: Path, worlds: Mapping[str, Mapping[str, Outcome]]) -> None:
    """Draw the NDCG of each policy over the playlists, with 95 % intervals, one panel a world.

    Args:
        path: The PNG to write.
        worlds: Outcomes by policy, by world.

    Raises:
        OSError: The file cannot be written.
    """
    figure = Figure(figsize=(4.4 * len(worlds) + 0.6, 3.6), layout="constrained")
    panels = figure.subplots(1, len(worlds), squeeze=False, sharey=True)[0]
    numbers = range(1, PLAYLISTS + 1)
    for axes, (world, outcomes) in zip(panels, worlds.items(), strict=True):
        for colour, (name, outcome) in zip(_COLOURS, outcomes.items(), strict=True):
            found = [interval(column) for column in outcome.ndcg.T]
            axes.plot(numbers, [each.mean for each in found], color=colour, label=name)
            low, high = [each.low for each in found], [each.high for each in found]
            axes.fill_between(numbers, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.set(title=f"{world} world", xlabel="playlist", xticks=numbers, ylim=(0, 1.02))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#eeeeee")
    panels[0].set_ylabel("NDCG@10")
    panels[-1].legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=_DPI)
