"""The archive that /export sends: all rows about a user, readable and as JSON and CSV."""

import csv
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO, StringIO
from typing import Any

from bot import texts
from recommender.catalogue.csv_cells import plain_cell

ALL = "mirrortape.json"
EXPLAINED = "README.txt"


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one table about a user.

    Args:
        name: The table's name.
        columns: The names of its columns.
        rows: The rows as stored.
        secrets: Columns whose values are withheld.
        structured: Columns that hold JSON.
    """

    name: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    secrets: Sequence[str] = ()
    structured: Sequence[str] = ()


def archive(tables: Sequence[Table], user_id: int, now: datetime) -> bytes:
    """Return a ZIP with all tables as JSON, each as CSV too, and a README."""
    everything = {
        "user_id": user_id,
        "exported_utc": now.isoformat(),
        "tables": {table.name: [_object(table, row) for row in table.rows] for table in tables},
    }
    files = {
        EXPLAINED: _explained(tables, now),
        ALL: json.dumps(everything, ensure_ascii=False, indent=2),
        **{f"{table.name}.csv": _csv(table) for table in tables},
    }
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in files.items():
            # spreadsheets recognize UTF-8 by its byte order mark
            encoding = "utf-8-sig" if name.endswith(".csv") else "utf-8"
            entry = zipfile.ZipInfo(name, now.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, text.encode(encoding))
    return packed.getvalue()


def _object(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: _shown(table, name, row[name]) for name in table.columns}
    for name in table.structured:
        if shown[name] is not None:
            shown[name] = json.loads(shown[name])
    return shown


def _csv(table: Table) -> str:
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(table.columns)
    for row in table.rows:
        cells = [_shown(table, name, row[name]) for name in table.columns]
        writer.writerow([plain_cell(cell) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue()


def _shown(table: Table, column: str, value: Any) -> Any:
    return texts.WITHHELD if column in table.secrets and value is not None else value


def _explained(tables: Sequence[Table], now: datetime) -> str:
    counts = "\n".join(
        texts.EXPORT_TABLE.format(
            name=table.name, rows=len(table.rows), what=texts.KEPT_ROWS[table.name]
        )
        for table in tables
    )
    return texts.EXPORT_README.format(day=f"{now:%-d %B %Y}", tables=counts)
