"""The command line's eyes: reading photos."""

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
