"""`mirrortape benchmark`: the time and memory that reading a photo takes."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.exits import stop

if TYPE_CHECKING:
    from bot.worker.process import Explainer
    from vision import Reading


def benchmark(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", show_default=False)],
    count: Annotated[int, typer.Option(min=1, help="How many photos to time.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Time each step from a photo's bytes to the finished picture, in a worker process."""
    if not folder.is_dir():
        stop(f"there is no folder {folder}")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    summary = asyncio.run(_measure(files, count))
    if summary is None:
        stop(f"no photo in {folder} gives a reading")
    summary["floor"] = network_floor()
    if as_json:
        typer.echo(json.dumps(summary))
    else:
        _print(summary)


async def _measure(files: Sequence[Path], count: int) -> dict[str, Any] | None:
    """Return the measurements; None if no photo gives a reading."""
    from bot.texts import explain_error
    from bot.worker.process import VisionWorker, WorkerFailed
    from vision import WeightsAltered, WeightsMissing

    worker = VisionWorker()
    try:
        start = time.perf_counter()
        await worker.start()
        ready_s = time.perf_counter() - start
        idle_mb = memory_mb(worker.pid, "VmRSS")
        readings, skipped = await time_photos(worker, files, count)
        if not readings:
            return None
        return summarise(readings) | {
            "photos_without_reading": skipped,
            "ready_s": round(ready_s, 2),
            "memory_mb": {
                "idle": idle_mb,
                "after": memory_mb(worker.pid, "VmRSS"),
                "peak": memory_mb(worker.pid, "VmHWM"),
            },
        }
    except (WeightsMissing, WeightsAltered) as error:
        stop(explain_error(error))
    except WorkerFailed as error:
        stop(f"{error}")
    finally:
        worker.close()


async def time_photos(
    worker: "Explainer", files: Sequence[Path], count: int
) -> tuple[list["Reading"], int]:
    """Explain `count` photos, cycling through the files.

    Returns:
        The readings, with the time of each step, and how many files gave none.
    """
    from bot.cli.read import read_file
    from vision import Explanation, VisionError

    async def explain(content: bytes) -> "Reading":
        explanation = await worker.explain([content], face=0)  # of several, the largest
        assert isinstance(explanation, Explanation)
        return explanation.reading

    photos, skipped = [], 0
    for file in files:
        content = read_file(file)
        try:
            await explain(content)  # not timed: checks the photo and warms up
        except VisionError:
            skipped += 1
            continue
        photos.append(content)
        if len(photos) == count:
            break
    if not photos:
        return [], skipped
    return [await explain(photos[index % len(photos)]) for index in range(count)], skipped


def summarise(readings: Sequence["Reading"]) -> dict[str, Any]:
    """Return the median and 95th percentile of the total and of each step, in ms."""
    import numpy as np

    totals = [reading.ms for reading in readings]
    steps: dict[str, dict[str, float]] = {}
    for name in readings[0].step_ms:
        times = [reading.step_ms[name] for reading in readings]
        p50, p95 = np.percentile(times, [50, 95])
        steps[name] = {
            "p50_ms": round(float(p50), 2),
            "p95_ms": round(float(p95), 2),
            "share": round(sum(times) / sum(totals), 4),
        }
    p50, p95 = np.percentile(totals, [50, 95])
    return {
        "photos": len(readings),
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "steps": steps,
    }


def network_floor() -> dict[str, float]:
    """Return the multiplications per photo, their best rate here, and the time in ms."""
    from vision.network import weights
    from vision.network.floor import matrix_rate, multiplications
    from vision.network.graph import build_graph

    count, rate = multiplications(build_graph(weights.read())), matrix_rate()
    return {"multiplications": count, "per_second": rate, "ms": 1000 * count / rate}


def memory_mb(pid: int | None, field: str) -> float | None:
    """Return a process's memory in MB (VmRSS: now, VmHWM: peak); None if unknown."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return None  # only Linux has it
    for line in status.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return round(int(value.split()[0]) / 1024, 1)
    return None


def _print(summary: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    floor = summary["floor"]
    table = Table(
        *("step", "p50 ms", "p95 ms", "share", "× floor"),
        title=f"{summary['photos']} photos, warm",
    )
    whole = {"p50_ms": summary["p50_ms"], "p95_ms": summary["p95_ms"], "share": 1.0}
    for name, step in (summary["steps"] | {"total": whole}).items():
        table.add_row(
            name,
            f"{step['p50_ms']:.1f}",
            f"{step['p95_ms']:.1f}",
            f"{100 * step['share']:.0f} %",
            f"{step['p50_ms'] / floor['ms']:.2f}",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"Floor: the network's {floor['multiplications'] / 1e9:.2f} G multiplications at this "
        f"machine's {floor['per_second'] / 1e9:.0f} G a second in float32 matrix products take "
        f"{floor['ms']:.1f} ms."
    )
    memory = ", ".join(
        f"{name} {value:.0f} MB" if value is not None else f"{name} unknown"
        for name, value in summary["memory_mb"].items()
    )
    console.print(
        f"Worker: ready after {summary['ready_s']:.1f} s; memory: {memory}. "
        f"Photos without a reading: {summary['photos_without_reading']}."
    )
