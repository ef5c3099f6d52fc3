"""The command line's eyes: reading photos, and measuring how long that takes."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.exits import stop

if TYPE_CHECKING:
    from rich.console import Console

    from vision import Reading
    from vision.reader import PhotoReader


def read(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", show_default=False)],
    explain: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the picture that explains each reading here."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per photo.")] = False,
) -> None:
    """Read the emotion in photos."""
    from rich.console import Console

    from bot.texts import explain_error
    from vision import VisionError

    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    pictures = Pictures(explain, photos) if explain else None
    reader = _load_reader()
    failed = False
    for photo in photos:
        try:
            if pictures is None:
                reading = reader.read(read_file(photo))
            else:
                reading, picture = reader.explain(read_file(photo))
                pictures.write(photo, picture)
        except VisionError as error:
            failed = True
            message = explain_error(error)
            if as_json:
                _print_json(photo=str(photo), error=type(error).__name__, message=message)
            else:
                _print_error(err, photo, message)
            continue
        if as_json:
            _print_json(photo=str(photo), **reading.to_json())
        else:
            _print_reading(out, photo, reading)
    if failed:
        raise typer.Exit(2)


def benchmark(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", show_default=False)],
    count: Annotated[int, typer.Option(min=1, help="How many photos to time.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Time the way from a photo's bytes to the finished picture, step by step."""
    from rich.console import Console
    from rich.table import Table

    if not folder.is_dir():
        stop(f"there is no folder {folder}")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    reader = _load_reader()
    idle_mb = memory_mb("VmRSS")
    readings, skipped = time_photos(reader, files, count)
    if not readings:
        stop(f"no photo in {folder} gives a reading")
    summary = summarise(readings) | {
        "photos_without_reading": skipped,
        "memory_mb": {
            "idle": idle_mb,
            "after": memory_mb("VmRSS"),
            "peak": memory_mb("VmHWM"),
        },
    }
    summary["floor"] = network_floor()  # last: its matrices are no part of the memory
    if as_json:
        _print_json(**summary)
        return
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
    console.print(f"Resident memory: {memory}. Photos without a reading: {skipped}.")


class Pictures:
    """The folder of explaining pictures, each named after its photo.

    Two photos of one name do not overwrite each other, and no picture overwrites a photo that is
    being read.

    Args:
        folder: Where the pictures go; made if it is not there.
        photos: All photos that are read.
    """

    def __init__(self, folder: Path, photos: Iterable[Path]) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            stop(f"{folder} cannot be a folder for pictures: {error.strerror}")
        self._folder = folder
        self._taken = {_key(photo) for photo in photos}

    def write(self, photo: Path, picture: bytes) -> Path:
        """Write the picture of a photo; return where."""
        path = next(path for path in self._names(photo.stem) if _key(path) not in self._taken)
        self._taken.add(_key(path))
        try:
            path.write_bytes(picture)
        except OSError as error:
            stop(f"{path} cannot be written: {error.strerror}")
        return path

    def _names(self, stem: str) -> Iterator[Path]:
        yield self._folder / f"{stem}.jpg"
        number = 2
        while True:
            yield self._folder / f"{stem}-{number}.jpg"
            number += 1


def read_file(path: Path) -> bytes:
    """Return a file's bytes, no more than are needed to see that it is too large.

    Raises:
        PhotoMissing: There is no such file, it is a folder, or it may not be read.
    """
    from vision.errors import PhotoMissing
    from vision.formats import MAX_BYTES

    if not path.is_file():
        raise PhotoMissing(f"no file {path}")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PhotoMissing(f"{path}: {error.strerror}") from error


def time_photos(
    reader: "PhotoReader", files: list[Path], count: int
) -> tuple[list["Reading"], int]:
    """Explain `count` photos, round and round through the files.

    Returns:
        The readings, with the time of each step, and how many files gave none.
    """
    from vision import VisionError

    photos, skipped = [], 0
    for file in files:
        content = read_file(file)
        try:
            reader.explain(content)  # not timed: it finds out what can be read, and warms up
        except VisionError:
            skipped += 1
            continue
        photos.append(content)
        if len(photos) == count:
            break
    if not photos:
        return [], skipped
    return [reader.explain(photos[index % len(photos)])[0] for index in range(count)], skipped


def summarise(readings: list["Reading"]) -> dict[str, Any]:
    """Return the median and 95th percentile of the whole and of each step, in ms."""
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
    """Return how many multiplications a photo takes, their best rate here, and the time in ms."""
    from vision import weights
    from vision.floor import matrix_rate, multiplications
    from vision.graph import build_graph

    count, rate = multiplications(build_graph(weights.read())), matrix_rate()
    return {"multiplications": count, "per_second": rate, "ms": 1000 * count / rate}


def memory_mb(field: str) -> float | None:
    """Return a line of /proc/self/status in MB (VmRSS: now, VmHWM: peak), where there is one."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None  # only Linux has it
    for line in status.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return round(int(value.split()[0]) / 1024, 1)
    return None


def _load_reader() -> "PhotoReader":
    from bot.texts import explain_error
    from vision import WeightsAltered, WeightsMissing
    from vision.reader import PhotoReader

    try:
        return PhotoReader.load()
    except (WeightsMissing, WeightsAltered) as error:
        stop(explain_error(error))


def _print_reading(console: "Console", photo: Path, reading: "Reading") -> None:
    from rich.text import Text

    line = Text(f"{_printable(photo)}  ")
    line.append(f"{reading.emotion} {100 * reading.confidence:.0f} %", style="bold")
    others = sorted(reading.probabilities.items(), key=lambda item: item[1], reverse=True)[1:3]
    line.append("  then " + ", ".join(f"{name} {100 * p:.0f} %" for name, p in others), "dim")
    notes = [f"{reading.faces} faces, the largest read"] if reading.faces > 1 else []
    if reading.covered != "none":
        notes.append(f"{reading.covered} covered")
    elif reading.eyes_found == "estimated":
        notes.append("eyes estimated")
    notes.append(f"{reading.ms:.0f} ms")
    line.append("  (" + "; ".join(notes) + ")", style="dim")
    console.print(line, soft_wrap=True)


def _print_error(console: "Console", photo: Path, message: str) -> None:
    from rich.text import Text

    console.print(Text(f"{_printable(photo)}: ").append(message, style="yellow"), soft_wrap=True)


def _print_json(**fields: Any) -> None:
    typer.echo(json.dumps(fields))


def _printable(path: Path) -> str:
    """Return a path with what is no text in it, as old archives leave it, replaced."""
    return str(path).encode(errors="replace").decode()


def _key(path: Path) -> str:
    """Return what two paths to one file have in common, also where case does not count."""
    return str(path.resolve()).casefold()
