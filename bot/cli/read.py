"""`mirrortape read`: read photos."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.exits import stop

if TYPE_CHECKING:
    from rich.console import Console

    from vision import Reading, VisionError
    from vision.reader import PhotoReader


def read(
    photos: Annotated[
        list[Path],
        typer.Argument(
            metavar="PHOTO...", show_default=False, help="Photos, or folders of photos."
        ),
    ],
    explain: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the picture that explains each reading here."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON per photo.")] = False,
) -> None:
    """Read the emotion in photos.

    Reads all photos in a folder and its subfolders, sorted by name.
    """
    from rich.console import Console

    from vision import VisionError

    out, err = Console(highlight=False), Console(stderr=True, highlight=False)
    photos = _with_folders_expanded(photos, explain, err)
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
            message = _explain(error, photo)
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

    Photos with the same name do not overwrite each other's pictures, and no picture overwrites a
    photo that is being read.

    Args:
        folder: The folder; created if it does not exist.
        photos: All photos to be read.
    """

    def __init__(self, folder: Path, photos: Iterable[Path]) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            stop(f"{folder} cannot be a folder for pictures: {error.strerror}")
        self._folder = folder
        self._taken = {_key(photo) for photo in photos}

    def write(self, photo: Path, picture: bytes) -> Path:
        """Write a photo's picture; return its path."""
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


def _with_folders_expanded(
    paths: Sequence[Path], pictures: Path | None, err: "Console"
) -> list[Path]:
    """Replace each folder by the photos in it.

    Other files are skipped, and counted on stderr. A folder without a photo stays in the list, so
    that reading it reports that.

    Args:
        paths: The photos and folders.
        pictures: The folder for explaining pictures; not read if it is inside another one.
        err: Where skipped files are reported.
    """
    photos = []
    for path in paths:
        if not path.is_dir():
            photos.append(path)
            continue
        files = list(_files(path, pictures))
        found = [file for file in files if _is_photo(file)]
        photos += found or [path]
        if skipped := len(files) - len(found):
            noun = "file that is no photo" if skipped == 1 else "files that are no photos"
            _print_error(err, path, f"{skipped:,} {noun} skipped.")
    return photos


def _files(folder: Path, pictures: Path | None) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders by name, except hidden ones."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and not (pictures and _is_same(Path(where, name), pictures))
        )
        yield from (Path(where, name) for name in sorted(names) if not name.startswith("."))


def _is_same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve()


def _is_photo(file: Path) -> bool:
    """Return whether a file starts like a photo; true if it cannot be opened."""
    from vision.errors import EmptyPhoto, NotAPhoto, VisionError
    from vision.photo.formats import sniff

    try:
        sniff(read_file(file, most=_SNIFFED_BYTES))
    except (NotAPhoto, EmptyPhoto):
        return False
    except VisionError:  # reading it will report why
        return True
    return True


_SNIFFED_BYTES = 4096
"""How many bytes are enough to tell the file type."""


def _explain(error: "VisionError", photo: Path) -> str:
    """Return a message about a photo, worded for the command line."""
    from bot.texts import explain_error

    if photo.is_dir():
        return "There is no photo in this folder."
    return _CLI_TEXTS.get(type(error).__name__) or explain_error(error)


_CLI_TEXTS = {
    "PhotoMissing": "There is no such file, or it may not be opened.",
    "EmptyPhoto": "The file is empty.",
    "DamagedPhoto": "The photo is damaged or cut short.",
    "AnimatedPhoto": "The picture moves. A still photo of a face works.",
}
"""Texts for the command line by the name of the error; others are those of the chat."""


def read_file(path: Path, most: int | None = None) -> bytes:
    """Return a file's bytes, up to one more than the limit, to detect that it is too large.

    Args:
        path: The file.
        most: The most bytes to read; None for one more than a photo may have.

    Raises:
        PhotoMissing: There is no such file, it is a folder, or it may not be read.
    """
    from vision.errors import PhotoMissing
    from vision.photo.formats import MAX_BYTES

    if not path.is_file():
        raise PhotoMissing(f"no file {path}")
    try:
        with path.open("rb") as file:
            return file.read(most or MAX_BYTES + 1)
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
    """Return a path with undecodable bytes replaced, as old archives contain."""
    return str(path).encode(errors="replace").decode()


def _key(path: Path) -> str:
    """Return a key that is equal for paths to the same file, ignoring case."""
    return str(path.resolve()).casefold()
