"""The table in a file beside the catalogue, mapped into memory, so that a start reads it nowhere.

The file is made from the catalogue and says of which revision; one that is missing, damaged, of
another revision or of another format is simply made anew. Checksums tell damage, which would
otherwise show only once a playlist is made. It is replaced as a whole: who has
mapped the old one goes on reading that.

The format is safetensors. Its own reader would copy all arrays into memory; ours only takes from
the header where each of them lies.
"""

import json
import mmap
import os
import zlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from tempfile import mkstemp
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from recommender.catalogue.grid import Grid
from recommender.catalogue.table import TrackTable

_FORMAT = " ".join(["2", *(field.name for field in fields(TrackTable))])
"""Change the number whenever an array comes to mean something else."""

_DTYPES: dict[str, Any] = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
    "F32": np.float32,
}
_READ_BYTES = 2**20
"""How much of the file is read at a time."""

_IDS = ("ids", "sorted_ids")
_NAMES = ("genres", "labels")


def write_table(table: TrackTable, path: Path, revision: str) -> None:
    """Put a table into a file, in the place of an earlier one.

    Args:
        table: The table.
        path: The file.
        revision: Of the catalogue that the table was made from.

    Raises:
        OSError: The file cannot be written; an earlier one is still there.
    """
    arrays: dict[str, NDArray[Any]] = {
        field.name: value
        for field in fields(table)
        if isinstance(value := getattr(table, field.name), np.ndarray)
    }
    for name in _IDS:  # the format has no bytes
        arrays[name] = getattr(table, name).view(np.uint8).reshape(len(table), -1)
    arrays["cell_starts"] = table.grid.starts
    names = {name: json.dumps(getattr(table, name)) for name in _NAMES}
    names["checksums"] = json.dumps({name: _checksum(array) for name, array in arrays.items()})
    descriptor, temporary = mkstemp(dir=path.parent, prefix=f"{path.name}-")
    os.close(descriptor)
    try:
        save_file(arrays, temporary, {"format": _FORMAT, "revision": revision} | names)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except SafetensorError as error:  # among them a full disk
        raise OSError(str(error)) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def open_table(path: Path, revision: str) -> TrackTable | None:
    """Map the table in a file, once its checksums are seen to be right.

    Args:
        path: The file.
        revision: Of the catalogue now.

    Returns:
        None where there is no sound file of that revision.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:  # checks the header and the file's length
            metadata = file.metadata() or {}
        if (metadata.get("format"), metadata.get("revision")) != (_FORMAT, revision):
            return None
        mapping, arrays = _map(path, json.loads(metadata["checksums"]))
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
    columns: dict[str, Any] = {"mapping": mapping, **arrays}
    columns["grid"] = Grid(columns.pop("cell_starts"))
    for name in _IDS:
        columns[name] = columns[name].view("S22")[:, 0]
    for name in _NAMES:
        columns[name] = tuple(json.loads(metadata[name]))
    return TrackTable(**columns)


def _checksum(array: NDArray[Any]) -> int:
    """Return a number that changes with the bytes of an array."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _map(path: Path, checksums: Mapping[str, int]) -> tuple[mmap.mmap, dict[str, NDArray[Any]]]:
    """Map a safetensors file; return the mapping and the read-only arrays in it.

    The file is eight bytes with the header's length, the header in JSON, and the arrays, each at
    its offsets from the header's end: https://github.com/huggingface/safetensors#format

    Args:
        path: The file.
        checksums: Of the arrays, by name.

    Raises:
        ValueError: An array is damaged.
        KeyError: One is not as our version writes it.
    """
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    start = 8 + int.from_bytes(mapping[:8], "little")
    header = json.loads(mapping[8:start])
    del header["__metadata__"]
    arrays: dict[str, NDArray[Any]] = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        if _checksum_in(path, start + begin, end - begin) != checksums[name]:
            raise ValueError(f"the array {name} is damaged")
        flat = np.frombuffer(mapping, np.uint8, end - begin, start + begin)
        arrays[name] = flat.view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return mapping, arrays


def _checksum_in(path: Path, start: int, size: int) -> int:
    """Return the checksum of a part of a file.

    It is read, not mapped: mapped pages would count as memory of ours, whether used or not.
    """
    checksum = 0
    with path.open("rb") as file:
        file.seek(start)
        while size > 0 and (part := file.read(min(size, _READ_BYTES))):
            checksum = zlib.crc32(part, checksum)
            size -= len(part)
    return checksum
