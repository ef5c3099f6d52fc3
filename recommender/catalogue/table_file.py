"""Stores the track table in a memory-mapped file beside the catalogue, for fast starts.

The file is derived from one revision of the catalogue. It is rebuilt if it is missing, damaged, or
of another revision or format. Checksums detect damage early; otherwise it would only show when a
playlist is made. The file is replaced atomically: a process that has mapped the old one keeps it.

The format is safetensors. Its own reader would copy all arrays into memory; ours reads the header
and maps the arrays.
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

_FORMAT = " ".join(["4", *(field.name for field in fields(TrackTable))])
"""Change the number whenever the meaning of an array changes."""

_DTYPES: dict[str, Any] = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
    "F32": np.float32,
}
_READ_BYTES = 2**20
"""Chunk size for computing checksums."""

_IDS = ("ids", "sorted_ids")
_NAMES = ("genres", "labels")


def write_table(table: TrackTable, path: Path, revision: str) -> None:
    """Write a table to a file, atomically.

    Args:
        table: The table.
        path: The file; an existing one is replaced.
        revision: The catalogue's revision.

    Raises:
        OSError: The file cannot be written; an existing one is unchanged.
    """
    arrays: dict[str, NDArray[Any]] = {
        field.name: value
        for field in fields(table)
        if isinstance(value := getattr(table, field.name), np.ndarray)
    }
    for name in _IDS:  # safetensors has no bytes type
        arrays[name] = getattr(table, name).view(np.uint8).reshape(len(table), -1)
    arrays["cell_starts"], arrays["cell_lines"] = table.grid.starts, table.grid.lines
    names = {name: json.dumps(getattr(table, name)) for name in _NAMES}
    names["checksums"] = json.dumps({name: _checksum(array) for name, array in arrays.items()})
    descriptor, temporary = mkstemp(dir=path.parent, prefix=f"{path.name}-")
    os.close(descriptor)
    try:
        save_file(arrays, temporary, {"format": _FORMAT, "revision": revision} | names)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except SafetensorError as error:  # e.g. a full disk
        raise OSError(str(error)) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def open_table(path: Path, revision: str) -> TrackTable | None:
    """Map the table in a file after verifying its checksums.

    Args:
        path: The file.
        revision: The catalogue's current revision.

    Returns:
        None if there is no valid file of that revision.
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
    columns["grid"] = Grid(columns.pop("cell_starts"), columns.pop("cell_lines"))
    for name in _IDS:
        columns[name] = columns[name].view("S22")[:, 0]
    for name in _NAMES:
        columns[name] = tuple(json.loads(metadata[name]))
    return TrackTable(**columns)


def _checksum(array: NDArray[Any]) -> int:
    """Return the CRC-32 of an array's bytes."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _map(path: Path, checksums: Mapping[str, int]) -> tuple[mmap.mmap, dict[str, NDArray[Any]]]:
    """Map a safetensors file; return the mapping and the read-only arrays in it.

    The file has the header's length in eight bytes, the header as JSON, and the arrays at offsets
    from the header's end: https://github.com/huggingface/safetensors#format

    Args:
        path: The file.
        checksums: The arrays' checksums, by name.

    Raises:
        ValueError: An array is damaged.
        KeyError: The header is not in our format.
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
    """Return the CRC-32 of a part of a file.

    It reads the file instead of mapping it, since mapped pages would count as our memory.
    """
    checksum = 0
    with path.open("rb") as file:
        file.seek(start)
        while size > 0 and (part := file.read(min(size, _READ_BYTES))):
            checksum = zlib.crc32(part, checksum)
            size -= len(part)
    return checksum
